from fractions import Fraction

import pytest

from opensonic.clock import frame_count, frame_to_sample

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize("fps", [Fraction(25, 2), Fraction(25), NTSC, Fraction(60)])
def test_last_frame_of_ten_hours_lies_inside_the_sound(fps):
    seconds, rate = 36_000, 16_000
    n = frame_count(Fraction(seconds), fps)
    assert frame_to_sample(n - 1, fps, rate) < seconds * rate <= frame_to_sample(n, fps, rate)


def test_the_shortest_sound_gives_one_frame():
    assert frame_count(Fraction(1, 48_000), Fraction(25)) == 1


def test_a_sound_of_ten_seconds_gives_250_frames_and_one_sample_more_gives_251():
    assert frame_count(Fraction(10), Fraction(25)) == 250
    assert frame_count(Fraction(480_001, 48_000), Fraction(25)) == 251
