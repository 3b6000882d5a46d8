"""The visible table of dialects, and how the outbox has a callback written by the right one."""

from collections.abc import Mapping
from typing import Protocol

from souk.callbacks.message import Message
from souk.dialects import jobs
from souk.dialects.aleph import Aleph
from souk.dialects.dedicated import Dedicated
from souk.dialects.flux_kontext import FluxKontext
from souk.dialects.gpt4o_image import Gpt4oImage
from souk.dialects.runway import Runway
from souk.dialects.shelf import Shelf
from souk.dialects.suno.cover import Cover
from souk.dialects.suno.direct import Direct
from souk.dialects.suno.lyrics import Lyrics
from souk.dialects.suno.midi import Midi
from souk.dialects.suno.music import Music
from souk.dialects.suno.omni import OmniCharacter, OmniVoice
from souk.dialects.suno.persona import Persona
from souk.dialects.suno.stems import Stems
from souk.dialects.suno.style import Style
from souk.dialects.suno.timed_lyrics import TimedLyrics
from souk.dialects.suno.tool import Tool
from souk.dialects.suno.video import Video
from souk.dialects.suno.voice import Voice, VoicePhrase
from souk.dialects.suno.wav import Wav
from souk.dialects.veo import Veo
from souk.operations.records import Record
from souk.settings import WireBehaviour


class Dialect(Protocol):
    """What every wire API can do with a task, whoever created it."""

    @property
    def name(self) -> str:
        """What ``tasks.dialect`` says of a task created through it."""
        ...

    def record(self, record: Record) -> bytes:
        """The body that answers a record call."""
        ...

    def callback(self, record: Record, stage: str) -> Message:
        """What the task's receiver is told at this stage."""
        ...


class Dialects:
    """The dialects of one process."""

    def __init__(self, wire: WireBehaviour, shelf: Shelf) -> None:
        self.jobs = jobs.JobsDialect(wire)
        self.gpt4o_image = Gpt4oImage()
        self.veo = Veo()
        self.dedicated: tuple[Dedicated, ...] = (
            self.gpt4o_image,
            FluxKontext(),
            Runway(shelf),
            Aleph(),
            self.veo,
            Music(wire),
        )
        self.voice_phrase, self.voice = VoicePhrase(), Voice()
        self.song_tools: tuple[Tool, ...] = (
            Lyrics(),
            Wav(),
            Stems(),
            Midi(),
            Video(),
            Cover(),
            self.voice_phrase,
            self.voice,
        )
        self.omni: tuple[Direct, ...] = (OmniVoice(), OmniCharacter())
        self.style, self.persona, self.timed_lyrics = Style(), Persona(), TimedLyrics()
        self.direct: tuple[Direct, ...] = (self.style, self.persona, self.timed_lyrics)
        self.table: Mapping[str, Dialect] = {
            dialect.name: dialect
            for dialect in (self.jobs, *self.dedicated, *self.direct, *self.omni, *self.song_tools)
        }

    def callback(self, record: Record, stage: str) -> Message:
        """A callback in the words of the dialect the task was created through."""
        return self.table[record.dialect].callback(record, stage)
