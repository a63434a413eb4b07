import numpy as np
import pytest
import torch

from opensonic.engines.diffusion.audio_tokens import AudioTokenNetwork
from opensonic.engines.diffusion.buckets import BucketNetwork
from opensonic.engines.diffusion.dimensions import (
    AudioTokenSizes,
    BucketSizes,
    WhisperSizes,
    tiny,
)
from opensonic.engines.diffusion.hearing import frame_windows, hear_clip
from opensonic.engines.diffusion.whisper import (
    build_encoder,
    cut_blocks,
    encode_sound,
    log_mel,
)
from opensonic.errors import InputError

CLOSE = 1e-5


def _token_sizes(config):
    return AudioTokenSizes(
        window=config["seq_len"],
        layers=config["blocks"],
        channels=config["channels"],
        hidden=config["intermediate_dim"],
        tokens=config["context_tokens"],
        dim=config["output_dim"],
    )


def _bucket_sizes(config):
    return BucketSizes(
        window=config["seq_len"],
        channels=config["channels"],
        clip_channels=config["clip_channels"],
        hidden=config["intermediate_dim"],
        buckets=config["context_tokens"],
    )


def _part(tensors, prefix):
    return {key[len(prefix) :]: each for key, each in tensors.items() if key.startswith(prefix)}


@torch.no_grad()
def test_golden_audio_tokens(golden, error):
    for name in golden.names("a_audio2token*"):
        case = golden.tensors(name)
        network = AudioTokenNetwork(_token_sizes(golden.facts(name)["config"]))
        network.load_state_dict(_part(case, "sd."))
        assert error(network(case["in.audio"]), case["out.tokens"]) < CLOSE
        silence = network.expand(network.condense_silence())
        assert error(silence, case["out.zero_tokens"][0, 0]) < CLOSE


@torch.no_grad()
def test_golden_buckets(golden, error):
    for name in golden.names("a_audio2bucket*"):
        case = golden.tensors(name)
        network = BucketNetwork(_bucket_sizes(golden.facts(name)["config"]))
        network.load_state_dict(_part(case, "sd."))
        for end in ("", "_b3"):
            windows = case[f"in.audio{end}"][:, 0, :, 0]
            raw = network(windows, case[f"in.clip{end}"])
            assert error(raw, case[f"out.bucket{end}"].flatten(1)) < CLOSE


@pytest.fixture(scope="module")
def golden_ears(golden):
    facts, tensors = golden.facts("d_audio"), golden.tensors("d_audio_models")
    config = facts["whisper_config"]
    sizes = {key: config[key] for key in config if key in WhisperSizes.__dataclass_fields__}
    encoder = build_encoder(WhisperSizes(**sizes))
    encoder.load_state_dict(_part(tensors, "whisper_encoder."))
    tokens = AudioTokenNetwork(_token_sizes(facts["audio2token"])).eval()
    tokens.load_state_dict(_part(tensors, "audio2token."))
    buckets = BucketNetwork(_bucket_sizes(facts["audio2bucket"])).eval()
    buckets.load_state_dict(_part(tensors, "audio2bucket."))
    return encoder, tokens, buckets


@pytest.fixture(scope="module")
def golden_recordings(golden):
    """Facts, tensors and sound of each recording that is there."""
    soundfile = pytest.importorskip("soundfile")
    found = []
    for facts in golden.facts("d_audio")["cases"]:
        path = golden.folder / facts["wav"]
        if not path.is_file():
            continue
        case = golden.tensors(f"d_audio_{facts['name']}")
        if "resampled_16k" in case:
            sound = case["resampled_16k"].numpy()
        else:
            sound, _ = soundfile.read(path, dtype="float32")
        found.append((facts, case, sound))
    return found


@torch.no_grad()
def test_golden_mel_and_hidden_states(golden_recordings, golden_ears, error):
    encoder, _, _ = golden_ears
    for facts, case, sound in golden_recordings:
        mel = torch.cat([log_mel(block) for block in cut_blocks([sound])], dim=2)
        assert list(mel.shape) == facts["mel_shape"]
        if "mel" in case:
            assert (mel - case["mel"]).abs().max() < 1e-4
        else:
            assert (mel[..., ::8] - case["mel_every8"]).abs().max() < 1e-4
        rows = torch.cat(list(encode_sound([sound], encoder, whole_frames=True)))
        near = torch.nn.functional.pad(rows, (0, 0, 0, 0, 4, 6))[None]
        for key in [key for key in case if key.startswith("audio_prompts")]:
            part = near
            if "rows" in key:
                first, last = map(int, key.split("rows")[1].split("_"))
                part = near[:, first:last]
            assert error(part, case[key]) < CLOSE, key
        around = torch.nn.functional.pad(rows[:, -1:], (0, 0, 0, 0, 24, 26))[None]
        assert error(around, case["last_audio_prompts"]) < CLOSE


@torch.no_grad()
def test_golden_windows_tokens_and_buckets(golden_recordings, golden_ears, error):
    encoder, tokens, buckets = golden_ears
    for facts, case, sound in golden_recordings:
        cut = list(frame_windows([sound[:7000], sound[7000:]], encoder, compat=True))
        near, around = (torch.cat(each) for each in zip(*cut, strict=True))
        assert len(near) == facts["n_frames_12_5fps"]
        chosen = case["frames_idx_in"]
        assert error(near[chosen], case["token_in"][:, 0]) < CLOSE
        assert error(around[chosen], case["bucket_in"][:, 0, :, 0]) < CLOSE
        heard = hear_clip([sound], encoder, tokens, buckets, case["in.clip_embeds"], compat=True)
        frames = tuple(case["frames_idx_out"].tolist())
        assert error(heard.tokens.of_frames(frames), case["cond_tokens"]) < CLOSE
        assert error(heard.tokens.of_silence()[0], case["uncond_tokens"]) < CLOSE
        assert error(heard.buckets, case["motion_buckets"].flatten(1)) < CLOSE


@pytest.fixture(scope="module")
def ears():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        sizes = tiny()
        return (
            build_encoder(sizes.whisper),
            AudioTokenNetwork(sizes.audio_tokens),
            BucketNetwork(sizes.buckets),
        )


def _noise(n_samples):
    return np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)


def _hear(ears, sound, compat=False):
    return hear_clip(sound, *ears, torch.zeros(1, 32), compat=compat)


def test_short_clips_as_published(golden, ears):
    for facts in golden.facts("d_audio")["short_audio"]:
        sound = [_noise(16 * facts["ms"])]
        if facts["result"].startswith("ok") and not facts["result"].endswith(" 0 frames"):
            n_frames = int(facts["result"].split()[1])
            assert _hear(ears, sound, compat=True).tokens.n_frames == n_frames
        else:
            with pytest.raises(InputError, match=r"at least 0\.44 s"):
                _hear(ears, sound, compat=True)


@pytest.mark.parametrize("n_samples", [1, 160, 1279, 1280, 1281, 7040, 7680, 480_000, 480_001])
def test_every_sample_is_covered(ears, n_samples):
    heard = _hear(ears, [_noise(n_samples)])
    assert heard.tokens.n_frames == len(heard.buckets) == -(-n_samples // 1280)
    assert heard.buckets.isfinite().all()


def test_silence_is_heard_and_nothing_is_refused(ears):
    assert _hear(ears, [np.zeros(16_000, np.float32)]).buckets.isfinite().all()
    with pytest.raises(InputError, match=r"0\.000 s of sound"):
        _hear(ears, [])


def test_the_pieces_of_the_stream_do_not_matter(ears):
    sound = _noise(3 * 480_000 + 4321)
    whole = _hear(ears, [sound])
    pieces = _hear(ears, np.split(sound, range(100_000, len(sound), 100_000)))
    assert torch.equal(whole.buckets, pieces.buckets)
    frames = tuple(range(360, 390))
    assert torch.equal(whole.tokens.of_frames(frames), pieces.tokens.of_frames(frames))


def test_default_and_compat_agree_inside(ears):
    sound = [_noise(64_000)]
    ours, published = _hear(ears, sound), _hear(ears, sound, compat=True)
    assert torch.equal(ours.buckets, published.buckets)
    assert ours.tokens.n_frames == 50


def test_compat_hears_400_seconds_and_then_listens_no_more():
    sizes = WhisperSizes(
        d_model=8, encoder_layers=1, encoder_attention_heads=1, encoder_ffn_dim=8, num_mel_bins=8
    )
    taken = []

    def sound():
        for second in range(480):
            taken.append(second)
            yield _noise(16_000)

    cut = list(frame_windows(sound(), build_encoder(sizes), compat=True))
    assert sum(len(near) for near, _ in cut) == 5000
    assert len(taken) == 420  # whole blocks of 30 s
    last = cut[-1][1][-1]
    assert last[27].any()
    assert not last[28:].any()


def test_blocks_of_thirty_seconds():
    blocks = list(cut_blocks([_noise(500_000), _noise(700_000), _noise(0)]))
    assert [len(block) for block in blocks] == [480_000, 480_000, 240_000]
    assert not list(cut_blocks([]))
