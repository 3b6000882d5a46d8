"""Upscale jobs: a clip at a larger size, its pictures resampled with Lanczos, its sound copied as it is."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from souk.providers.children.given import CannotUse, Given
from souk.providers.children.results import Made, extra_files, filled
from souk.providers.local.source import frames_of, opened, packets_of, streams_of, tags_of, unreadable
from souk.providers.local.tracks import PictureTrack, SoundTrack
from souk.providers.local.work import Work

SHORT_SIDE = {"upscale-1080p": 1080, "upscale-4k": 2160}
"""Kind of work -> pixels of the shorter side; for plain ``upscale`` the output spec says it."""
LONG_SIDE_MAX = 8192
"""Pixels; what common decoders take."""
SECONDS_MAX = 600


def upscale_clip(work: Work) -> Made:
    """Do an upscale job. Raises CannotUse."""
    made, given = Made(), work.given("video")
    short = SHORT_SIDE.get(work.kind) or int(work.output["target_short_side"])
    path = work.folder / "clip.mp4"
    extras = extra_files(work.output, 1)
    cover = work.folder / "cover.jpg" if extras else None
    enlarge(given, path, short, cover)
    made.add(path, "video/mp4")
    if cover:
        made.add(cover, "image/jpeg")
    made.result = filled(work.output, 1)
    return made


def enlarge(given: Given, path: Path, short: int, cover: Path | None = None) -> None:
    """Write the clip as an MP4 whose shorter side has ``short`` pixels; ``cover`` gets its first picture.

    Rate, length and moments of the pictures stay. Raises CannotUse.
    """
    rotation, size = _target(given, short)
    with opened(given, "video") as source:
        video, *_ = streams_of(source, "video")
        video.thread_type = "AUTO"
        target: Any = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        with target:
            target.metadata.update(tags_of(source, video))
            pictures = PictureTrack(target, video, rotation, size, cover)
            sounds = {
                sound.index: SoundTrack(target, sound)
                for sound in streams_of(source, "audio")
                if sound.rate and sound.channels
            }
            heard = [stream for stream in source.streams.audio if stream.index in sounds]
            for packet in packets_of(source, video, *heard):
                if packet.stream.index == video.index:
                    pictures.add(packet)
                else:
                    sounds[packet.stream.index].add(packet)
            pictures.finish()
            for sound in sounds.values():
                sound.finish()
        if not pictures.written:
            raise unreadable(given, "video")


def _target(given: Given, short: int) -> tuple[int, tuple[int, int]]:
    """How far the pictures are turned, in degrees counter-clockwise, and the size to make. Raises CannotUse."""
    with opened(given, "video") as file:
        video, *_ = streams_of(file, "video")
        if file.duration and file.duration / av.time_base > SECONDS_MAX:
            raise CannotUse(
                f"{given.field} is {file.duration / av.time_base:.0f} s long; at most {SECONDS_MAX} s."
            )
        frame = next((frame for packet in packets_of(file, video) for frame in frames_of(packet)), None)
        if frame is None:
            raise unreadable(given, "video")
        ratio = Fraction(frame.width, frame.height) * (video.sample_aspect_ratio or 1)
        if frame.rotation % 180:
            ratio = 1 / ratio
    size = (_even(short * ratio), short) if ratio >= 1 else (short, _even(short / ratio))
    if max(size) > LONG_SIDE_MAX:
        raise CannotUse(f"{given.field} is too long and narrow: it would have {size[0]} x {size[1]} pixels.")
    return frame.rotation, size


def _even(side: Fraction) -> int:
    """The nearest even number of pixels, which 4:2:0 colour needs."""
    return max(2, int(side / 2 + Fraction(1, 2)) * 2)
