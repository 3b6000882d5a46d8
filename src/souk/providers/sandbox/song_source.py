"""What a song is made from: an earlier track of the sandbox's own, or audio that was given."""

from dataclasses import dataclass

import av
import av.error

from souk.providers.children.given import CannotUse, Given
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.song import ScoreSpec
from souk.words import JsonObject

MOST_SECONDS = 480.0
"""Of audio that is worked from, and of a song that goes on and on."""
SCORE = "score"
"""Where a track's data has its score, if playing that gives all there is to hear."""
WRITTEN = "written"
"""Where it has the score of a track that holds other sound, too: audio that was given, or no notes at all."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that sounds already."""

    field: str
    seconds: float
    given: Given | None = None
    """Its file; a track that is nothing but its score can do without."""
    data: JsonObject | None = None
    """What was written down about an earlier track; None for given audio."""

    @property
    def score(self) -> ScoreSpec | None:
        """The score of an earlier track."""
        known = self.data or {}
        written = known.get(SCORE) or known.get(WRITTEN)
        return ScoreSpec.from_json(written) if written else None

    @property
    def played(self) -> bool:
        """Whether playing the score gives all there is to hear."""
        return SCORE in (self.data or {})

    def said(self, name: str) -> str:
        """A text that was written down about an earlier track."""
        return str((self.data or {}).get(name) or "")


def source_of(ask: Ask) -> Source:
    """What a song that continues or changes something is made from. Raises CannotUse."""
    parent = next((parent for parent in ask.parents if parent.field == "audioId"), None)
    if parent is None:
        return uploads(ask)[0]
    file = next((given for given in ask.media if given.field == "audioId" and given.kind == "audio"), None)
    seconds = float(parent.data.get("duration") or (seconds_of(file) if file else 0.0))
    return Source("audioId", seconds, file, parent.data)


def uploads(ask: Ask) -> list[Source]:
    """The audio that was given. Raises CannotUse."""
    found = [
        Source(given.field, _held(seconds_of(given), given.field), given)
        for given in ask.media
        if given.kind == "audio" and given.field.startswith("upload")
    ]
    if not found:
        raise CannotUse("There is no audio to work from.")
    return found


def seconds_of(given: Given) -> float:
    """How long a file sounds. Raises CannotUse."""
    try:
        with av.open(str(given.path)) as file:
            if not file.streams.audio:
                raise CannotUse(f"The file of {given.field} has no sound.")
            stream = file.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            return (file.duration or 0) / av.time_base
    except (av.error.FFmpegError, ValueError) as error:
        raise CannotUse(f"The file of {given.field} cannot be read as sound.") from error


def _held(seconds: float, field: str) -> float:
    if seconds > MOST_SECONDS:
        raise CannotUse(
            f"{field}: the audio lasts {seconds:.0f} seconds; at most {MOST_SECONDS:g} are taken."
        )
    return seconds
