"""The words on a picture: the SANDBOX mark in its corner and the prompt as a small caption at its foot."""

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).parent / "fonts"
LATIN, HAN = "OpenSans-subset.ttf", "DroidSansFallback-subset.ttf"
HAN_BEGINS = 0x2E80
"""Code points from here on (Han, kana, Hangul, full-width forms) are in the second font."""
MARK = "SANDBOX"
CAPTION_LINES = 2
OVER_PAINTED, OVER_GIVEN = 0.6, 0.95
"""Strength of the caption's veil: a given picture may carry words of its own."""
SMALLEST_CAPTIONED = 128
"""Pixels of the shorter side below which a picture has room for the mark only."""

Font = ImageFont.FreeTypeFont


@lru_cache(maxsize=64)
def font(name: str, size: int) -> Font:
    return ImageFont.truetype(str(FONTS / name), size, layout_engine=ImageFont.Layout.BASIC)


def caption(picture: Image.Image, text: str, veil: float = OVER_PAINTED) -> None:
    """Write the text along the picture's foot, on a veil (its strength 0-1) that keeps it readable."""
    width, height = picture.size
    if min(width, height) < SMALLEST_CAPTIONED or not text.strip():
        return
    size = max(11, round(min(width, height) * 0.023))
    margin = round(size * 1.1)
    lines = _wrap(text, size, width - 2 * margin)
    tall = round(size * 1.42 * len(lines) + margin * 1.2)
    shade = [
        min(230, round(value * veil * 1.6)) if veil > 0.7 else round(value * veil) for value in range(256)
    ]
    picture.paste(
        (0, 0, 0), (0, height - tall), Image.linear_gradient("L").resize((width, tall)).point(shade)
    )
    draw = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        y = height - margin * 0.55 - size * 1.42 * (len(lines) - index)
        _write(draw, (margin, y), line, size, (244, 244, 240))


def mark(picture: Image.Image) -> None:
    """Stamp the SANDBOX mark into the upper right corner, at any size and on any mode."""
    size = max(7, round(min(picture.size) * 0.02))
    pad = max(2, size // 2)
    letters = font(LATIN, size)
    wide = round(letters.getlength(MARK)) + 2 * pad
    tall = size + pad + pad // 2
    plate = Image.new("RGBA", (wide, tall), (18, 18, 22, 168))
    ImageDraw.Draw(plate).text((pad, pad * 0.3), MARK, font=letters, fill=(255, 255, 255, 236))
    place = (max(0, picture.width - wide - pad), min(pad, max(0, picture.height - tall)))
    if picture.mode == "RGBA":
        picture.alpha_composite(plate, place)
    else:
        picture.paste(plate.convert(picture.mode), place, plate.getchannel("A"))


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: tuple[int, int, int]
) -> None:
    x, y = at
    for run, han in _runs(text):
        letters = font(HAN if han else LATIN, size)
        baseline = y + size * 1.07
        draw.text((x, baseline), run, font=letters, fill=colour, anchor="ls")
        x += letters.getlength(run)


def _runs(text: str) -> list[tuple[str, bool]]:
    """The text cut into stretches of one font each."""
    runs: list[tuple[str, bool]] = []
    for letter in text:
        han = ord(letter) >= HAN_BEGINS
        if runs and runs[-1][1] == han:
            runs[-1] = (runs[-1][0] + letter, han)
        else:
            runs.append((letter, han))
    return runs


def _long(text: str, size: int) -> float:
    return sum(font(HAN if han else LATIN, size).getlength(run) for run, han in _runs(text))


def _wrap(text: str, size: int, room: int) -> list[str]:
    """At most two lines, cut at spaces or between Han letters, with an ellipsis where the text is longer."""
    rest = " ".join(text.split())[:400]
    lines: list[str] = []
    while rest and len(lines) < CAPTION_LINES:
        fits = _fitting(rest, size, room)
        cut = fits if fits == len(rest) else rest.rfind(" ", max(1, fits - 18), fits + 1)
        cut = cut if cut > 0 else max(1, fits)
        lines.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    if rest:
        lines[-1] = lines[-1][: max(1, _fitting(lines[-1], size, room - size))].rstrip() + "…"
    return lines


def _fitting(text: str, size: int, room: float) -> int:
    """How many letters of the text fit the room."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _long(text[:middle], size) <= room:
            low = middle
        else:
            high = middle - 1
    return low
