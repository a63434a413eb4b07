"""ARKit's 52 blendshapes and Live Link Face's nine angles: our channels to them and back.

Names and meanings are Apple's (`ARFaceAnchor.BlendShapeLocation`), the order is that of the CSV
files of Epic's Live Link Face app, whose angles are in radians. Why each pair belongs together, and
what has no partner, stands in docs/motion.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opensonic.channels import CHANNELS, INDEX, MOUTH, inner_lip_gap

Floats = npt.NDArray[np.float32]

SHAPES = (
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft"),
    *("eyeSquintLeft", "eyeWideLeft"),
    *("eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight"),
    *("eyeSquintRight", "eyeWideRight"),
    *("jawForward", "jawRight", "jawLeft", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight"),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight"),
    "tongueOut",
)
"""The 52 shapes, each 0 (rest) to 1, in the column order of Live Link Face."""
ANGLES = (
    *("headYaw", "headPitch", "headRoll"),
    *("leftEyeYaw", "leftEyePitch", "leftEyeRoll"),
    *("rightEyeYaw", "rightEyePitch", "rightEyeRoll"),
)
"""The nine angles behind them, radians: yaw to the person's right, pitch down, roll clockwise in
the picture."""
COLUMNS = (*SHAPES, *ANGLES)
"""Shapes and angles in the column order of Live Link Face."""
COLUMN = {name: column for column, name in enumerate(COLUMNS)}
"""Column of each shape and angle."""

_FUNNEL_NARROWS = 0.6
"""Narrowing of a full mouthFunnel, as a share of a full mouthPucker's."""
_FUNNEL_PARTS = 0.3
"""How far a full mouthFunnel raises the upper and drops the lower lip, in their channels."""
_FUNNEL_FROM = 0.10
"""Gap at which rounded lips are a funnel wholly and not a pucker, e."""
_ROLL = 0.5
"""Roll of both lips in a full lip_press."""
_DIMPLE_WIDENS = 0.3
_EYE_YAW_DEG, _EYE_PITCH_DEG = 11.0, 6.5
"""Turn of the eyes at gaze 1: what moves an iris 0.026 e sideways and 0.015 e down when e is 90 mm
and an eye's radius 12 mm."""
_SIDE_DEG, _UP_DEG, _DOWN_DEG = 35.0, 25.0, 35.0
"""Turn of an eye at eyeLookIn or Out, Up and Down = 1, as recordings of the app show."""

_MOUTH_SHAPES = tuple(name for name in SHAPES if name.startswith(("jaw", "mouth", "tongue")))
_BROWS = tuple(name for name in SHAPES if name.startswith("brow"))
_LOOKS = tuple(name for name in SHAPES if name.startswith("eyeLook"))
_PARTS: tuple[tuple[tuple[str, ...], tuple[str, ...], bool], ...] = (
    (_MOUTH_SHAPES, CHANNELS[MOUTH], True),
    (("eyeBlinkLeft", "eyeBlinkRight"), ("blink_left", "blink_right"), False),
    (_BROWS, ("brow_raise",), False),
    ((*_LOOKS, *ANGLES[3:]), ("gaze_x", "gaze_y"), False),
    (ANGLES[:3], ("head_yaw", "head_pitch", "head_roll"), False),
)
"""Which shapes tell of which channels, and whether they do so even if they never leave 0: who does
not record head or eyes fills their columns with zeros."""


def to_arkit(values: Floats) -> Floats:
    """Say what our channels are in ARKit's shapes and angles.

    Args:
        values: (T, 21) float32 channels.

    Returns:
        (T, 61) float32, columns as in `COLUMNS`: shapes 0 to 1, angles in radians.
    """
    ours = {name: values[:, column] for name, column in INDEX.items()}
    out: dict[str, Floats] = dict(_mouth_to_arkit(values, ours))
    for side in ("Left", "Right"):
        out[f"eyeBlink{side}"] = ours[f"blink_{side.lower()}"]
        out[f"browOuterUp{side}"] = np.maximum(ours["brow_raise"], 0)
        out[f"browDown{side}"] = np.maximum(-ours["brow_raise"], 0)
    out["browInnerUp"] = np.maximum(ours["brow_raise"], 0)
    across = ours["gaze_x"] * np.float32(_EYE_YAW_DEG / _SIDE_DEG)
    out["eyeLookOutLeft"] = out["eyeLookInRight"] = np.maximum(across, 0)
    out["eyeLookInLeft"] = out["eyeLookOutRight"] = np.maximum(-across, 0)
    for side in ("Left", "Right"):
        down = ours["gaze_y"] * np.float32(_EYE_PITCH_DEG)
        out[f"eyeLookDown{side}"] = np.maximum(down / np.float32(_DOWN_DEG), 0)
        out[f"eyeLookUp{side}"] = np.maximum(-down / np.float32(_UP_DEG), 0)
        eye = f"{side.lower()}Eye"
        out[f"{eye}Yaw"] = -np.deg2rad(_EYE_YAW_DEG * ours["gaze_x"])
        out[f"{eye}Pitch"] = np.deg2rad(_EYE_PITCH_DEG * ours["gaze_y"])
    out["headYaw"] = -np.deg2rad(ours["head_yaw"])
    out["headPitch"] = np.deg2rad(ours["head_pitch"])
    out["headRoll"] = np.deg2rad(ours["head_roll"])
    table = np.zeros((len(values), len(COLUMNS)), np.float32)
    for name, column in out.items():
        table[:, COLUMN[name]] = column
    table[:, : len(SHAPES)] = np.clip(table[:, : len(SHAPES)], 0, 1)
    return table + np.float32(0)  # which makes 0 of -0


def _mouth_to_arkit(values: Floats, ours: dict[str, Floats]) -> dict[str, Floats]:
    raised, dropped = ours["upper_lip_raise"], ours["lower_lip_drop"]
    pucker, press = ours["lip_pucker"], ours["lip_press"]
    # An open rounded mouth is a funnel, whose own parting is taken from what parts the lips.
    openness = np.clip(inner_lip_gap(values) / _FUNNEL_FROM, 0, 1)
    funnel = np.minimum(openness * pucker, np.minimum(raised, dropped) / _FUNNEL_PARTS)
    out = {
        "jawOpen": ours["jaw_open"],
        "mouthClose": ours["mouth_close"],
        "mouthFunnel": funnel,
        "mouthPucker": pucker - _FUNNEL_NARROWS * funnel,
        "mouthRollUpper": _ROLL * press,
        "mouthRollLower": _ROLL * press + ours["lower_lip_tuck"],
    }
    for side in ("Left", "Right"):
        out[f"mouthStretch{side}"] = ours["lip_stretch"]
        out[f"mouthPress{side}"] = press
        out[f"mouthUpperUp{side}"] = raised - _FUNNEL_PARTS * funnel
        out[f"mouthLowerDown{side}"] = dropped - _FUNNEL_PARTS * funnel
        out[f"mouthSmile{side}"] = np.maximum(ours["corner_up"], 0)
        out[f"mouthFrown{side}"] = np.maximum(-ours["corner_up"], 0)
    return out


def from_arkit(
    table: Floats, present: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Say what ARKit's shapes and angles are in our channels.

    Args:
        table: (T, 61) float32, columns as in `COLUMNS`; shapes 0 to 1, angles in radians.
        present: (61,) bool, which columns the file has; the others of `table` are 0.

    Returns:
        (T, 21) float32 channels, not yet held in their ranges, and (21,) bool, which of them the
        table tells of. Blinks, brows, gaze or a head that never leave 0 count as not recorded.
    """
    values = np.zeros((len(table), len(CHANNELS)), np.float32)
    known = np.zeros(len(CHANNELS), bool)
    found = {
        **_mouth_from_arkit(table),
        **_eyes_from_arkit(table, present),
        "head_yaw": -np.rad2deg(_read(table, "headYaw")),
        "head_pitch": np.rad2deg(_read(table, "headPitch")),
        "head_roll": np.rad2deg(_read(table, "headRoll")),
    }
    for shapes, channels, even_at_rest in _PARTS:
        columns = [COLUMN[shape] for shape in shapes]
        if not present[columns].any() or not (even_at_rest or table[:, columns].any()):
            continue
        for name in channels:
            values[:, INDEX[name]] = found[name]
            known[INDEX[name]] = True
    return values, known


def _read(table: Floats, *names: str) -> Floats:
    """(T,) mean of some columns."""
    return np.asarray(table[:, [COLUMN[name] for name in names]].mean(axis=1), np.float32)


def _both(table: Floats, name: str) -> Floats:
    return _read(table, f"{name}Left", f"{name}Right")


def _mouth_from_arkit(table: Floats) -> dict[str, Floats]:
    funnel, rolled = _read(table, "mouthFunnel"), _read(table, "mouthRollUpper")
    jaw = _read(table, "jawOpen")
    raised = _both(table, "mouthUpperUp") + _FUNNEL_PARTS * funnel
    dropped = _both(table, "mouthLowerDown") + _FUNNEL_PARTS * funnel
    return {
        "jaw_open": jaw,
        "mouth_close": _read(table, "mouthClose"),
        "lip_pucker": np.clip(_read(table, "mouthPucker") + _FUNNEL_NARROWS * funnel, 0, 1),
        "lip_stretch": np.clip(
            _both(table, "mouthStretch") + _DIMPLE_WIDENS * _both(table, "mouthDimple"), 0, 1
        ),
        "lip_press": np.maximum(_both(table, "mouthPress"), rolled),
        "upper_lip_raise": np.clip(raised, 0, 1),
        "lower_lip_drop": np.clip(dropped, 0, 1),
        "lower_lip_tuck": np.clip(_read(table, "mouthRollLower") - rolled, 0, 1),
        "corner_up": _both(table, "mouthSmile") - _both(table, "mouthFrown"),
        "tongue_up": _read(table, "tongueOut"),
    }


def _eyes_from_arkit(table: Floats, present: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    inner, outer = _read(table, "browInnerUp"), _both(table, "browOuterUp")
    looks = [COLUMN[name] for name in _LOOKS]
    if present[looks].any() and table[:, looks].any():
        right = _read(table, "eyeLookOutLeft", "eyeLookInRight")
        left = _read(table, "eyeLookInLeft", "eyeLookOutRight")
        across = (right - left) * _SIDE_DEG
        down = _both(table, "eyeLookDown") * _DOWN_DEG - _both(table, "eyeLookUp") * _UP_DEG
    else:
        across = -np.rad2deg(_read(table, "leftEyeYaw", "rightEyeYaw"))
        down = np.rad2deg(_read(table, "leftEyePitch", "rightEyePitch"))
    return {
        "blink_left": _read(table, "eyeBlinkLeft"),
        "blink_right": _read(table, "eyeBlinkRight"),
        "brow_raise": 0.5 * (inner + outer) - _both(table, "browDown"),
        # Our rig's eyes turn less far than ARKit's: they look as far as they can.
        "gaze_x": np.clip(across / _EYE_YAW_DEG, -1, 1),
        "gaze_y": np.clip(down / _EYE_PITCH_DEG, -1, 1),
    }


def _plain(name: str) -> str:
    """Reduce a spelling to what all spellings share: `mouthSmile_L` and `MouthSmileLeft` agree."""
    for short, long in (("_L", "Left"), ("_R", "Right")):
        if name.endswith(short):
            name = name.removesuffix(short) + long
    return name.replace("_", "").lower()


_BY_PLAIN_NAME = {_plain(name): name for name in COLUMNS}


def find_arkit(name: str) -> str | None:
    """Find which shape or angle a column is: `EyeBlinkLeft`, `eyeBlink_L`, `HeadYaw` ..."""
    return _BY_PLAIN_NAME.get(_plain(name.strip()))
