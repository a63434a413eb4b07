import copy

import pytest
import torch

from opensonic.engines.diffusion.decode import (
    LATENT_SCALE,
    Runs,
    decode_clip,
    decode_frames,
    encode_picture,
    to_bytes,
    to_unit,
)
from opensonic.errors import InputError

CLOSE = 1e-5


def test_golden_autoencoder(golden, golden_vae, error):
    case = golden.tensors("c_inputs")
    mean = encode_picture(golden_vae, case["in.ref_img"])
    assert error(mean, case["vae.ref_latent_mean"]) < CLOSE
    for n in (1, 5):
        frames = decode_frames(golden_vae, case["vae.in_z"][:n] * LATENT_SCALE)
        assert error(frames, case[f"vae.decode{n}"]) < CLOSE


@pytest.fixture(scope="module")
def smooth_clip(golden_vae):
    """Latents that change evenly, and what they give when decoded all at once."""
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(4, 4, 8, 8, generator=generator)
    times = torch.linspace(0, 2.999, 40)
    weights = (1 - torch.cos(torch.pi * (times % 1))) / 2
    latents = torch.stack(
        [torch.lerp(keys[int(t)], keys[int(t) + 1], w) for t, w in zip(times, weights, strict=True)]
    )
    latents = 0.3 * latents * LATENT_SCALE
    return latents, to_unit(decode_frames(golden_vae, latents))


def _worst_jump(frames, whole):
    """Largest change between neighbours that is not in `whole`, over the mean change there."""
    change, true = frames.diff(dim=0), whole.diff(dim=0)
    excess = (change - true).abs().mean((1, 2, 3))
    return (excess.max() / true.abs().mean()).item()


def test_runs_fade_into_each_other(golden_vae, smooth_clip):
    latents, whole = smooth_clip
    published = torch.cat(list(decode_clip(golden_vae, latents, compat=True)))
    ours = torch.cat(list(decode_clip(golden_vae, latents)))
    assert len(published) == len(ours) == 40
    assert _worst_jump(ours, whole) < _worst_jump(published, whole) / 4


@pytest.mark.parametrize("n_frames", [1, 3, 14, 15, 22, 23, 40])
@pytest.mark.parametrize("compat", [False, True])
def test_every_frame_comes_once_and_in_pieces(golden_vae, smooth_clip, n_frames, compat):
    latents, _ = smooth_clip
    pieces = list(decode_clip(golden_vae, latents[:n_frames], compat=compat))
    assert sum(len(piece) for piece in pieces) == n_frames
    assert max(len(piece) for piece in pieces) <= (8 if compat else 14)
    assert all(piece.min() >= 0 and piece.max() <= 1 for piece in pieces)


def test_a_clip_that_fits_is_decoded_at_once(golden_vae, smooth_clip):
    latents, _ = smooth_clip
    (frames,) = decode_clip(golden_vae, latents[:9])
    assert torch.equal(frames, to_unit(decode_frames(golden_vae, latents[:9])))


def test_runs_must_advance():
    with pytest.raises(InputError, match="at most 5"):
        Runs(frames=6, overlap=6)


def test_bytes_are_rounded_by_default_and_cut_off_in_compat():
    frames = torch.tensor([0.0, 0.5, 0.999, 1.0]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    assert to_bytes(frames)[0, 0, :, 0].tolist() == [0, 128, 255, 255]
    assert to_bytes(frames, compat=True)[0, 0, :, 0].tolist() == [0, 127, 254, 255]


class _ShortOfMemory:
    """Lets the n-th decoding fail, as a full device does."""

    def __init__(self, vae, monkeypatch, failing):
        self.calls, self._decode, self._failing = [], vae.decode, failing
        monkeypatch.setattr(vae, "decode", self)

    def __call__(self, latents, **kwargs):
        self.calls.append(tuple(latents.shape))
        if len(self.calls) in self._failing:
            if len(self.calls) % 2:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            raise torch.OutOfMemoryError("no memory left")
        return self._decode(latents, **kwargs)


@pytest.mark.parametrize("failing", [{1}, {2}, {3}, {2, 3}, {1, 2, 3, 4}])
def test_out_of_memory_while_decoding_costs_only_the_run_in_hand(
    golden_vae, smooth_clip, monkeypatch, failing
):
    latents, whole = smooth_clip
    short = _ShortOfMemory(golden_vae, monkeypatch, failing)
    smaller = iter([Runs(frames=n, overlap=n // 2) for n in (10, 7, 5, 4)])
    pieces = list(decode_clip(golden_vae, latents, retreat=lambda error: next(smaller)))
    frames = torch.cat(pieces)
    assert len(frames) == 40
    off_by_two = (whole[2:] - whole[:-2]).abs().mean()
    assert (frames - whole).abs().mean() < off_by_two
    decoded = sum(shape[0] for shape in short.calls)
    assert decoded < 4 * 40  # nothing starts anew


def test_out_of_memory_without_a_retreat_is_told(golden_vae, smooth_clip, monkeypatch):
    _ShortOfMemory(golden_vae, monkeypatch, {2})
    stream = decode_clip(golden_vae, smooth_clip[0])
    assert len(next(stream)) == 8
    with pytest.raises(torch.OutOfMemoryError):
        next(stream)


def test_a_decoder_that_overflows_is_told_and_draws_nothing(golden_vae, smooth_clip):
    latents, _ = smooth_clip
    half = copy.deepcopy(golden_vae).half()
    half.decoder.conv_in.weight *= 6e4
    with pytest.raises(InputError, match=r"picture decoder gave .* no numbers.*--dtype bf16"):
        next(decode_clip(half, latents[:3].half()))
    broken = copy.deepcopy(golden_vae)
    broken.decoder.conv_in.bias[0] = torch.nan
    with pytest.raises(InputError, match=r"finite ones; the weights are damaged"):
        decode_frames(broken, latents[:1])


def test_tiles_fade_into_each_other(golden_vae, smooth_clip):
    latents, _ = smooth_clip
    whole = decode_frames(golden_vae, latents[:2])
    tiled = decode_frames(golden_vae, latents[:2], tile=6)
    assert tiled.shape == whole.shape
    assert (tiled - whole).abs().mean() < 0.5 * whole.std()
    seam = (tiled - whole).diff(dim=3).abs().mean((0, 1, 2))
    assert seam.max() < 3 * whole.diff(dim=3).abs().mean()
    assert torch.equal(decode_frames(golden_vae, latents[:2], tile=8), whole)
