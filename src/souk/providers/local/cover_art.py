"""A cover for a song that has none: rings and light in colours that follow from its words."""

import random
import zlib
from colorsys import hls_to_rgb

import numpy as np
from PIL import Image

RINGS = 9
HUE_STEP = 0.38
"""How far apart the two colours are, as a share of the colour circle."""


def drawn_cover(words: str, side: int) -> Image.Image:
    """A square picture, the same for the same words."""
    chance = random.Random(zlib.crc32(words.encode()))  # noqa: S311 - art, not secrets
    hue = chance.random()
    dark = np.array(hls_to_rgb(hue, 0.2, 0.55), np.float32)
    light = np.array(hls_to_rgb((hue + HUE_STEP) % 1, 0.62, 0.75), np.float32)
    y, x = np.mgrid[0 : 1 : complex(side), 0 : 1 : complex(side)].astype(np.float32)
    away = np.hypot(x - chance.uniform(0.2, 0.8), y - chance.uniform(0.2, 0.8))
    glow = np.exp(-((away / 0.55) ** 2))
    rings = 0.5 + 0.5 * np.sin(away * RINGS * 2 * np.pi + chance.uniform(0, 6.28))
    share = np.clip(0.15 + 0.6 * glow + 0.25 * rings * (0.3 + glow) - 0.2 * y, 0, 1)[..., None]
    return Image.fromarray(((dark * (1 - share) + light * share) * 255).astype(np.uint8))
