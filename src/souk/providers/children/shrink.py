"""The size that a picture is given so that an upstream takes it: as near to its own as can be, in its own shape."""

from math import ceil, floor, sqrt

Size = tuple[int, int]


def shrunk(size: Size, max_pixels: int, max_edge: int, min_edge: int) -> Size | None:
    """The picture's own size if it may stay, else a smaller or larger one; None if none is right. 0 is no limit."""
    width, height = size
    factor = min(
        sqrt(max_pixels / (width * height)) if max_pixels else 1.0,
        max_edge / max(size) if max_edge else 1.0,
        1.0,
    )
    if factor < 1:
        new = (max(1, floor(width * factor)), max(1, floor(height * factor)))
        return new if min(new) >= min_edge else None
    if min(size) >= min_edge:
        return size
    grown = min_edge / min(size)
    new = (max(min_edge, ceil(width * grown - 1e-6)), max(min_edge, ceil(height * grown - 1e-6)))
    too_large = (max_edge and max(new) > max_edge) or (max_pixels and new[0] * new[1] > max_pixels)
    return None if too_large else new
