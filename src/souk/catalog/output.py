"""What a task is asked to produce: how many files of which kind, size and length, and the result's shape.

An :class:`OutputSpec` is made when a task is created and stored with it. Providers read it, the sandbox
obeys it.

The ``result`` template is a plain object with stand-ins:

* ``{"$file": 0}``: the address of the first file (then 1, 2, …)
* ``{"$files": "all"}``: the list of all addresses
* ``{"$piece": 0}``: our id of the first of :attr:`OutputSpec.pieces`

Everything else in it is literal. For texts and data (kinds ``text`` and ``json``) the literals show the shape
by example, because the answer itself comes from the provider.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from souk.catalog.sizes import even, parse_ratio, picture_size, video_size, whole
from souk.words import JsonObject

TYPICAL_SECONDS = 5.0
"""Length of a result whose length nothing decides."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """What is asked for. None means not asked, or decided by the followed input (see :meth:`resolve`)."""

    kind: str
    """``image``, ``video``, ``audio``, ``text`` or ``json``."""
    media_type: str
    """Of each file; of the data itself if there are no files."""
    extension: str
    count: int = 1
    """Files in the result, extras not counted; 0 for pure text and data."""
    width: int | None = None
    height: int | None = None
    """Pixels."""
    follow: str | None = None
    """Input field (or parent) whose first file decides the size, as far as the next four leave it open."""
    scale: float | None = None
    """Factor on each side of the followed input. A clip that also has a target goes by that."""
    box_width: int | None = None
    box_height: int | None = None
    """Pixels the followed input shall fit into, its ratio kept; either may be left open."""
    ratio: str | None = None
    """Ratio to use when there is nothing to follow, such as ``16:9``."""
    target_side: int | None = None
    """Area wanted, as the side of a square, in pixels; the ratio is the followed input's."""
    target_short_side: int | None = None
    """Short side wanted, in pixels; the ratio is the followed input's."""
    seconds: float | None = None
    seconds_follow: str | None = None
    """Input field whose length decides the result's."""
    seconds_max: float | None = None
    seconds_typical: float | None = None
    """A fair length where the model decides itself."""
    fps: float | None = None
    sound: bool = False
    """Whether a video carries a sound track."""
    alpha: bool = False
    """Whether a picture has a transparent background."""
    sample_rate: int | None = None
    """Samples per second."""
    bitrate: int | None = None
    """Bits per second."""
    extras: JsonObject = field(default_factory=dict[str, Any])
    """What is asked for beside the files, such as ``last_frame`` or ``timestamps``; absent means no."""
    pieces: tuple[str, ...] = ()
    """Kinds of the pieces the task makes, such as ``character``: results with an id of their own."""
    result: JsonObject = field(default_factory=dict[str, Any])
    """The template described above."""

    def resolve(
        self, width: int | None = None, height: int | None = None, seconds: float | None = None
    ) -> "OutputSpec":
        """The same with size and length filled in, given the pixels and seconds of the followed inputs.

        Facts that are missing are replaced by fair guesses, so the answer is always complete.
        """
        sides = self._sides(width, height) if self.kind in ("image", "video") else (None, None)
        return replace(self, width=sides[0], height=sides[1], seconds=self._length(seconds))

    def to_json(self) -> JsonObject:
        """As a plain object, unset values left out."""
        found: JsonObject = {name: getattr(self, name) for name in _NAMES}
        found["pieces"] = list(self.pieces) or None
        return {name: value for name, value in found.items() if value is not None and value is not False}

    @classmethod
    def from_json(cls, data: JsonObject) -> "OutputSpec":
        """The inverse of :meth:`to_json`."""
        known: JsonObject = {**data, "pieces": tuple(data.get("pieces", ()))}
        return cls(**known)

    def _sides(self, width: int | None, height: int | None) -> tuple[int, int]:
        if self.width and self.height:
            return self.width, self.height
        known = bool(width and height)
        across, down = (width, height) if width and height else (16, 9) if self.kind == "video" else (1, 1)
        ratio = across / down if known or not self.ratio else parse_ratio(self.ratio)
        if known and self.scale and not (self.kind == "video" and self.target_short_side):
            return whole(across * self.scale), whole(down * self.scale)
        boxes = [box / side for box, side in ((self.box_width, across), (self.box_height, down)) if box]
        if boxes:
            return whole(across * min(boxes)), whole(down * min(boxes))
        if self.target_side:
            return picture_size(ratio, self.target_side)
        if self.target_short_side:
            return video_size(ratio, self.target_short_side)
        if not known:
            return video_size(ratio, 720) if self.kind == "video" else picture_size(ratio, 1024)
        return (even(across), even(down)) if self.kind == "video" else (across, down)

    def _length(self, seconds: float | None) -> float | None:
        if self.kind not in ("video", "audio") or self.seconds is not None:
            return self.seconds
        length = seconds if seconds and self.seconds_follow else self.seconds_typical or TYPICAL_SECONDS
        return min(length, self.seconds_max) if self.seconds_max else length


_NAMES = tuple(each.name for each in fields(OutputSpec))
