"""Motifs without a place: flower and flow."""

import numpy as np
from PIL import Image

from souk.providers.sandbox.figures import bokeh
from souk.providers.sandbox.palette import Palette, mix
from souk.providers.sandbox.scene import Brush, Scene, as_image, blend, lay


def flower(brush: Brush, palette: Palette) -> Scene:
    """One open flower, petals ring in ring, before soft lights."""
    scene = Scene(spark=palette.light)
    scene.add(as_image(bokeh(brush, palette), (brush.width, brush.height)))
    side = int(min(brush.width, brush.height) * 0.94)
    at = np.linspace(-1, 1, side * 2 // 5, dtype=np.float32)
    x, y = at[None, :], at[:, None]
    radius, angle = np.sqrt(x**2 + y**2), np.arctan2(y, x)
    petals = int(brush.rng.integers(5, 10))
    turn = float(brush.rng.random()) * 6.28
    outer, inner = mix(palette.far, palette.near, 0.18), mix(palette.light, palette.far, 0.28)
    colours = np.full((*radius.shape, 3), outer, np.float32)
    inside = np.zeros_like(radius)
    for ring in range(5):
        reach = 0.97 - 0.17 * ring
        around = (angle + turn + ring * 0.61) * (petals / 2)
        wave = np.abs(np.cos(around))
        edge = reach * (0.58 + 0.42 * np.sqrt(wave))
        share = np.clip((edge - radius) * side / 4, 0, 1)
        along = np.clip(radius / edge, 0, 1)
        tone = blend(mix(outer, inner, ring / 5), mix(inner, outer, 0.25 * (1 - ring / 5)), along**2)
        crease = 1 - 0.34 * (1 - wave) - 0.12 * (0.5 + 0.5 * np.cos(around * 12)) ** 2 * along
        glow = 0.52 + 0.48 * along
        colours += (tone * (crease * glow)[..., None] - colours) * share[..., None]
        inside = np.maximum(inside, share)
    heart = np.clip((0.15 - radius) * side / 5, 0, 1)
    seeds = 0.72 + 0.28 * np.sin(radius * 190 + angle * 8) * np.sin(angle * 21)
    gold = np.array((232, 176, 66), np.float32) * (seeds * (1.15 - radius * 2.6))[..., None]
    colours += (gold - colours) * heart[..., None]
    image = Image.new("RGB", (brush.width, side), palette.near)
    mask = Image.new("L", (brush.width, side))
    left = (brush.width - side) // 2
    image.paste(as_image(colours, (side, side)), (left, 0))
    bloom = Image.fromarray((inside * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    mask.paste(bloom, (left, 0))
    scene.add(image, mask, (brush.height - side) // 2, 0.5)
    return scene


def flow(brush: Brush, palette: Palette) -> Scene:
    """Folds of colour, as of silk or smoke, from noise that bends noise."""
    scene = Scene(spark=palette.light)
    x, y = brush.grid(3)
    shape = (y.size, x.size)
    aspect = brush.width / brush.height
    u, v = x * aspect * 3.4 + np.zeros(shape, np.float32), y * 3.4 + np.zeros(shape, np.float32)
    for scale in (1.0, 1.9, 3.1):
        a, b = brush.rng.random(2, dtype=np.float32) * 6.28
        u, v = u + np.sin(v * scale * 1.3 + a) * 0.55 / scale, v + np.sin(u * scale * 1.5 + b) * 0.6 / scale
    fold = np.sin(u * 2.6 + v * 2.1)
    colours = blend(palette.near, palette.far, np.sin(u * 1.1 - v * 0.8) * 0.5 + 0.5)
    colours = lay(colours, palette.low, (fold * 0.5 + 0.5) ** 2 * 0.85)
    slope = np.gradient(fold, axis=0) * (shape[0] / 14) - np.gradient(fold, axis=1) * (shape[1] / 26)
    colours = lay(colours, palette.light, np.clip(slope * 0.62, 0, 1) ** 2 * 0.75)
    colours = lay(colours, mix(palette.near, (0, 0, 0), 0.4), np.clip(-slope * 0.5, 0, 1) ** 1.4 * 0.75)
    scene.add(as_image(colours, (brush.width, brush.height)), None, 0, 0.6)
    return scene
