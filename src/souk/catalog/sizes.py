"""What the size words of the wire mean in pixels, decided once for every model.

Makers round differently and rarely publish exact figures, so one rule serves all:

* A picture tier (``1K``, ``2K``) fixes the *area*, that of a square with that side, because makers bill and
  train by area. The ratio then fixes the sides, rounded to 16 pixels, the step of common picture models.
* A video tier (``720p``, ``768P``, ``4k``) fixes the *short side*, as in broadcasting. The other side
  follows from the ratio and is even, because 4:2:0 colour needs it.
* The named sizes are those of the services that introduced them.
"""

from math import sqrt

NAMED = {
    "square": (512, 512),
    "square_hd": (1024, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_3_2": (1152, 768),
    "landscape_16_9": (1024, 576),
    "landscape_21_9": (1344, 576),
    "portrait_4_3": (768, 1024),
    "portrait_3_2": (768, 1152),
    "portrait_16_9": (576, 1024),
}

PICTURE_SIDE = {"1K": 1024, "1.5K": 1536, "2K": 2048, "3K": 3072, "4K": 4096, "8K": 8192}
"""Side in pixels of the square that has a picture tier's area."""

SHORT_SIDE = {
    "360p": 360,
    "480p": 480,
    "512P": 512,
    "540p": 540,
    "580p": 580,
    "720p": 720,
    "768P": 768,
    "1080p": 1080,
    "1080P": 1080,
    "2K": 1440,
    "4k": 2160,
}
"""Short side in pixels of a video tier."""

PICTURE_STEP = 16
VIDEO_STEP = 2

FREE_RATIOS = frozenset({"auto", "adaptive"})
"""Ratio words that leave the choice to the input picture or the model."""


def parse_ratio(ratio: str) -> float:
    """Width over height of a ratio such as ``16:9``. Raises ValueError if it is none."""
    across, _, down = ratio.partition(":")
    return int(across) / int(down)


def parse_size(size: str) -> tuple[int, int]:
    """The sides of a size such as ``1024x1536``. Raises ValueError if it is none."""
    width, _, height = size.partition("x")
    return int(width), int(height)


def picture_size(ratio: float, side: int) -> tuple[int, int]:
    """Pixels of a picture with the area of a square of this side."""
    return _step(side * sqrt(ratio), PICTURE_STEP), _step(side / sqrt(ratio), PICTURE_STEP)


def video_size(ratio: float, short: int) -> tuple[int, int]:
    """Pixels of a video with this short side."""
    if ratio >= 1:
        return _step(short * ratio, VIDEO_STEP), _step(short, VIDEO_STEP)
    return _step(short, VIDEO_STEP), _step(short / ratio, VIDEO_STEP)


def even(side: float) -> int:
    """The nearest even number of pixels, at least two."""
    return _step(side, VIDEO_STEP)


def whole(side: float) -> int:
    """The nearest whole number of pixels, at least one."""
    return _step(side, 1)


def _step(side: float, step: int) -> int:
    return max(step, int(side / step + 0.5) * step)
