from dataclasses import replace
from importlib.resources import files

import cv2
import numpy as np
import pytest

from opensonic.channels import CHANNELS, INDEX
from opensonic.engines.mesh.lip_skin import mouth_basis
from opensonic.engines.mesh.mouth import Mouth
from opensonic.engines.mesh.relief import ONE, Relief
from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.rig import Rig
from opensonic.engines.mesh.style import measure_style
from opensonic.engines.mesh.warp import LOWER, REST, UPPER, coefficients
from opensonic.face import topology
from opensonic.face.mesh import FaceMesh
from opensonic.face.portrait import prepare_portrait
from opensonic.media.image import read_image
from opensonic.settings import Settings
from opensonic.values import Portrait

TOOTH = np.array([235, 230, 220])


def pose(**channels):
    values = np.zeros(len(CHANNELS), np.float32)
    for name, value in channels.items():
        values[INDEX[name]] = value
    return values


CLOSED = (
    pose(),
    pose(lip_press=1),
    pose(lip_press=0.5),
    pose(lip_press=1, jaw_open=0.2, mouth_close=0.2),
)


@pytest.fixture(scope="module")
def example():
    path = files("opensonic") / "examples/portrait.png"
    return prepare_portrait(read_image(path), "example", Settings(min_resolution=512)).portrait


@pytest.fixture(scope="module")
def speaker(example):
    return MeshRenderer(example)


def between_lips(renderer, values, frame, columns=10):
    """The pixels between the inner lips in the middle of the mouth, from lip to lip."""
    lips = renderer._lips.edges(np.append(values, 1).astype(np.float32))
    x = round(float(lips[0, 32, 0]))
    top, bottom = float(lips[0, 32, 1]), float(lips[1, 32, 1])
    return frame[round(top) + 1 : round(bottom), x - columns : x + columns].astype(int)


def is_tooth(pixels):
    red, green, blue = np.moveaxis(pixels.astype(float), -1, 0)
    return (red > 95) & (red - green < 45) & (green - blue < 40)


@pytest.mark.parametrize("values", CLOSED)
def test_closed_lips_of_a_portrait_are_closed(example, speaker, values):
    frame = speaker.render(values)
    points = FaceMesh().follow(frame, example.face).landmarks[:, :2]
    gap = (points[14, 1] - points[13, 1]) / np.linalg.norm(points[61] - points[291])
    assert gap < 0.01


@pytest.mark.parametrize("values", CLOSED)
def test_a_smile_closes_without_a_slit_of_teeth_or_darkness(draw, values):
    portrait = draw(open_by=0.16)
    renderer = MeshRenderer(portrait)
    frame = renderer.render(values).astype(int)
    lips = renderer._lips.edges(np.append(values, 1).astype(np.float32))
    for x, y in lips[0, 8:-8]:
        column = frame[round(float(y)) - 3 : round(float(y)) + 4, round(float(x))]
        assert np.abs(column - TOOTH).max(-1).min() > 40
        assert column.mean(-1).min() > 35
    np.testing.assert_allclose(lips[0], lips[1], atol=0.5)


def test_a_bit_of_tooth_between_closed_lips_goes_behind_them(draw):
    portrait = draw(e=160.0, size=640, middle=(320.0, 280.0))
    image, line = portrait.image.copy(), portrait.face.landmarks[13, :2]
    x, y = round(float(line[0])) + 6, round(float(line[1]))
    image[y : y + 3, x - 5 : x + 6] = TOOTH
    renderer = MeshRenderer(Portrait(image, portrait.face, "tooth"))

    def teeth(frame):
        return int((np.abs(frame[y - 40 : y + 60, x - 9 : x + 10] - TOOTH).max(-1) < 40).sum())

    assert teeth(image.astype(int)) > 20
    assert teeth(renderer.render(pose()).astype(int)) == 0


def test_the_upper_teeth_show_on_f_and_v(speaker):
    for values in (pose(lower_lip_tuck=1), pose(lower_lip_tuck=0.6, jaw_open=0.08)):
        seen = between_lips(speaker, values, speaker.render(values))
        assert len(seen) >= 4
        assert is_tooth(seen).mean() > 0.5


def test_teeth_on_f_and_v_lie_in_the_shade_of_the_upper_lip(speaker):
    values = pose(lower_lip_tuck=1)
    rows = between_lips(speaker, values, speaker.render(values)).mean((1, 2))
    assert rows[0] < 0.9 * rows.max()


@pytest.mark.parametrize("jaw", [0.0, 0.1, 0.4])
def test_a_tucked_lip_stays_at_the_upper_teeth_however_far_the_jaw_opens(speaker, jaw):
    values = pose(lower_lip_tuck=1, jaw_open=jaw, upper_lip_raise=0.6)
    upper, lower = speaker._lips.edges(coefficients(values))
    gaps = (lower - upper)[:, 1] / speaker._rig.e
    assert 0.02 < gaps[32] < 0.07
    assert gaps[[10, -11]].max() < 0.75 * gaps[32]


def test_an_open_mouth_is_round(speaker):
    for values in (pose(jaw_open=0.6), pose(jaw_open=0.6, lip_pucker=0.8)):
        upper, lower = speaker._lips.edges(coefficients(values))
        gaps = (lower - upper)[:, 1]
        assert gaps[[16, 48]].min() > 0.78 * gaps[32]
        assert gaps[[0, -1]].max() == 0


def test_a_smile_narrows_as_it_closes(draw):
    for portrait, narrower in ((draw(open_by=0.2), 0.95), (draw(), 1.001)):
        renderer = MeshRenderer(portrait)
        corners = renderer.landmarks(pose())[[61, 291], 0]
        before = portrait.face.landmarks[[61, 291], 0]
        assert np.ptp(corners) < narrower * np.ptp(before)
        assert np.ptp(corners) > 0.85 * np.ptp(before)


def test_a_smile_closes_below_the_nose_and_keeps_its_lips(draw):
    portrait = draw(open_by=0.16)
    rig = Rig(portrait)
    places = {UPPER: [1, 2, 4, 98, 327, 0, 13], LOWER: [17, 14]}
    moved = {
        layer: mouth_basis(rig.points(rig.landmarks[chosen]), rig, layer)[..., REST] / rig.e
        for layer, chosen in places.items()
    }
    assert np.abs(moved[UPPER][:5]).max() < 0.005
    closing = np.abs([moved[UPPER][-1, 1], moved[LOWER][-1, 1]])
    assert closing.sum() > 0.15
    kept = np.abs([moved[UPPER][-2, 1], moved[LOWER][-2, 1]])
    assert (kept > 0.8 * closing).all()
    press = [
        np.abs(mouth_basis(rig.points(rig.landmarks[inner]), rig, layer)[0, 1, INDEX["lip_press"]])
        for inner, layer in (([13], UPPER), ([14], LOWER))
    ]
    assert (np.array(press) < 0.4 * rig.lips.heights[:, 32] * rig.e).all()


def test_lip_that_the_landmarks_take_for_opening_stays_lip(draw):
    portrait = draw(e=160.0, size=640, middle=(320.0, 280.0), open_by=0.06)
    points, image = portrait.face.landmarks, portrait.image.copy()
    top, bottom = round(float(points[13, 1])), round(float(points[14, 1]))
    left, right = np.round(points[[78, 308], 0]).astype(int)
    image[top : bottom + 1, left:right] = image[bottom + 4, left + (right - left) // 2]
    image[top : top + 4, left:right] = 10
    lips = Rig(Portrait(image, portrait.face, "dark line")).lips
    assert lips.is_open
    assert (lips.lower - lips.upper)[32] < 0.06


def test_the_row_of_teeth_turns_with_the_lips(drawn):
    rig = Rig(drawn)
    rig.lips._ends = (-0.18, 0.42)
    canvas = Mouth(drawn.image, rig, measure_style(drawn.image, rig))._canvas
    places = np.interp([-0.18, 0, 0.42], np.arange(canvas.x.shape[1]) / rig.e - 0.40, canvas.x[0])
    assert places[1] == pytest.approx(0, abs=0.01)
    assert -places[0] == pytest.approx(places[2], abs=0.02)


@pytest.mark.parametrize("down", [-0.6, 0.6])
def test_pouting_lips_are_lit_as_the_picture_is(drawn, down):
    rig = Rig(drawn)
    relief = Relief(rig, np.array([0, down, 0.8], np.float32), 1.0)
    line = round(float(rig.lips.middle[1]))
    rows = np.arange(line - 30, line + 31, dtype=np.float32)
    places = np.stack([np.full_like(rows, rig.lips.middle[0]), rows], -1)[:, None]
    assert (relief.light(places, 0.0) == ONE).all()
    lit = relief.light(places, 1.0)[:, 0, 0].astype(int) - ONE
    high, low = lit[31:34].mean(), lit[37:44].mean()
    assert (high - low) * -down > 3 * abs(down)
    assert np.abs(lit).max() < 0.3 * ONE
    assert lit[:30].max() < 0.11 * ONE  # no bright rim above the upper lip


def test_the_tongue_fades_into_the_throat_and_bends_down_in_front(speaker):
    tongue, canvas = speaker._mouth.tongue, speaker._mouth._canvas
    column = tongue[:, np.abs(canvas.x[0]).argmin(), :3].mean(-1)
    steps = np.diff(column[canvas.y[:, 0] < 0.02]) * canvas.scale
    assert steps.max() * 0.02 < 0.5 * column.max()  # no hard edge
    front = np.interp(0.04, canvas.y[:, 0], column)
    assert front < 0.85 * column.max()


def test_the_raised_tip_of_the_tongue_is_seen(speaker):
    low, high = (pose(jaw_open=0.35, lower_lip_drop=0.4, tongue_up=up) for up in (0, 1))
    seen = [between_lips(speaker, values, speaker.render(values)) for values in (low, high)]
    below_teeth = slice(len(seen[0]) // 3, -len(seen[0]) // 3)
    reds = [part[below_teeth, :, 0].mean() for part in seen]
    assert reds[1] > reds[0] + 15


def test_teeth_of_a_smile_do_not_fill_a_small_opening(draw):
    renderer = MeshRenderer(draw(open_by=0.2, e=160.0, size=640, middle=(320.0, 280.0)))
    values = pose(jaw_open=0.35)
    seen = between_lips(renderer, values, renderer.render(values))
    bright = seen.mean((1, 2)) > 130
    assert bright[: len(bright) // 2].any()
    assert not bright[len(bright) // 2 :].any()


def test_teeth_do_not_flicker_while_the_head_drifts(speaker):
    values = pose(jaw_open=0.3, upper_lip_raise=0.6, lower_lip_drop=0.6)
    frames = []
    for step in range(6):
        values[INDEX["head_yaw"]] = 0.02 * step
        frame = speaker.render(values)
        frames.append(between_lips(speaker, values, frame, 30))
    size = min(len(frame) for frame in frames)
    steps = np.abs(np.diff([frame[:size] for frame in frames], axis=0))
    assert steps.mean() <= 0.5
    np.testing.assert_array_equal(speaker.render(values), speaker.render(values))


def restyled(portrait, recolour):
    image = np.clip(recolour(portrait.image.astype(np.float32)), 0, 255).astype(np.uint8)
    return replace(portrait, image=image)


def grey(image):
    return np.repeat((image @ np.array([0.3, 0.59, 0.11], np.float32))[..., None], 3, -1)


def test_a_picture_without_colours_gets_a_mouth_without_colours(example):
    sepia = restyled(example, lambda image: grey(image) * np.array([1.07, 0.94, 0.74]))
    for portrait, warmth in ((restyled(example, grey), 1.0), (sepia, 1.07 / 0.74)):
        style = measure_style(portrait.image, Rig(portrait))
        assert not style.is_stone
        for colour in (style.teeth, style.flesh, style.cave):
            assert colour[0] / colour[2] == pytest.approx(warmth, abs=0.12)
    style = measure_style(example.image, Rig(example))
    assert style.flesh[0] > 1.5 * style.flesh[2]


def test_a_statue_gets_a_mouth_of_its_stone(example):
    rings = (topology.RIGHT_EYE, topology.LEFT_EYE, topology.OUTER_LIPS)
    outlines = [np.round(example.face.landmarks[list(r), :2]).astype(np.int32) for r in rings]

    def carve(image):
        holes = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(holes, outlines[:2], 1)
        holes = cv2.dilate(holes, np.ones((9, 9), np.uint8))
        stone = cv2.inpaint(grey(image)[..., 0].astype(np.uint8), holes, 5, cv2.INPAINT_TELEA)
        stone = 70 + 0.6 * stone[..., None] * np.array([1.0, 0.98, 0.9])
        return stone + np.random.default_rng(0).normal(0, 3, stone.shape[:2])[..., None]

    statue = restyled(example, carve)
    style = measure_style(statue.image, Rig(statue))
    skin = statue.image[tuple(statue.face.landmarks[205, 1::-1].astype(int))].astype(float)
    assert style.is_stone
    assert np.abs(style.teeth - skin).max() < 40
    assert style.flesh[0] / style.flesh[2] == pytest.approx(style.teeth[0] / style.teeth[2], 0.05)


def test_a_portrait_made_a_poster_counts_as_drawn_in_flat_colours(example):
    def paint(image):
        calm = image.astype(np.uint8)
        for _ in range(4):
            calm = cv2.bilateralFilter(calm, 11, 40, 11)
        ink = cv2.adaptiveThreshold(
            cv2.medianBlur(cv2.cvtColor(calm, cv2.COLOR_RGB2GRAY), 7),
            255,
            cv2.ADAPTIVE_THRESH_MEAN_C,
            cv2.THRESH_BINARY,
            13,
            4,
        )
        return (calm // 28 * 28 + 14) * np.where(ink == 0, 0.25, 1.0)[..., None]

    for recolour, expected in ((paint, True), (grey, False), (lambda image: image, False)):
        portrait = restyled(example, recolour)
        style = measure_style(portrait.image, Rig(portrait))
        assert style.is_flat == expected


def test_a_flat_drawing_gets_flat_shapes(drawn):
    rig = Rig(drawn)
    photo = replace(measure_style(drawn.image, rig), is_flat=False, is_drawn=False, tilt=0.0)
    rows = []
    for style in (photo, replace(photo, is_flat=True, is_drawn=True, grain=0.0)):
        mouth = Mouth(drawn.image, rig, style)
        middle = mouth.upper.shape[1] // 2
        row = mouth.upper[int(0.2 * rig.e), middle - 12 : middle + 13, :3]
        rows.append(float(np.ptp(row, axis=0).max()))
    assert rows[1] < 1 < 10 < rows[0]


@pytest.mark.parametrize("turn", [1.0, 0.35])
def test_a_pursed_mouth_leaves_what_is_far_beside_it_alone(example, turn):
    """Also where a turned head makes the far half of the mouth short, and `s` grow slowly."""
    rig = Rig(example)
    left, right = rig.lips.to_frame(rig.lips.place(np.array([-1, 1]), np.zeros(2)))[:, 0]
    across = np.arange(example.image.shape[1], dtype=np.float32)
    points = rig.points(np.stack([across, np.full_like(across, rig.lips.middle[1])], axis=1))
    points = replace(points, s=np.asarray(points.s * turn, np.float32))
    moved = np.abs(mouth_basis(points, rig, LOWER)[:, 0, INDEX["lip_pucker"]])
    beyond = np.maximum(points.x - right, left - points.x)
    assert moved[(beyond > 0) & (beyond < 0.1)].min() > 1
    assert moved[beyond > 0.51].max() < 1e-3
