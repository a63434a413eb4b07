import numpy as np
import pytest

from opensonic.channels import (
    ALL,
    CHANNELS,
    EYES,
    HEAD,
    INDEX,
    MOUTH,
    inner_lip_gap,
    lip_width_factor,
)


def _row(**values):
    row = np.zeros(len(CHANNELS), np.float32)
    for name, value in values.items():
        row[INDEX[name]] = value
    return row


def test_the_groups_cover_all_channels_in_order():
    assert [*CHANNELS[MOUTH], *CHANNELS[EYES], *CHANNELS[HEAD]] == list(CHANNELS)
    assert len(set(CHANNELS)) == len(CHANNELS)
    assert all(channel.low <= 0 < channel.high for channel in ALL)


@pytest.mark.parametrize(
    ("values", "gap"),
    [
        ({}, 0.0),
        ({"jaw_open": 1}, 0.30),
        ({"jaw_open": 0.5, "mouth_close": 0.5}, 0.0),
        ({"mouth_close": 1}, 0.0),
        ({"upper_lip_raise": 1, "lower_lip_drop": 1}, 0.14),
    ],
)
def test_inner_lip_gap(values, gap):
    assert inner_lip_gap(_row(**values)) == pytest.approx(gap)


def test_lip_width_factor():
    assert lip_width_factor(_row()) == 1
    assert lip_width_factor(_row(lip_pucker=1)) == pytest.approx(0.62)
    assert lip_width_factor(_row(lip_stretch=1)) == pytest.approx(1.20)
