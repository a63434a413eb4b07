import numpy as np
import pytest
import torch
from PIL import Image

from opensonic.engines.diffusion.picture import (
    face_mask,
    fit_size,
    prepare_picture,
)
from opensonic.engines.diffusion.yoloface import YoloFaces, choose_face, find_faces
from opensonic.face.crop import square_crop


def test_golden_pictures(golden):
    for name in golden.names("d_image_preprocess*"):
        tensors = golden.tensors(name)
        for facts in golden.facts(name)["cases"]:
            case = facts["name"]
            if f"{case}.rgb" in tensors:
                rgb = tensors[f"{case}.rgb"].numpy()
            else:
                small = Image.fromarray(tensors[f"{case}.small_rgb"].numpy())
                large = small.resize(tuple(facts["image_wh"]), Image.Resampling.BILINEAR)
                rgb = np.array(large)
            x, y, width, height = facts["bbox_xywh"]
            box = (x, y, x + width, y + height)
            got = prepare_picture(rgb, box, facts["image_size"], growth=facts["area"])
            assert list(got.reference.shape[:1:-1]) == facts["out_wh"]
            levels = (got.reference[0] + 1) * 127.5
            assert torch.equal(levels.round(), tensors[f"{case}.ref_img_u8"].float())
            mask = (got.mask[0, 0] * 255).round()
            assert torch.equal(mask, tensors[f"{case}.face_mask_u8"].float()), case
            assert got.clip.mean().item() == pytest.approx(facts["clip_mean"], abs=1e-5)
            assert got.clip.std().item() == pytest.approx(facts["clip_std"], abs=1e-5)
            recorded = {
                "clip_images": got.clip[0],
                "clip_images_every8": got.clip[0, :, ::8, ::8],
                "ref_img_every4": got.reference[0, :, ::4, ::4],
            }
            for key, value in recorded.items():
                if f"{case}.{key}" in tensors:
                    assert torch.allclose(value, tensors[f"{case}.{key}"], atol=1e-6)


def test_golden_crops(golden):
    for facts in golden.facts("d_process_bbox")["cases"]:
        size = (facts["width"], facts["height"])
        crop = square_crop(facts["bbox_xyxy"], facts["expand_radio"], *size)
        assert list(crop) == facts["crop"], facts


def test_sizes_are_multiples_of_64_and_ties_go_to_the_even_one():
    assert fit_size(160, 64, 64) == (128, 64)
    assert fit_size(224, 64, 64) == (256, 64)
    assert fit_size(768, 1024, 512) == (512, 704)
    assert fit_size(20, 10, 10) == (64, 64)


def test_a_mask_beyond_the_picture_is_cut():
    assert face_mask((-50, -50, 20, 20), 100, 80).sum() > 0
    assert face_mask((200, 200, 300, 300), 100, 80).sum() == 0
    assert face_mask((-300, -300, -200, -200), 100, 80).sum() == 0


def test_golden_published_detector(golden):
    for name in golden.names("f_yoloface_io*"):
        tensors = golden.tensors(name)
        for facts in golden.facts(name)["cases"]:
            case = facts["name"]
            rgb = np.ascontiguousarray(tensors[f"{case}.bgr"].numpy()[..., ::-1])
            seen = []

            def network(values, grids, pred=tensors[f"{case}.pred"], seen=seen):
                seen.append((values, grids))
                return pred

            faces = find_faces(network, rgb)
            ((values, grids),) = seen
            assert list(values.shape) == facts["net_in_shape"]
            every8 = values[:, :, ::8, ::8]
            assert (every8 - tensors[f"{case}.net_in_every8"]).abs().max() <= 1 / 255
            assert [list(grid.shape) for grid in grids] == facts["grid_shapes"]
            first = [grids[0][0, 0, 0, :3].tolist(), grids[0][0, 0, :3, 0].tolist()]
            assert first == facts["grid0_first"]
            for key, value in (
                ("bboxes", faces.boxes),
                ("kps", faces.keypoints),
                ("scores", faces.scores),
            ):
                np.testing.assert_allclose(value, tensors[f"{case}.{key}"].numpy(), atol=1e-3)
            chosen = choose_face(faces, compat=True)
            boxes = [] if chosen is None else [faces.boxes[chosen]]
            np.testing.assert_allclose(boxes, facts["maxface_bboxes"], atol=1e-3)


def test_the_largest_face_is_really_the_largest():
    sides = np.array([[0, 0, 10, 10], [0, 0, 40, 40], [0, 0, 20, 20]], float)
    faces = YoloFaces(sides, np.zeros((3, 5, 2)), np.array([0.9, 0.8, 0.7]))
    assert choose_face(faces) == 1
    assert choose_face(faces, compat=True) == 2
