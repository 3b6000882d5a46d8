"""The words on a picture: the SANDBOX mark in its corner and the prompt as a small caption at its foot."""

from PIL import Image, ImageDraw

from souk.providers.children.lettering import LATIN, font, wrapped, write

MARK = "SANDBOX"
CAPTION_LINES = 2
OVER_PAINTED, OVER_GIVEN = 0.6, 0.95
"""Strength of the caption's veil: a given picture may carry words of its own."""
SMALLEST_CAPTIONED = 128
"""Pixels of the shorter side below which a picture has room for the mark only."""


def caption(picture: Image.Image, text: str, veil: float = OVER_PAINTED) -> None:
    """Write the text along the picture's foot, on a veil (its strength 0-1) that keeps it readable."""
    width, height = picture.size
    if min(width, height) < SMALLEST_CAPTIONED or not text.strip():
        return
    size = max(11, round(min(width, height) * 0.023))
    margin = round(size * 1.1)
    lines = wrapped(text, size, width - 2 * margin, CAPTION_LINES)
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
        write(draw, (margin, y), line, size, (244, 244, 240))


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
