"""Every recording that FFmpeg decodes is read, exactly to its last sample; the rest is refused.

Long, since every check shares the same writers of small recordings at the top.
"""

import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from opensonic.errors import InputError
from opensonic.media.audio import cut_speech, read_speech


def tone(seconds, rate, n_channels=1, level=0.5):
    """(N, C) float32 with a tone of its own in each channel."""
    time = np.arange(round(seconds * rate)) / rate
    pitches = 200 + 50 * np.arange(n_channels)
    return (level * np.sin(2 * np.pi * time[:, None] * pitches)).astype(np.float32)


def write_wave(path, samples, rate, width=2):
    """Write PCM of 8 to 32 bits with the standard library."""
    if width == 1:
        data = np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        full = np.rint(samples.astype(np.float64) * (2 ** (8 * width - 1) - 1)).astype("<i4")
        octets = full[..., None].view(np.uint8).reshape(*samples.shape, 4)
        data = octets[..., :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def encode(path, samples, rate, codec, layout=None, with_video=False):
    """Write a file with PyAV; `codec` None leaves the sound out."""
    with av.open(str(path), "w") as container:
        if codec is not None:
            layout = layout or ("mono", "stereo")[samples.shape[1] - 1]
            stream = container.add_stream(codec, rate=rate, layout=layout)
        if with_video:
            video = container.add_stream("libx264", rate=25)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
            for index in range(10):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                frame.pts = index
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if codec is not None:
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "flt", layout)
            frame.sample_rate = rate
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def whole(blocks):
    return np.concatenate(list(blocks), axis=-1)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("n_channels", [1, 2, 6, 8])
def test_wave_files_come_back_as_they_were_written(tmp_path, width, n_channels):
    samples = tone(0.2, 22050, n_channels)
    speech = read_speech(write_wave(tmp_path / "a.wav", samples, 22050, width))
    assert (speech.sample_rate, speech.n_samples, speech.name) == (22050, 4410, "a.wav")
    step = 2.0 ** (1 - 8 * width)
    assert np.abs(whole(speech.sound()) - samples.T).max() <= max(1.5 * step, 1e-6)
    assert speech.peak == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [
        ("mp3", "libmp3lame", 44100),
        ("flac", "flac", 44100),
        ("m4a", "aac", 44100),
        ("ogg", "libopus", 48000),
        ("opus", "libopus", 48000),
        ("wav", "pcm_f32le", 44100),
        ("wav", "pcm_f64le", 8000),
        ("mp4", "aac", 48000),
        ("mkv", "libopus", 48000),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2])
def test_formats_keep_length_and_place(tmp_path, suffix, codec, rate, n_channels):
    samples = np.zeros((rate, n_channels), np.float32)
    click = rate // 2
    samples[click : click + rate // 100] = tone(0.01, rate) * 1.6
    path = encode(tmp_path / f"a.{suffix}", samples, rate, codec, with_video=suffix == "mp4")
    speech = read_speech(path)
    sound = whole(speech.sound())
    assert sound.shape == (n_channels, speech.n_samples)
    # Containers round up to whole blocks at the end; the beginning must sit exactly.
    assert 0 <= speech.n_samples - rate <= 2048
    start = int(np.argmax(np.abs(sound[0]) > 0.2))
    assert abs(start - click) <= 0.004 * rate


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("wanted", [16000, 22050])
def test_mono_blocks_have_the_exact_length_and_do_not_shift(rate, wanted):
    seconds = 1.2345
    time = np.arange(round(seconds * rate)) / rate
    samples = (0.5 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)
    speech = read_speech((samples, rate))
    found = whole(speech.blocks(wanted))
    assert found.dtype == np.float32
    assert len(found) == round(speech.duration * wanted)
    expected = 0.5 * np.sin(2 * np.pi * 300 * np.arange(len(found)) / wanted)
    error = np.abs(found - expected)
    assert error[100:-100].max() < 0.02
    assert error[-12:-2].max() < 0.05, "the tail is missing"


def test_eight_channels_of_planar_sound(tmp_path):
    samples = tone(1, 48000, 8)
    speech = read_speech(encode(tmp_path / "a.m4a", samples, 48000, "aac", layout="7.1"))
    assert speech.layout == "7.1"
    sound = whole(speech.sound())[:, 10000:30000]
    kept = [0, 1, 2, 4, 5, 6, 7]  # AAC keeps only the depths of the low-frequency channel
    assert np.abs(sound - samples.T[:, 10000:30000])[kept].max() < 0.1


def test_passes_restart_and_may_stop_early(tmp_path):
    path = encode(tmp_path / "a.mp3", tone(3, 44100, 2), 44100, "libmp3lame")
    speech = read_speech(path)
    first = next(iter(speech.blocks(16000)))
    assert (next(iter(speech.blocks(16000))) == first).all()
    assert (whole(speech.blocks(16000)) == whole(speech.blocks(16000))).all()
    assert max(block.shape[1] for block in speech.sound()) < 44100


def test_multichannel_speech_in_the_centre_is_heard():
    samples = np.zeros((16000, 6), np.float32)
    samples[:, 2] = tone(1, 16000)[:, 0]
    assert np.abs(whole(read_speech((samples, 16000)).blocks(16000))).max() > 0.1
    low = np.zeros((16000, 6), np.float32)
    low[:, 3] = 1
    low[:, 2] = tone(1, 16000)[:, 0]
    assert whole(read_speech((low, 16000)).blocks(16000)).mean() == pytest.approx(0, abs=1e-3)


def test_channels_in_antiphase_do_not_cancel():
    mono = tone(1, 16000)
    speech = read_speech((np.concatenate([mono, -mono], axis=1), 16000))
    assert np.abs(whole(speech.blocks(16000))).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "float32", "float64"])
def test_arrays_of_every_kind(dtype):
    samples = tone(0.1, 8000)[:, 0]
    if dtype.startswith("float"):
        array = samples.astype(dtype)
    else:
        bits = 8 * np.dtype(dtype).itemsize
        array = np.rint(samples.astype(np.float64) * (2 ** (bits - 1) - 1))
        array = (array + (128 if dtype == "uint8" else 0)).astype(dtype)
    for shaped in (array, array[:, None], array[None]):
        speech = read_speech((shaped, 8000), name="mine")
        assert speech.name == "mine"
        assert np.abs(whole(speech.sound())[0] - samples).max() < 0.02


def test_arrays_of_both_orders():
    samples = tone(0.1, 8000, 2)
    assert (whole(read_speech((samples, 8000)).sound()) == samples.T).all()
    assert (whole(read_speech((samples.T, 8000)).sound()) == samples.T).all()
    assert read_speech((samples, 8000)).layout == "stereo"


def test_not_a_number_is_silence(tmp_path):
    samples = tone(0.2, 16000)
    samples[100:110] = np.nan
    samples[200] = np.inf
    path = encode(tmp_path / "a.wav", samples, 16000, "pcm_f32le")
    for speech in (read_speech(path), read_speech((samples, 16000))):
        sound = whole(speech.sound())
        assert np.isfinite(sound).all()
        assert not sound[0, 100:110].any()
        assert sound[0, 200] == 0
        assert speech.peak == pytest.approx(0.5, abs=0.01)


def test_loud_float_is_clipped_for_listening_alone():
    speech = read_speech((tone(0.1, 16000, level=3), 16000))
    assert speech.peak == pytest.approx(3, abs=0.1)
    assert np.abs(whole(speech.blocks(16000))).max() == 1
    assert np.abs(whole(speech.sound())).max() > 2.5


@pytest.mark.parametrize("n_samples", [1, 2, 800])
def test_the_shortest_sounds(tmp_path, n_samples):
    path = write_wave(tmp_path / "a.wav", np.full((n_samples, 1), 0.5), 16000)
    speech = read_speech(path)
    assert speech.n_samples == n_samples
    assert len(whole(speech.blocks(16000))) == n_samples
    assert len(whole(speech.blocks(8000))) == max(1, n_samples // 2)


def test_silence_is_no_error():
    speech = read_speech((np.zeros(1000, np.float32), 16000))
    assert speech.peak == 0
    assert not whole(speech.blocks(16000)).any()


def test_rate_and_channels_may_change_in_mid_file(tmp_path):
    parts = [
        encode(tmp_path / "a.aac", tone(1, 44100, 2), 44100, "aac"),
        encode(tmp_path / "b.aac", tone(1, 22050, 1), 22050, "aac"),
    ]
    joined = tmp_path / "joined.aac"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    speech = read_speech(joined)
    assert (speech.sample_rate, speech.layout) == (44100, "stereo")
    assert 1.9 < speech.duration < 2.2
    assert whole(speech.sound()).shape == (2, speech.n_samples)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "wav"])
def test_a_cut_off_file_gives_what_is_there(tmp_path, suffix):
    codec = {"mp3": "libmp3lame", "flac": "flac", "ogg": "libopus", "wav": "pcm_s16le"}[suffix]
    rate = 48000
    path = encode(tmp_path / f"a.{suffix}", tone(4, rate), rate, codec)
    assert read_speech(path).warnings == ()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    speech = read_speech(path)
    assert 1 < speech.duration < 3
    if suffix != "ogg":  # an OGG stream does not state its length
        assert speech.warnings[0].startswith(f"a.{suffix}: the file ")
    assert len(whole(speech.blocks(16000))) == round(speech.duration * 16000)


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "libmp3lame"), ("m4a", "aac")])
def test_damage_in_the_middle_is_noted(tmp_path, suffix, codec):
    path = encode(tmp_path / f"a.{suffix}", tone(4, 44100), 44100, codec)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = b"\xff" * 3000
    path.write_bytes(data)
    speech = read_speech(path)
    assert 3 < speech.duration <= 4.1
    assert len(whole(speech.blocks(16000))) == round(speech.duration * 16000)
    (warning,) = speech.warnings
    assert warning.startswith(f"a.{suffix}: the file is damaged")
    assert cut_speech(speech, Fraction(1)).warnings == speech.warnings


def test_cut(tmp_path):
    path = encode(tmp_path / "a.flac", tone(2, 44100, 2), 44100, "flac")
    speech = read_speech(path)
    short = cut_speech(speech, Fraction(1, 3))
    assert short.duration == Fraction(14700, 44100)
    assert (whole(short.sound()) == whole(speech.sound())[:, :14700]).all()
    assert len(whole(short.blocks(16000))) == 5333
    assert cut_speech(speech, speech.duration).n_samples == speech.n_samples
    assert cut_speech(speech, Fraction(1, 10**6)).n_samples == 1
    for wrong in (speech.duration + 1, Fraction(0), Fraction(-1)):
        with pytest.raises(InputError, match=r"a\.flac.*2\.000 s"):
            cut_speech(speech, wrong)


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        read_speech(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    assert "expected" in message or "check" in message
    return message


def test_refusals_name_the_file_and_what_was_expected(tmp_path):
    assert "no such file" in refusal(tmp_path / "missing.wav")
    assert "is a folder" in refusal(tmp_path)
    contents = {
        "empty.wav": (b"", "is empty"),
        "text.wav": (b"this is not sound\n" * 50, "is not a recording|holds no sound"),
        "noise.mp3": (np.random.default_rng(0).bytes(300), "is not a recording|no sound"),
        "header.wav": (b"RIFF\x24\x00\x00\x00WAVE", "is not a recording|no sound"),
        "list.m3u8": (b"#EXTM3U\n#EXTINF:9,\nhttp://localhost:9/a.ts\n", "is not a rec|no sound"),
    }
    for name, (content, words) in contents.items():
        (tmp_path / name).write_bytes(content)
        message = refusal(tmp_path / name)
        assert any(word in message for word in words.split("|")), message


def test_no_samples_and_no_sound(tmp_path):
    assert "no sound" in refusal(write_wave(tmp_path / "none.wav", np.zeros((0, 1)), 16000))
    silent_film = encode(tmp_path / "film.mp4", None, 0, None, with_video=True)
    assert "holds no sound" in refusal(silent_film)


def test_half_a_container_without_its_index(tmp_path):
    path = encode(tmp_path / "a.m4a", tone(2, 44100), 44100, "aac")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "damaged" in refusal(path)


def test_names_with_colons_and_odd_letters(tmp_path):
    path = write_wave(tmp_path / "http:ä %d ü.wav", tone(0.1, 8000), 8000)
    assert read_speech(path).n_samples == 800
    assert read_speech(str(path), name="hello").name == "hello"


def test_a_file_that_vanishes_between_passes(tmp_path):
    path = write_wave(tmp_path / "a.wav", tone(0.1, 8000), 8000)
    speech = read_speech(path)
    path.unlink()
    with pytest.raises(InputError, match=r"a\.wav"):
        whole(speech.sound())


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros(0, np.float32), 16000),
        (np.zeros((100, 100), np.float32), 16000),
        (np.zeros((2, 2, 100), np.float32), 16000),
        (np.zeros(100, np.int64), 16000),
        (np.zeros(100, np.complex64), 16000),
        (np.zeros(100, np.float32), 0),
        (np.zeros(100, np.float32), 44100.5),
    ],
)
def test_arrays_refused(samples, rate):
    with pytest.raises(InputError, match="expected"):
        read_speech((samples, rate))
