"""The local engine's upscales: size, moments, sound and pictures of the result against those of the source."""

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from souk.providers.base import Refused
from souk.providers.children.pool import Pool
from souk.providers.local import LocalEngine
from souk.words import FailKind
from tests.providers.local_jobs import done, packets_of, pictures_of, tone, work, write_clip, write_sound
from tests.providers.sandbox_jobs import given, path_of, picture, seconds_of

FINEST = {"kind": "video", "result": {"resultUrls": [{"$file": 0}], "coverUrl": {"$file": 1}}}


def size_of(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as file:
        coder: Any = file.streams.video[0].codec_context
        return coder.width, coder.height


async def enlarged(local: LocalEngine, at: Path, source: Path, kind: str = "upscale-1080p") -> Path:
    job = work(kind, [given("video_url", source, "video/mp4")], output={"target_short_side": 1440})
    return path_of(await done(local, at, job))


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("upscale-1080p", (160, 90), (1920, 1080)),
        ("upscale-1080p", (90, 160), (1080, 1920)),
        ("upscale-1080p", (126, 54), (2520, 1080)),
        ("upscale-1080p", (2560, 1440), (1920, 1080)),
        ("upscale-4k", (160, 90), (3840, 2160)),
        ("upscale", (160, 120), (1920, 1440)),
    ],
)
async def test_the_shorter_side_is_as_asked_and_the_ratio_stays(
    local: LocalEngine, tmp_path: Path, kind: str, old: tuple[int, int], new: tuple[int, int]
) -> None:
    source = write_clip(tmp_path / "in.mp4", old, range(3))
    assert size_of(await enlarged(local, tmp_path, source, kind)) == new


async def test_pictures_are_resampled_with_lanczos(local: LocalEngine, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", (320, 180), range(6))
    made = pictures_of(await enlarged(local, tmp_path, source))
    for (_, old), (_, new) in zip(pictures_of(source), made, strict=True):
        reference = Image.fromarray(old).resize((1920, 1080), Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(reference).astype(int) - new).mean() < 1.5


async def test_sound_is_copied_packet_by_packet(local: LocalEngine, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", moments=range(24))
    made = await enlarged(local, tmp_path, source)
    assert packets_of(made, "audio") == packets_of(source, "audio")
    assert len(packets_of(made, "audio")) > 80
    assert seconds_of(made, "audio") == seconds_of(source, "audio")


async def test_sound_that_an_mp4_cannot_hold_is_encoded_anew(local: LocalEngine, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mov", moments=range(12), sound="pcm_s16le")
    made = await enlarged(local, tmp_path, source)
    with av.open(str(made)) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
    assert seconds_of(made, "audio") == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "sound", "kept"),
    [
        ("in.webm", "libvpx-vp9", "yuv420p", "", []),
        ("in.avi", "mpeg4", "yuv420p", "libmp3lame", ["mp3"]),
        ("in.mkv", "libx264", "yuv420p10le", "flac", ["flac"]),
        ("in.mov", "mjpeg", "yuvj420p", "", []),
    ],
)
async def test_clips_of_other_kinds_keep_their_colours_and_sound(
    local: LocalEngine, tmp_path: Path, name: str, codec: str, pixels: str, sound: str, kept: list[str]
) -> None:
    source = write_clip(tmp_path / name, sound=sound, codec=codec, pixels=pixels)
    made = await enlarged(local, tmp_path, source)
    with av.open(str(made)) as file:
        first: Any = next(file.decode(video=0))
        assert first.format.name == "yuv420p"
        assert first.to_ndarray(format="rgb24")[40, 40] == pytest.approx((250, 240, 60), abs=8)
        assert [stream.codec_context.codec.canonical_name for stream in file.streams.audio] == kept


async def test_a_clip_without_sound_stays_without(local: LocalEngine, tmp_path: Path) -> None:
    made = await enlarged(local, tmp_path, write_clip(tmp_path / "in.mp4", moments=range(3), sound=""))
    with av.open(str(made)) as file:
        assert not file.streams.audio


async def test_rate_number_and_length_stay(local: LocalEngine, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", moments=range(30), fps=15)
    made = await enlarged(local, tmp_path, source)
    with av.open(str(made)) as file:
        assert file.streams.video[0].average_rate == 15
    assert seconds_of(made, "video") == pytest.approx(2.0)
    assert len(pictures_of(made)) == 30


async def test_each_picture_keeps_its_own_moment(local: LocalEngine, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", moments=(0, 1, 5, 6, 20, 22), fps=24)
    made = await enlarged(local, tmp_path, source)
    moments = [moment for moment, _ in pictures_of(made)]
    assert moments == pytest.approx([number / 24 for number in (0, 1, 5, 6, 20, 22)], abs=1e-3)


def turned(path: Path) -> Path:
    """The clip with a note that it is to be shown turned clockwise by a quarter, as telephones write it."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix stands behind flags, times, id, length and sound
    data[at : at + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    return path


async def test_a_clip_that_was_held_upright_comes_out_upright(local: LocalEngine, tmp_path: Path) -> None:
    source = turned(write_clip(tmp_path / "in.mp4", (160, 90), range(3)))
    made = await enlarged(local, tmp_path, source)
    assert size_of(made) == (1080, 1920)
    _, shown = pictures_of(made)[0]
    assert shown[:300, -200:].mean() > 200 > shown[:300, :200].mean() + 30  # the mark moved to the right


async def test_a_cover_comes_beside_the_clip_where_the_result_names_one(
    local: LocalEngine, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "in.mp4", moments=range(3))
    made = await done(
        local, tmp_path, work("upscale-4k", [given("taskId", source, "video/mp4")], output=FINEST)
    )
    assert made.result == FINEST["result"]
    assert [file.media_type for file in made.files] == ["video/mp4", "image/jpeg"]
    cover = picture(path_of(made, 1))
    assert cover.size == (3840, 2160)
    _, first = pictures_of(path_of(made))[0]
    assert np.abs(np.asarray(cover.convert("L")).astype(int) - first).mean() < 8


async def test_the_sandbox_adds_no_mark_to_it(local: LocalEngine, tmp_path: Path) -> None:
    made = await enlarged(local, tmp_path, write_clip(tmp_path / "in.mp4", moments=range(3)))
    assert b"SANDBOX" not in made.read_bytes()


async def test_a_sound_is_no_clip(local: LocalEngine, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", tone(0.5))
    with pytest.raises(Refused, match="video_url") as refusal:
        await enlarged(local, tmp_path, source)
    assert refusal.value.kind is FailKind.BAD_INPUT


async def test_a_clip_too_narrow_to_enlarge_is_refused_with_what_it_would_have(
    local: LocalEngine, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "in.mp4", (640, 40), range(2))
    with pytest.raises(Refused, match="34560 x 2160") as refusal:
        await enlarged(local, tmp_path, source, "upscale-4k")
    assert refusal.value.kind is FailKind.BAD_INPUT


def peak_of(pid: int) -> int:
    """The most memory a process had, in kilobytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


async def test_a_long_clip_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    peaks: list[int] = []
    for moments in (20, 400):
        pool = Pool(1)
        source = write_clip(tmp_path / f"{moments}.mp4", (320, 180), range(moments), sound="")
        await enlarged(LocalEngine(pool), tmp_path, source)
        peaks.append(peak_of(pool.pids[0]))
        await pool.close()
    assert (
        peaks[1] - peaks[0] < 60_000
    )  # kilobytes; held as a whole, 380 more pictures would take 1.1 gigabytes
    assert peaks[1] < 500_000
