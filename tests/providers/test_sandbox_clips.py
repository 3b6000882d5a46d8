"""The sandbox's clips: asked length, size, rate and sound; moved from words, pictures, clips and voices."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from souk.providers.base import Done, MediaFile
from souk.providers.sandbox import Sandbox
from souk.words import JsonObject
from tests.providers.sandbox_jobs import (
    CLIP,
    clip_file,
    folder,
    frames_of,
    given,
    job,
    notes_of,
    nothing_told,
    path_of,
    picture_file,
    seconds_of,
    sound_file,
)

SMALL = {**CLIP, "width": 320, "height": 180, "seconds": 1.0}
HILLS = {"prompt": "hills at sunset", "seed": 3}


async def made(
    sandbox: Sandbox,
    at: Path,
    task: str,
    input: JsonObject,
    output: JsonObject,
    files: list[MediaFile] | None = None,
) -> Path:
    done = await sandbox.run(job(task, input, output, files or []), folder(at), nothing_told)
    return path_of(done)


@pytest.mark.parametrize(
    ("extension", "media_type", "fps", "seconds"),
    [("mp4", "video/mp4", 24, 1.5), ("mov", "video/quicktime", 30, 1.0)],
)
async def test_clip_has_the_asked_format_size_rate_and_length(
    sandbox: Sandbox, tmp_path: Path, extension: str, media_type: str, fps: int, seconds: float
) -> None:
    asked = {**SMALL, "extension": extension, "media_type": media_type, "fps": fps, "seconds": seconds}
    done: Done = await sandbox.run(job("text-to-video", HILLS, asked), tmp_path, nothing_told)
    assert done.files[0].media_type == media_type
    with av.open(str(path_of(done))) as file:
        stream: Any = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height, stream.pix_fmt) == (320, 180, "yuv420p")
        assert (float(stream.average_rate), stream.frames) == (fps, round(fps * seconds))


async def test_clip_moves(sandbox: Sandbox, tmp_path: Path) -> None:
    frames = frames_of(await made(sandbox, tmp_path, "text-to-video", HILLS, SMALL))
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).mean() > 1


async def test_clip_has_sound_only_when_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    silent = await made(sandbox, tmp_path / "silent", "text-to-video", HILLS, SMALL)
    loud = await made(sandbox, tmp_path / "loud", "text-to-video", HILLS, {**SMALL, "sound": True})
    with av.open(str(silent)) as file:
        assert not file.streams.audio
    with av.open(str(loud)) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
    assert seconds_of(loud, "audio") == pytest.approx(1.0, abs=0.05)


async def test_clip_says_in_its_tags_that_it_is_sandbox_output(sandbox: Sandbox, tmp_path: Path) -> None:
    assert "SANDBOX" in notes_of(await made(sandbox, tmp_path, "text-to-video", HILLS, SMALL))


async def test_clip_with_a_seed_is_the_same_twice(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {**SMALL, "sound": True}
    first = await made(sandbox, tmp_path / "1", "text-to-video", HILLS, asked)
    second = await made(sandbox, tmp_path / "2", "text-to-video", HILLS, asked)
    assert first.read_bytes() == second.read_bytes()


async def test_given_picture_is_what_moves(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("image_url", picture_file(tmp_path / "red.png", (320, 180), (210, 30, 30)), "image/png")]
    frames = frames_of(await made(sandbox, tmp_path / "out", "image-to-video", HILLS, SMALL, files))
    red, green, blue = frames[0][40, 20].astype(int)
    assert red > 160
    assert max(green, blue) < 80


async def test_clip_takes_the_shape_of_the_picture_it_follows(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("image_url", picture_file(tmp_path / "tall.png", (90, 160)), "image/png")]
    asked = {**CLIP, "seconds": 0.5, "follow": "image_url", "target_short_side": 180}
    frames = frames_of(await made(sandbox, tmp_path / "out", "image-to-video", HILLS, asked, files))
    assert frames[0].shape == (320, 180, 3)


async def test_avatar_carries_the_given_voice_for_its_whole_length(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [
        given("image_url", picture_file(tmp_path / "face.png"), "image/png"),
        given("audio_url", sound_file(tmp_path / "voice.wav", 1.5), "audio/wav"),
    ]
    asked = {**CLIP, "width": 320, "height": 180, "seconds_follow": "audio_url", "sound": True}
    path = await made(sandbox, tmp_path / "out", "avatar", {"prompt": "speak"}, asked, files)
    assert seconds_of(path, "video") == pytest.approx(1.5, abs=0.05)
    assert seconds_of(path, "audio") == pytest.approx(1.5, abs=0.05)
    with av.open(str(path)) as file:
        levels = np.concatenate([np.abs(frame.to_ndarray()[0]) for frame in file.decode(audio=0)])
    half = levels.size // 2
    assert levels[: half - 3000].mean() > 20 * levels[half + 3000 :].mean()


async def test_video_edit_keeps_what_the_given_clip_shows(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("video_urls", clip_file(tmp_path / "green.mp4"), "video/mp4")]
    asked = {**SMALL, "seconds": 1.0}
    frames = frames_of(await made(sandbox, tmp_path / "out", "video-to-video", HILLS, asked, files))
    assert len(frames) == 24
    assert frames[-1][60:100].mean() > frames[0][60:100].mean() + 15


async def test_video_upscale_doubles_each_side_and_keeps_length_and_rate(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    files = [given("video_url", clip_file(tmp_path / "small.mp4", (128, 96), 1.0, 12), "video/mp4")]
    asked = {**CLIP, "follow": "video_url", "scale": 2, "seconds_follow": "video_url"}
    frames = frames_of(await made(sandbox, tmp_path / "out", "upscale", {}, asked, files))
    assert frames[0].shape == (192, 256, 3)
    assert len(frames) == 12


async def test_extension_is_appended_to_the_parents_clip(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("task_id", clip_file(tmp_path / "parent.mp4", (128, 96), 1.0, 12), "video/mp4")]
    asked = {**CLIP, "follow": "task_id", "seconds": 2.0}
    done = await sandbox.run(job("video-extend", {"prompt": "go on"}, asked, files), tmp_path, nothing_told)
    frames = frames_of(path_of(done))
    assert len(frames) == 36
    assert frames[2].mean() < frames[10].mean()  # the parent's own brightening comes first
    assert done.seconds == 2.0


async def test_first_and_last_picture_come_beside_the_clip_when_asked(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    result = {"resultUrls": [{"$file": 0}], "firstFrameUrl": [{"$file": 1}], "lastFrameUrl": [{"$file": 2}]}
    done = await sandbox.run(job("text-to-video", HILLS, {**SMALL, "result": result}), tmp_path, nothing_told)
    assert [file.media_type for file in done.files] == ["video/mp4", "image/png", "image/png"]
    assert done.result == result


async def test_storyboard_shows_one_scene_after_another(sandbox: Sandbox, tmp_path: Path) -> None:
    shots = [{"Scene": "snowy winter mountain", "duration": 1}, {"Scene": "starry night", "duration": 1}]
    frames = frames_of(
        await made(sandbox, tmp_path, "storyboard", {"shots": shots}, {**SMALL, "seconds": 2.0})
    )
    assert frames[0].mean() > frames[-1].mean() + 50
