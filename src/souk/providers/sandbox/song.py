"""What a piece of sandbox music is: what it was asked to be, its notes and its words."""

from dataclasses import dataclass, field, fields

from souk.words import JsonObject


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """All that decides a score: one spec always gives the same notes.

    With ``before`` set, that spec's score is kept up to ``cut`` seconds and the bar's end (and from ``resume`` on,
    if that is set); what lies between is composed anew from the other fields, in the same key and tempo.
    """

    seed: int
    style: str = ""
    seconds: float = 60.0
    instrumental: bool = False
    lyrics: str = ""
    bpm: int | None = None
    key: str | None = None
    """Such as ``D#m``, ``Bb`` or ``Any``."""
    avoid: str = ""
    """Parts that shall not play, named in free text."""
    voice: str = ""
    """``m`` or ``f``; else the seed chooses."""
    loop: bool = False
    """Whole bars that follow upon themselves: the length is the nearest that allows it."""
    before: "ScoreSpec | None" = None
    cut: float = 0.0
    resume: float | None = None

    def to_json(self) -> JsonObject:
        """The spec as plain JSON, what is at its default left out."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {**own, "before": self.before.to_json()} if self.before else own

    @classmethod
    def from_json(cls, data: JsonObject) -> "ScoreSpec":
        values: JsonObject = dict(data)
        if values.get("before"):
            values["before"] = cls.from_json(values["before"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Note:
    """One note, in seconds; drums have their General MIDI numbers as pitches."""

    pitch: int
    start: float
    end: float
    velocity: float
    """0..1."""
    voice: str = ""
    """The instrument, as the synthesizer names it."""
    sound: str = ""
    """What a singer sings on it: onset and vowel, such as ``hum a``."""


@dataclass(frozen=True, slots=True)
class Word:
    """A sung word as the lyrics write it (the first of a section with its tag), in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Score:
    """A composed piece."""

    seconds: float
    bpm: float
    key: str
    parts: dict[str, list[Note]] = field(default_factory=dict[str, list[Note]])
    words: list[Word] = field(default_factory=list[Word])
    sections: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """Each section's kind and start, in seconds."""
    beats: int = 4
    """Of a bar."""
    loop: bool = False
