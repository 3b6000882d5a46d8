"""Input files for choosy upstreams: what is taken stays as it is, the rest is made to fit, and each change is told."""

import io
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image, ImageCms

from souk.assets.measure import measure
from souk.providers.base import MediaFile, Refused
from souk.providers.children.pool import Pool
from souk.providers.fitting import FittedMedia, fitted, said_of
from souk.providers.takes import MB, Takes
from souk.words import FailKind
from tests.providers.heic import heic
from tests.providers.jobs import job_from
from tests.providers.kie_jobs import Files
from tests.unit import media_files

pytestmark = pytest.mark.asyncio(loop_scope="module")

JPEG_ONLY = Takes(frozenset({"image/jpeg"}))
PICTURES = Takes(frozenset({"image/jpeg", "image/png"}))
ORIENTATION = 0x0112
RED, BLUE = (230, 20, 20), (20, 20, 230)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[Pool]:
    """One child process for all that is done here."""
    made = Pool(1)
    yield made
    await made.close()


def halves(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new(mode, (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def noise(width: int, height: int) -> Image.Image:
    """What no format makes small."""
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def packed(picture: Image.Image, form: str, **how: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **how)
    return file.getvalue()


def file_of(folder: Path, data: bytes, media_type: str, index: int = 0, known: bool = True) -> MediaFile:
    """An input file as the engine hands it over; ``known``: its headers tell of its size and length."""
    path = folder / f"input-{index}"
    path.write_bytes(data)
    told = measure(path, media_type)
    return MediaFile(
        field="image_urls",
        index=index,
        path=path,
        media_type=media_type,
        size=len(data),
        url=f"https://files.example/{index}",
        width=told.width if known else None,
        height=told.height if known else None,
        seconds=told.seconds if known else None,
        label=f"image_urls[{index}]",
    )


def media(pool: Pool, takes: Takes, *files: MediaFile, **how: Any) -> FittedMedia:
    job = job_from("kling/v2-1-standard", "kling", "https://kling.example", files=files)
    return FittedMedia(job, {"image": takes, "audio": takes, "video": takes}, pool, **how)


async def fit(pool: Pool, takes: Takes, file: MediaFile) -> tuple[MediaFile, str]:
    """The one file as the upstream gets it, and what the caller is told."""
    given = media(pool, takes, file)
    (made,) = await given.all()
    (said,) = given.said
    return made, said


async def refusal(pool: Pool, takes: Takes, file: MediaFile, **how: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await media(pool, takes, file, **how).all()
    return refused.value


def opened(file: MediaFile) -> Image.Image:
    with Image.open(file.path) as picture:
        picture.load()
        return picture


def near(seen: Any, colour: tuple[int, int, int]) -> bool:
    return max(abs(one - other) for one, other in zip(seen[:3], colour, strict=True)) < 25


async def test_what_is_taken_stays_as_it_is(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, packed(halves(), "JPEG"), "image/jpeg")
    limits = replace(JPEG_ONLY, max_bytes=file.size, max_pixels=64 * 48, max_edge=64, min_edge=48)
    given = media(pool, limits, file)
    assert (list(await given.files("image_urls")), list(await given.all()), given.said) == (
        [file],
        [file],
        (),
    )


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/webp", packed(halves(), "WEBP", lossless=True)),
        ("image/gif", packed(halves(), "GIF")),
        ("image/bmp", packed(halves(), "BMP")),
        ("image/tiff", packed(halves(), "TIFF")),
        ("image/avif", packed(halves(), "AVIF")),
        ("image/heic", heic(halves())),
        ("image/heic", heic(halves(), tile=32)),
        ("image/jpeg", packed(halves(mode="RGB").convert("CMYK"), "JPEG")),
    ],
)
async def test_a_type_that_is_not_taken_is_converted(
    pool: Pool, tmp_path: Path, media_type: str, data: bytes
) -> None:
    only = "image/png" if media_type == "image/jpeg" else "image/jpeg"
    made, said = await fit(pool, Takes(frozenset({only})), file_of(tmp_path, data, media_type))
    assert said == f"image_urls[0]: converted from {media_type} to {only} for kling"
    assert (made.media_type, made.url, made.reachable, made.field, made.index) == (
        only,
        "",
        False,
        "image_urls",
        0,
    )
    picture = opened(made)
    assert (picture.size, Image.MIME[picture.format or ""], made.size) == (
        (made.width, made.height),
        only,
        made.path.stat().st_size,
    )
    assert picture.size == (64, 48)
    assert near(picture.getpixel((5, 5)), RED)
    assert near(picture.getpixel((60, 40)), BLUE)


async def test_a_picture_of_a_phone_held_upright_is_set_upright(pool: Pool, tmp_path: Path) -> None:
    turned = file_of(tmp_path, heic(halves(160, 96), tile=64, turns=1), "image/heic")
    made, _ = await fit(pool, JPEG_ONLY, turned)
    picture = opened(made)
    assert picture.size == (96, 160)
    assert near(picture.getpixel((5, 5)), BLUE)
    assert near(picture.getpixel((90, 155)), RED)


async def test_words_beside_the_pixels_are_heeded_and_dropped(pool: Pool, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was turned clockwise
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = packed(halves(), "WEBP", exif=exif, icc_profile=profile, lossless=True)
    picture = opened((await fit(pool, JPEG_ONLY, file_of(tmp_path, data, "image/webp")))[0])
    assert picture.size == (48, 64)
    assert near(picture.getpixel((24, 5)), RED)
    assert near(picture.getpixel((24, 60)), BLUE)
    assert not picture.getexif()
    assert "icc_profile" not in picture.info


async def test_transparency_is_kept_where_it_can_be(pool: Pool, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    file = file_of(tmp_path, packed(clear, "WEBP", lossless=True), "image/webp")
    made, _ = await fit(pool, PICTURES, file)
    assert (made.media_type, opened(made).getpixel((5, 5))[3]) == ("image/png", 0)  # type: ignore[index]
    flat, _ = await fit(pool, JPEG_ONLY, file)
    assert near(opened(flat).getpixel((5, 5)), (255, 255, 255))


async def test_of_a_moving_picture_the_first_is_taken(pool: Pool, tmp_path: Path) -> None:
    data = packed(halves(), "GIF", save_all=True, append_images=[Image.new("RGB", (64, 48), "green")])
    made, said = await fit(pool, PICTURES, file_of(tmp_path, data, "image/gif"))
    assert said == (
        "image_urls[0]: converted from image/gif to image/jpeg and reduced to the first of its 2 pictures for kling"
    )
    assert near(opened(made).getpixel((5, 5)), RED)


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        ({"max_pixels": 30_000}, (200, 150)),
        ({"max_edge": 100}, (100, 75)),
        ({"max_edge": 100, "max_pixels": 1000}, (36, 27)),
        ({"min_edge": 600}, (800, 600)),
        ({"min_edge": 600, "max_edge": 800}, (800, 600)),
    ],
)
async def test_a_size_that_is_not_taken_is_changed_in_its_shape(
    pool: Pool, tmp_path: Path, limits: dict[str, int], size: tuple[int, int]
) -> None:
    file = file_of(tmp_path, packed(halves(400, 300), "PNG"), "image/png")
    made, said = await fit(pool, replace(PICTURES, **limits), file)  # type: ignore[arg-type]
    assert said == f"image_urls[0]: scaled from 400x300 to {size[0]}x{size[1]} for kling"
    assert (opened(made).size, (made.width, made.height), made.media_type) == (size, size, "image/png")


async def test_type_and_size_are_told_together(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, packed(halves(400, 300), "WEBP"), "image/webp")
    _, said = await fit(pool, replace(JPEG_ONLY, max_edge=200), file)
    assert said == (
        "image_urls[0]: converted from image/webp to image/jpeg and scaled from 400x300 to 200x150 for kling"
    )


@pytest.mark.parametrize(("form", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
async def test_a_file_that_is_too_large_is_packed_anew(
    pool: Pool, tmp_path: Path, form: str, media_type: str
) -> None:
    data = packed(noise(300, 200), form, **({"quality": 100} if form == "JPEG" else {}))
    limits = replace(PICTURES, max_bytes=60_000)
    made, said = await fit(pool, limits, file_of(tmp_path, data, media_type))
    assert made.size <= 60_000
    assert (made.media_type, opened(made).size) == ("image/jpeg", (300, 200))
    wanted = "packed anew from" if form == "JPEG" else "converted from image/png to image/jpeg"
    assert said.startswith(f"image_urls[0]: {wanted}")


async def test_what_no_quality_makes_small_enough_is_scaled(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, packed(noise(300, 200), "PNG"), "image/png")
    made, said = await fit(pool, replace(PICTURES, max_bytes=8_000), file)
    assert made.size <= 8_000
    assert (made.width or 0) < 300
    assert f"scaled from 300x200 to {made.width}x{made.height}" in said


async def test_a_picture_whose_headers_are_mute_is_looked_at(pool: Pool, tmp_path: Path) -> None:
    mute = file_of(tmp_path, packed(halves(400, 300), "PNG"), "image/png", known=False)
    given = media(pool, replace(PICTURES, max_edge=400), mute)
    assert (list(await given.all()), given.said) == ([mute], ())
    made, _ = await fit(pool, replace(PICTURES, max_edge=200), mute)
    assert opened(made).size == (200, 150)


async def test_a_shape_that_fits_no_limits_is_left_to_another_upstream(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, packed(halves(400, 10), "PNG"), "image/png")
    refused = await refusal(pool, replace(PICTURES, min_edge=300, max_edge=2000), file)
    assert (refused.kind, refused.message) == (
        FailKind.UNSUPPORTED,
        "image_urls[0]: the upstream takes no picture as long or as small as 400 x 10 pixels",
    )


def bomb(side: int = 12_000) -> bytes:
    """A small PNG that says that it is enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rest = chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + rest


@pytest.mark.parametrize(
    ("media_type", "data", "why"),
    [
        ("image/webp", packed(noise(64, 48), "WEBP")[:900], "cannot be read as an image"),
        ("image/avif", packed(noise(64, 48), "AVIF")[:900], "cannot be read as an image"),
        ("image/heic", heic(noise(64, 48))[:900], "cannot be read as an image"),
        ("image/heic", heic(noise(64, 64), tile=32)[:-900], "cannot be read as an image"),
        ("image/tiff", b"II*\0\x08\0\0\0\xff\xff" + bytes(40), "cannot be read as an image"),
        ("image/bmp", b"not a picture at all", "cannot be read as an image"),
        ("image/png", bomb(), "12000 x 12000 pixels, and at most 100 megapixels are read"),
    ],
)
async def test_a_broken_file_is_the_callers_and_named(
    pool: Pool, tmp_path: Path, media_type: str, data: bytes, why: str
) -> None:
    refused = await refusal(pool, JPEG_ONLY, file_of(tmp_path, data, media_type, known=False))
    assert refused.kind is FailKind.BAD_INPUT
    assert "image_urls[0]" in refused.message
    assert why in refused.message


async def test_a_file_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    file = file_of(tmp_path, packed(noise(600, 400), "WEBP"), "image/webp")
    own = Pool(1)  # its child process is ended with the work
    try:
        refused = await refusal(own, JPEG_ONLY, file, seconds={"image": 0.0})
    finally:
        await own.close()
    assert (refused.kind, refused.message.partition(":")[0]) == (FailKind.BAD_INPUT, "image_urls[0]")
    assert own.pids == []


async def test_a_file_given_twice_is_converted_once(pool: Pool, tmp_path: Path) -> None:
    first = file_of(tmp_path, packed(halves(), "WEBP"), "image/webp")
    again = replace(first, index=1, label="image_urls[1]")
    given = media(pool, JPEG_ONLY, first, again)
    one, two = await given.all()
    assert (one.path, one.index, two.index) == (two.path, 0, 1)
    assert [said.partition(":")[0] for said in given.said] == ["image_urls[0]", "image_urls[1]"]


@pytest.mark.parametrize(
    ("container", "codec", "media_type", "types", "becomes"),
    [
        ("flac", "flac", "audio/flac", {"audio/mpeg", "audio/wav"}, "audio/mpeg"),
        ("ogg", "libopus", "audio/ogg", {"audio/wav"}, "audio/wav"),
        ("ipod", "aac", "audio/mp4", {"audio/mpeg"}, "audio/mpeg"),
    ],
)
async def test_a_sound_that_is_not_taken_is_converted(
    pool: Pool, tmp_path: Path, container: str, codec: str, media_type: str, types: set[str], becomes: str
) -> None:
    file = file_of(tmp_path, media_files.sound(container, codec), media_type)
    made, said = await fit(pool, Takes(frozenset(types)), file)
    assert said == f"image_urls[0]: converted from {media_type} to {becomes} for kling"
    assert measure(made.path, becomes).seconds == pytest.approx(1.5, abs=0.15)


async def test_a_sound_that_is_too_large_gets_fewer_bits(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, media_files.sound("wav", "pcm_s16le", 4.0), "audio/wav")
    made, _ = await fit(pool, Takes(frozenset({"audio/mpeg", "audio/wav"}), max_bytes=60_000), file)
    assert made.media_type == "audio/mpeg"
    assert 10_000 < made.size <= 60_000
    refused = await refusal(pool, Takes(frozenset({"audio/mpeg"}), max_bytes=5_000), file)
    assert refused.kind is FailKind.UNSUPPORTED


async def test_a_broken_sound_is_the_callers_and_named(pool: Pool, tmp_path: Path) -> None:
    data = media_files.sound("flac", "flac")[:60]
    refused = await refusal(pool, Takes(frozenset({"audio/wav"})), file_of(tmp_path, data, "audio/flac"))
    assert (refused.kind, "image_urls[0]" in refused.message) == (FailKind.BAD_INPUT, True)


@pytest.mark.parametrize(
    ("takes", "why"),
    [
        (Takes(frozenset({"video/mp4"})), "takes video/mp4, not video/webm"),
        (Takes(frozenset({"video/webm"}), max_bytes=3 * MB), "takes at most 3 MB"),
    ],
)
async def test_a_clip_that_is_not_taken_is_left_to_another_upstream(
    pool: Pool, tmp_path: Path, takes: Takes, why: str
) -> None:
    file = replace(file_of(tmp_path, b"\x1a\x45\xdf\xa3", "video/webm"), size=4 * MB)
    refused = await refusal(pool, takes, file)
    assert (refused.kind, refused.message) == (FailKind.UNSUPPORTED, f"image_urls[0]: the upstream {why}")


async def test_a_sound_that_lasts_too_long_is_left_to_another_upstream(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, media_files.sound("wav", "pcm_s16le"), "audio/wav")
    refused = await refusal(pool, Takes(frozenset({"audio/wav"}), max_seconds=1), file)
    assert refused.message == "image_urls[0]: the upstream takes at most 1 seconds, not 1.5"


async def test_a_field_may_be_apart_and_who_is_not_choosy_gets_any_file(pool: Pool, tmp_path: Path) -> None:
    file = file_of(tmp_path, packed(halves(), "WEBP"), "image/webp")
    job = job_from("kling/v2-1-standard", "kling", "https://kling.example", files=(file,))
    apart = FittedMedia(job, {"image": JPEG_ONLY, "image_urls": None}, pool)
    assert list(await apart.all()) == [file]
    same = await fitted(job, object(), pool)
    assert isinstance(same.media, Files)
    assert said_of(same) == ()
