"""How large and how long the work shall be: what is asked, completed from the input file that is followed.

The rule is the catalogue's own (``OutputSpec.resolve``); it stands here again because a child process reads the
spec as plain data, and measures the followed file itself.
"""

from math import sqrt

from souk.words import JsonObject

Size = tuple[int, int]

PICTURE_PIXELS_MAX = 16_777_216
"""Pixels of a picture whose size follows an input without an asked factor."""
VIDEO_SHORT_SIDE_MAX = 2160
VIDEO_LONG_SIDE_MAX = 4096
PICTURE_STEP, VIDEO_STEP = 16, 2
DEFAULT_SECONDS = 5.0
DEFAULT_SIDE, DEFAULT_SHORT_SIDE = 1024, 720
DEFAULT_RATIO = {"image": 1.0, "video": 16 / 9}


def picture_size(output: JsonObject, followed: Size | None) -> Size:
    """Pixels of a picture, given the sides of the followed input."""
    given = _exact(output) or _scaled(output, followed) or _target(output, followed, DEFAULT_RATIO["image"])
    if given:
        return given
    return (
        _within(followed, PICTURE_PIXELS_MAX) if followed else _area(_ratio(output, None, 1.0), DEFAULT_SIDE)
    )


def video_size(output: JsonObject, followed: Size | None) -> Size:
    """Pixels of a video: even sides, at most 4K."""
    ratio = DEFAULT_RATIO["video"]
    width, height = _exact(output) or (
        _target(output, followed, ratio)
        or _scaled(output, followed)
        or followed
        or _short(_ratio(output, None, ratio), DEFAULT_SHORT_SIDE)
    )
    shrink = max(1.0, min(width, height) / VIDEO_SHORT_SIDE_MAX, max(width, height) / VIDEO_LONG_SIDE_MAX)
    return _step(width / shrink, VIDEO_STEP), _step(height / shrink, VIDEO_STEP)


def length(output: JsonObject, followed: float | None) -> float:
    """Seconds of a clip or sound, given those of the followed input."""
    if output.get("seconds") is not None:
        return float(output["seconds"])
    seconds = followed or float(output.get("seconds_typical") or DEFAULT_SECONDS)
    longest = output.get("seconds_max")
    return min(seconds, float(longest)) if longest else seconds


def _exact(output: JsonObject) -> Size | None:
    if output.get("width") and output.get("height"):
        return int(output["width"]), int(output["height"])
    return None


def _scaled(output: JsonObject, followed: Size | None) -> Size | None:
    if followed and output.get("scale"):
        factor = float(output["scale"])
        return round(followed[0] * factor), round(followed[1] * factor)
    return None


def _target(output: JsonObject, followed: Size | None, otherwise: float) -> Size | None:
    ratio = _ratio(output, followed, otherwise)
    if output.get("target_side"):
        return _area(ratio, int(output["target_side"]))
    if output.get("target_short_side"):
        return _short(ratio, int(output["target_short_side"]))
    return None


def _ratio(output: JsonObject, followed: Size | None, otherwise: float) -> float:
    if followed:
        return followed[0] / followed[1]
    across, _, down = str(output.get("ratio") or "").partition(":")
    return int(across) / int(down) if across.isdigit() and down.isdigit() else otherwise


def _area(ratio: float, side: int) -> Size:
    return _step(side * sqrt(ratio), PICTURE_STEP), _step(side / sqrt(ratio), PICTURE_STEP)


def _short(ratio: float, short: int) -> Size:
    if ratio >= 1:
        return _step(short * ratio, VIDEO_STEP), _step(short, VIDEO_STEP)
    return _step(short, VIDEO_STEP), _step(short / ratio, VIDEO_STEP)


def _within(size: Size, pixels: int) -> Size:
    shrink = sqrt(size[0] * size[1] / pixels)
    return size if shrink <= 1 else (max(1, int(size[0] / shrink)), max(1, int(size[1] / shrink)))


def _step(side: float, step: int) -> int:
    return max(step, int(side / step + 0.5) * step)
