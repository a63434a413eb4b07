"""What a user asked for, in the terms of the model: length, size, picture, sampler settings."""

from __future__ import annotations

from fractions import Fraction

from opensonic.clock import frame_count
from opensonic.engines.diffusion.conditions import SamplerSettings
from opensonic.engines.diffusion.dimensions import MODEL_RATE
from opensonic.engines.diffusion.hearing import SAMPLES_PER_FRAME
from opensonic.engines.diffusion.picture import PreparedPicture, fit_size, prepare_picture
from opensonic.engines.diffusion.shortcuts import SHORTCUTS
from opensonic.engines.diffusion.whisper import SAMPLE_RATE, SAMPLES_PER_ROW_PAIR
from opensonic.errors import InputError, SettingsError
from opensonic.settings import Settings
from opensonic.values import Portrait, Speech

COMPAT_SHORT_SIDE = 512
"""Short side at which the published program draws where none is asked for, px."""
COMPAT_RATES = (Fraction(25), MODEL_RATE)
"""Rates of the published program: with its interpolation and without."""
_COMPAT_MIN_PAIRS, _COMPAT_MAX_PAIRS = 11, 10_000


def count_samples(speech: Speech) -> int:
    """Count the samples that the networks hear, at 16 kHz."""
    return max(1, round(speech.duration * SAMPLE_RATE))


def count_model_frames(speech: Speech, *, compat: bool) -> int:
    """Count the frames of the model's clip: those that the sound reaches, or (compat) fills."""
    n_samples = count_samples(speech)
    if compat:
        return min(n_samples // SAMPLES_PER_ROW_PAIR, _COMPAT_MAX_PAIRS) // 2
    return -(-n_samples // SAMPLES_PER_FRAME)


def count_video_frames(speech: Speech, settings: Settings) -> int:
    """Count the frames of the video: those that cover the sound; in `compat`, as published."""
    if not settings.compat:
        return frame_count(speech.duration, settings.fps)
    n_model = count_model_frames(speech, compat=True)
    return n_model if settings.fps == MODEL_RATE else 2 * n_model - 1


def refuse_unfit(speech: Speech, settings: Settings) -> None:
    """Refuse what `compat` cannot do, for the published program cannot.

    Raises:
        SettingsError: The frame rate is none of its two, or numbers would change.
        InputError: The sound is too short for it.
    """
    if not settings.compat:
        return
    if settings.speed != "exact":
        raise SettingsError(
            f"speed {settings.speed}: compat gives what the published program gives, which only "
            "exact does; leave one of the two out"
        )
    if settings.fps not in COMPAT_RATES:
        raise SettingsError(
            f"fps {settings.fps}: in compat the video has 25 frames per second, or 12.5 without "
            "interpolation; choose one of these, or leave compat out"
        )
    if count_samples(speech) // SAMPLES_PER_ROW_PAIR < _COMPAT_MIN_PAIRS:
        raise InputError(
            f"{speech.name}: the sound lasts {float(speech.duration):.3f} s; in compat at least "
            "0.44 s are expected; leave compat out, which takes any length"
        )


def network_size(portrait: Portrait, settings: Settings) -> tuple[int, int]:
    """Give width and height at which the networks draw, px: multiples of 64."""
    height, width = _whole(portrait).image.shape[:2]
    return fit_size(width, height, _short_side(portrait, settings))


def network_picture(
    portrait: Portrait, settings: Settings, clip_side: int = 224
) -> PreparedPicture:
    """Make the portrait ready for the networks, from the picture before it was resized."""
    whole = _whole(portrait)
    x0, y0, x1, y1 = (float(v) for v in whole.face.box)
    return prepare_picture(
        whole.image, (x0, y0, x1, y1), _short_side(portrait, settings), clip_side=clip_side
    )


def _whole(portrait: Portrait) -> Portrait:
    return portrait.original or portrait


def _short_side(portrait: Portrait, settings: Settings) -> int:
    if settings.compat:
        return settings.min_resolution or COMPAT_SHORT_SIDE
    return min(portrait.image.shape[:2])


def sampler_settings(settings: Settings, window: int) -> SamplerSettings:
    """Translate the settings for the sampler.

    Args:
        settings: What the user chose.
        window: Frames that the UNet denoises together.
    """
    compat = settings.compat
    shortcuts = SHORTCUTS[settings.speed]
    return SamplerSettings(
        n_steps=shortcuts.count_steps(settings.inference_steps),
        shortcuts=shortcuts,
        window=window,
        image_guidance=(settings.image_guidance,) * 2,
        audio_guidance=(settings.audio_guidance,) * 2,
        translation_scale=settings.dynamic_scale if compat else settings.motion_scale,
        expression_scale=settings.dynamic_scale,
        compat=compat,
    )
