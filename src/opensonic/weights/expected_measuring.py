"""Which tensors the networks hold that measure videos: SyncNet, AlexNet, LPIPS, Inception v3.

SyncNet's widths are those of the published file (54.6 MB). All of its convolutions and linear
layers but the last have a bias and a normalisation.
"""

from __future__ import annotations

from collections.abc import Iterator

from opensonic.weights.expected import Shapes, dense, norm

SYNCNET_SOUND = ((64, 3, 3), (192, 3, 3), (384, 3, 3), (256, 3, 3), (256, 3, 3), (512, 5, 4))
"""Channels and kernel of SyncNet's convolutions over the sound."""
SYNCNET_LIPS = (
    (96, 5, 7, 7),
    (256, 1, 5, 5),
    (256, 1, 3, 3),
    (256, 1, 3, 3),
    (256, 1, 3, 3),
    (512, 1, 6, 6),
)
"""Channels and kernel of SyncNet's convolutions over the pictures."""
SYNCNET_PLACES = (0, 4, 8, 11, 14, 18)
"""Numbers of these convolutions among their layers; each has its normalisation after it."""
SYNCNET_EMBEDDING = 1024

ALEXNET = ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3))
"""Number among the layers, channels out and in, and kernel of AlexNet's convolutions."""

Convolution = tuple[str, int, int, int, int]
"""Name, channels out, channels in, height and width of the kernel."""


def batch_norm(name: str, channels: int) -> Shapes:
    """Give the tensors of a batch normalisation; its counter of batches is no need."""
    means = {f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,)}
    return norm(name, channels) | means


def syncnet() -> Shapes:
    """Give the tensors of SyncNet as its published file names them."""
    shapes: Shapes = {}
    sides: tuple[tuple[str, str, int, tuple[tuple[int, ...], ...]], ...] = (
        ("netcnnaud", "netfcaud", 1, SYNCNET_SOUND),
        ("netcnnlip", "netfclip", 3, SYNCNET_LIPS),
    )
    for convolutions, linear, into, layers in sides:
        for place, (out, *kernel) in zip(SYNCNET_PLACES, layers, strict=True):
            shapes |= dense(f"{convolutions}.{place}", out, into, *kernel)
            shapes |= batch_norm(f"{convolutions}.{place + 1}", out)
            into = out
        shapes |= dense(f"{linear}.0", into, into) | batch_norm(f"{linear}.1", into)
        shapes |= dense(f"{linear}.3", SYNCNET_EMBEDDING, into)
    return shapes


def alexnet() -> Shapes:
    """Give the tensors of AlexNet's convolutions, named as torchvision does."""
    shapes: Shapes = {}
    for place, out, into, kernel in ALEXNET:
        shapes |= dense(f"features.{place}", out, into, kernel, kernel)
    return shapes


def lpips() -> Shapes:
    """Give the tensors of LPIPS 0.1: how much each channel of AlexNet counts."""
    return {f"lin{i}.model.1.weight": (1, row[1], 1, 1) for i, row in enumerate(ALEXNET)}


def inception() -> Shapes:
    """Give the tensors of Inception v3 as FID uses it, named as torchvision does."""
    shapes: Shapes = {}
    for name, out, into, high, wide in inception_convolutions():
        shapes |= dense(f"{name}.conv", out, into, high, wide, bias=False)
        shapes |= batch_norm(f"{name}.bn", out)
    return shapes


def inception_convolutions() -> Iterator[Convolution]:
    """Give the convolutions of Inception v3 (Szegedy et al., arXiv 1512.00567, table 1)."""
    yield from _row("", ("Conv2d_1a_3x3", 32, 3, 3, 3), ("Conv2d_2a_3x3", 32, 32, 3, 3))
    yield from _row("", ("Conv2d_2b_3x3", 64, 32, 3, 3), ("Conv2d_3b_1x1", 80, 64, 1, 1))
    yield "Conv2d_4a_3x3", 192, 80, 3, 3
    for block, into, pooled in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        yield from _inception_a(f"Mixed_{block}.", into, pooled)
    yield "Mixed_6a.branch3x3", 384, 288, 3, 3
    yield from _double("Mixed_6a.", 288)
    for block, inner in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        yield from _inception_c(f"Mixed_{block}.", 768, inner)
    yield from _row(
        "Mixed_7a.",
        ("branch3x3_1", 192, 768, 1, 1),
        ("branch3x3_2", 320, 192, 3, 3),
        ("branch7x7x3_1", 192, 768, 1, 1),
        ("branch7x7x3_2", 192, 192, 1, 7),
        ("branch7x7x3_3", 192, 192, 7, 1),
        ("branch7x7x3_4", 192, 192, 3, 3),
    )
    for block, into in (("7b", 1280), ("7c", 2048)):
        yield from _inception_e(f"Mixed_{block}.", into)


def _row(prefix: str, *convolutions: Convolution) -> Iterator[Convolution]:
    for name, out, into, high, wide in convolutions:
        yield f"{prefix}{name}", out, into, high, wide


def _double(prefix: str, into: int) -> Iterator[Convolution]:
    return _row(
        prefix,
        ("branch3x3dbl_1", 64, into, 1, 1),
        ("branch3x3dbl_2", 96, 64, 3, 3),
        ("branch3x3dbl_3", 96, 96, 3, 3),
    )


def _inception_a(prefix: str, into: int, pooled: int) -> Iterator[Convolution]:
    yield from _row(
        prefix,
        ("branch1x1", 64, into, 1, 1),
        ("branch5x5_1", 48, into, 1, 1),
        ("branch5x5_2", 64, 48, 5, 5),
        ("branch_pool", pooled, into, 1, 1),
    )
    yield from _double(prefix, into)


def _inception_c(prefix: str, into: int, inner: int) -> Iterator[Convolution]:
    return _row(
        prefix,
        ("branch1x1", 192, into, 1, 1),
        ("branch7x7_1", inner, into, 1, 1),
        ("branch7x7_2", inner, inner, 1, 7),
        ("branch7x7_3", 192, inner, 7, 1),
        ("branch7x7dbl_1", inner, into, 1, 1),
        ("branch7x7dbl_2", inner, inner, 7, 1),
        ("branch7x7dbl_3", inner, inner, 1, 7),
        ("branch7x7dbl_4", inner, inner, 7, 1),
        ("branch7x7dbl_5", 192, inner, 1, 7),
        ("branch_pool", 192, into, 1, 1),
    )


def _inception_e(prefix: str, into: int) -> Iterator[Convolution]:
    return _row(
        prefix,
        ("branch1x1", 320, into, 1, 1),
        ("branch3x3_1", 384, into, 1, 1),
        ("branch3x3_2a", 384, 384, 1, 3),
        ("branch3x3_2b", 384, 384, 3, 1),
        ("branch3x3dbl_1", 448, into, 1, 1),
        ("branch3x3dbl_2", 384, 448, 3, 3),
        ("branch3x3dbl_3a", 384, 384, 1, 3),
        ("branch3x3dbl_3b", 384, 384, 3, 1),
        ("branch_pool", 192, into, 1, 1),
    )
