"""A picture at another size: Lanczos, upright, with its transparency and its colour profile."""

import io
from pathlib import Path
from typing import Any, cast

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from souk.providers.children.given import CannotUse, Given
from souk.providers.children.results import Made, filled
from souk.providers.local.work import Work

PIXELS_MAX = 100_000_000
SIDE_MAX = {"png": 32_768, "jpg": 32_768, "webp": 16_383}
"""Pixels of the longer side, by format. WebP has no room for more."""
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
DEFAULT_QUALITY = 90
WHITE = (255, 255, 255)
PLAIN_MODES = frozenset({"L", "LA", "RGB", "RGBA"})
"""Pillow's modes that are resampled as they are; others are turned into one of them first."""
GREY_MODES = frozenset({"L", "LA"})
DEEP_TO_BYTE = 1 / 257
"""From 16 bits a pixel to 8."""

Size = tuple[int, int]
Box = tuple[float, float, float, float]


def resize_image(work: Work) -> Made:
    """Do a resize job. Raises CannotUse."""
    given = work.given("image")
    extension = str(work.output.get("extension"))
    picture, profile = open_picture(given)
    size = wanted(work, picture.size)
    _check(given, size, extension)
    picture = picture.resize(size, Image.Resampling.LANCZOS, box=_seen(work, picture.size, size))
    path = work.folder / f"picture.{extension}"
    save(picture, path, profile, int(work.input.get("quality") or DEFAULT_QUALITY))
    made = Made()
    made.add(path, MEDIA_TYPES[extension])
    made.result = filled(work.output, 1)
    return made


def wanted(work: Work, size: Size) -> Size:
    """The size to make of a picture of this size."""
    asked = work.output
    if asked.get("width") and asked.get("height"):
        return int(asked["width"]), int(asked["height"])
    factors = [
        box / side
        for name, side in zip(("box_width", "box_height"), size, strict=True)
        if (box := asked.get(name))
    ]
    factor = min(factors, default=float(asked.get("scale") or 1))
    return max(1, int(size[0] * factor + 0.5)), max(1, int(size[1] * factor + 0.5))


def open_picture(given: Given) -> tuple[Image.Image, bytes | None]:
    """A given picture, upright and in a mode to resample, and its colour profile. Raises CannotUse."""
    try:
        with Image.open(given.path) as opened:
            opened.load()
            picture = ImageOps.exif_transpose(opened)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise CannotUse(f"The file of {given.field} cannot be read as an image.") from error
    profile: bytes | None = picture.info.get("icc_profile")
    if picture.mode in PLAIN_MODES and "transparency" not in picture.info:
        return picture, profile
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value * DEEP_TO_BYTE).convert("L"), profile
    if picture.mode == "CMYK":
        return _from_cmyk(picture, profile), None
    clear = picture.has_transparency_data
    return picture.convert("RGBA" if clear else "RGB"), profile


def save(picture: Image.Image, path: Path, profile: bytes | None, quality: int) -> None:
    """Write a picture in the format of the path's extension."""
    packed: dict[str, Any] = {} if path.suffix == ".png" else {"quality": quality}
    ready = picture
    if path.suffix == ".jpg":
        ready = flat(picture)
    elif path.suffix == ".webp":
        ready = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    if profile and (ready.mode in GREY_MODES) == (
        picture.mode in GREY_MODES
    ):  # a profile is for one or the other
        packed["icc_profile"] = profile
    ready.save(path, **packed)


def _check(given: Given, size: Size, extension: str) -> None:
    """Raises CannotUse where the result would be larger than can be made."""
    if size[0] * size[1] > PIXELS_MAX:
        most = f"at most {PIXELS_MAX // 1_000_000} megapixels are made"
        raise CannotUse(f"{given.field} would become {size[0]} x {size[1]} pixels; {most}.")
    if max(size) > SIDE_MAX[extension]:
        most = f"the longest side of a {extension} is {SIDE_MAX[extension]}"
        raise CannotUse(f"{given.field} would become {size[0]} x {size[1]} pixels; {most}.")


def _seen(work: Work, old: Size, new: Size) -> Box:
    """The part of the picture that is kept: all of it, but of a picture that shall cover a frame the middle."""
    exact = work.output.get("width") and work.output.get("height")
    if not exact or work.input.get("fit") != "cover":
        return 0, 0, *old
    scale = min(old[0] / new[0], old[1] / new[1])
    across, down = new[0] * scale, new[1] * scale
    left, top = (old[0] - across) / 2, (old[1] - down) / 2
    return left, top, min(old[0], left + across), min(old[1], top + down)


def _from_cmyk(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Printing colours as screens show them."""
    if profile is None:
        return picture.convert("RGB")
    screen: Any = cast(Any, ImageCms).createProfile("sRGB")  # untyped in Pillow
    try:
        seen = ImageCms.profileToProfile(picture, io.BytesIO(profile), screen, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture.convert("RGB")
    return seen or picture.convert("RGB")


def flat(picture: Image.Image) -> Image.Image:
    """For formats that know no transparency: on white."""
    if "A" not in picture.getbands():
        return picture
    ground = Image.new("RGB", picture.size, WHITE)
    ground.paste(picture.convert("RGBA"), (0, 0), picture.getchannel("A"))
    return ground
