"""Suno's music over HTTP: each create from its first stage to its last callback, and what can go wrong late."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.callbacks.signing import compatible_signature
from souk.settings import WireBehaviour
from tests.upstreams.receiver import Received, receiver
from tests.wire.decoded import decode
from tests.wire.dedicated import ID, JSON, SPACED, Like
from tests.wire.media import media_server
from tests.wire.serving import NO_TASK, Client, Souk, open_souk

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("suno")]

GENERATE = "/api/v1/generate"
EXTEND = "/api/v1/generate/extend"
SECTION = "/api/v1/generate/replace-section"
RECORD = "/api/v1/generate/record-info"
STYLE = "/api/v1/style/generate"
PERSONA = "/api/v1/generate/generate-persona"
LYRICS = "/api/v1/generate/get-timestamped-lyrics"

NOWHERE = "http://127.0.0.1:9/told"
KEY = "whk_of_the_suno_tests"
WISH: dict[str, Any] = {"prompt": "A salt wind", "customMode": False, "instrumental": False, "model": "V5"}
SONG = WISH | {"duration": 30}
SOUND = "a served sound of two seconds"
TRACK = "a track of half a minute"
TASK = "the task that made it"
CREATES: dict[str, dict[str, Any]] = {
    GENERATE: WISH | {"duration": 10},
    EXTEND: {"defaultParamFlag": False, "audioId": TRACK, "continueAt": 10.5, "model": "V5"},
    "/api/v1/generate/upload-cover": WISH | {"uploadUrl": SOUND},
    "/api/v1/generate/upload-extend": {
        "uploadUrl": SOUND,
        "defaultParamFlag": False,
        "continueAt": 1.5,
        "prompt": "Go on",
        "model": "V5",
    },
    "/api/v1/generate/add-instrumental": {
        "uploadUrl": SOUND,
        "title": "Pier",
        "negativeTags": "metal",
        "tags": "folk, warm",
    },
    "/api/v1/generate/add-vocals": {
        "uploadUrl": SOUND,
        "title": "Pier",
        "negativeTags": "",
        "style": "folk",
        "prompt": "Soft alto",
    },
    SECTION: {
        "taskId": TASK,
        "audioId": TRACK,
        "prompt": "Gulls call",
        "tags": "folk",
        "title": "Pier",
        "infillStartS": 6,
        "infillEndS": 12.25,
    },
    "/api/v1/generate/mashup": {
        "uploadUrlList": [SOUND, SOUND],
        "customMode": False,
        "prompt": "Blend",
        "model": "V5",
    },
    "/api/v1/generate/sounds": {"prompt": "Rain on a tin roof", "soundLoop": True},
}
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
LAST = ("SUCCESS", "CREATE_TASK_FAILED", "GENERATE_AUDIO_FAILED", "SENSITIVE_WORD_ERROR")


@dataclass
class Studio:
    """A Souk that makes music, and what music is made from."""

    souk: Souk
    sound: str
    folder: Path
    _song: list[Any] = field(default_factory=list[Any])

    @property
    def client(self) -> Client:
        return self.souk.client

    async def song(self) -> tuple[str, dict[str, Any]]:
        """A finished task and the first of its tracks; the same ones every time."""
        if not self._song:
            task_id = await self.create(GENERATE, SONG)
            data = await ended(self.client, task_id)
            self._song += [task_id, data["response"]["sunoData"][0]]
        return self._song[0], self._song[1]

    async def create(self, path: str, body: dict[str, Any], hook: str = NOWHERE) -> str:
        new: dict[Any, Any] = {SOUND: self.sound}
        if {TRACK, TASK} & {value for value in body.values() if isinstance(value, str)}:
            task_id, track = await self.song()
            new |= {TASK: task_id, TRACK: track["id"]}
        filled = {
            name: [new[each] for each in value] if isinstance(value, list) else new.get(value, value)
            for name, value in body.items()
        }
        reply = await self.client.post(path, filled | {"callBackUrl": hook})
        assert reply.body == {"code": 200, "msg": "success", "data": {"taskId": ID}}, reply.body
        return reply.data["taskId"]

    async def file(self, url: str) -> Path:
        path = self.folder / url.rpartition("/")[2]
        async with self.client.session.get(url) as answer:
            path.write_bytes(await answer.read())
        return path

    async def balance(self) -> float:
        return (await self.client.get("/api/v1/chat/credit")).data


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    folder = tmp_path_factory.mktemp("suno")
    (folder / "media").mkdir()
    async with AsyncExitStack() as stack:
        media = stack.enter_context(media_server(folder / "media"))
        souk = await stack.enter_async_context(
            open_souk(folder / "souk", engine=True, initial_credits=10_000, webhook_key=SecretStr(KEY))
        )
        yield Studio(souk, media.address("uploadUrl", ("audio",), ()), folder)


async def ended(client: Client, task_id: str) -> dict[str, Any]:
    """The record of a task that has ended."""
    while True:
        data = (await client.get(RECORD, taskId=task_id, wait=30)).data
        if data["status"] in LAST:
            return data


def told(received: Received) -> dict[str, Any]:
    """What a receiver was told, once its signature has been checked."""
    body = json.loads(received.body)
    seconds = received.headers["x-webhook-timestamp"]
    signature = compatible_signature(KEY, body["data"]["task_id"], seconds)
    assert received.headers["x-webhook-signature"] == signature
    return body


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


async def test_a_style_is_spelt_out_at_once(studio: Studio) -> None:
    before = await studio.balance()
    reply = await studio.client.post(STYLE, {"content": "Folk, warm"}, Idempotency_Key="style-1")
    data = reply.data
    assert (data["param"], data["creditsConsumed"], data["successFlag"]) == ("Folk, warm", 0.4, "1")
    assert (data["errorMessage"], data["errorMsg"], data["errorCode"]) == ("", None, None)
    assert "Folk" in data["result"]
    assert data["creditsRemaining"] == await studio.balance() == pytest.approx(before - 0.4)
    again = await studio.client.post(STYLE, {"content": "Folk, warm"}, Idempotency_Key="style-1")
    assert (again.data["taskId"], again.data["result"]) == (data["taskId"], data["result"])
    assert await studio.balance() == data["creditsRemaining"]


async def test_a_track_gives_one_persona_that_songs_can_name(studio: Studio) -> None:
    task_id, track = await studio.song()
    asked = {"taskId": task_id, "audioId": track["id"], "name": "Alto", "description": "Warm and low"}
    failed = await studio.client.post(PERSONA, asked | {" vocalStart": 200, " vocalEnd": 220})
    assert (failed.code, failed.error["code"]) == (422, "failed")
    made = (await studio.client.post(PERSONA, asked, Idempotency_Key="alto")).data
    assert made == {"personaId": ID, "name": "Alto", "description": "Warm and low"}
    assert (await studio.client.post(PERSONA, asked, Idempotency_Key="alto")).data == made
    again = await studio.client.post(PERSONA, asked | {"name": "Bass"})
    assert (again.code, again.body["msg"]) == (409, "persona already exists for this music")
    assert made["personaId"] in again.error["message"]
    custom = {"customMode": True, "style": "pop", "title": "Pier", "personaId": made["personaId"]}
    sung = await ended(studio.client, await studio.create(GENERATE, CREATES[GENERATE] | custom))
    assert sung["status"] == "SUCCESS"


async def test_words_are_timed_inside_the_track(studio: Studio) -> None:
    task_id, track = await studio.song()
    data = (await studio.client.post(LYRICS, {"taskId": task_id, "audioId": track["id"]})).data
    assert list(data) == ["alignedWords", "waveformData", "hootCer", "isStreamed"]
    words = data["alignedWords"]
    assert words[0].keys() == {"word", "success", "startS", "endS", "palign"}
    assert words[0]["word"].startswith("[")
    moments = [moment for word in words for moment in (word["startS"], word["endS"])]
    assert moments == sorted(moments)
    assert 0 <= moments[0] < moments[-1] <= track["duration"]
    assert max(data["waveformData"]) == 1
    again = await studio.client.post(LYRICS, {"taskId": task_id, "audioId": track["id"]})
    assert again.data == data


async def test_an_instrumental_track_has_no_words(studio: Studio) -> None:
    task_id = await studio.create(GENERATE, CREATES[GENERATE] | {"instrumental": True})
    track = (await ended(studio.client, task_id))["response"]["sunoData"][0]
    data = (await studio.client.post(LYRICS, {"taskId": task_id, "audioId": track["id"]})).data
    assert (data["alignedWords"], track["prompt"]) == ([], "")


@pytest.mark.parametrize("unknown", ["taskId", "audioId"])
async def test_words_of_an_unknown_track_are_not_found(studio: Studio, unknown: str) -> None:
    task_id, track = await studio.song()
    asked = {"taskId": task_id, "audioId": track["id"], unknown: NO_TASK}
    reply = await studio.client.post(LYRICS, asked)
    assert (reply.body["code"], reply.body["msg"], reply.error["field"]) == (404, "not found", unknown)


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
