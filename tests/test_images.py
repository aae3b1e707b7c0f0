"""Reading pictures: what is accepted, what is refused, and with which sentence."""

from __future__ import annotations

import io
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from fkd.errors import ImageError
from fkd.image_store import store_image
from fkd.images import MAX_PIXELS, read_image, upright_size
from tests.pictures import (
    UNUSABLE,
    UNUSUAL,
    VIDEO_STARTS,
    mean_difference,
    portrait,
    resized,
    saved,
    small,
    write_png_that_claims,
    write_truncated_jpeg,
    write_video_start,
)


def refusal(source) -> str:
    with pytest.raises(ImageError) as caught:
        read_image(source)
    return str(caught.value)


# Reading


def test_a_path_bytes_a_pil_image_and_an_array_give_the_same_pixels(tmp_path):
    path = saved(tmp_path / "a.png", small())
    for source in (path, str(path), path.read_bytes(), Image.open(path), small()):
        pixels = read_image(source)
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, small())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation):
    stored_by_camera = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](small())
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.png", "a.jpg", "a.webp", "a.tif"):
        path = saved(tmp_path / name, np.ascontiguousarray(stored_by_camera), exif=exif)
        pixels = read_image(path)
        assert pixels.shape == small().shape
        assert mean_difference(pixels, small()) < 12, name
        assert upright_size(path) == (small().shape[1], small().shape[0])
        assert read_image(tmp_path / store_image(path, tmp_path)).shape == small().shape


def test_the_size_is_in_the_head_of_the_file(tmp_path):
    assert upright_size(write_truncated_jpeg(tmp_path / "a.jpg")) == (512, 600)
    for name in ("zero-byte.jpg", "letter.jpg", "dot.png", "bomb.png", "clip.jpg"):
        with pytest.raises(ImageError, match=UNUSABLE[name][1]):
            upright_size(UNUSABLE[name][0](tmp_path / name))


def test_an_upright_photo_with_a_damaged_exif_block_is_still_read(tmp_path):
    path = saved(tmp_path / "a.jpg", small(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_image(path).shape == small().shape


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 256 * 16).astype(np.uint16).reshape(16, 256)
    for name in ("a.png", "a.tif"):
        pixels = read_image(saved(tmp_path / name, ramp))
        assert pixels.shape == (16, 256, 3)
        np.testing.assert_allclose(pixels[..., 0], ramp / 257, atol=1)


def test_floating_point_tiff_is_refused_with_advice(tmp_path):
    assert "8-bit RGB" in refusal(saved(tmp_path / "a.tif", np.zeros((20, 20), np.float32)))


def test_cmyk_palette_and_one_bit(tmp_path):
    Image.fromarray(small()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert mean_difference(read_image(tmp_path / "cmyk.jpg"), small()) < 8
    Image.fromarray(small()).quantize(256).save(tmp_path / "palette.png")
    assert mean_difference(read_image(tmp_path / "palette.png"), small()) < 8
    Image.fromarray(small()).convert("1").save(tmp_path / "one.png")
    assert set(np.unique(read_image(tmp_path / "one.png"))) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_parts_become_white(tmp_path, mode):
    picture = Image.fromarray(small()).convert("RGBA")
    picture.paste((10, 20, 30, 0), (0, 0, 40, 40))
    picture = picture.convert(mode)
    if mode != "PA":  # no common file format has this mode
        picture.save(tmp_path / "a.png")
        picture = tmp_path / "a.png"
    pixels = read_image(picture)
    assert (pixels[:38, :38] == 255).all()
    assert not (pixels[45:, 45:] == 255).all()


@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_read(tmp_path, extension):
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(tmp_path / f"a.{extension}", save_all=True, append_images=frames[1:], duration=50)
    pixels = read_image(tmp_path / f"a.{extension}")
    assert pixels.shape == (24, 32, 3)
    assert mean_difference(pixels, np.array([255, 0, 0])) < 5


def test_heic_is_read_and_kept_as_jpeg(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(small())).save(tmp_path / "a.heic", quality=95)
    assert mean_difference(read_image(tmp_path / "a.heic"), small()) < 8
    assert mean_difference(read_image((tmp_path / "a.heic").read_bytes()), small()) < 8
    name = store_image(tmp_path / "a.heic", tmp_path)
    assert name.endswith(".jpg")
    assert mean_difference(read_image(tmp_path / name), small()) < 8


def test_arrays_grey_and_with_alpha():
    grey = small()[..., 0]
    np.testing.assert_array_equal(read_image(grey), np.dstack([grey] * 3))
    alpha = np.dstack([small(), np.zeros(grey.shape, np.uint8)])
    assert (read_image(alpha) == 255).all()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((20, 20, 3), np.float32),
        np.zeros((20, 20, 2), np.uint8),
        np.zeros(400, np.uint8),
        np.zeros((1, 20, 20, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused_and_the_expected_one_is_named(pixels):
    assert "(H, W, 3)" in refusal(pixels)


def test_other_types_are_refused():
    assert "NoneType" in refusal(None)


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_portrait_in_an_unusual_file_is_still_the_portrait(tmp_path, name):
    pixels = read_image(UNUSUAL[name](tmp_path / name))
    assert pixels.shape == portrait().shape
    assert mean_difference(pixels.mean(axis=2), portrait().mean(axis=2)) < 15


# Refusing files


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_file_is_refused_with_a_sentence_that_names_it(tmp_path, name):
    write, words = UNUSABLE[name]
    message = refusal(write(tmp_path / name))
    assert message.startswith(f"{name} ") and words in message and message.endswith(".")


@pytest.mark.parametrize("refused", ["stat", "open"])
def test_what_the_system_refuses_is_told_with_its_reason(tmp_path, monkeypatch, refused):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    path = saved(tmp_path / "a.png", small())
    assert refusal(tmp_path / ("x" * 256)).startswith("x" * 256 + " cannot be read: ")
    monkeypatch.setattr(type(path), refused, refuse)
    assert refusal(path) == "a.png cannot be read: Permission denied. Check its name and permissions."


def test_a_file_that_opens_but_cannot_be_read_is_told(tmp_path, monkeypatch):
    class BadDisk(io.BytesIO):
        def read(self, *_):
            raise OSError(5, "Input/output error")

    path = saved(tmp_path / "a.png", small())
    monkeypatch.setattr(type(path), "open", lambda *_: BadDisk())
    for use in (read_image, lambda path: store_image(path, tmp_path / "kept")):
        with pytest.raises(ImageError, match="a.png cannot be read: Input/output error"):
            use(path)


def test_missing_file_folder_and_no_bytes(tmp_path):
    for name, words in (("none.jpg", "does not exist"), ("nul\0.jpg", "does not exist"), (".", "folder")):
        message = refusal(tmp_path / name)
        assert words in message
        assert str(tmp_path) not in message
    assert refusal(tmp_path / "none.jpg").startswith("none.jpg ")
    assert "empty" in refusal(b"")


def test_truncated_files(tmp_path):
    for extension in ("png", "webp", "gif", "bmp", "tif"):
        content = saved(tmp_path / f"whole.{extension}", small()).read_bytes()
        assert "damaged" in refusal(content[: len(content) // 2]), extension


def test_damaged_png_contents(tmp_path):
    content = bytearray(saved(tmp_path / "a.png", small()).read_bytes())
    content[200:300] = bytes(100)
    assert "damaged" in refusal(bytes(content))


def test_files_that_are_no_pictures_whatever_their_name(tmp_path):
    for content, words in (
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a"),
    ):
        (tmp_path / "holiday.jpg").write_bytes(content)
        message = refusal(tmp_path / "holiday.jpg")
        assert message.startswith("holiday.jpg is")
        assert words in message


@pytest.mark.parametrize("container", VIDEO_STARTS)
def test_a_video_is_called_a_video(tmp_path, container):
    message = refusal(write_video_start(tmp_path / "clip.jpg", container))
    assert message.startswith("clip.jpg is a video")


def test_a_renamed_picture_is_read_by_its_content(tmp_path):
    saved(tmp_path / "a.png", small()).rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), small())


@pytest.mark.parametrize(("width", "height"), [(15, 200), (200, 15)])
def test_too_small(tmp_path, width, height):
    message = refusal(saved(tmp_path / "dot.png", np.zeros((height, width, 3), np.uint8)))
    assert f"{width}×{height}" in message
    assert message.startswith("dot.png")


def test_sixteen_pixels_are_enough(tmp_path):
    assert read_image(saved(tmp_path / "a.png", np.zeros((16, 16, 3), np.uint8))).shape == (16, 16, 3)


@pytest.mark.parametrize(("width", "height"), [(10_000, 6_000), (12_000, 10_000), (30_000, 30_000), (2_000_000, 40)])
def test_too_many_pixels_are_refused_before_decoding_and_without_a_warning(tmp_path, width, height):
    path = write_png_that_claims(tmp_path / "bomb.png", width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start = time.perf_counter()
        message = refusal(path)
    assert "50 million" in message
    assert time.perf_counter() - start < 0.5


def test_fifty_megapixels_are_read(tmp_path):
    assert MAX_PIXELS == 50_000_000
    Image.new("L", (10_000, 5_000)).save(tmp_path / "fifty.png")
    assert read_image(tmp_path / "fifty.png").shape == (5_000, 10_000, 3)


@pytest.mark.parametrize("extension", ["jpg", "png", "gif", "webp", "tif", "bmp", "jp2"])
def test_damage_anywhere_gives_pixels_or_an_image_error_and_nothing_else(tmp_path, extension):
    content = saved(tmp_path / f"a.{extension}", resized(portrait(), 48)).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content)
        for at in random.integers(0, len(damaged), 6):
            damaged[min(at, random.integers(1, len(damaged)))] = random.integers(256)
        try:
            assert read_image(bytes(damaged)).dtype == np.uint8
        except ImageError as error:
            assert str(error).endswith(".")


def test_no_file_stays_open(tmp_path):
    paths = [saved(tmp_path / "a.png", small()), write_truncated_jpeg(tmp_path / "b.jpg")]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        read_image(paths[0])
        refusal(paths[1])
    for path in paths:
        path.unlink()


def test_a_pil_image_that_cannot_be_decoded_is_refused(tmp_path):
    content = write_truncated_jpeg(tmp_path / "half.jpg").read_bytes()
    assert "damaged" in refusal(Image.open(io.BytesIO(content)))
