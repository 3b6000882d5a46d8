"""Moving pictures from still ones: planes of a scene that slide past each other, given pictures that pan and fade."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from souk.providers.sandbox.edit import cover
from souk.providers.sandbox.film import Frame, half_step
from souk.providers.sandbox.picture import paint_scene
from souk.providers.sandbox.scene import Plane, Scene
from souk.providers.sandbox.sizes import Size

REFERENCE_WIDTH = 1280
NEAR_SPEED = 2
"""Pixels per frame, at the reference width, of the nearest plane."""
PAN_SPEED = 1
"""The same of a given picture."""
WIDEST_MARGIN = 0.22
"""How much wider than the frame the canvas may be; a longer clip turns back at its end."""
FADE_SECONDS = 0.6
SPARKS = 22
PAINTED_PIXELS = 1_200_000
"""Larger scenes are painted at this area and enlarged; up to 720p they are painted as they are."""


class Layer:
    """One picture, wider than the frame, that slides by whole pixels."""

    def __init__(self, picture: Image.Image, mask: Image.Image | None, top: int, speed: int) -> None:
        self.frame = Frame.of(picture)
        self.odd = (half_step(self.frame.u), half_step(self.frame.v))
        self.mask, self.top, self.speed = mask, top, speed
        self.half_mask = mask.reduce(2) if mask else None
        self.odd_mask = half_step(self.half_mask) if self.half_mask else None

    def view(self, x: int, size: Size) -> Frame:
        """The part that shows when the camera stands at ``x``."""
        width, height = size[0], min(size[1], self.frame.y.height)
        half = (x // 2, 0, x // 2 + width // 2, height // 2)
        u, v = self.odd if x % 2 else (self.frame.u, self.frame.v)
        return Frame(self.frame.y.crop((x, 0, x + width, height)), u.crop(half), v.crop(half))

    def lay_on(self, frame: Frame, x: int) -> None:
        """Lay the part that shows over a frame."""
        assert self.mask and self.half_mask and self.odd_mask  # noqa: S101 -- only layers with a mask are laid
        seen = self.view(x, frame.y.size)
        width, height = seen.y.size
        frame.y.paste(seen.y, (0, self.top), self.mask.crop((x, 0, x + width, height)))
        mask = self.odd_mask if x % 2 else self.half_mask
        half = mask.crop((x // 2, 0, x // 2 + width // 2, height // 2))
        frame.u.paste(seen.u, (0, self.top // 2), half)
        frame.v.paste(seen.v, (0, self.top // 2), half)


def margin_for(size: Size, frames: int, speed: int) -> int:
    """Even pixels the canvas is wider than the frame."""
    return max(2, min(speed * frames, int(size[0] * WIDEST_MARGIN)) // 2 * 2)


def steps(frames: int, turn: int) -> Iterator[int]:
    """0, 1, 2, … up to ``turn`` and back, for as many frames."""
    for number in range(frames):
        place = number % (2 * turn)
        yield place if place <= turn else 2 * turn - place


def scene_frames(prompt: str, seed: int, size: Size, frames: int) -> Iterator[Frame]:
    """A painted scene whose near planes move faster than its far ones, with small lights adrift."""
    nearest = max(1, round(NEAR_SPEED * size[0] / REFERENCE_WIDTH))
    margin = margin_for(size, frames, nearest)
    scene = _painted(prompt, seed, (size[0] + margin, size[1]))
    layers = _layers(scene, nearest)
    sparks = _Sparks(seed, size, scene.spark)
    for number, step in enumerate(steps(frames, margin // nearest)):
        ground = layers[0]
        frame = ground.view(ground.speed * step, size)
        for layer in layers[1:]:
            layer.lay_on(frame, layer.speed * step)
        sparks.lay_on(frame, number)
        yield frame


def pan_frames(pictures: list[Image.Image], size: Size, frames: int, fps: float) -> Iterator[Frame]:
    """Given pictures one after another, each drifting, with a soft fade between them."""
    each = frames / len(pictures)
    fade = max(1, round(min(FADE_SECONDS * fps, each / 2)))
    speed = max(1, round(PAN_SPEED * size[0] / REFERENCE_WIDTH))
    margin = margin_for(size, round(each) + fade, speed)
    layers = [Layer(cover(picture, (size[0] + margin, size[1])), None, 0, speed) for picture in pictures]
    places = list(steps(frames, margin // speed))
    for number in range(frames):
        current = min(len(layers) - 1, int(number / each))
        frame = layers[current].view(speed * places[number], size)
        left = (current + 1) * each - number
        if left < fade and current + 1 < len(layers):
            coming = layers[current + 1].view(speed * places[number], size)
            frame = frame.blend(coming, 1 - left / fade)
        yield frame


def _painted(prompt: str, seed: int, size: Size) -> Scene:
    """The scene at full size; painted smaller and enlarged when the size is large."""
    shrink = max(1.0, (size[0] * size[1] / PAINTED_PIXELS) ** 0.5)
    if shrink == 1.0:
        return paint_scene(prompt, seed, size)
    inner = (round(size[0] / shrink), round(size[1] / shrink))
    scene = paint_scene(prompt, seed, inner)
    tall = size[1] / inner[1]
    return Scene([_enlarged(plane, size, tall) for plane in scene.planes], scene.spark)


def _enlarged(plane: Plane, size: Size, scale: float) -> Plane:
    top = round(plane.top * scale)
    sides = (size[0], max(2, round((plane.top + plane.image.height) * scale) - top))
    image = plane.image.resize(sides, Image.Resampling.BICUBIC)
    return Plane(image, plane.mask and plane.mask.resize(sides, Image.Resampling.BICUBIC), top, plane.depth)


def _layers(scene: Scene, nearest: int) -> list[Layer]:
    """The scene's planes, those of one speed joined into one layer."""
    width, height = scene.planes[0].image.size
    groups: dict[int, tuple[Image.Image, Image.Image]] = {}
    for plane in scene.planes[1:]:
        speed = round(plane.depth * nearest)
        image, mask = groups.setdefault(
            speed, (Image.new("RGB", (width, height)), Image.new("L", (width, height)))
        )
        own = plane.mask or Image.new("L", plane.image.size, 255)
        image.paste(plane.image, (0, plane.top), own if mask.getbbox() else None)
        covered = mask.crop((0, plane.top, width, plane.top + own.height))
        mask.paste(ImageChops.lighter(covered, own.crop((0, 0, *covered.size))), (0, plane.top))
    ground = scene.planes[0].image
    if 0 in groups:
        still, mask = groups.pop(0)
        ground = ground.copy()
        ground.paste(still, (0, 0), mask)
    drift = round(scene.planes[0].depth * nearest)
    layers = [Layer(ground, None, 0, drift)]
    for speed, (image, mask) in sorted(groups.items()):
        box = mask.getbbox()
        if box:
            top = box[1] // 2 * 2
            part = (0, top, width, height)
            layers.append(Layer(image.crop(part), mask.crop(part), top, speed))
    return layers


class _Sparks:
    """Small soft lights that drift upward and breathe."""

    def __init__(self, seed: int, size: Size, colour: tuple[int, int, int]) -> None:
        chance = np.random.default_rng(seed ^ 0x5A17)
        self.size = size
        self.x, self.y, self.speed, self.phase = chance.random((4, SPARKS))
        self.luma = round(16 + 219 / 255 * (0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]))
        radius = max(2, min(size) // 170)
        dots: list[Image.Image] = []
        for level in range(1, 9):
            dot = Image.new("L", (radius * 6, radius * 6))
            ImageDraw.Draw(dot).ellipse([radius * 2, radius * 2, radius * 4, radius * 4], fill=26 * level)
            dots.append(dot.filter(ImageFilter.GaussianBlur(radius * 0.7)))
        self.dots = dots

    def lay_on(self, frame: Frame, number: int) -> None:
        width, height = self.size
        for x, y, speed, phase in zip(self.x, self.y, self.speed, self.phase, strict=True):
            rise = (y - number * (0.0004 + 0.0009 * speed)) % 1.0
            sway = x + 0.012 * np.sin(number * 0.05 + phase * 6.28)
            breath = 0.5 + 0.5 * np.sin(number * (0.05 + 0.06 * speed) + phase * 6.28)
            dot = self.dots[int(breath * 7.99)]
            frame.y.paste(self.luma, (int(sway * width), int(rise * height)), dot)
