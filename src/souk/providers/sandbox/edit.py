"""Transform given pictures: grade towards the prompt's colours, join several, reframe, cut out a subject."""

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from souk.providers.children.given import CannotUse, Given
from souk.providers.sandbox.palette import choose_palette
from souk.providers.sandbox.sizes import Size

GRADE = 0.5
"""How far an edit moves a picture's tones towards the prompt's palette."""
CUT_SIDE = 192
"""Longer side of the small copy on which a subject is looked for."""


def open_picture(given: Given, mode: str = "RGB") -> Image.Image:
    """A given picture, upright. Raises CannotUse."""
    try:
        picture = Image.open(given.path)
        picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise CannotUse(f"The file of {given.field} cannot be read as an image.") from error
    upright = ImageOps.exif_transpose(picture)
    if mode == "RGB" and upright.mode in ("RGBA", "LA", "PA", "P"):
        layered = upright.convert("RGBA")
        ground = Image.new("RGB", upright.size, (255, 255, 255))
        ground.paste(layered, (0, 0), layered)
        return ground
    return upright.convert(mode)


def cover(picture: Image.Image, size: Size) -> Image.Image:
    """The picture enlarged or shrunk to fill this size, its overhang cut evenly."""
    if picture.size == size:
        return picture.copy()
    return ImageOps.fit(picture, size, Image.Resampling.BICUBIC)


def graded(picture: Image.Image, prompt: str, seed: int, share: float = GRADE) -> Image.Image:
    """The picture's tones moved towards the palette the prompt asks for."""
    palette = choose_palette(prompt, random.Random(seed))  # noqa: S311 -- art, not secrets
    stops = np.array([palette.near, palette.far, palette.low, palette.light], np.float32)
    levels = np.linspace(0, 3, 256, dtype=np.float32)
    cell = np.minimum(levels.astype(np.int32), 2)
    part = (levels - cell)[:, None]
    table = (stops[cell] * (1 - part) + stops[cell + 1] * part).astype(np.uint8)
    toned = Image.fromarray(table[np.asarray(picture.convert("L"))])
    return Image.blend(picture, toned, share)


def edited(
    pictures: list[Image.Image], mask: Image.Image | None, prompt: str, seed: int, size: Size
) -> Image.Image:
    """The first picture graded, the others let in beside it, the mask (white: change) respected."""
    first = cover(pictures[0], size)
    made = graded(joined([cover(picture, size) for picture in pictures]), prompt, seed)
    if mask is not None:
        made = Image.composite(made, first, cover(mask, size).convert("L"))
    return made


def joined(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one size side by side, each fading into the next."""
    canvas = pictures[0]
    width, height = canvas.size
    for index, picture in enumerate(pictures[1:], 1):
        seam = index / len(pictures)
        line = np.clip((np.linspace(0, 1, width) - seam) * 9 + 0.5, 0, 1) * 255
        mask = Image.fromarray(line.astype(np.uint8)[None, :]).resize(
            (width, height), Image.Resampling.NEAREST
        )
        canvas = Image.composite(picture, canvas, mask)
    return canvas


def reframed(picture: Image.Image, size: Size) -> Image.Image:
    """The whole picture inside a new frame; what lies outside is continued softly from its edges."""
    small = cover(picture, (max(1, size[0] // 8), max(1, size[1] // 8))).filter(ImageFilter.GaussianBlur(6))
    ground = small.resize(size, Image.Resampling.BICUBIC)
    inner = ImageOps.contain(picture, size, Image.Resampling.BICUBIC)
    soft = max(2, min(inner.size) // 24)
    edge = Image.new("L", (inner.width // 4 + 1, inner.height // 4 + 1), 0)
    across, down = inner.width < size[0], inner.height < size[1]
    inset = (soft // 4 if across else 0, soft // 4 if down else 0)
    edge.paste(255, (*inset, edge.width - inset[0], edge.height - inset[1]))
    mask = edge.filter(ImageFilter.BoxBlur(soft / 8)).resize(inner.size)
    ground.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2), mask)
    return ground


def enlarged(picture: Image.Image, size: Size) -> Image.Image:
    """The picture at another size, as sharp as resampling allows."""
    return picture.resize(size, Image.Resampling.LANCZOS)


def subject_mask(picture: Image.Image) -> Image.Image:
    """Where the subject is (white): what differs from the colours along the picture's edges."""
    small = picture.convert("RGB")
    small.thumbnail((CUT_SIDE, CUT_SIDE))
    colours = np.asarray(small).astype(np.float32)
    away = _distance_from_edges(colours)
    low, high = np.percentile(away, (40, 88))
    share = np.clip((away - low) / max(4.0, float(high - low)), 0, 1)
    mask = Image.fromarray((share * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(5))
    mask = mask.filter(ImageFilter.GaussianBlur(1.2)).point(
        [min(255, max(0, value * 2 - 110)) for value in range(256)]
    )
    return mask.resize(picture.size, Image.Resampling.BICUBIC)


def _distance_from_edges(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each pixel's colour is from the nearest of the colours that run along the four edges."""
    edges = (colours[:3].mean(0), colours[-3:].mean(0), colours[:, :3].mean(1), colours[:, -3:].mean(1))
    rows = colours.shape[0]
    upper = np.linspace(0, 1, rows, dtype=np.float32)[:, None] < np.float32(0.7)
    left = np.abs(colours - edges[2][:, None]).sum(-1)
    right = np.abs(colours - edges[3][:, None]).sum(-1)
    top = np.abs(colours - edges[0][None, :]).sum(-1)
    bottom = np.abs(colours - edges[1][None, :]).sum(-1) + 24 * upper
    return np.minimum(np.minimum(left, right), np.minimum(top, bottom)).astype(np.float32)


def cut_out(picture: Image.Image) -> Image.Image:
    """The subject alone on a transparent ground."""
    made = picture.convert("RGBA")
    made.putalpha(subject_mask(picture))
    return made
