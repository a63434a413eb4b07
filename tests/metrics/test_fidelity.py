"""PSNR and SSIM against the implementations that everybody uses."""

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from opensonic.metrics.fidelity import MOST_PSNR, compare_pictures


@pytest.fixture
def pair(example_image):
    rng = np.random.default_rng(0)
    noisy = np.clip(example_image + rng.normal(0, 12, example_image.shape), 0, 255)
    return cv2.GaussianBlur(noisy.astype(np.uint8), (0, 0), 1.2), example_image


def test_as_in_scikit_image(pair):
    found = compare_pictures(*pair)
    assert found.psnr == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0]), abs=1e-3)
    ssim = structural_similarity(
        *pair, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert found.ssim == pytest.approx(ssim, abs=0.005)  # which leaves the edges out


def test_as_in_torchmetrics(pair):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    functional = pytest.importorskip(
        "torchmetrics.functional.image", reason="torchmetrics is not installed"
    )
    a, b = (torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float32)) for x in pair)
    found = compare_pictures(*pair)
    psnr = functional.peak_signal_noise_ratio(a, b, data_range=255.0)
    ssim = functional.structural_similarity_index_measure(a, b, data_range=255.0)
    assert found.psnr == pytest.approx(float(psnr), abs=1e-3)
    assert found.ssim == pytest.approx(float(ssim), abs=1e-4)


def test_equal_pictures(example_image):
    found = compare_pictures(example_image, example_image)
    assert found.psnr == MOST_PSNR
    assert found.ssim == pytest.approx(1)


def test_a_reference_of_another_size_is_brought_to_the_pictures(example_image):
    small = cv2.resize(example_image, (128, 128), interpolation=cv2.INTER_AREA)
    assert compare_pictures(small, example_image).psnr == MOST_PSNR
    assert compare_pictures(example_image, small).psnr > 24
    assert np.isnan(compare_pictures(small[:8], example_image).ssim)
