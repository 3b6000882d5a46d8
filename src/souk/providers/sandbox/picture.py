"""Paint a picture from words: choose palette and motif, paint the scene, finish it like a photograph."""

import random
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops

from souk.providers.sandbox import figures, landscapes, objects, ornaments
from souk.providers.sandbox.palette import Palette, choose_motif, choose_palette
from souk.providers.sandbox.scene import Brush, Scene

PAINTED_PIXELS = 620_000
"""Larger pictures are painted at this area and enlarged: time stays bounded, the scene stays the same."""
GRAIN = 3
"""How many levels the film grain spans."""

MOTIFS: dict[str, Callable[[Brush, Palette], Scene]] = {
    "hills": landscapes.hills,
    "ocean": landscapes.ocean,
    "forest": landscapes.forest,
    "aurora": landscapes.aurora,
    "city": objects.city,
    "cat": figures.cat,
    "portrait": figures.portrait,
    "spheres": objects.spheres,
    "flower": ornaments.flower,
    "flow": ornaments.flow,
}


def seed_of(*parts: object) -> int:
    """A 32-bit seed that is the same for the same parts, in every process."""
    return zlib.crc32("\x1f".join(str(part) for part in parts).encode())


def paint_scene(prompt: str, seed: int, size: tuple[int, int]) -> Scene:
    """The scene the words ask for, on a canvas of exactly this size."""
    chance = random.Random(seed)  # noqa: S311 -- art, not secrets
    palette = choose_palette(prompt, chance)
    motif = choose_motif(prompt, chance)
    return MOTIFS[motif](Brush(size, seed_of(prompt, seed)), palette)


def paint(prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """A finished RGB picture of exactly this size."""
    width, height = size
    shrink = max(1.0, (width * height / PAINTED_PIXELS) ** 0.5)
    inner = (max(32, round(width / shrink)), max(32, round(height / shrink)))
    picture = finish(paint_scene(prompt, seed, inner).flatten(), seed)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def finish(picture: Image.Image, seed: int) -> Image.Image:
    """Darken the corners a little and add a trace of film grain."""
    width, height = picture.size
    x = np.linspace(-1, 1, 32, dtype=np.float32)[None, :] ** 2
    y = np.linspace(-1, 1, 32, dtype=np.float32)[:, None] ** 2
    corners = Image.fromarray((255 * (1 - 0.11 * (x + y) ** 1.5 / 1.6)).astype(np.uint8))
    veil = corners.resize((width, height), Image.Resampling.BICUBIC)
    picture = ImageChops.multiply(picture, Image.merge("RGB", (veil, veil, veil)))
    grain = Image.fromarray(np.random.default_rng(seed).integers(0, GRAIN, (height, width), dtype=np.uint8))
    return ImageChops.add(picture, Image.merge("RGB", (grain, grain, grain)), 1, -(GRAIN // 2))
