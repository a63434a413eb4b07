"""Training of the detector: labels move with the pixels, targets and decoding agree, it learns."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training programs need opensonic[train]")

import cv2  # noqa: E402

from opensonic.face.detect import SIZE_UNIT, STRIDES, Detection, decode_outputs  # noqa: E402
from opensonic.train.detector.cartoons import draw_cartoon  # noqa: E402
from opensonic.train.detector.compose import Composer  # noqa: E402
from opensonic.train.detector.data import (  # noqa: E402
    Picture,
    faces_from_points,
    is_turned,
    points_from_landmarks,
)
from opensonic.train.detector.evaluate import iou_matrix, judge, wilson  # noqa: E402
from opensonic.train.detector.loss import assign, detection_loss, square_giou  # noqa: E402
from opensonic.train.detector.mistakes import Mistakes  # noqa: E402
from opensonic.train.detector.mix import BROAD, STRICT  # noqa: E402
from opensonic.train.detector.patterns import draw_pattern  # noqa: E402
from opensonic.train.detector.sample import (  # noqa: E402
    Placement,
    Sample,
    build_similarity,
    corners,
)


def face_row(x, y, side):
    shape = np.array([[-20, -20], [20, -20], [0, 4], [0, 23], [-42, -11], [42, -11]]) / 100
    points = shape * side + [x, y]
    return np.array([x, y, side, *points.reshape(-1)], np.float32)


def picture(image, faces, ignore=()):
    encoded = np.asarray(cv2.imencode(".png", image[:, :, ::-1])[1], np.uint8).reshape(-1)
    edge = float(image.shape[0])
    boxes = np.array(ignore, np.float32).reshape(-1, 4)
    return Picture(encoded, faces, boxes, (0, 0, edge, edge), "jetson", "made")


def perfect_outputs(samples, size):
    """What a network would say that makes no mistake."""
    outputs = []
    for target, stride in zip(assign(samples, size), STRIDES, strict=True):
        count = size // stride
        maps = torch.zeros(len(samples), 16, count, count)
        maps[:, 0] = torch.where(target.score == 1, 20.0, -20.0)
        for (b, y, x), face in zip(target.where.tolist(), target.faces, strict=True):
            cell = (torch.tensor([x, y]) + 0.5) * stride
            unit = SIZE_UNIT * stride
            maps[b, 1:3, y, x] = (face[:2] - cell) / stride
            maps[b, 3, y, x] = torch.log(face[2] / unit)
            maps[b, 4:, y, x] = (face[3:] - cell.repeat(6)) / unit
        outputs.append(maps)
    return outputs


def test_perfect_answers_cost_nothing_and_decode_to_the_labels():
    faces = np.stack([face_row(40, 50, 24), face_row(180, 120, 70), face_row(128, 100, 230)])
    for face in faces:
        sample = Sample(np.zeros((256, 256, 3), np.uint8), face[None])
        outputs = perfect_outputs([sample], 256)
        losses = detection_loss(outputs, assign([sample], 256))
        assert float(losses["total"]) == pytest.approx(0, abs=1e-4)
        decoded = decode_outputs([o.numpy() for o in outputs], 0.5)
        assert len(decoded) >= 1
        assert np.allclose(decoded[:, 1:5], corners(face[None]), atol=1e-3)
        assert np.allclose(decoded[:, 5:], face[3:], atol=1e-3)


def test_every_size_of_face_has_a_cell_that_answers():
    for side in np.geomspace(9, 340, 40):
        sample = Sample(np.zeros((320, 320, 3), np.uint8), face_row(161, 157, side)[None])
        assert sum(len(t.where) for t in assign([sample], 320)) >= 1


def test_ignored_boxes_are_left_out_and_the_rest_is_background():
    sample = Sample(
        np.zeros((64, 64, 3), np.uint8), ignore=np.array([[16, 16, 40, 40]], np.float32)
    )
    score = assign([sample], 64)[0].score[0]
    assert (score[2:5, 2:5] == -1).all()
    assert score.sum() == -9


def test_mirrored_and_turned_labels_stay_on_the_pixels():
    image = np.zeros((100, 100, 3), np.uint8)
    face = face_row(50, 50, 40)
    for k, (x, y) in enumerate(face[3:].reshape(6, 2)):
        cv2.circle(image, (round(float(x)), round(float(y))), 2, (40 * k + 40,) * 3, -1)
    matrix = build_similarity(1.5, 0.4, face[:2], np.array([90, 80], np.float32), mirror=True)
    sample = Sample(np.zeros((160, 160, 3), np.uint8))
    place = Placement(matrix, 1.5, True)
    share = sample.paste(image, None, place)
    sample.add(share, face[None], np.zeros((0, 4), np.float32), place)
    partners = (1, 0, 2, 3, 5, 4)
    moved = sample.faces[0, 3:].reshape(6, 2)
    for k, (x, y) in enumerate(moved):
        assert sample.image[round(float(y)), round(float(x)), 0] == pytest.approx(
            40 * partners[k] + 40, abs=4
        )
    assert sample.faces[0, :3] == pytest.approx([90, 80, 60])


def test_covered_face_is_no_longer_a_face():
    sample = Sample(np.zeros((64, 64, 3), np.uint8), face_row(20, 20, 20)[None])
    share = np.zeros((64, 64), np.float32)
    share[:, :20] = 1
    sample.hide(share)
    assert len(sample.faces) == 0
    assert len(sample.ignore) == 1


def test_box_around_key_points_is_the_labels_square():
    (row,) = faces_from_points(face_row(100, 80, 50)[3:].reshape(1, 6, 2))
    assert row[:2] == pytest.approx([100, 80], abs=2)
    assert row[2] == pytest.approx(50, abs=2.5)


def test_face_whose_ears_lie_close_together_is_turned():
    front, side = face_row(50, 50, 40), face_row(50, 50, 40)
    side[[11, 13]] = [45, 70]
    assert is_turned(np.stack([front, side])).tolist() == [False, True]


def test_key_points_come_from_the_right_landmarks():
    landmarks = np.zeros((1, 478, 3), np.float32)
    landmarks[0, :, 0] = np.arange(478)
    points = points_from_landmarks(landmarks)[0, :, 0]
    assert points == pytest.approx([468, 473, 2.5, 13.5, 207.25, 429.5])


@pytest.mark.parametrize("mix", [BROAD, STRICT])
def test_composer_repeats_itself_and_keeps_labels_inside(mix):
    rng = np.random.default_rng(0)
    image, faces = draw_cartoon(rng)
    pictures = [picture(image, faces), picture(draw_pattern(rng, 200), faces[:0])]
    runs = [Composer(pictures[:1], pictures, np.random.default_rng(7), mix) for _ in range(2)]
    for _ in range(25):
        first, second = (run.draw(96) for run in runs)
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.faces, second.faces)
        assert first.image.shape == (96, 96, 3)
        assert (first.faces[:, 2] >= 9).all()


def test_only_pictures_with_false_alarms_are_shown_again():
    samples = [Sample(np.full((64, 64, 3), 60 * k, np.uint8)) for k in range(4)]
    outputs = [torch.full((4, 16, 64 // s, 64 // s), -9.0) for s in STRIDES]
    outputs[0][1, 0, 3, 3] = 4.0
    targets = assign(samples, 64)
    mistakes = Mistakes(np.random.default_rng(0))
    assert mistakes.replay(samples, 2) == samples
    for _ in range(8):
        mistakes.note(samples, outputs, targets)
    assert {s.image[0, 0, 0] for s in mistakes.seen[64]} == {60}
    shown = mistakes.replay(samples, 2)
    assert len(shown) == 4
    assert shown[2:] == samples[2:]


def test_giou_of_squares():
    def one(x, side, other_x, other_side):
        centre, other = torch.tensor([[x, 0.0]]), torch.tensor([[other_x, 0.0]])
        return float(square_giou(centre, torch.tensor([side]), other, torch.tensor([other_side])))

    assert one(0.0, 2.0, 0.0, 2.0) == pytest.approx(1)
    assert one(0.0, 2.0, 1.0, 2.0) == pytest.approx(1 / 3)
    assert one(0.0, 2.0, 4.0, 2.0) == pytest.approx(-1 / 3)


def test_wilson_interval_is_the_published_one():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-3)
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


def test_judge_counts_hits_misses_and_false_ones():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10]], np.float32)
    assert iou_matrix(boxes, boxes)[0] == pytest.approx([1, 1 / 3])
    image = np.zeros((300, 300, 3), np.uint8)
    faces = np.stack([face_row(60, 60, 80), face_row(200, 200, 50)])
    labelled = picture(image, faces, [[200, 20, 260, 80]])

    def said(x, y, side):
        row = face_row(x, y, side)
        return Detection(corners(row[None])[0], row[3:].reshape(6, 2), 0.9)

    found = [said(62, 60, 80), said(230, 50, 60), said(100, 240, 40)]
    counts, errors = judge(labelled, found)
    assert dict(counts) == {"pictures": 1, "faces": 2, "found": 1, "false": 1, "spoiled": 1}
    assert errors == pytest.approx([2 / 80])


def test_network_learns_one_picture_and_survives_the_export(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx", reason="the export needs opensonic[train]")
    from opensonic.train.detector.export import export
    from opensonic.train.detector.network import DetectorNetwork

    torch.manual_seed(0)
    network = DetectorNetwork()
    image, faces = draw_cartoon(np.random.default_rng(3))
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    samples = [Sample(small, faces / 4)] * 2
    pixels = torch.from_numpy(np.stack([small, small])).permute(0, 3, 1, 2).float() / 255
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    totals = []
    for _ in range(12):
        losses = detection_loss(network(pixels), assign(samples, 64))
        optimiser.zero_grad()
        losses["total"].backward()
        optimiser.step()
        totals.append(float(losses["total"].detach()))
    assert totals[-1] < 0.7 * totals[0] and math.isfinite(totals[-1])
    torch.save(network.state_dict(), tmp_path / "detector.pt")
    export(tmp_path / "detector.pt", tmp_path / "detector.onnx")
    session = onnxruntime.InferenceSession(
        str(tmp_path / "detector.onnx"), providers=["CPUExecutionProvider"]
    )
    network.eval()
    wide = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        expected = network(wide)
    for ours, theirs in zip(session.run(None, {"picture": wide.numpy()}), expected, strict=True):
        assert np.allclose(ours, theirs.numpy(), atol=0.05)
