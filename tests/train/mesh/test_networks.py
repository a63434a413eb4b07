import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs opensonic[train]")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx", reason="export needs opensonic[train]")

from opensonic.face.crop import crop_matrix, map_points  # noqa: E402
from opensonic.face.topology import CANONICAL, FLIP  # noqa: E402
from opensonic.train.mesh.augment import repaint_border, spoil_picture  # noqa: E402
from opensonic.train.mesh.export import export_network  # noqa: E402
from opensonic.train.mesh.faces import FaceRows  # noqa: E402
from opensonic.train.mesh.fit import learning_rate, make_sample, point_loss  # noqa: E402
from opensonic.train.mesh.network import NetworkShape, PointNetwork  # noqa: E402
from opensonic.train.mesh.tasks import TASKS  # noqa: E402

TINY = NetworkShape(size=32, stem=8, stages=((8, 1), (16, 1)), squeeze=8, basis=6, points=11)


@pytest.fixture
def faces():
    """One made-up face: the canonical one, turned and with a dot on every tenth point."""
    rng = np.random.default_rng(1)
    points = np.zeros((478, 3), np.float32)
    points[:468] = CANONICAL * [7, -7, -7] + [128, 120, 0]
    points[468:473], points[473:] = points[159], points[386]
    image = np.zeros((256, 256, 3), np.uint8)
    image[:] = rng.integers(0, 90, (256, 256, 1), np.uint8)
    for x, y in points[::10, :2]:
        image[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    return FaceRows(
        images=image[None],
        landmarks=points[None],
        valid=np.array([[0, 40, 256, 250]], np.float32),
        sources=np.array(["made"]),
        mouth_open=np.zeros(1, np.float32),
        eye_open=np.full((1, 2), 0.3, np.float32),
        yaw=np.zeros(1, np.float32),
    )


@pytest.mark.parametrize("name", TASKS)
def test_a_sample_carries_its_points_along(faces, name):
    rng = np.random.default_rng(0)
    task = TASKS[name]
    for _ in range(6):
        crop, points, side = make_sample(rng, faces, 0, task, spoil=False)
        assert crop.shape == (task.shape.size, task.shape.size, 3)
        assert points.shape == (task.shape.points, 3)
        assert 0.4 < side < 6
        assert np.abs(points[:, :2].mean(axis=0)).max() < 0.35
        dotted = points[np.isin(task.points, np.arange(0, 468, 10))]
        if name != "fine" or len(dotted) == 0:
            continue
        place = (dotted[:, :2] + 0.5) * task.shape.size
        inside = ((place > 2) & (place < task.shape.size - 2)).all(axis=1)
        light = crop[place[inside, 1].astype(int), place[inside, 0].astype(int), 0]
        mirrored = np.isin(FLIP[task.points], np.arange(0, 468, 10))
        place = (points[mirrored][:, :2] + 0.5) * task.shape.size
        inside = ((place > 2) & (place < task.shape.size - 2)).all(axis=1)
        other = crop[place[inside, 1].astype(int), place[inside, 0].astype(int), 0]
        assert max(np.median(light), np.median(other)) > 150


def test_spoiling_keeps_shape_and_type():
    rng = np.random.default_rng(3)
    crop = rng.integers(0, 256, (64, 64, 3), np.uint8)
    spoilt = [spoil_picture(rng, crop) for _ in range(40)]

    assert all(s.shape == crop.shape and s.dtype == np.uint8 for s in spoilt)
    assert sum(not np.array_equal(s, crop) for s in spoilt) >= 39


def test_repainting_leaves_the_real_pixels_alone(faces):
    rng = np.random.default_rng(0)
    for _ in range(8):
        painted = repaint_border(rng, faces.images[0], faces.valid[0])
        assert np.array_equal(painted[40:250], faces.images[0, 40:250])
        assert not np.array_equal(painted[:40], faces.images[0, :40])


def test_loss_is_the_distance_in_eye_distances():
    true = torch.zeros(2, 3, 3)
    found = true + torch.tensor([0.03, 0.04, 0.0])
    loss = point_loss(found, true, torch.tensor([1.0, 3.0]), torch.ones(3))

    assert float(loss) == pytest.approx(0.1, abs=2e-3)


def test_learning_rate_rises_then_falls_to_nothing():
    rates = [learning_rate(share) for share in np.linspace(0, 1, 101)]
    peak = int(np.argmax(rates))

    assert 1 <= peak <= 5
    assert rates[0] < 0.1 * rates[peak]
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 1e-2 * rates[peak]


def test_network_starts_at_the_mean_shape_and_can_reach_every_shape():
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 33))
    shapes = shapes.reshape(50, 11, 3).astype(np.float32) + 1
    network = PointNetwork(TINY).eval()
    network.start_from_shapes(shapes)

    with torch.inference_mode():
        first = network(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
    assert np.abs(first.numpy()[0] - shapes.mean(axis=0)).max() < 1.5
    basis = network.points.weight.detach().numpy()[:, :2]
    rest = (shapes - shapes.mean(axis=0)).reshape(50, -1)
    solved = np.linalg.lstsq(basis, rest.T, rcond=None)[0]
    assert np.abs(basis @ solved - rest.T).max() < 1e-3


def test_exported_network_answers_as_before(tmp_path):
    torch.manual_seed(0)
    network = PointNetwork(TINY)
    network.train()
    network(torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8))
    path = tmp_path / "tiny.onnx"

    assert export_network(network, path) < 2e-3

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    crops = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    found = session.run(None, {"crop": crops})[0]
    with torch.inference_mode():
        assert np.abs(found - network.eval()(torch.from_numpy(crops)).numpy()).max() < 2e-3


def test_mirrored_crop_matches_mirrored_points():
    matrix = crop_matrix((10.0, 10.0), 20.0, 0, 20, mirror=True)

    assert np.allclose(map_points(np.array([2.0, 5.0]), matrix), [18, 5])
