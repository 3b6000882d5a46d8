"""The still part of a music video: ground, cover, words, and the places of what moves, at rest and in full light."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from souk.providers.children.lettering import wide, wrapped, write

SIZE = (1280, 720)
COVER = (80, 140, 384)
"""Left, top and side of the cover."""
BARS = 42
BAR_STEP, BAR_WIDE = 16, 10
BARS_LEFT, BARS_MIDDLE, BAR_TALL = 512, 428, 100
"""Where the bars stand, and how far one reaches up and down from the middle at most."""
STUB = 2
"""How far a bar reaches in silence."""
LINE = (80, 582, 1184, 588)
"""The line that fills as the song goes on."""
DOMAIN_TOP = 640
TITLE_SIZE, TAGS_SIZE, AUTHOR_SIZE, DOMAIN_SIZE = 44, 22, 24, 24
DIM, BRIGHT, PALE = (96, 98, 104), (240, 240, 236), (186, 188, 192)
GROUND_SHARE = 0.62
"""How much of the cover's light is taken from the ground behind it."""
VEIL = 230
STRENGTH_MAX, LIGHTNESS = 150, 235
"""Of a bar's colour, as HSV counts."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is written on a music video; empty for nothing."""

    title: str = ""
    tags: str = ""
    author: str = ""
    domain: str = ""


def posters(cover: Image.Image, words: Words) -> tuple[Image.Image, Image.Image]:
    """The picture at rest, and with every bar at its full height and the line filled."""
    card = ImageOps.fit(cover, (COVER[2], COVER[2]), Image.Resampling.LANCZOS)
    rest = _ground(cover)
    _sign(card, words.author)
    rest.paste(card, COVER[:2])
    _letter(rest, words)
    light = rest.copy()
    at_rest, lit = ImageDraw.Draw(rest), ImageDraw.Draw(light)
    at_rest.rectangle(_inside(LINE), fill=DIM)
    lit.rectangle(_inside(LINE), fill=BRIGHT)
    colours = _colours(card)
    for bar in range(BARS):
        at_rest.rectangle(_inside(bar_box(bar, STUB)), fill=DIM)
        lit.rectangle(_inside(bar_box(bar, BAR_TALL)), fill=colours[bar])
    return rest, light


def bar_box(bar: int, tall: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a bar that reaches so far up and down."""
    left = BARS_LEFT + bar * BAR_STEP
    return left, BARS_MIDDLE - tall, left + BAR_WIDE, BARS_MIDDLE + tall


def _inside(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """As Pillow counts: right and bottom are part of it."""
    return box[0], box[1], box[2] - 1, box[3] - 1


def _ground(cover: Image.Image) -> Image.Image:
    """The cover as a dark blur that fills the frame."""
    small = ImageOps.fit(cover, (SIZE[0] // 20, SIZE[1] // 20), Image.Resampling.BICUBIC)
    soft = small.filter(ImageFilter.GaussianBlur(4)).resize(SIZE, Image.Resampling.BICUBIC)
    return Image.blend(soft, Image.new("RGB", SIZE, (10, 10, 14)), GROUND_SHARE)


def _sign(card: Image.Image, author: str) -> None:
    """The author's name along the cover's foot, on a veil."""
    if not author.strip():
        return
    tall = AUTHOR_SIZE * 2
    veil = (
        Image.linear_gradient("L")
        .resize((card.width, tall))
        .point([value * VEIL // 255 for value in range(256)])
    )
    card.paste((0, 0, 0), (0, card.height - tall), veil)
    (line,) = wrapped(author, AUTHOR_SIZE, card.width - 32, 1)
    write(ImageDraw.Draw(card), (16, card.height - AUTHOR_SIZE * 1.6), line, AUTHOR_SIZE, BRIGHT)


def _letter(picture: Image.Image, words: Words) -> None:
    draw, room, y = ImageDraw.Draw(picture), BARS * BAR_STEP, float(COVER[1] - 8)
    for text, size, most, colour in ((words.title, TITLE_SIZE, 2, BRIGHT), (words.tags, TAGS_SIZE, 1, PALE)):
        for line in wrapped(text, size, room, most):
            write(draw, (BARS_LEFT, y), line, size, colour)
            y += size * 1.3
    for line in wrapped(words.domain, DOMAIN_SIZE, SIZE[0] - 160, 1):
        write(draw, ((SIZE[0] - wide(line, DOMAIN_SIZE)) / 2, DOMAIN_TOP), line, DOMAIN_SIZE, PALE)


def _colours(card: Image.Image) -> list[tuple[int, int, int]]:
    """A colour for each bar, from the cover's own columns, light enough to be seen."""
    row = np.asarray(card.resize((BARS, 1), Image.Resampling.BOX).convert("HSV")).copy()
    row[..., 1] = np.minimum(row[..., 1], STRENGTH_MAX)
    row[..., 2] = LIGHTNESS
    found = np.asarray(Image.fromarray(row, "HSV").convert("RGB"))[0]
    return [(int(red), int(green), int(blue)) for red, green, blue in found]
