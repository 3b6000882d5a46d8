"""Suno's music over HTTP: each create from its first stage to its last callback, and what can go wrong late."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.settings import WireBehaviour
from tests.upstreams.receiver import receiver
from tests.wire.decoded import decode
from tests.wire.dedicated import ID, JSON, SPACED, Like
from tests.wire.serving import NO_TASK, open_souk
from tests.wire.suno import (
    CREATES,
    EXTEND,
    GENERATE,
    KEY,
    LAST,
    NOWHERE,
    RECORD,
    SECTION,
    SOUND,
    TASK,
    TRACK,
    WISH,
    Studio,
    ended,
    open_studio,
    told,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = {GENERATE: 10, SECTION: 30, **dict.fromkeys(("upload-cover", "add-instrumental", "add-vocals"), 2)}
"""How long the tracks last, where that is given."""
MP3 = Like(r"http://.*\.mp3")
JPEG = Like(r"http://.*\.jpe?g")
TOLD_TRACK: dict[str, Any] = {
    "id": ID,
    "audio_url": MP3,
    "source_audio_url": MP3,
    "stream_audio_url": MP3,
    "source_stream_audio_url": MP3,
    "image_url": JPEG,
    "source_image_url": JPEG,
    "prompt": Like(r"[\s\S]*"),
    "model_name": Like(r"chirp-v\d.*"),
    "title": Like(r".+"),
    "tags": Like(r".+"),
    "createTime": SPACED,
}
MESSAGES = {
    "text": Like(r"Text generation completed( successfully)?\."),
    "first": "First track generated successfully.",
    "complete": "All generated successfully.",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path_factory.mktemp("suno")) as opened:
        yield opened


async def as_told(studio: Studio, path: str) -> tuple[str, list[dict[str, Any]]]:
    """A task of this create and all that its receiver is told."""
    stages = 1 if path == SECTION else 3
    async with receiver() as hook:
        task_id = await studio.create(path, CREATES[path], hook.url())
        got = await hook.wait(stages, seconds=90)
        await ended(studio.client, task_id)
    return task_id, [told(each) for each in got]


@pytest.mark.parametrize("path", list(CREATES))
async def test_each_stage_is_told_in_order_and_the_record_shows_the_end(studio: Studio, path: str) -> None:
    task_id, bodies = await as_told(studio, path)
    kinds = ["complete"] if path == SECTION else ["text", "first", "complete"]
    assert [body["data"]["callbackType"] for body in bodies] == kinds
    tracks = bodies[-1]["data"]["data"]
    for body, count in zip(bodies, [1] if path == SECTION else [0, 1, 2], strict=True):
        kind = body["data"]["callbackType"]
        assert (body["code"], body["msg"]) == (200, MESSAGES[kind])
        assert body["data"] == {"callbackType": kind, "task_id": task_id, "data": tracks[:count]}
    for track in tracks:
        assert {**track, "duration": 0} == TOLD_TRACK | {"duration": 0}
        found = decode(await studio.file(track["audio_url"]), "audio/mpeg")
        assert (found.codec, found.marked) == ("mp3float", True)
        assert found.seconds == pytest.approx(track["duration"], abs=0.1)
        wanted = SECONDS.get(path, SECONDS.get(path.rpartition("/")[2]))
        assert wanted is None or found.seconds == pytest.approx(wanted, abs=0.15)
        assert decode(await studio.file(track["image_url"]), "image/jpeg").marked

    data = await ended(studio.client, task_id)
    shown = data.pop("response")
    operation = "generate" if path == GENERATE else path.rpartition("/")[2].replace("-", "_")
    assert data == {
        "taskId": task_id,
        "parentMusicId": (await studio.song())[1]["id"] if path in (EXTEND, SECTION) else "",
        "param": JSON,
        "status": "SUCCESS",
        "type": operation.upper(),
        "operationType": operation,
        "errorCode": None,
        "errorMessage": None,
    }
    assert [track["audioUrl"] for track in shown["sunoData"]] == [track["audio_url"] for track in tracks]


async def test_the_record_passes_through_the_stages(studio: Studio) -> None:
    task_id = await studio.create(GENERATE, WISH | {"duration": 20})
    seen: list[str] = []
    counts: dict[str, int] = {}
    while not seen or seen[-1] not in LAST:
        data = (await studio.client.get(RECORD, taskId=task_id)).data
        if data["status"] not in seen:
            seen.append(data["status"])
        counts[data["status"]] = len((data["response"] or {"sunoData": []})["sunoData"])
        await asyncio.sleep(0.02)
    assert seen[-3:] == ["TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS"]
    assert (counts["TEXT_SUCCESS"], counts["FIRST_SUCCESS"], counts["SUCCESS"]) == (0, 1, 2)


async def test_the_two_tracks_differ(studio: Studio) -> None:
    task_id, _ = await studio.song()
    tracks = (await ended(studio.client, task_id))["response"]["sunoData"]
    files = [(await studio.file(track["audioUrl"])).read_bytes() for track in tracks]
    assert files[0] != files[1]
    assert tracks[0]["id"] != tracks[1]["id"]


async def test_lyrics_of_custom_mode_are_kept_line_by_line(studio: Studio) -> None:
    lyrics = "[Verse]\nSalt wind over the pier\n[Chorus]\nCarry me home"
    custom = {
        "customMode": True,
        "style": "folk, warm",
        "title": "Pier Song",
        "prompt": lyrics,
        "duration": 12,
    }
    task_id = await studio.create(GENERATE, WISH | custom)
    track = (await ended(studio.client, task_id))["response"]["sunoData"][1]
    assert (track["prompt"], track["title"], track["tags"]) == (lyrics, "Pier Song", "folk, warm")


@pytest.mark.parametrize(
    ("trigger", "status", "code"),
    [("[souk:fail=501]", "GENERATE_AUDIO_FAILED", 501), ("[souk:moderated]", "SENSITIVE_WORD_ERROR", 400)],
)
async def test_a_failure_is_told_recorded_and_free(
    studio: Studio, trigger: str, status: str, code: int
) -> None:
    before = await studio.balance()
    async with receiver() as hook:
        task_id = await studio.create(GENERATE, WISH | {"prompt": f"A salt wind {trigger}"}, hook.url())
        (got,) = await hook.wait(1, seconds=60)
    data = await ended(studio.client, task_id)
    assert (data["status"], data["errorCode"], data["response"]) == (status, code, None)
    assert told(got) == {
        "code": code,
        "msg": data["errorMessage"],
        "data": {"callbackType": "error", "task_id": task_id, "data": None},
    }
    assert await studio.balance() == before


LATE: list[tuple[str, dict[str, Any], str, int]] = [
    (EXTEND, {"audioId": NO_TASK}, "audioId", 422),
    (EXTEND, {"continueAt": 31}, "continueAt", 422),
    (EXTEND, {"model": "V4_5"}, "model", 422),
    (SECTION, {"infillStartS": 10, "infillEndS": 26}, "half", 422),
    ("/api/v1/generate/upload-cover", {"uploadUrl": "http://127.0.0.1:9/gone.mp3"}, "uploadUrl", 451),
]


@pytest.mark.parametrize(("path", "change", "named", "code"), LATE)
async def test_what_only_shows_while_it_runs_fails_the_task_and_costs_nothing(
    studio: Studio, path: str, change: dict[str, Any], named: str, code: int
) -> None:
    await studio.song()
    before = await studio.balance()
    data = await ended(studio.client, await studio.create(path, CREATES[path] | change))
    assert data["status"] in ("GENERATE_AUDIO_FAILED", "CREATE_TASK_FAILED")
    assert data["errorCode"] == code
    assert named in data["error"]["message"]
    assert await studio.balance() == before


async def test_an_unknown_task_is_answered_with_nothing(studio: Studio) -> None:
    reply = await studio.client.get(RECORD, taskId=NO_TASK)
    assert reply.raw == b'{"code":200,"msg":"success","data":null}'


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (GENERATE, {"prompt": "x" * 501}, "prompt"),
    (GENERATE, {"customMode": True, "title": "Pier"}, "style"),
    (GENERATE, {"customMode": True, "style": "folk", "title": "x" * 81}, "title"),
    (GENERATE, {"customMode": True, "style": "x" * 201, "title": "Pier", "model": "V4"}, "style"),
    (GENERATE, {"personaId": NO_TASK}, "personaId"),
    (GENERATE, {"model": "V3_5"}, "model"),
    (SECTION, {"infillEndS": 8}, "infillEndS"),
    (SECTION, {"audioId": NO_TASK}, "audioId"),
    (SECTION, {"uploadUrl": "http://127.0.0.1:9/a.mp3"}, "model"),
    ("/api/v1/generate/mashup", {"uploadUrlList": [SOUND]}, "uploadUrlList"),
    ("/api/v1/generate/upload-extend", {"defaultParamFlag": True}, "style"),
]


@pytest.mark.parametrize(("path", "change", "named"), REFUSED)
async def test_a_bad_create_names_its_field(
    studio: Studio, path: str, change: dict[str, Any], named: str
) -> None:
    task_id, track = await studio.song()
    known = {TASK: task_id, TRACK: track["id"]}
    given = {name: known.get(str(value), value) for name, value in (CREATES[path] | change).items()}
    reply = await studio.client.post(path, given | {"callBackUrl": NOWHERE})
    assert (reply.body["code"], reply.error["field"]) == (422, named)


async def test_a_create_without_a_receiver_is_refused(studio: Studio) -> None:
    reply = await studio.client.post(GENERATE, WISH)
    assert (reply.body["code"], reply.body["msg"]) == (422, "Please enter callBackUrl.")


async def test_a_section_keeps_the_rest_of_its_track(studio: Studio) -> None:
    import av
    import numpy as np

    def heard(path: Path) -> np.ndarray[Any, Any]:
        with av.open(str(path)) as file:
            return np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)

    task_id = await studio.create(SECTION, CREATES[SECTION])
    new = (await ended(studio.client, task_id))["response"]["sunoData"][0]
    _, old = await studio.song()
    before, after = [heard(await studio.file(track["audioUrl"])) for track in (old, new)]
    second = 44_100

    def apart(start: float, end: float) -> float:
        part = slice(round(start * second), round(end * second))
        return float(np.abs(before[:, part] - after[:, part]).mean())

    assert max(apart(0.5, 5), apart(15, 29)) < 0.1 * apart(7, 12)


async def test_stages_are_told_from_either_database(tmp_path: Path, database_url: str) -> None:
    async with (
        open_souk(tmp_path, database_url=database_url, engine=True, webhook_key=SecretStr(KEY)) as souk,
        receiver() as hook,
    ):
        sound = {"prompt": "A bell", "callBackUrl": hook.url()}
        task_id = (await souk.client.post("/api/v1/generate/sounds", sound)).data["taskId"]
        kinds = [told(each)["data"]["callbackType"] for each in await hook.wait(3, seconds=60)]
        tracks = (await ended(souk.client, task_id))["response"]["sunoData"]
        on = {"defaultParamFlag": False, "audioId": tracks[1]["id"], "model": "V5", "callBackUrl": hook.url()}
        child = await ended(souk.client, (await souk.client.post(EXTEND, on)).data["taskId"])
    assert kinds == ["text", "first", "complete"]
    assert (child["status"], child["parentMusicId"]) == ("SUCCESS", tracks[1]["id"])


async def test_the_recorded_wire_takes_an_upload_without_a_style(tmp_path: Path) -> None:
    body = {"defaultParamFlag": True, "uploadUrl": "http://127.0.0.1:9/a.mp3", "continueAt": 5}
    async with open_souk(tmp_path, wire=WireBehaviour.OBSERVED) as souk:
        asked = {**body, "prompt": "On", "model": "V5", "callBackUrl": NOWHERE}
        reply = await souk.client.post("/api/v1/generate/upload-extend", asked)
    assert reply.data == {"taskId": ID}
