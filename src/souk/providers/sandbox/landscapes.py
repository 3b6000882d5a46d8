"""Motifs under an open sky: hills, ocean, forest, aurora. Each paints a scene from far to near."""

import numpy as np

from souk.providers.sandbox.palette import Palette, Rgb, mix
from souk.providers.sandbox.scene import Brush, Field, Scene, as_image, blend, gradient, lay, smooth


def sky(
    brush: Brush, palette: Palette, sun: tuple[float, float], clouds: float = 0.55, shrink: int = 4
) -> Field:
    """The sky as a small field of colours: gradient, glow around the sun, the sun, drifting clouds."""
    x, y = brush.grid(shrink)
    aspect = brush.width / brush.height
    colours = blend(
        palette.top, palette.low, np.broadcast_to(np.clip(y * 1.45, 0, 1) ** 1.25, (y.size, x.size))
    )
    away = ((x - sun[0]) * aspect) ** 2 + (y - sun[1]) ** 2
    colours = lay(colours, palette.light, 0.62 * np.exp(-away / 0.03) + 0.26 * np.exp(-away / 0.22))
    if clouds > 0:
        puffs = brush.noise((y.size, x.size), (3, 9), 5)
        streaks = np.clip((puffs - 0.5) * 2.6, 0, 1) * np.clip(1.25 - y * 1.4, 0, 1) * clouds
        lit = mix(palette.low, palette.light, 0.55)
        colours = lay(colours, lit, streaks * (0.35 + 0.65 * np.exp(-away / 0.4)))
    radius = 0.052 if not palette.dark else 0.04
    disc = np.clip((radius - np.sqrt(away)) * (brush.height / shrink) / 1.6 + 0.5, 0, 1)
    return lay(colours, mix(palette.light, (255, 255, 255), 0.5), disc * 0.96)


def stars(brush: Brush, colours: Field, share: float = 0.0016) -> Field:
    """Sprinkle stars over the upper part of a sky."""
    rows, columns = colours.shape[:2]
    count = int(rows * columns * share) + 24
    at_y = (brush.rng.random(count) ** 1.5 * rows * 0.8).astype(np.int32)
    at_x = brush.rng.integers(0, columns, count)
    shine = brush.rng.random(count, dtype=np.float32)[:, None] ** 2 * 190 + 30
    colours[at_y, at_x] = np.minimum(255, colours[at_y, at_x] + shine)
    return colours


def sun_place(brush: Brush) -> tuple[float, float]:
    return 0.22 + 0.56 * float(brush.rng.random()), 0.24 + 0.16 * float(brush.rng.random())


def add_hills(brush: Brush, palette: Palette, scene: Scene, layers: int, start: float, rough: float) -> None:
    """Ridge behind ridge, each darker, lower and with its own mist at the foot."""
    for layer in range(layers):
        share = (layer + 1) / layers
        crest = start + (0.96 - start) * (share**1.25) - 0.1
        swing = 0.2 * (1 - share * 0.45)
        edge = (crest + swing * (0.5 - brush.ridge(3 + layer, rough * (1 - 0.25 * share)))) * brush.height
        top = max(0, int(edge.min()) - 1)
        size = (brush.width, brush.height - top)
        colour = mix(palette.far, palette.near, share**1.1)
        lit = mix(colour, palette.light, 0.16 * (1 - share))
        foot = mix(colour, palette.low, 0.5 * (1 - share * 0.8))
        scene.add(gradient(lit, foot, size), brush.below(edge, top), top, 0.15 + 0.85 * share**1.5)


def hills(brush: Brush, palette: Palette) -> Scene:
    """Layered hills under a low sun."""
    scene = Scene(spark=palette.light)
    colours = sky(brush, palette, sun_place(brush))
    if palette.dark:
        colours = stars(brush, colours)
    scene.add(as_image(colours, (brush.width, brush.height)))
    add_hills(brush, palette, scene, 5, 0.46, 0.42 + 0.16 * float(brush.rng.random()))
    return scene


def ocean(brush: Brush, palette: Palette) -> Scene:
    """The sea to the horizon, the sun's path on it, a small sail and a dark shore."""
    scene = Scene(spark=palette.light)
    sun = (sun_place(brush)[0], 0.3)
    horizon = 0.5
    above = sky(brush, palette, sun, 0.8)
    if palette.dark:
        above = stars(brush, above, 0.001)
    scene.add(as_image(above, (brush.width, brush.height)))
    top = int(brush.height * horizon)
    water = _water(brush, palette, sun[0])
    scene.add(as_image(water, (brush.width, brush.height - top)), None, top, 0.12)
    _add_sail(brush, palette, scene, top)
    edge = (
        1.04 - 0.2 * brush.ridge(2, 0.5) * np.linspace(1.3, 0.1, brush.width, dtype=np.float32)
    ) * brush.height
    shore = max(0, min(brush.height - 4, int(edge.min())))
    rock = gradient(mix(palette.near, palette.far, 0.2), palette.near, (brush.width, brush.height - shore))
    scene.add(rock, brush.below(edge, shore), shore, 1.0)
    return scene


def _water(brush: Brush, palette: Palette, sun_x: float) -> Field:
    columns, rows = max(2, brush.width // 2), max(2, brush.height // 4)
    x = np.linspace(0, 1, columns, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    near = mix(palette.near, palette.far, 0.35)
    colours = blend(mix(palette.low, palette.far, 0.35), near, np.broadcast_to(y**0.6, (rows, columns)))
    waves = brush.noise((rows, columns), (14, 40), 3)
    # Waves look flatter and closer together far away: read the noise along a perspective scale.
    far_first = np.clip((np.linspace(0, 1, rows) ** 0.45 * (rows - 1)), 0, rows - 1).astype(np.int32)
    waves = waves[far_first]
    colours += ((waves - 0.5) * (22 + 60 * y))[..., None]
    path = np.exp(-(((x - sun_x) / (0.035 + 0.11 * y)) ** 2))
    glint = path * np.clip((waves - 0.42) * 4.2, 0, 1) * (1 - 0.45 * y)
    return lay(colours, palette.light, np.clip(glint, 0, 0.95))


def _add_sail(brush: Brush, palette: Palette, scene: Scene, horizon: int) -> None:
    tall = max(12, int(brush.height * 0.085))
    mask, draw = brush.shape((brush.width, tall))
    x, h = int(brush.width * 2 * (0.2 + 0.6 * float(brush.rng.random()))), tall * 2
    draw.polygon([(x, 0), (x, h * 0.78), (x - h * 0.42, h * 0.78)], fill=235)
    draw.polygon([(x + 3, h * 0.12), (x + 3, h * 0.78), (x + h * 0.3, h * 0.78)], fill=200)
    draw.polygon(
        [(x - h * 0.4, h * 0.83), (x + h * 0.36, h * 0.83), (x + h * 0.24, h), (x - h * 0.3, h)], fill=255
    )
    sails = gradient(mix(palette.light, (255, 255, 255), 0.4), palette.near, (brush.width, tall))
    scene.add(sails, smooth(mask), horizon - int(tall * 0.72), 0.35)


def forest(brush: Brush, palette: Palette) -> Scene:
    """Conifers rank behind rank in mist, with the light coming through."""
    scene = Scene(spark=palette.light)
    sun = (sun_place(brush)[0], 0.22)
    colours = sky(brush, palette, sun, 0.3)
    x, y = brush.grid(4)
    angle = np.arctan2(x - sun[0], y - sun[1] + 0.12)
    beams = (np.sin(angle * 23) * np.sin(angle * 9 + 1.7) * 0.5 + 0.5) ** 3 * np.clip(1.1 - y, 0, 1) * 0.3
    scene.add(as_image(lay(colours, palette.light, beams), (brush.width, brush.height)))
    for layer in range(4):
        _add_trees(brush, palette, scene, (layer + 1) / 4)
    return scene


def _add_trees(brush: Brush, palette: Palette, scene: Scene, share: float) -> None:
    ground = (0.5 + 0.42 * share) * brush.height
    tall = (0.17 + 0.36 * share) * brush.height
    top = max(0, int(ground - tall * 1.15))
    mask, draw = brush.shape((brush.width, brush.height - top))
    edge = ground - top + brush.ridge(3, 0.4) * brush.height * 0.06
    step = max(6.0, tall * (0.26 + 0.1 * share))
    at = -step
    while at < brush.width + step:
        h = tall * (0.6 + 0.5 * float(brush.rng.random()))
        foot = float(edge[int(np.clip(at, 0, brush.width - 1))]) + tall * 0.04
        for tier in range(6):
            lift, half = foot - h * (0.1 + tier * 0.15), h * (0.21 - 0.03 * tier)
            tip = lift - h * (0.27 - 0.01 * tier)
            droop = half * 0.16
            spread = [(at, tip), (at + half, lift + droop), (at, lift - droop), (at - half, lift + droop)]
            draw.polygon([(px * 2, py * 2) for px, py in spread], fill=255)
        draw.rectangle(_twice(at - h * 0.012, foot - h * 0.4, at + h * 0.012, foot + 4), fill=255)
        at += step * (0.55 + 0.9 * float(brush.rng.random()))
    line = [(float(column) * 2, float(edge[column]) * 2) for column in range(0, brush.width, 4)]
    draw.polygon([*line, (brush.width * 2, edge[-1] * 2), (brush.width * 2, 1 << 15), (0, 1 << 15)], fill=255)
    colour = mix(palette.far, palette.near, share**1.2)
    foot_colour = mix(colour, palette.low, 0.55 * (1 - share))
    sheet = gradient(colour, foot_colour, (brush.width, brush.height - top))
    scene.add(sheet, smooth(mask), top, 0.15 + 0.85 * share**1.4)


def _twice(*box: float) -> tuple[float, float, float, float]:
    a, b, c, d = box
    return a * 2, b * 2, c * 2, d * 2


def aurora(brush: Brush, palette: Palette) -> Scene:
    """Curtains of light over a night ridge and its lake."""
    night = (
        palette
        if palette.dark
        else Palette("night", (8, 12, 36), (34, 56, 96), (24, 36, 70), (5, 8, 20), palette.light)
    )
    scene = Scene(spark=(230, 240, 255))
    x, y = brush.grid(3)
    shape = (y.size, x.size)
    colours = blend(night.top, night.low, np.broadcast_to(np.clip(y * 1.3, 0, 1) ** 2, shape))
    colours = stars(brush, colours, 0.003)
    for colour, height in ((_glow(brush, palette), 0.46), ((72, 230, 170), 0.56), ((150, 96, 226), 0.38)):
        colours = _curtain(brush, colours, colour, height, x, y)
    scene.add(as_image(colours, (brush.width, brush.height)))
    add_hills(brush, night, scene, 3, 0.66, 0.52)
    return scene


def _glow(brush: Brush, palette: Palette) -> Rgb:
    return mix(
        palette.low, ((90, 240, 190), (90, 200, 250), (230, 120, 220))[int(brush.rng.integers(3))], 0.7
    )


def _curtain(brush: Brush, colours: Field, colour: Rgb, height: float, x: Field, y: Field) -> Field:
    a, b, phase = brush.rng.random(3, dtype=np.float32) * 6.28
    hem = height + 0.09 * np.sin(x * 5 + a) + 0.05 * np.sin(x * 11 + b)
    rise = hem - y
    above = np.clip(rise * 1e4, 0, 1)
    fade: Field = np.exp(-np.abs(rise) / 0.2) * above + np.exp(-np.abs(rise) / 0.018) * (1 - above)
    rays = 0.55 + 0.45 * np.sin(x * 70 + 5 * np.sin(x * 9 + phase)) * np.sin(x * 23 + b)
    strength = 0.4 + 0.6 * brush.noise((1, x.size), (5, 2), 2)
    return lay(colours, colour, np.clip(fade * rays * strength * 0.75, 0, 0.9))
