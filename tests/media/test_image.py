"""Pictures of every kind become upright 8-bit RGB; everything else gets one clear line."""

import io
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from opensonic.errors import InputError
from opensonic.media.image import MAX_PIXELS, read_image

WIDTH, HEIGHT = 40, 24


@pytest.fixture
def ramp():
    """A picture whose corners all differ: red grows rightwards, green downwards."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[..., 0] = np.linspace(10, 240, WIDTH)
    picture[..., 1] = np.linspace(20, 200, HEIGHT)[:, None]
    picture[..., 2] = 90
    return picture


def saved(tmp_path, picture, suffix, **options):
    path = tmp_path / f"picture.{suffix}"
    picture.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [("png", 0), ("bmp", 0), ("tiff", 0), ("jpg", 8), ("webp", 12), ("jp2", 4), ("avif", 12)],
)
def test_formats(tmp_path, ramp, suffix, tolerance):
    if f".{suffix}" not in Image.registered_extensions():
        pytest.skip(f"this Pillow has no {suffix}")
    options = {"quality": 98} if suffix in {"jpg", "webp", "avif"} else {}
    found = read_image(saved(tmp_path, Image.fromarray(ramp), suffix, **options))
    assert found.dtype == np.uint8
    assert found.flags.writeable
    assert np.abs(found.astype(int) - ramp).max() <= tolerance


def test_path_as_text_and_pil_image(tmp_path, ramp):
    path = saved(tmp_path, Image.fromarray(ramp), "png")
    assert (read_image(str(path)) == ramp).all()
    assert (read_image(Image.fromarray(ramp)) == ramp).all()


def test_first_frame_of_an_animation(tmp_path):
    red, blue = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    path = saved(tmp_path, red, "gif", save_all=True, append_images=[blue])
    assert (read_image(path) == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, ramp, orientation):
    turns = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, -1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, 1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(ramp), "png", exif=exif)
    assert (read_image(path) == turns[orientation](ramp)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_alpha_is_laid_over_white(tmp_path, mode):
    picture = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    picture.putpixel((0, 0), (0, 0, 0, 0))
    found = read_image(saved(tmp_path, picture.convert(mode), "png"))
    assert (found[0, 0] == 255).all()
    assert (found[1, 3] == 0).all()


def test_half_transparent(tmp_path):
    picture = Image.new("RGBA", (4, 2), (0, 100, 200, 128))
    found = read_image(saved(tmp_path, picture, "png")).astype(int)
    assert np.abs(found[0, 0] - (127, 177, 227)).max() <= 1
    array = np.broadcast_to(np.array([0, 100, 200, 128], np.uint8), (2, 4, 4))
    assert np.abs(read_image(array).astype(int)[0, 0] - (127, 177, 227)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "HSV"])
def test_modes(ramp, mode):
    grey = mode in {"1", "L"}
    source = Image.fromarray(ramp).convert("L").convert("RGB") if grey else Image.fromarray(ramp)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(source, srgb, lab, outputMode="LAB")
    else:
        converted = source.convert(mode)
    found = read_image(converted).astype(int)
    assert found.shape == ramp.shape
    difference = np.abs(found - np.asarray(source).astype(int))
    if mode == "1":
        assert set(np.unique(found)) == {0, 255}
    else:
        assert difference.mean() < (20 if mode == "P" else 6)


def test_cmyk_jpeg_is_not_inverted(tmp_path, ramp):
    found = read_image(saved(tmp_path, Image.fromarray(ramp).convert("CMYK"), "jpg", quality=98))
    assert np.abs(found.astype(int) - ramp).max() < 12


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    values = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    found = read_image(saved(tmp_path, Image.fromarray(values), suffix)).astype(int)
    assert np.abs(found[..., 1] - np.arange(256)).max() <= 1


def test_dark_sixteen_bit_grey_stays_dark(tmp_path):
    values = np.full((4, 4), 200, np.uint16)
    assert read_image(saved(tmp_path, Image.fromarray(values), "png")).max() <= 1


def png_of_sixteen_bit_colour(rows):
    height, width = rows.shape[:2]

    def block(kind, data):
        checksum = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + checksum

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + block(b"IHDR", header)
        + block(b"IDAT", zlib.compress(lines))
        + block(b"IEND", b"")
    )


def test_sixteen_bit_colour(tmp_path):
    rows = (np.array([[[0, 257 * 100, 65535]]]) * np.ones((3, 5, 1))).astype(np.uint16)
    path = tmp_path / "deep.png"
    path.write_bytes(png_of_sixteen_bit_colour(rows))
    assert np.abs(read_image(path).astype(int) - (0, 100, 255)).max() <= 1


@pytest.mark.parametrize("full", [1.0, 255.0])
def test_float_tiff(tmp_path, full):
    values = np.linspace(0, full, 64, dtype=np.float32)[None].repeat(4, 0)
    values[0, 0] = np.nan
    found = read_image(saved(tmp_path, Image.fromarray(values), "tiff")).astype(int)
    assert np.abs(found[1, :, 0] - np.linspace(0, 255, 64)).max() <= 1


def test_arrays(ramp):
    for array in (ramp, ramp.astype(np.uint16) * 257, ramp / 255, (ramp / 255).astype(np.float32)):
        assert np.abs(read_image(array).astype(int) - ramp).max() <= 1
    assert (read_image(ramp[..., 0])[..., 2] == ramp[..., 0]).all()
    assert (read_image(ramp[..., :1])[..., 2] == ramp[..., 0]).all()
    assert (read_image(np.eye(3, dtype=bool))[1, 1] == 255).all()
    assert read_image(ramp) is not ramp


def test_one_pixel(tmp_path):
    assert read_image(saved(tmp_path, Image.new("RGB", (1, 1), "red"), "png")).shape == (1, 1, 3)


def test_icc_profile_is_applied(tmp_path, ramp):
    swapped = io.BytesIO(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    same = read_image(saved(tmp_path, Image.fromarray(ramp), "png", icc_profile=swapped.getvalue()))
    assert np.abs(same.astype(int) - ramp).max() <= 1
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = Image.fromarray(ramp)
    other = ImageCms.profileToProfile(
        plain, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    path = saved(tmp_path, other, "tiff", icc_profile=lab)
    assert np.abs(read_image(path).astype(int) - ramp).mean() < 4


def test_damaged_profile_is_ignored(tmp_path, ramp):
    path = saved(tmp_path, Image.fromarray(ramp), "png", icc_profile=b"not a profile" * 20)
    assert (read_image(path) == ramp).all()


def test_refusals_name_the_file_and_what_was_expected(tmp_path, ramp):
    whole = saved(tmp_path, Image.fromarray(ramp.repeat(8, 0).repeat(8, 1)), "jpg").read_bytes()
    contents = {
        "missing.jpg": None,
        "empty.jpg": b"",
        "text.jpg": b"This is no picture at all.\n" * 20,
        "half.jpg": whole[: len(whole) // 2],
        "start.jpg": whole[:30],
        "sound.jpg": b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(64),
        "video.jpg": b"\0\0\0\x20ftypisom" + bytes(64),
        "photo.heic": b"\0\0\0\x20ftypheic" + bytes(64),
        "drawing.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }
    words = {
        "missing.jpg": "no such file",
        "empty.jpg": "is empty",
        "half.jpg": "damaged or cut off",
        "sound.jpg": "is a sound file",
        "video.jpg": "is a video or sound file",
        "photo.heic": "pillow-heif|damaged",
        "drawing.eps": "is not a picture",
    }
    for name, content in contents.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=words.get(name, "expected")) as caught:
            read_image(tmp_path / name)
        assert name in str(caught.value)
        assert "expected" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_folder(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


def test_a_name_that_is_too_long_is_not_called_a_damaged_picture(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        read_image(tmp_path / ("a" * 300 + ".png"))


def test_name_in_messages(tmp_path):
    with pytest.raises(InputError, match=r"^the portrait: no such file"):
        read_image(tmp_path / "none.png", name="the portrait")


@pytest.mark.parametrize("side", [10_001, 14_000])
def test_bombs_are_refused_unread(tmp_path, side):
    before = Image.MAX_IMAGE_PIXELS
    path = saved(tmp_path, Image.new("1", (side, side)), "png")
    with pytest.raises(InputError, match="million pixels"):
        read_image(path)
    assert before == Image.MAX_IMAGE_PIXELS
    assert side * side > MAX_PIXELS


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(7, np.uint8),
        np.zeros((4, 4, 3), np.int64),
        np.full((4, 4, 3), 200.0),
    ],
    ids=["no rows", "two channels", "one axis", "int64", "float of 255"],
)
def test_arrays_refused(array):
    with pytest.raises(InputError, match="expected"):
        read_image(array)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other units of ru_maxrss")
def test_a_large_picture_is_in_memory_few_times(tmp_path):
    path = tmp_path / "large.jpg"
    Image.new("RGB", (5000, 5000), (90, 120, 150)).save(path)
    code = (
        "import resource, sys\n"
        "from opensonic.media.image import read_image\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "picture = read_image(sys.argv[1])\n"
        "print((peak() - before) / picture.nbytes)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(run.stdout) < 4.2
