"""The local engine's resizing: sizes, frames, Lanczos itself, transparency, profiles and what is refused."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from souk.catalog import load_catalog
from souk.providers.base import Refused
from souk.providers.local import LocalEngine
from souk.words import FailKind, JsonObject
from tests.providers.local_jobs import done, stripes, work
from tests.providers.sandbox_jobs import given, path_of, picture, picture_file, text_file

MODEL = load_catalog().models["souk/image-resize"]
ADDRESS = "https://a.example/picture"
ORIENTATION = 0x0112


def written(path: Path, size: tuple[int, int] = (300, 200), mode: str = "RGB", **how: Any) -> Path:
    """A picture file of stripes with a mark in its upper left corner."""
    Image.fromarray(stripes(size, 0)).convert(mode).save(path, **how)
    return path


async def resized(local: LocalEngine, at: Path, source: Path, **asked: Any) -> Path:
    """The result of a request, by the catalogue's own reading of it."""
    input: JsonObject = MODEL.with_defaults(MODEL.check({"image_url": ADDRESS, **asked}).input)
    files = [given("image_url", source, "image/png")]
    job = work("resize-image", files, input, MODEL.output_for(input).to_json())
    return path_of(await done(local, at, job))


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"width": 150}, (150, 100)),
        ({"height": 50}, (75, 50)),
        ({"width": 100, "height": 100}, (100, 67)),
        ({"width": 600, "height": 300}, (450, 300)),
        ({"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ({"width": 100, "height": 100, "fit": "stretch"}, (100, 100)),
        ({"scale": 1.5}, (450, 300)),
        ({"scale": 8}, (2400, 1600)),
        ({"width": 1}, (1, 1)),
    ],
)
async def test_size_is_as_asked(
    local: LocalEngine, tmp_path: Path, asked: JsonObject, size: tuple[int, int]
) -> None:
    path = await resized(local, tmp_path, written(tmp_path / "in.png"), **asked)
    assert picture(path).size == size
    spec = MODEL.output_for({"image_url": ADDRESS, **asked}).resolve(300, 200)
    assert (spec.width, spec.height) == size  # what the catalogue promised


async def test_it_is_lanczos(local: LocalEngine, tmp_path: Path) -> None:
    source = written(tmp_path / "in.png")
    path = await resized(local, tmp_path, source, scale=1.7)
    reference = picture(source).resize((510, 340), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(picture(path)), np.asarray(reference))


async def test_cover_keeps_the_middle_and_stretch_all(local: LocalEngine, tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    wide = Image.new("RGB", (300, 100), (200, 0, 0))
    wide.paste((0, 0, 200), (100, 0, 200, 100))
    wide.save(source)
    covered = picture(await resized(local, tmp_path, source, width=50, height=50, fit="cover"))
    assert covered.getpixel((8, 25)) == covered.getpixel((41, 25)) == (0, 0, 200)
    stretched = picture(await resized(local, tmp_path, source, width=50, height=50, fit="stretch"))
    assert stretched.getpixel((2, 25)) == stretched.getpixel((47, 25)) == (200, 0, 0)


@pytest.mark.parametrize(
    ("word", "name", "extension"), [("png", "PNG", "png"), ("jpeg", "JPEG", "jpg"), ("webp", "WEBP", "webp")]
)
async def test_format_is_as_asked(
    local: LocalEngine, tmp_path: Path, word: str, name: str, extension: str
) -> None:
    path = await resized(local, tmp_path, written(tmp_path / "in.jpg"), width=90, format=word)
    assert (picture(path).format, path.suffix) == (name, f".{extension}")


@pytest.mark.parametrize("word", ["jpeg", "webp"])
async def test_quality_is_paid_in_bytes(local: LocalEngine, tmp_path: Path, word: str) -> None:
    source = written(tmp_path / "in.png")
    sizes = [
        (await resized(local, tmp_path, source, scale=2, format=word, quality=quality)).stat().st_size
        for quality in (20, 95)
    ]
    assert sizes[0] * 1.5 < sizes[1]


@pytest.mark.parametrize("word", ["png", "webp"])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
async def test_transparency_stays(local: LocalEngine, tmp_path: Path, mode: str, word: str) -> None:
    clear = Image.new("RGBA", (80, 60), (200, 40, 40, 255))
    clear.paste((0, 0, 0, 0), (40, 0, 80, 60))
    clear.convert(mode).save(tmp_path / "in.png")
    found = picture(await resized(local, tmp_path, tmp_path / "in.png", scale=2, format=word)).convert("RGBA")
    alpha = np.asarray(found.getchannel("A"))
    assert alpha[:, :70].min() == 255
    assert alpha[:, 90:].max() == 0
    red = np.asarray(found.getchannel("R")).astype(int)[:, :78]
    assert red.min() > red[0, 0] - 8  # what is clear does not bleed into what is seen


async def test_a_jpeg_shows_what_is_clear_as_white(local: LocalEngine, tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "in.png")
    found = picture(await resized(local, tmp_path, tmp_path / "in.png", scale=2, format="jpeg"))
    assert found.getpixel((40, 40)) == (255, 255, 255)


async def test_a_picture_that_was_held_upright_comes_out_upright(local: LocalEngine, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise by a quarter
    source = written(tmp_path / "in.jpg", exif=exif)
    found = picture(await resized(local, tmp_path, source, width=100))
    assert found.size == (100, 150)
    right, left = found.getpixel((95, 5)), found.getpixel((5, 5))
    assert isinstance(right, tuple) and isinstance(left, tuple)
    assert right[0] > 200 > left[0]
    assert ORIENTATION not in found.getexif()


@pytest.mark.parametrize("word", ["png", "jpeg", "webp"])
async def test_colour_profile_stays(local: LocalEngine, tmp_path: Path, word: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = written(tmp_path / "in.png", icc_profile=profile)
    assert (
        picture(await resized(local, tmp_path, source, width=90, format=word)).info["icc_profile"] == profile
    )


async def test_printing_colours_are_turned_into_those_of_screens(local: LocalEngine, tmp_path: Path) -> None:
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(tmp_path / "in.jpg", quality=100)
    found = picture(await resized(local, tmp_path, tmp_path / "in.jpg", scale=2))
    pixel = found.getpixel((40, 40))
    assert found.mode == "RGB"
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200 > 60 > max(pixel[1:])


async def test_deep_grey_keeps_its_lightness(local: LocalEngine, tmp_path: Path) -> None:
    deep = np.full((20, 20), 32_896, np.uint16)
    Image.fromarray(deep).save(tmp_path / "in.png")
    assert picture(await resized(local, tmp_path, tmp_path / "in.png", scale=2)).getpixel((20, 20)) == 128


def vast(path: Path, width: int, height: int) -> Path:
    """A blank picture that is small as a file."""
    Image.new("1", (width, height)).save(path)
    return path


@pytest.mark.parametrize(
    ("size", "asked", "words"),
    [
        ((4000, 3200), {"scale": 3}, "12000 x 9600 pixels; at most 100 megapixels"),
        (
            (2500, 10),
            {"scale": 8, "format": "webp"},
            "20000 x 80 pixels; the longest side of a webp is 16383",
        ),
    ],
)
async def test_a_result_that_is_too_large_is_refused_by_field(
    local: LocalEngine, tmp_path: Path, size: tuple[int, int], asked: JsonObject, words: str
) -> None:
    with pytest.raises(Refused, match=f"image_url would become {words}") as refusal:
        await resized(local, tmp_path, vast(tmp_path / "in.png", *size), **asked)
    assert refusal.value.kind is FailKind.BAD_INPUT


def cut(path: Path) -> Path:
    """A PNG whose second half is missing."""
    written(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def bomb(path: Path) -> Path:
    """A tiny PNG that says it has ten thousand megapixels."""
    data = bytearray(picture_file(path).read_bytes())
    data[16:24] = struct.pack(">II", 100_000, 100_000)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("broken", [text_file, cut, bomb])
async def test_a_file_that_is_no_picture_is_refused_by_field(
    local: LocalEngine, tmp_path: Path, broken: Any
) -> None:
    with pytest.raises(Refused, match="image_url cannot be read") as refusal:
        await resized(local, tmp_path, broken(tmp_path / "in.png"), width=10)
    assert refusal.value.kind is FailKind.BAD_INPUT
