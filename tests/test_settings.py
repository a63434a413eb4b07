import math
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest

from opensonic.errors import SettingsError
from opensonic.settings import MAX_SEED, PRESETS, Settings, choose, describe, without_effect


def test_defaults_pass_their_own_checks_and_need_no_advice():
    settings, advice = choose()
    assert settings == Settings()
    assert advice == []


def test_every_setting_has_a_help_text_of_one_line():
    for option in describe():
        assert option.help and "\n" not in option.help


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30000/1001", Fraction(30000, 1001)),
        ("25", 25),
        (29.97, Fraction(2997, 100)),
        (np.float32(29.97), Fraction(2997, 100)),
        (np.int64(25), 25),
    ],
)
def test_frame_rate_is_exact(text, value):
    assert choose(fps=text)[0].fps == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fps", 0),
        ("fps", "121"),
        ("fps", "fast"),
        ("fps", "1/0"),
        ("fps", "1e400"),
        ("fps", "24.999999999999"),
        ("duration", 0),
        ("duration", -1),
        ("duration", "nan"),
        ("duration", "inf"),
        ("duration", "1e400"),
        ("min_resolution", 127),
        ("min_resolution", 2049),
        ("min_resolution", 512.5),
        ("expand_ratio", 1.01),
        ("dynamic_scale", math.nan),
        ("dynamic_scale", 2.1),
        ("motion_scale", -0.1),
        ("seed", -1),
        ("seed", MAX_SEED + 1),
        ("seed", 10**400),
        ("seed", True),
        ("crop", "yes"),
        ("engine", "magic"),
        ("preset", "cinema"),
        ("label", "hidden"),
        ("face", "smallest"),
        ("face", "1,2,3"),
        ("face", "-1"),
        ("face", 1.5),
        ("label", 1.0),
        ("inference_steps", 201),
        ("audio_guidance", -1),
        ("image_guidance", 31),
        ("speed", "fastest"),
        ("dtype", "fp8"),
        ("compat", 1),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        choose(**{name: value})


def test_settings_of_another_engine_are_named():
    chosen = {"inference_steps": 30, "lips": "my.onnx", "seed": 1, "dtype": None}
    assert without_effect("mesh", chosen) == ["inference_steps"]
    assert without_effect("sonic", chosen) == ["lips"]
    assert without_effect("still", chosen) == ["lips", "inference_steps"]


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(SettingsError, match="did you mean 'dynamic_scale'"):
        choose(dynamicscale=1)


def test_what_is_set_by_hand_wins_over_the_preset():
    settings, _ = choose(preset="kids", dynamic_scale="0.9")
    assert (settings.dynamic_scale, settings.motion_scale) == (0.9, 1.1)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_never_warns_and_is_within_range(preset):
    settings, advice = choose(preset=preset)
    assert advice == []
    assert asdict(settings).items() >= PRESETS[preset].items()


def test_outside_the_advice_warns_with_the_reason():
    _, advice = choose(expand_ratio=0.05)
    assert advice == [
        "expand_ratio 0.05 is outside 0.15 to 0.2: below 0.1 mouth and ears may be cut off"
    ]


@pytest.mark.parametrize(
    ("text", "choice"), [("largest", "largest"), ("2", 2), ("10,20.5", (10.0, 20.5))]
)
def test_face_choice(text, choice):
    assert choose(face=text)[0].face_choice() == choice


def test_seed_zero_and_the_largest_seed_are_seeds():
    assert choose(seed=0)[0].seed == 0
    assert choose(seed=str(MAX_SEED))[0].seed == MAX_SEED


@pytest.mark.parametrize("value", ["1e999999999", "1e-999999999", "inf", "nan"])
def test_impossible_numbers_are_refused_at_once(value):
    with pytest.raises(SettingsError):
        choose(fps=value)
