"""Motifs of made things: city and spheres."""

import numpy as np
from PIL import Image, ImageDraw

from souk.providers.sandbox.landscapes import sky, stars, sun_place
from souk.providers.sandbox.palette import Palette, Rgb, mix
from souk.providers.sandbox.scene import Brush, Plane, Scene, as_image, blend, gradient, lay, smooth

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def city(brush: Brush, palette: Palette) -> Scene:
    """Towers rank behind rank, with lit windows, under a glowing sky."""
    scene = Scene(spark=palette.light)
    colours = sky(brush, palette, sun_place(brush), 0.5)
    if palette.dark:
        colours = stars(brush, colours)
    scene.add(as_image(colours, (brush.width, brush.height)))
    for layer in range(4):
        scene.planes.append(_towers(brush, palette, (layer + 1) / 4))
    return scene


def _towers(brush: Brush, palette: Palette, share: float) -> Plane:
    lowest = brush.height * (0.62 + 0.24 * share)
    tallest = brush.height * (0.46 - 0.08 * share)
    top = max(0, int(lowest - tallest))
    size = (brush.width, brush.height - top)
    mask, draw = brush.shape(size)
    lamps, lamp = brush.shape(size)
    at, unit = -brush.width * 0.02, max(5.0, brush.height * (0.03 + 0.05 * share))
    while at < brush.width:
        wide = unit * (0.7 + 1.1 * float(brush.rng.random()))
        roof = (lowest - tallest * (0.12 + 0.86 * float(brush.rng.random()) ** 1.7)) - top
        draw.rectangle([at * 2, roof * 2, (at + wide) * 2, size[1] * 2], fill=255)
        style = float(brush.rng.random())
        if style < 0.22:
            draw.polygon(
                [
                    (at * 2, roof * 2),
                    ((at + wide / 2) * 2, (roof - wide * 0.6) * 2),
                    ((at + wide) * 2, roof * 2),
                ],
                255,
            )
        elif style < 0.4:
            mast = at + wide * 0.5
            draw.rectangle([mast * 2 - 1, (roof - unit * 0.9) * 2, mast * 2 + 1, roof * 2], fill=255)
        elif style < 0.6:
            draw.rectangle(
                [(at + wide * 0.2) * 2, (roof - unit * 0.3) * 2, (at + wide * 0.7) * 2, roof * 2], fill=255
            )
        if share > 0.3:
            _light_windows(brush, lamp, (at, roof, at + wide, float(size[1])), unit)
        at += wide * (0.92 + 0.3 * float(brush.rng.random()))
    colour = mix(palette.far, palette.near, share**0.9)
    sheet = gradient(colour, mix(colour, palette.low, 0.42 * (1 - share * 0.6)), size)
    sheet.paste(mix(palette.light, palette.low, 0.15), (0, 0), smooth(lamps))
    return Plane(sheet, smooth(mask), top, 0.12 + 0.88 * share**1.5)


def _light_windows(
    brush: Brush, lamp: ImageDraw.ImageDraw, box: tuple[float, float, float, float], unit: float
) -> None:
    left, roof, right, ground = box
    step = max(3.0, unit * 0.15)
    columns, rows = int((right - left) / step) - 1, min(40, int((ground - roof) / (step * 1.5)) - 1)
    if columns < 1 or rows < 1:
        return
    lit = brush.rng.random((rows, columns)) < 0.3
    fill = brush.rng.integers(90, 235, (rows, columns))
    for row, column in np.argwhere(lit):
        x, y = (left + step * (column + 0.8)) * 2, (roof + step * 1.5 * (row + 0.8)) * 2
        lamp.rectangle([x, y, x + step, y + step * 1.5], fill=int(fill[row, column]))


def spheres(brush: Brush, palette: Palette) -> Scene:
    """A still life of lit balls on a table, the largest in the colour the words name."""
    scene = Scene(spark=palette.light)
    x, y = brush.grid(4)
    back = blend(palette.top, palette.low, np.broadcast_to(np.clip(y * 1.5, 0, 1), (y.size, x.size)))
    glow = np.exp(-((x - 0.35) ** 2 + (y - 0.3) ** 2) / 0.18)
    back = lay(back, palette.light, glow * 0.4)
    table = np.clip((y - 0.68) * brush.height / 8, 0, 1) * np.ones_like(x)
    ground = blend(
        mix(palette.far, palette.low, 0.5),
        mix(palette.near, palette.far, 0.5),
        np.broadcast_to(np.clip((y - 0.68) * 3.2, 0, 1), table.shape),
    )
    scene.add(as_image(back + (ground - back) * table[..., None], (brush.width, brush.height)))
    colours = [palette.far, palette.light, palette.low, mix(palette.far, palette.near, 0.5)]
    places = sorted((0.66 + 0.2 * float(brush.rng.random()), index) for index in range(4))
    slots = brush.rng.permutation(4)
    for order, (floor, index) in enumerate(places):
        radius = (0.2 if index == 0 else 0.07 + 0.06 * float(brush.rng.random())) * min(
            brush.width, brush.height
        )
        cx = (0.17 + 0.22 * float(slots[index])) * brush.width
        _add_ball(
            brush,
            scene,
            (cx, floor * brush.height + radius * 0.2),
            radius,
            colours[index],
            palette,
            0.4 + 0.15 * order,
        )
    return scene


def _add_ball(
    brush: Brush,
    scene: Scene,
    foot: tuple[float, float],
    radius: float,
    colour: Rgb,
    palette: Palette,
    depth: float,
) -> None:
    side = int(radius * 2.9)
    at = np.linspace(-1.45, 1.45, side, dtype=np.float32)
    x, y = at[None, :], at[:, None]
    distance = np.sqrt(x**2 + y**2)
    height = np.sqrt(np.clip(1 - distance**2, 0, 1))
    lit = np.clip((-0.5 * x - 0.62 * y + 0.62 * height), 0, 1)
    shade = blend(mix(colour, palette.near, 0.82), colour, lit)
    shade = lay(shade, palette.light, np.clip(lit - 0.86, 0, 1) * 5.2)
    shade = lay(shade, palette.low, np.clip(y - 0.35, 0, 1) * (1 - height) * 0.6)
    inside = np.clip((1 - distance) * radius + 0.5, 0, 1)
    cast = np.exp(-(((x - 0.22) / 0.95) ** 2 + ((y - 0.97) / 0.13) ** 2) * 1.6) * 0.62 * (1 - inside)
    sheet = shade * inside[..., None] + np.array(mix(palette.near, (0, 0, 0), 0.5), np.float32) * (
        1 - inside[..., None]
    )
    left, top = int(foot[0] - side / 2), max(0, int(foot[1] - radius - side / 2))
    tall = min(side, brush.height - top)
    image = Image.new("RGB", (brush.width, tall), palette.near)
    mask = Image.new("L", (brush.width, tall))
    image.paste(Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8)), (left, 0))
    mask.paste(Image.fromarray(((inside + cast) * 255).clip(0, 255).astype(np.uint8)), (left, 0))
    scene.add(image, mask, top, depth)
