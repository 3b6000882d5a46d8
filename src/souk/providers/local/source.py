"""Given sounds and clips: opened, and read packet by packet, with what is broken in them passed over as players do."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import av
import av.error
from av.stream import Disposition

from souk.providers.children.given import CannotUse, Given

KINDS = {"audio": "sound", "video": "a clip"}
TAGS = ("title", "artist", "album", "album_artist", "genre", "date", "track", "comment")
"""What is carried over of a file's own words about itself."""


@contextmanager
def opened(given: Given, kind: str) -> Generator[Any]:
    """The container, which has at least one stream of this kind (``audio`` or ``video``). Raises CannotUse."""
    try:
        file: Any = av.open(str(given.path))
    except (av.error.FFmpegError, ValueError) as error:
        raise unreadable(given, kind) from error
    with file:
        if not streams_of(file, kind):
            missing = {"audio": "sound", "video": "moving pictures"}[kind]
            raise CannotUse(f"The file of {given.field} has no {missing}.")
        yield file


def streams_of(file: Any, kind: str) -> list[Any]:
    """The streams of a kind that can be decoded; a cover picture inside a sound file is no video."""
    found = file.streams.audio if kind == "audio" else file.streams.video
    return [
        stream
        for stream in found
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]


def packets_of(file: Any, *streams: Any) -> Iterator[Any]:
    """The packets of these streams as they lie in the file, at the end an empty one for each."""
    packets = file.demux(*streams)
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:
            continue
        except av.error.FFmpegError:  # the file ends before its time
            return
        if packet is None:
            return
        yield packet


def frames_of(packet: Any) -> list[Any]:
    """What a packet decodes to; nothing if it is broken."""
    try:
        return packet.decode()
    except av.error.InvalidDataError:
        return []


def unreadable(given: Given, kind: str) -> CannotUse:
    """The word for a file that is no media of this kind."""
    return CannotUse(f"The file of {given.field} cannot be read as {KINDS[kind]}.")


def tags_of(file: Any, stream: Any) -> dict[str, str]:
    """What a file tells of itself that is worth keeping."""
    told = {key.lower(): value for tags in (stream.metadata, file.metadata) for key, value in tags.items()}
    return {name: told[name] for name in TAGS if name in told}
