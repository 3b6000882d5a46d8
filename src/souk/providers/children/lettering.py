"""Words on pictures: letters of the Latin, Greek, Cyrillic and East Asian scripts, measured, wrapped and written."""

from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

FONTS = Path(__file__).parent / "fonts"
LATIN, HAN = "OpenSans-subset.ttf", "DroidSansFallback-subset.ttf"
HAN_BEGINS = 0x2E80
"""Code points from here on (Han, kana, Hangul, full-width forms) are in the second font."""

Font = ImageFont.FreeTypeFont


@lru_cache(maxsize=64)
def font(name: str, size: int) -> Font:
    """One of the two fonts at a size in pixels."""
    return ImageFont.truetype(str(FONTS / name), size, layout_engine=ImageFont.Layout.BASIC)


def write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: tuple[int, int, int]
) -> None:
    """Write one line with its upper left corner at ``at``."""
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


def wide(text: str, size: int) -> float:
    """How many pixels a line takes."""
    return sum(font(HAN if han else LATIN, size).getlength(run) for run, han in _runs(text))


def wrapped(text: str, size: int, room: int, most: int) -> list[str]:
    """At most so many lines of ``room`` pixels, cut at spaces or between Han letters.

    An ellipsis stands where the text is longer.
    """
    rest = " ".join(text.split())[:400]
    lines: list[str] = []
    while rest and len(lines) < most:
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
        if wide(text[:middle], size) <= room:
            low = middle
        else:
            high = middle - 1
    return low
