import numpy as np
import pytest

from opensonic.channels import CHANNELS, HIGH, INDEX, LOW, inner_lip_gap, lip_width_factor
from opensonic.engines.mesh.render import MeshRenderer
from opensonic.engines.mesh.seam import cover
from opensonic.face import topology
from opensonic.values import Face, Portrait


def pose(**channels):
    values = np.zeros(len(CHANNELS), np.float32)
    for name, value in channels.items():
        values[INDEX[name]] = value
    return values


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max(-1)


def test_rest_is_the_picture_itself(drawn, renderer):
    np.testing.assert_array_equal(renderer.render(pose()), drawn.image)
    np.testing.assert_array_equal(renderer.landmarks(pose()), drawn.face.landmarks)


@pytest.mark.parametrize(
    "channels",
    [
        {"jaw_open": 0.2},
        {"jaw_open": 0.4},
        {"jaw_open": 0.8},
        {"jaw_open": 0.6, "mouth_close": 0.3},
        {"upper_lip_raise": 1.0},
        {"lower_lip_drop": 1.0},
        {"jaw_open": 0.5, "lower_lip_drop": 0.5, "upper_lip_raise": 0.5},
    ],
)
def test_the_gap_of_the_lips_is_what_the_channels_ask_for(drawn, renderer, channels):
    values = pose(**channels)
    moved = renderer.landmarks(values)
    gap = (moved[14, 1] - moved[13, 1]) / drawn.face.eye_distance
    assert gap == pytest.approx(inner_lip_gap(values), abs=0.006)


@pytest.mark.parametrize("channels", [{"lip_pucker": 1.0}, {"lip_stretch": 1.0}, {"jaw_open": 1.0}])
def test_the_width_of_the_mouth_is_what_the_channels_ask_for(drawn, renderer, channels):
    values = pose(**channels)
    corners = [drawn.face.landmarks[[78, 308], 0], renderer.landmarks(values)[[78, 308], 0]]
    factor = np.ptp(corners[1]) / np.ptp(corners[0])
    assert factor == pytest.approx(lip_width_factor(values), abs=0.02)


def test_the_corners_of_the_mouth_stay_together(renderer):
    upper, lower = renderer._lips.edges(np.append(pose(jaw_open=1, lip_stretch=1), 1))
    np.testing.assert_allclose(upper[[0, -1]], lower[[0, -1]], atol=0.05)
    assert (lower[5:-5, 1] - upper[5:-5, 1]).min() > 0.5


def test_the_landmarks_are_where_the_picture_shows_them(drawn, renderer):
    """The dark inside of the open mouth spans from inner lip to inner lip."""
    frame = renderer.render(pose(jaw_open=0.8))
    moved = renderer.landmarks(pose(jaw_open=0.8))
    column = frame[:, round(float(moved[13, 0]))].astype(int)
    lip_like = (column[:, 0] > 140) & (column[:, 0] - column[:, 2] > 60)
    rows = np.arange(len(column))
    inside = (rows > moved[13, 1] + 3) & (rows < moved[14, 1] - 3)
    assert inside.sum() > 8
    assert not lip_like[inside].any()
    below = (rows > moved[14, 1] + 2) & (rows < moved[14, 1] + 5)
    assert lip_like[below].all()


def test_what_does_not_move_is_untouched(drawn, renderer):
    frame = renderer.render(pose(jaw_open=0.7, lip_pucker=0.5, blink_left=1, blink_right=1))
    changed = difference(frame, drawn.image) > 0
    landmarks = drawn.face.landmarks
    forehead = round(float(landmarks[9, 1]))
    assert not changed[: forehead - 20].any()
    assert not changed[:, : round(float(landmarks[234, 0])) - 45].any()
    assert not changed[:, round(float(landmarks[454, 0])) + 45 :].any()
    assert changed.any()


def test_a_blink_covers_the_iris(drawn, renderer):
    blue = np.array([20, 40, 200])

    def iris_pixels(frame, centre):
        x, y = np.round(drawn.face.landmarks[centre, :2]).astype(int)
        part = frame[y - 12 : y + 13, x - 14 : x + 15].astype(int)
        return int((np.abs(part - blue).max(-1) < 60).sum())

    right_shut = renderer.render(pose(blink_right=1))
    assert iris_pixels(drawn.image, 468) > 20
    assert iris_pixels(right_shut, 468) == 0
    assert iris_pixels(right_shut, 473) == iris_pixels(drawn.image, 473)
    assert iris_pixels(renderer.render(pose(blink_left=1)), 473) == 0
    half = iris_pixels(renderer.render(pose(blink_right=0.5)), 468)
    assert 0 < half < iris_pixels(drawn.image, 468)


def test_gaze_moves_the_iris_and_nothing_else(drawn, renderer):
    frame = renderer.render(pose(gaze_x=1))
    changed = np.argwhere(difference(frame, drawn.image) > 8)
    eyes = drawn.face.landmarks[[*topology.RIGHT_EYE, *topology.LEFT_EYE], :2]
    assert len(changed)
    assert changed[:, 0].min() > eyes[:, 1].min() - 4
    assert changed[:, 0].max() < eyes[:, 1].max() + 4
    blue = (frame[..., 2] > 150) & (frame[..., 0] < 90)
    before = (drawn.image[..., 2] > 150) & (drawn.image[..., 0] < 90)
    assert np.argwhere(blue)[:, 1].mean() > np.argwhere(before)[:, 1].mean() + 0.5


@pytest.mark.parametrize(
    ("channel", "axis", "sign", "landmark"),
    [("head_yaw", 0, 1, 1), ("head_pitch", 1, 1, 1), ("head_x", 0, 1, 9), ("head_y", 1, 1, 9)],
)
def test_the_head_goes_where_the_channel_says(drawn, renderer, channel, axis, sign, landmark):
    amount = 5 if channel in {"head_yaw", "head_pitch"} else 0.1
    moved = renderer.landmarks(pose(**{channel: amount})) - drawn.face.landmarks
    assert sign * moved[landmark, axis] > 2
    assert np.abs(moved[landmark, 1 - axis]) < 0.5


def test_roll_is_clockwise_and_yaw_has_parallax(drawn, renderer):
    rolled = renderer.landmarks(pose(head_roll=5)) - drawn.face.landmarks
    assert rolled[10, 0] > 3
    assert rolled[10, 0] > rolled[152, 0] + 3
    assert rolled[454, 1] > 1 and rolled[234, 1] < -1
    turned = renderer.landmarks(pose(head_yaw=5)) - drawn.face.landmarks
    assert turned[1, 0] > turned[454, 0] + 2


def test_the_same_values_give_the_same_frame(drawn, renderer):
    values = pose(jaw_open=0.4, head_yaw=4, head_roll=-6, blink_left=0.7, breath=1)
    first = renderer.render(values)
    renderer.render(pose(jaw_open=1, head_pitch=-9, head_roll=12, head_y=0.2))
    np.testing.assert_array_equal(renderer.render(values), first)
    np.testing.assert_array_equal(MeshRenderer(drawn).render(values), first)


def test_frames_can_be_written_in_place(drawn, renderer):
    out = np.zeros_like(drawn.image)
    assert renderer.render(pose(jaw_open=0.3), out) is out
    np.testing.assert_array_equal(out, renderer.render(pose(jaw_open=0.3)))


@pytest.mark.parametrize("factor", [2.0, -2.0, np.inf, np.nan])
def test_values_out_of_range_do_not_break(drawn, renderer, factor):
    for name, low, high in zip(CHANNELS, LOW, HIGH, strict=True):
        values = pose(**{name: (high if factor > 0 else low - 1) * abs(factor)})
        assert np.isfinite(renderer.landmarks(values)).all()
        assert renderer.render(values).shape == drawn.image.shape
    everything = np.asarray(HIGH * factor, np.float32)
    assert renderer.render(everything).dtype == np.uint8
    assert np.isfinite(renderer.landmarks(everything)).all()


def test_motion_is_smooth_beyond_the_range(renderer):
    amounts = np.linspace(0, 2, 41)
    places = [renderer.landmarks(pose(jaw_open=amount))[152, 1] for amount in amounts]
    steps = np.diff(places)
    assert (steps >= -1e-3).all()
    assert np.abs(np.diff(steps)).max() < 0.6 * steps.max()


def test_an_open_mouth_can_close_and_shows_its_own_teeth(draw):
    portrait = draw(open_by=0.16)
    renderer = MeshRenderer(portrait)
    white = np.array([235, 230, 220])

    def teeth(frame):
        part = frame[150:230, 110:210].astype(int)
        return int((np.abs(part - white).max(-1) < 25).sum())

    closed = renderer.landmarks(pose())
    gap = (closed[14, 1] - closed[13, 1]) / portrait.face.eye_distance
    assert abs(gap) < 0.01
    assert teeth(portrait.image) > 50
    assert teeth(renderer.render(pose())) == 0
    assert teeth(renderer.render(pose(jaw_open=0.5, upper_lip_raise=0.5))) > 20


@pytest.mark.parametrize(
    ("size", "e", "middle", "angle"),
    [
        (320, 80.0, (160.0, 140.0), 25.0),
        (320, 80.0, (160.0, 140.0), -40.0),
        (320, 80.0, (160.0, 160.0), 90.0),
        (320, 80.0, (160.0, 160.0), 180.0),
        (320, 80.0, (20.0, 300.0), 0.0),
        (320, 80.0, (310.0, 10.0), 10.0),
        (128, 200.0, (64.0, 64.0), 0.0),
        (640, 12.0, (320.0, 300.0), 0.0),
        (64, 6.0, (32.0, 32.0), 0.0),
        (320, 3.0, (160.0, 160.0), 0.0),
    ],
)
def test_faces_of_any_size_and_place(draw, size, e, middle, angle):
    portrait = draw(size, e, middle, angle)
    renderer = MeshRenderer(portrait)
    np.testing.assert_array_equal(renderer.render(pose()), portrait.image)
    values = pose(jaw_open=0.8, lip_pucker=0.5, head_roll=6, head_yaw=-6, blink_left=1, gaze_x=1)
    frame = renderer.render(values)
    assert frame.shape == portrait.image.shape
    if e >= 12:
        assert difference(frame, portrait.image).max() > 20


def test_wrong_landmarks_do_not_crash(drawn):
    noise = np.random.default_rng(0).normal(0, 6, drawn.face.landmarks.shape)
    for landmarks in (drawn.face.landmarks + noise, drawn.face.landmarks * 0 + 100, noise * 30):
        face = Face(drawn.face.box, landmarks.astype(np.float32), 0.1)
        frame = MeshRenderer(Portrait(drawn.image, face)).render(pose(jaw_open=1, head_yaw=5))
        assert frame.shape == drawn.image.shape


def test_landmarks_follow_their_part_of_the_face(drawn, renderer):
    def moves(**channels):
        return renderer.landmarks(pose(**channels)) - drawn.face.landmarks

    jaw = moves(jaw_open=0.5)
    assert (jaw[[152, 199, 200, 18, 17, 148, 377], 1] > 6).all()
    assert np.abs(jaw[[1, 4, 6, 10, 33, 263, 0, 13]]).max() < 1
    blink = moves(blink_right=1)
    assert blink[159, 1] > 3 > 1 > blink[145, 1] > -2
    assert np.abs(blink[468:478]).max() < 1e-4
    assert np.abs(blink[[386, 50, 280, 152]]).max() < 1e-4
    assert moves(gaze_x=1)[468, 0] > 1
    assert moves(gaze_x=1)[[33, 133], 0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_jumps_when_a_channel_leaves_rest(renderer, channel):
    head = {"head_yaw": 4, "head_pitch": -3, "head_roll": 5}
    before = renderer.render(pose(**head))
    values = pose(**head)
    values[INDEX[channel]] += 3e-4
    assert difference(renderer.render(values), before).max() < 14


def test_a_patch_of_one_column_is_covered():
    edges = np.array([[[0, 1], [9, 1]], [[0, 3], [9, 3]]], np.float32)
    shares = cover(edges, (4, 0, 5, 6), 1.0)
    np.testing.assert_allclose(shares.above + shares.below + shares.between, 1)
