"""Every setting of a user: default, accepted range, advice and help text, each written once, here.

The command line, and whatever edges come later, derive their options from the fields of
`Settings` through `describe`, so no default or range stands twice. A preset is a named bundle of
some of the settings; what the user sets by hand wins over it. Longer than other modules, so that a
setting and the way it is read and checked are found in one place.
"""

from __future__ import annotations

import difflib
import math
import numbers
import os
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from opensonic.errors import SettingsError

MAX_SEED = 2**53 - 1
"""Largest seed: the largest integer that is exact in JSON and in browsers."""

MAX_FPS_TERM = 2**31 - 1
"""Largest numerator and denominator of a frame rate: video files count time in such fractions."""


DEFAULT_EXPAND_RATIO = 0.18
"""`expand_ratio` where cropping is asked for without one."""
PUBLISHED_EXPAND_RATIO = 0.5
"""The same with `compat`: what the published program's demos take."""
MAX_OWN_RESOLUTION = 1024
"""Short side of the video, px, where none is asked for and the picture has more."""


@dataclass(frozen=True)
class Help:
    """The one-line meaning of a setting."""

    text: str


@dataclass(frozen=True)
class Range:
    """The closed interval that a number must lie in; open below where `above` is set."""

    low: float
    high: float
    above: bool = False

    def __contains__(self, value: float) -> bool:
        return (value > self.low if self.above else value >= self.low) and value <= self.high

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"above {self.low:g}" if self.above else f"at least {self.low:g}"
        return f"{self.low:.17g} to {self.high:.17g}"


@dataclass(frozen=True)
class Advice:
    """The interval that gives good results; outside it a value set by hand gets a warning."""

    low: float
    high: float
    below: str
    above: str


@dataclass(frozen=True)
class Choices:
    """The words that a text setting accepts."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Only:
    """The one engine that a setting steers; without it, all."""

    engine: str


PRESETS: Mapping[str, Mapping[str, Any]] = types.MappingProxyType(
    {
        "preview": {"min_resolution": 384},
        "standard": {"min_resolution": 768},
        "publish": {"min_resolution": 1024},
        "news": {"dynamic_scale": 1.0, "motion_scale": 0.8},
        "kids": {"dynamic_scale": 1.2, "motion_scale": 1.1},
    }
)
"""The named bundles of settings."""

ENGINES = ("auto", "mesh", "sonic", "still")
"""The accepted engine names; `auto` takes the best that this machine can run."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a user may choose about one video.

    Raises:
        SettingsError: A value is outside its range or of the wrong kind.
    """

    engine: Annotated[
        str, Help("what draws the frames; auto takes the best that works here"), Choices(ENGINES)
    ] = "auto"
    preset: Annotated[
        str | None,
        Help("a named bundle of settings; what you set by hand wins"),
        Choices(tuple(PRESETS)),
    ] = None
    crop: Annotated[
        bool, Help("cut the picture to the face first; for half- and full-body pictures")
    ] = False
    duration: Annotated[
        Fraction | None,
        Help("seconds of video; unset: as long as the sound"),
        Range(0, math.inf, above=True),
    ] = None
    min_resolution: Annotated[
        int | None,
        Help(
            "short side of the video in pixels: 384 to preview, 768 for balance, 1024 to publish; "
            f"unset: the picture's own, at most {MAX_OWN_RESOLUTION}"
        ),
        Range(128, 2048),
    ] = None
    expand_ratio: Annotated[
        float | None,
        Help(
            f"with --crop: share of the face box added on each side; unset: {DEFAULT_EXPAND_RATIO} "
            f"({PUBLISHED_EXPAND_RATIO} with --compat)"
        ),
        Range(0, 1),
        Advice(
            0.15,
            0.2,
            "below 0.1 mouth and ears may be cut off",
            "above 0.3 pixels are spent on background",
        ),
    ] = None
    dynamic_scale: Annotated[
        float,
        Help("strength of the mouth's movement; at 0 it barely moves (sonic: of the expression)"),
        Range(0, 2),
        Advice(1.0, 1.2, "the mouth moves less than the speech does", "the mouth overdoes it"),
    ] = 1.0
    motion_scale: Annotated[
        float,
        Help(
            "strength of head, blinks and brows; 0 keeps the head at rest (sonic: of the head's "
            "movement)"
        ),
        Range(0, 2),
        Advice(1.0, 1.1, "the person gets stiff", "the head moves more than a speaker's does"),
    ] = 1.0
    fps: Annotated[
        Fraction, Help("frames per second, a fraction such as 30000/1001 too"), Range(1, 120)
    ] = Fraction(25)
    seed: Annotated[int, Help("the same seed gives the same movements"), Range(0, MAX_SEED)] = 0
    face: Annotated[
        str, Help("which face when there are several: largest, its number from 0, or a point x,y")
    ] = "largest"
    lips: Annotated[
        str | None,
        Help("a file of lips that you trained with `opensonic train speech`; unset: our own"),
        Only("mesh"),
    ] = None
    align_lips: Annotated[
        bool,
        Help(
            "measure the lag between lips and sound and correct up to 0.05 s; a larger one is "
            "reported"
        ),
    ] = True
    smooth_motion: Annotated[
        bool | None,
        Help(
            "make frames anew that jump; unset: on with the sonic engine; the mesh engine's frames "
            "come from smooth motion and need none"
        ),
    ] = None
    label: Annotated[
        str,
        Help("mark as AI-generated: none, in the file's metadata, or visible in the picture too"),
        Choices(("none", "metadata", "visible")),
    ] = "metadata"
    inference_steps: Annotated[
        int,
        Help("denoising steps: more take longer and show more detail"),
        Range(1, 200),
        Advice(
            20,
            30,
            "below 10 frames are blurred, below 20 they lack detail",
            "above 50 nothing is gained but time is lost",
        ),
        Only("sonic"),
    ] = 25
    audio_guidance: Annotated[
        float,
        Help("how strongly the speech drives the face; as published 7.5"),
        Range(0, 30),
        Only("sonic"),
    ] = 7.5
    image_guidance: Annotated[
        float,
        Help("how closely the frames keep to the picture; as published 2"),
        Range(0, 30),
        Only("sonic"),
    ] = 2.0
    speed: Annotated[
        str,
        Help("exact changes no number; fast and faster save work and change the frames"),
        Choices(("exact", "fast", "faster")),
        Only("sonic"),
    ] = "exact"
    compat: Annotated[
        bool,
        Help("give what the published program gives, its frame count, rounding and end included"),
        Only("sonic"),
    ] = False
    compile: Annotated[
        bool,
        Help("let torch.compile make programs of the model; a run then starts minutes later"),
        Only("sonic"),
    ] = False
    resume: Annotated[
        bool,
        Help("keep finished work beside the video when stopped; the same command goes on with it"),
        Only("sonic"),
    ] = False
    device: Annotated[
        str,
        Help("what computes: auto, cuda, cuda:1, mps or cpu"),
        Only("sonic"),
    ] = "auto"
    dtype: Annotated[
        str,
        Help("numbers that are computed with; auto: fp16 on a GPU, fp32 on the CPU"),
        Choices(("auto", "fp16", "bf16", "fp32")),
        Only("sonic"),
    ] = "auto"
    memory_budget: Annotated[
        str | None,
        Help("memory of the device that may be used, such as 10GB; unset: what is free"),
        Only("sonic"),
    ] = None
    models_dir: Annotated[
        str | None,
        Help("folder with the model's files, looked in first; see `opensonic models`"),
        Only("sonic"),
    ] = None

    def __post_init__(self) -> None:
        for option in describe():
            _check(option, getattr(self, option.name))
        _check_fps(Fraction(self.fps))
        _check_face(self.face)

    def face_choice(self) -> str | int | tuple[float, float]:
        """Read the `face` setting: "largest", a number, or a point in pixels."""
        return _check_face(self.face)

    def lips_path(self) -> Path | None:
        """Give the file of the `lips` setting; None stands for the package's own."""
        return None if self.lips is None else Path(self.lips)

    def models_path(self) -> Path | None:
        """Give the folder of the `models_dir` setting; None stands for the usual places."""
        return None if self.models_dir is None else Path(self.models_dir)


@dataclass(frozen=True)
class Option:
    """One field of `Settings`, as an edge needs to see it.

    Attributes:
        name: Name of the field.
        kind: Type of its value: str, bool, int, float or Fraction.
        optional: Whether None is accepted (and means "decide for me").
        default: Its value where nothing is chosen.
        help: Its meaning in one line.
        range: Accepted numbers, or None.
        advice: Numbers that give good results, or None.
        choices: Accepted words, or None.
        only: The one engine that it steers, or None for all.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    help: str
    range: Range | None
    advice: Advice | None
    choices: tuple[str, ...] | None
    only: str | None


@lru_cache(maxsize=1)
def describe() -> tuple[Option, ...]:
    """List the fields of `Settings` in order."""
    hints = get_type_hints(Settings, include_extras=True)
    return tuple(
        _describe(field.name, hints[field.name], field.default) for field in fields(Settings)
    )


def choose(**chosen: Any) -> tuple[Settings, list[str]]:  # noqa: ANN401 - any setting's type
    """Make the settings from what a user chose by hand, on top of a preset, on top of the defaults.

    Args:
        **chosen: Values by field name. Text is read as the field's type; None means not chosen.

    Returns:
        The settings, and a warning for each value chosen by hand outside the advice.

    Raises:
        SettingsError: A name is unknown or a value is not accepted.
    """
    options = {option.name: option for option in describe()}
    for name in chosen:
        if name not in options:
            near = difflib.get_close_matches(name, options, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(options)}"
            raise SettingsError(f"unknown setting {name!r}{hint}")
    by_hand = {
        name: parse(options[name], value) for name, value in chosen.items() if value is not None
    }
    preset = by_hand.get("preset")
    bundle = PRESETS.get(preset, {}) if preset else {}
    settings = Settings(**{**bundle, **by_hand})
    return settings, _advise(by_hand)


def without_effect(engine: str, chosen: Mapping[str, Any]) -> list[str]:
    """List the settings that were chosen by hand and that an engine leaves aside.

    Args:
        engine: Its name.
        chosen: Values by field name; None means not chosen.
    """
    return [
        option.name
        for option in describe()
        if chosen.get(option.name) is not None and option.only not in {None, engine}
    ]


def parse(option: Option, value: Any) -> Any:  # noqa: ANN401 - any setting's type
    """Read a value as the type of a setting; text such as "30000/1001" is understood.

    Raises:
        SettingsError: The value cannot be read as that type.
    """
    wanted = f"{option.name}: {value!r} is not {_kind_in_words(option)}"
    if option.kind is bool:
        if not isinstance(value, bool):
            raise SettingsError(wanted)
        return value
    if isinstance(value, bool):
        raise SettingsError(wanted)
    if option.kind is str:
        return _read_text(option, value, wanted)
    try:
        number = _read_fraction(value) if option.kind is Fraction else option.kind(value)
        if option.kind is int and not isinstance(value, str) and number != value:
            raise SettingsError(wanted)
        float(number)
    except OverflowError as error:
        raise SettingsError(f"{option.name}: {str(value)[:20]} is too large to be used") from error
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise SettingsError(wanted) from error
    return number


def _read_fraction(value: Any) -> Fraction:  # noqa: ANN401 - as `parse`
    if isinstance(value, str) and "/" not in value:
        size = float(value)  # first, for a Fraction would write a huge exponent out, for hours
        if size == 0 or not math.isfinite(size):
            return Fraction(size)
    exact = isinstance(value, (str, numbers.Rational))
    return Fraction(value if exact else str(value))


def _read_text(option: Option, value: Any, wanted: str) -> str:  # noqa: ANN401 - as `parse`
    if isinstance(value, (str, numbers.Integral, os.PathLike)):
        return str(value)
    try:
        return ",".join(str(part) for part in value)  # a point x, y
    except TypeError as error:
        raise SettingsError(wanted) from error


def _advise(by_hand: Mapping[str, Any]) -> list[str]:
    warnings = []
    for option in describe():
        value, advice = by_hand.get(option.name), option.advice
        if value is None or advice is None:
            continue
        reason = advice.below if value < advice.low else advice.above if value > advice.high else ""
        if reason:
            warnings.append(
                f"{option.name} {value:g} is outside {advice.low:g} to {advice.high:g}: {reason}"
            )
    return warnings


def _describe(name: str, hint: object, default: object) -> Option:
    base, *notes = get_args(hint)
    optional = get_origin(base) in (Union, types.UnionType)
    kind = next(kind for kind in get_args(base) if kind is not type(None)) if optional else base
    found = {type(note): note for note in notes}
    choices, only = found.get(Choices), found.get(Only)
    return Option(
        name=name,
        kind=kind,
        optional=optional,
        default=default,
        help=found[Help].text,
        range=found.get(Range),
        advice=found.get(Advice),
        choices=choices.words if choices else None,
        only=only.engine if only else None,
    )


def _check(option: Option, value: Any) -> None:  # noqa: ANN401 - any setting's type
    if value is None and option.optional:
        return
    kinds = (int, float, Fraction) if option.kind in (float, Fraction) else (option.kind,)
    if not any(isinstance(value, kind) for kind in kinds) or isinstance(value, bool) != (
        option.kind is bool
    ):
        raise SettingsError(f"{option.name}: {value!r} is not {_kind_in_words(option)}")
    if option.choices and value not in option.choices:
        raise SettingsError(
            f"{option.name}: {value!r} is not known; expected one of {', '.join(option.choices)}"
        )
    if option.range and not (math.isfinite(value) and value in option.range):
        raise SettingsError(
            f"{option.name}: {value} is outside the accepted range, {option.range} ({option.help})"
        )


def _check_fps(fps: Fraction) -> None:
    if max(fps.numerator, fps.denominator) > MAX_FPS_TERM:
        raise SettingsError(
            f"fps: {fps} is finer than a video file can hold; "
            "expected fewer digits, such as 29.97, or 30000/1001"
        )


def _check_face(text: str) -> str | int | tuple[float, float]:
    if text == "largest":
        return text
    parts = text.split(",")
    try:
        if len(parts) == 2:
            return float(parts[0]), float(parts[1])
        if len(parts) == 1 and text.isascii() and text.isdigit():
            return int(text)
    except ValueError:
        pass
    raise SettingsError(
        f"face: {text!r} is not known; expected largest, a number from 0, or a point x,y in pixels"
    )


def _kind_in_words(option: Option) -> str:
    return {
        str: "a word",
        bool: "on or off",
        int: "a whole number",
        float: "a number",
        Fraction: "a number or a fraction such as 30000/1001",
    }[option.kind]
