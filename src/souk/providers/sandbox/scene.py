"""A painted scene: planes from far to near, flattened for a picture or moved against each other for a clip."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from souk.providers.sandbox.palette import Rgb

Field = NDArray[np.floating[Any]]
"""Numbers on a grid, rows first; colours in a last dimension."""


@dataclass(slots=True)
class Plane:
    """One sheet of the scene, as wide as the canvas."""

    image: Image.Image
    """RGB."""
    mask: Image.Image | None = None
    """L, where the sheet is opaque; None for the background, which is opaque everywhere."""
    top: int = 0
    """Rows between the canvas's top and the sheet's."""
    depth: float = 0.0
    """0 is at infinity and stands still; 1 is nearest and moves most."""


@dataclass(slots=True)
class Scene:
    """What a motif paints."""

    planes: list[Plane] = field(default_factory=list[Plane])
    spark: Rgb = (255, 255, 255)
    """Colour of the small lights that drift through a clip of the scene."""

    def add(
        self, image: Image.Image, mask: Image.Image | None = None, top: int = 0, depth: float = 0.0
    ) -> None:
        self.planes.append(Plane(image, mask, top, depth))

    def flatten(self) -> Image.Image:
        """The scene as one RGB picture."""
        canvas = self.planes[0].image.copy()
        for plane in self.planes[1:]:
            canvas.paste(plane.image, (0, plane.top), plane.mask)
        return canvas


class Brush:
    """The few strokes every motif is made of, on a canvas of one size with one source of chance."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self.width, self.height = size
        self.rng = np.random.default_rng(seed)

    def grid(self, shrink: int) -> tuple[Field, Field]:
        """Coordinates of a field ``shrink`` times smaller than the canvas: x and y, both 0-1."""
        columns, rows = max(2, self.width // shrink), max(2, self.height // shrink)
        x = np.linspace(0, 1, columns, dtype=np.float32)[None, :]
        y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        return x, y

    def noise(self, shape: tuple[int, int], cells: tuple[int, int], octaves: int = 4) -> Field:
        """Smooth noise in 0-1: ``cells`` bumps across and down, finer ones laid over it."""
        total = np.zeros(shape, np.float32)
        weight, scale = 1.0, 0.0
        across, down = cells
        for _ in range(octaves):
            coarse = self.rng.random((max(2, down), max(2, across)), dtype=np.float32)
            layer = Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
            total += np.asarray(layer) * weight
            scale += weight
            weight, across, down = weight / 2, across * 2, down * 2
        return np.clip((total / scale - 0.5) * 1.7 + 0.5, 0, 1)

    def ridge(self, bumps: int, roughness: float) -> Field:
        """A line of heights in 0-1, one for each column: rolling when roughness is low, rocky when high."""
        heights = np.zeros(self.width, np.float32)
        weight, scale, count = 1.0, 0.0, bumps
        while count < self.width / 3 and weight > 0.01:
            points = self.rng.random(count + 3, dtype=np.float32)
            at = np.linspace(0, count, self.width, dtype=np.float32)
            cell = at.astype(np.int32)
            share = at - cell
            share = share * share * (3 - 2 * share)
            heights += weight * (points[cell] * (1 - share) + points[cell + 1] * share)
            scale += weight
            weight, count = weight * roughness, count * 2
        return heights / scale

    def below(self, edge: Field, top: int) -> Image.Image:
        """A mask, from row ``top`` down, of everything below a line of rows (one for each column), smooth-edged."""
        rows = np.arange(top, self.height, dtype=np.float32)[:, None]
        return Image.fromarray((np.clip(rows - edge[None, :] + 0.5, 0, 1) * 255).astype(np.uint8))

    def shape(self, size: tuple[int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        """A mask to draw on at twice the size; :func:`smooth` brings it back with soft edges."""
        mask = Image.new("L", (size[0] * 2, size[1] * 2))
        return mask, ImageDraw.Draw(mask)


def smooth(mask: Image.Image) -> Image.Image:
    """A mask drawn at twice its size, as it shall be."""
    return mask.reduce(2)


def blend(low: Rgb, high: Rgb, share: Field) -> Field:
    """A field of colours: ``low`` where share is 0, ``high`` where it is 1."""
    a, b = np.array(low, np.float32), np.array(high, np.float32)
    return a + (b - a) * share[..., None]


def lay(colours: Field, over: Rgb, share: Field) -> Field:
    """Lay one colour over a field of colours, as thick as ``share`` says (0-1)."""
    return colours + (np.array(over, np.float32) - colours) * share[..., None]


def as_image(colours: Field, size: tuple[int, int]) -> Image.Image:
    """A field of colours as a picture of this size, smoothly enlarged."""
    small = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))
    return small if small.size == size else small.resize(size, Image.Resampling.BICUBIC)


def gradient(top: Rgb, bottom: Rgb, size: tuple[int, int]) -> Image.Image:
    """A sheet that runs from one colour at the top to another at the bottom."""
    column = blend(top, bottom, np.linspace(0, 1, max(2, size[1]), dtype=np.float32)[:, None])
    return Image.fromarray(column.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
