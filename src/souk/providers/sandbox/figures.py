"""Motifs with a living subject: cat and portrait."""

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from souk.providers.sandbox.landscapes import add_hills, sky, stars, sun_place
from souk.providers.sandbox.palette import Palette, Rgb, mix
from souk.providers.sandbox.scene import Brush, Field, Scene, as_image, blend, gradient, lay, smooth

Points = list[tuple[float, float]]


def bokeh(brush: Brush, palette: Palette, count: int = 26) -> Field:
    """A soft ground of out-of-focus lights, as a small field of colours."""
    x, y = brush.grid(8)
    aspect = brush.width / brush.height
    shape = (y.size, x.size)
    colours = blend(palette.top, palette.low, np.broadcast_to(y**0.9, shape))
    colours = lay(colours, palette.far, brush.noise(shape, (3, 3), 2) * 0.6)
    for _ in range(count):
        cx, cy, r, warm = brush.rng.random(4)
        away = np.sqrt(((x - cx) * aspect) ** 2 + (y - cy) ** 2)
        disc = np.clip((0.02 + 0.07 * r - away) * 34, 0, 1)
        colours = lay(colours, mix(palette.low, palette.light, float(warm)), disc * (0.1 + 0.24 * float(r)))
    return colours


def rim_lit(mask: Image.Image, body: Rgb, shade: Rgb, light: Rgb, reach: int) -> Image.Image:
    """A silhouette's sheet: body colour falling to shade, with a light along its upper left edge."""
    sheet = gradient(body, shade, mask.size)
    moved = ImageChops.offset(mask, reach, reach)
    edge = ImageChops.subtract(mask, moved)
    small = edge.reduce(4).filter(ImageFilter.BoxBlur(max(1, reach / 5))).resize(mask.size)
    sheet.paste(light, (0, 0), ImageChops.multiply(small, mask))
    return sheet


def cat(brush: Brush, palette: Palette) -> Scene:
    """A cat that sits on a hill and looks at the evening."""
    scene = Scene(spark=palette.light)
    colours = sky(brush, palette, sun_place(brush), 0.6)
    if palette.dark:
        colours = stars(brush, colours)
    scene.add(as_image(colours, (brush.width, brush.height)))
    add_hills(brush, palette, scene, 2, 0.62, 0.35)
    scene.planes = scene.planes[:2]
    unit = min(brush.width, brush.height) * 0.5
    cx = brush.width * (0.34 + 0.32 * float(brush.rng.random()))
    foot = brush.height * 0.87
    mask, draw = brush.shape((brush.width, brush.height))

    def at(points: Points) -> Points:
        return [((cx + px * unit) * 2, (foot + py * unit) * 2) for px, py in points]

    def oval(px: float, py: float, rx: float, ry: float) -> None:
        draw.ellipse([*at([(px - rx, py - ry)])[0], *at([(px + rx, py + ry)])[0]], fill=255)

    tail = [
        (0.22 + 0.3 * t + 0.1 * np.sin(t * 5), -0.02 - 0.62 * t**2 * (1.1 - 0.35 * t))
        for t in np.linspace(0, 1, 40)
    ]
    for index, (px, py) in enumerate(tail):
        oval(px, py, 0.052 - 0.0006 * index, 0.052 - 0.0006 * index)
    draw.polygon(
        at(_curve([(-0.24, 0.04), (-0.25, -0.3), (-0.12, -0.62), (0.1, -0.62), (0.26, -0.34), (0.3, 0.04)])),
        255,
    )
    oval(0.02, -0.16, 0.28, 0.24)
    oval(-0.02, -0.74, 0.2, 0.168)
    draw.polygon(at([(-0.2, -0.76), (-0.205, -1.02), (-0.045, -0.88)]), fill=255)
    draw.polygon(at([(0.16, -0.76), (0.165, -1.02), (0.005, -0.88)]), fill=255)
    oval(-0.12, -0.005, 0.1, 0.05)
    oval(0.08, -0.005, 0.1, 0.05)
    edge = (0.85 + 0.05 * np.linspace(-1, 1, brush.width, dtype=np.float32) ** 2) * brush.height
    ground = brush.below(edge, 0)
    body = smooth(mask)
    whole = ImageChops.lighter(body, ground)
    dark = mix(palette.near, (0, 0, 0), 0.35)
    sheet = rim_lit(
        whole, mix(palette.near, palette.far, 0.25), dark, palette.light, max(2, int(unit * 0.02))
    )
    _eyes(sheet, brush, (cx, foot), unit, palette.light)
    scene.add(sheet, whole, 0, 0.8)
    return scene


def _curve(points: Points) -> Points:
    """Points on a smooth line through the given ones (Catmull-Rom)."""
    ends = [points[0], *points, points[-1]]
    line: Points = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for t in (0.0, 0.2, 0.4, 0.6, 0.8):
            line.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*line, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _eyes(sheet: Image.Image, brush: Brush, foot: tuple[float, float], unit: float, light: Rgb) -> None:
    side = max(4, int(unit * 0.36))
    mask, draw = brush.shape((side, side))
    for px in (0.22, 0.62):
        draw.ellipse([px * side * 2, side * 0.82, (px + 0.2) * side * 2, side * 1.14], fill=255)
        draw.ellipse([(px + 0.07) * side * 2, side * 0.8, (px + 0.13) * side * 2, side * 1.16], fill=0)
    sheet.paste(light, (int(foot[0] - 0.02 * unit - side * 0.52), int(foot[1] - 0.95 * unit)), smooth(mask))


def portrait(brush: Brush, palette: Palette) -> Scene:
    """Head and shoulders against soft lights, lit from one side."""
    scene = Scene(spark=palette.light)
    colours = bokeh(brush, palette)
    x, y = brush.grid(8)
    halo = np.exp(-(((x - 0.5) * brush.width / brush.height) ** 2 + (y - 0.42) ** 2) / 0.07)
    scene.add(as_image(lay(colours, palette.light, halo * 0.7), (brush.width, brush.height)))
    unit = min(brush.width * 1.15, brush.height) * 0.5
    cx, base = brush.width * (0.44 + 0.12 * float(brush.rng.random())), float(brush.height)
    size = (brush.width, brush.height)

    def at(points: Points) -> Points:
        return [((cx + px * unit) * 2, (base + py * unit) * 2) for px, py in points]

    def mirrored(half: Points) -> Points:
        return at(_curve([(-px, py) for px, py in half] + [(px, py) for px, py in reversed(half)]))

    mask, draw = brush.shape(size)
    draw.polygon(
        mirrored([(1.02, 0.05), (0.92, -0.17), (0.6, -0.33), (0.2, -0.42), (0.125, -0.52), (0.13, -0.8)]), 255
    )
    draw.ellipse([*at([(-0.25, -1.36)])[0], *at([(0.25, -0.66)])[0]], fill=255)
    draw.ellipse([*at([(-0.29, -1.44)])[0], *at([(0.28, -0.88)])[0]], fill=255)
    if brush.rng.random() < 0.5:
        draw.ellipse([*at([(-0.14, -1.64)])[0], *at([(0.14, -1.36)])[0]], fill=255)
    else:
        draw.polygon(
            at(
                _curve(
                    [
                        (-0.29, -1.2),
                        (-0.36, -0.8),
                        (-0.27, -0.62),
                        (0.0, -0.9),
                        (0.27, -0.62),
                        (0.35, -0.8),
                        (0.28, -1.2),
                    ]
                )
            ),
            255,
        )
    figure = smooth(mask)
    dark = mix(palette.near, (0, 0, 0), 0.3)
    body = mix(palette.near, palette.far, 0.3)
    scene.add(rim_lit(figure, body, dark, palette.light, max(2, int(unit * 0.05))), figure, 0, 0.6)
    return scene
