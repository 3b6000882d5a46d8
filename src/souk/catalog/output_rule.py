"""How a model's output follows from its input: reads the ``output:`` section and answers with an OutputSpec.

.. code-block:: yaml

    output:
      kind: video                     # image, video, audio, text or json
      format: {field: output_format}  # a word of formats.py; each kind has a default
      count: {field: num_images}      # default 1
      size:                           # pictures and videos only
        exact: 1024x1024              # pixels, or
        named: {field: image_size}    # a named size, scaled to `tier` if there is one, or
        ratio: {field: aspect_ratio}  # a ratio together with
        tier: {field: resolution}     # an area (picture) or short side (video), or
        follow: [first_frame, clip]   # the first of these inputs that is given, where the ratio is left open,
        lead: follow                  # or in any case,
        scale: {field: factor}        # enlarged by this; beside a tier, that is for clips and this for pictures
        otherwise: "16:9"             # the ratio where nothing says
        width: {field: width}         # or, of an input that is followed: made to fit into this box, its ratio
        height: {field: height}       # kept, where one side may be left open;
        fit: {field: fit}             # to fill the whole box if this is anything but contain
      seconds: {field: duration}      # or, where the length may be left open:
        asked: …                      #   the length, if the input says it
        follow: audio_url             #   else that of an input
        max: 300                      #   at most this
        typical: 5                    #   or about this
      fps: 24
      sample_rate: {field: rate}      # of sound; where it is written, the format's own does not count
      bitrate: {field: bitrate}       # the same
      sound: {field: generate_audio}
      alpha: true
      extras: {last_frame: {field: return_last_frame}}
      pieces: [character]             # what gets an id of its own
      result: {resultUrls: {$files: all}}   # the default

Every value may be a rule (see rules.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from souk.catalog.formats import read_format
from souk.catalog.output import OutputSpec
from souk.catalog.plain import Unreadable, given, mapping, only, sequence, text
from souk.catalog.rule_check import Allowed, Values, answers, gaps
from souk.catalog.rules import Constant, Rule, is_rule, read_rule
from souk.catalog.sizes import (
    FREE_RATIOS,
    NAMED,
    PICTURE_SIDE,
    SHORT_SIDE,
    parse_ratio,
    parse_size,
    picture_size,
    video_size,
)
from souk.words import JsonObject

DEFAULT_FORMAT = {"image": "png", "video": "mp4", "audio": "mp3", "text": "json", "json": "json"}
DEFAULT_RATIO = {"image": "1:1", "video": "16:9"}
DEFAULT_TIER = {"image": "1K", "video": "720p"}
DEFAULT_FPS = 24
CONTAIN = "contain"
"""The word for keeping a picture's ratio where a box is given."""
DEFAULT_RESULT = {"resultUrls": {"$files": "all"}}

_KEYS = (
    *("kind", "format", "count", "size", "seconds", "fps", "sample_rate", "bitrate", "sound", "alpha"),
    *("extras", "pieces", "result"),
)
_SIZE_RULES = ("exact", "named", "ratio", "tier", "scale", "width", "height", "fit")
_SIZE_KEYS = (*_SIZE_RULES, "follow", "lead", "otherwise")
_SOUND_RULES = ("sample_rate", "bitrate")
_SECONDS_KEYS = ("asked", "follow", "max", "typical")


@dataclass(frozen=True, slots=True)
class OutputRule:
    """A model's ``output:`` section, ready to be asked."""

    kind: str
    parts: dict[str, Rule]
    """By name, such as ``count``, ``size.tier`` or ``extras.last_frame``."""
    pieces: tuple[str, ...]
    size_follow: tuple[str, ...]
    seconds_follow: tuple[str, ...]

    def __call__(self, input: JsonObject) -> OutputSpec:
        """What is asked for by an input whose defaults are filled in."""
        found: JsonObject = {name: rule(input) for name, rule in self.parts.items()}
        file = read_format(str(found["format"]))
        return OutputSpec(
            kind=self.kind,
            media_type=file.media_type,
            extension=file.extension,
            sample_rate=found.get("sample_rate", file.sample_rate),
            bitrate=found.get("bitrate", file.bitrate),
            count=int(found["count"]),
            fps=found.get("fps"),
            sound=bool(found.get("sound")),
            alpha=bool(found.get("alpha")),
            extras={
                name[len("extras.") :]: value
                for name, value in found.items()
                if name.startswith("extras.") and value
            },
            pieces=self.pieces,
            result=found["result"],
            **self._size(found, input),
            **self._seconds(found, input),
        )

    def problems(self, values: Values, allowed: Allowed) -> Iterator[str]:
        """Everything an allowed input could ask for that this rule does not answer, in words."""
        for name, rule in self.parts.items():
            for gap in gaps(rule, values, allowed):
                yield f"output.{name} says nothing for {gap}; name it in the table or give it a '*'"
            if (readable := _READABLE.get(name)) is None:
                continue
            for leaf in answers(rule, values):
                try:
                    readable(leaf)
                except (ValueError, KeyError, TypeError):
                    yield f"output.{name} can be {leaf!r}, which has no meaning there"

    def _size(self, found: JsonObject, input: JsonObject) -> JsonObject:
        if self.kind not in ("image", "video"):
            return {}
        tier: str | None = found.get("size.tier")
        if exact := found.get("size.exact"):
            return _sides(parse_size(exact))
        if name := found.get("size.named"):
            width, height = NAMED[name]
            return _sides(picture_size(width / height, PICTURE_SIDE[tier]) if tier else (width, height))
        ratio: str | None = found.get("size.ratio")
        shape = str(found["size.otherwise"]) if ratio is None or ratio in FREE_RATIOS else ratio
        if follow := _first_given(self.size_follow, input):
            if scale := found.get("size.scale"):
                return {"follow": follow, "scale": _factor(scale), "ratio": shape, **_target(self.kind, tier)}
            width, height = found.get("size.width"), found.get("size.height")
            if width and height and found.get("size.fit") != CONTAIN:
                return _sides((int(width), int(height)))
            if width or height:
                return {"follow": follow, "box_width": width, "box_height": height, "ratio": shape}
            if shape != ratio or found["size.lead"] == "follow":
                return {"follow": follow, "ratio": shape, **_target(self.kind, tier)}
        target = _target(self.kind, tier or DEFAULT_TIER[self.kind])
        if side := target.get("target_side"):
            return _sides(picture_size(parse_ratio(shape), side))
        return _sides(video_size(parse_ratio(shape), target["target_short_side"]))

    def _seconds(self, found: JsonObject, input: JsonObject) -> JsonObject:
        asked = found.get("seconds.asked")
        if asked is not None:
            return {"seconds": float(asked)}
        return {
            "seconds_follow": _first_given(self.seconds_follow, input),
            "seconds_max": found.get("seconds.max"),
            "seconds_typical": found.get("seconds.typical"),
        }


def read_output(data: Any) -> OutputRule:
    """Read an ``output:`` section. Raises :class:`Unreadable`."""
    section = mapping(data, "output")
    only(section, _KEYS, "output")
    kind = text(section.get("kind"), "output.kind")
    if kind not in DEFAULT_FORMAT:
        raise Unreadable(f"output.kind must be one of {', '.join(DEFAULT_FORMAT)}, not {kind!r}")
    size = mapping(section.get("size"), "output.size")
    only(size, _SIZE_KEYS, "output.size")
    length = _length(section.get("seconds"))

    written: JsonObject = {
        "format": section.get("format", DEFAULT_FORMAT[kind]),
        "count": section.get("count", 1),
        "fps": section.get("fps", DEFAULT_FPS if kind == "video" else None),
        "sound": section.get("sound"),
        "alpha": section.get("alpha"),
        "result": section.get("result", DEFAULT_RESULT),
        "size.lead": size.get("lead", "ratio"),
        "size.otherwise": size.get("otherwise", DEFAULT_RATIO.get(kind)),
        **{f"size.{key}": size[key] for key in _SIZE_RULES if key in size},
        **{key: section[key] for key in _SOUND_RULES if key in section},
        **{f"seconds.{key}": length[key] for key in ("asked", "max", "typical") if key in length},
        **{f"extras.{key}": value for key, value in mapping(section.get("extras"), "output.extras").items()},
    }
    parts = {name: read_rule(rule, f"output.{name}") for name, rule in written.items()}
    parts = {name: rule for name, rule in parts.items() if rule != Constant(None)}
    return OutputRule(
        kind,
        parts,
        pieces=_names(section.get("pieces"), "output.pieces"),
        size_follow=_names(size.get("follow"), "output.size.follow"),
        seconds_follow=_names(length.get("follow"), "output.seconds.follow"),
    )


def _length(seconds: Any) -> JsonObject:
    if not isinstance(seconds, dict):
        return {"asked": seconds}
    length = mapping(cast(Any, seconds), "output.seconds")
    if is_rule(length):
        return {"asked": length}
    only(length, _SECONDS_KEYS, "output.seconds")
    return length


def _factor(scale: Any) -> float:
    """A factor as a number; whole ones stay whole."""
    number = float(scale)
    return int(number) if number.is_integer() else number


def _sides(size: tuple[int, int]) -> JsonObject:
    return {"width": size[0], "height": size[1]}


def _target(kind: str, tier: str | None) -> JsonObject:
    if tier is None:
        return {}
    if kind == "image" and tier in PICTURE_SIDE:
        return {"target_side": PICTURE_SIDE[tier]}
    return {"target_short_side": SHORT_SIDE[tier]}


def _names(value: Any, where: str) -> tuple[str, ...]:
    names = sequence(value, where) if isinstance(value, list) else [] if value is None else [value]
    return tuple(text(name, where) for name in names)


def _first_given(names: tuple[str, ...], input: JsonObject) -> str | None:
    return next((name for name in names if given(input.get(name.partition("[]")[0]))), None)


def _ratio(value: Any) -> None:
    if value is not None and value not in FREE_RATIOS:
        parse_ratio(value)


_READABLE: dict[str, Callable[[Any], Any]] = {
    "format": lambda value: read_format(str(value)),
    "count": int,
    "size.exact": lambda value: parse_size(value) if value is not None else None,
    "size.named": lambda value: NAMED[value],
    "size.ratio": _ratio,
    "size.otherwise": parse_ratio,
    "size.tier": lambda value: value is None or (PICTURE_SIDE | SHORT_SIDE)[value],
    "size.scale": lambda value: value is None or _factor(value),
    "size.lead": lambda value: ("follow", "ratio").index(value),
}
"""What each part's answers must survive; these raise ValueError, KeyError or TypeError."""
