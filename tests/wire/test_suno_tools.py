"""Suno's tools over HTTP, each from its create to its callback, over songs that are made for it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.upstreams.receiver import receiver
from tests.wire.harbour import FLEET
from tests.wire.media import media_server
from tests.wire.serving import NO_TASK, Client, Reply, Souk, open_souk
from tests.wire.suno_tools import PHRASE, SEPARATED, SONG, SOUND, TASK, TOOLS, Tool, ended, music

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "http://127.0.0.1:9/"
WAV = TOOLS["/api/v1/wav/generate"]
VIDEO = TOOLS["/api/v1/mp4/generate"]
STEMS = TOOLS["/api/v1/vocal-removal/generate"]
MIDI = TOOLS["/api/v1/midi/generate"]
COVER = TOOLS["/api/v1/suno/cover/generate"]
LYRICS = TOOLS["/api/v1/lyrics"]
VALIDATE = TOOLS["/api/v1/voice/validate"]
VOICE = TOOLS["/api/v1/voice/generate"]

each = pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))


@dataclass
class Studio:
    """A Souk that runs its tasks."""

    running: Souk
    new: dict[str, Any]
    """What the words of a request stand for."""
    twin: "Studio | None" = None

    @property
    def client(self) -> Client:
        return self.running.client

    @property
    def blocked(self) -> "Studio":
        """One with the same songs, in which one task goes on for ever and no other begins."""
        assert self.twin is not None
        return self.twin

    def body(self, tool: Tool, **more: Any) -> dict[str, Any]:
        given = {"callBackUrl": NOWHERE} if tool.needs_callback else {}
        asked = {name: self.new.get(str(value), value) for name, value in tool.request.items()}
        return given | asked | more

    async def create(self, client: Client, tool: Tool, **more: Any) -> str:
        reply = await client.post(tool.path, self.body(tool, **more))
        assert reply.body == {"code": 200, "msg": "success", "data": {"taskId": reply.data["taskId"]}}
        return reply.data["taskId"]

    async def made(self, tool: Tool, **more: Any) -> dict[str, Any]:
        """The record of a new task of a tool, once it has ended."""
        return await ended(self.client, tool.record, await self.create(self.client, tool, **more))

    async def another_song(self) -> dict[str, str]:
        """The two fields that name a song no tool has worked on."""
        task_id, songs = await music(self.client, NOWHERE)
        return {"taskId": task_id, "audioId": songs[0]}


async def furnished(folder: Path, sound: str, **settings: Any) -> dict[str, Any]:
    """A folder with a song, and what there was made of it; what the words of a request stand for there."""
    async with open_souk(folder, engine=True, initial_credits=100_000, **settings) as souk:
        plain = Studio(souk, {SOUND: sound})
        plain.new[TASK], (_, plain.new[SONG]) = await music(souk.client, NOWHERE)
        plain.new[SEPARATED] = (await plain.made(STEMS, type="split_stem"))["taskId"]
        plain.new[PHRASE] = (await plain.made(VALIDATE))["taskId"]
        return plain.new


async def twin_of(first: Path, second: Path, new: dict[str, Any]) -> dict[str, Any]:
    """The same once more in another folder, by a copy where all there is lies in the folder."""
    if FLEET:
        return await furnished(second, new[SOUND], account_concurrency=100)
    await asyncio.to_thread(shutil.copytree, first, second)
    return new


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    folder = tmp_path_factory.mktemp("suno-tools")
    first, second = folder / "first", folder / "second"
    (folder / "media").mkdir()
    async with AsyncExitStack() as stack:
        media = stack.enter_context(media_server(folder / "media"))
        new = await furnished(first, f"{media.url}/sound.mp3")
        copied = await twin_of(first, second, new)
        running = await stack.enter_async_context(open_souk(first, engine=True))
        alone = await stack.enter_async_context(open_souk(second, engine=True, account_concurrency=1))
        blocked = Studio(alone, copied)
        busy = await blocked.create(blocked.client, LYRICS, prompt="[souk:stall]")
        yield Studio(running, new, blocked)
        await blocked.client.post("/api/v1/jobs/cancelTask", {"taskId": busy})


@each
async def test_a_waiting_task_and_its_failure_are_recorded_and_told_as_documented(
    studio: Studio, tool: Tool
) -> None:
    blocked, client = studio.blocked, studio.blocked.client
    async with receiver() as hook:
        task_id = await blocked.create(client, tool, callBackUrl=hook.url())
        waiting = (await client.get(tool.record, taskId=task_id)).data
        await client.post("/api/v1/jobs/cancelTask", {"taskId": task_id})
        (told,) = await hook.wait(1, seconds=60)
    assert waiting == tool.waiting
    assert list(waiting) == list(tool.waiting)
    failed = (await client.get(tool.record, taskId=task_id)).data
    assert failed.pop("error")["code"] == "cancelled"
    assert failed == tool.failed
    assert json.loads(told.body) == tool.told_failed


@each
async def test_a_success_is_recorded_and_told_as_documented(studio: Studio, tool: Tool) -> None:
    async with receiver() as hook:
        task_id = await studio.create(studio.client, tool, callBackUrl=hook.url())
        (told,) = await hook.wait(1, seconds=60)
    data = await ended(studio.client, tool.record, task_id)
    assert data == tool.done
    assert list(data) == list(tool.done)
    assert json.loads(told.body) == tool.told
    assert task_id in told.body.decode()


@each
async def test_an_unknown_id_has_no_record(studio: Studio, tool: Tool) -> None:
    reply = await studio.client.get(tool.record, taskId=NO_TASK)
    assert (reply.status, reply.body["code"], reply.body["msg"]) == (200, 422, "recordInfo is null")
    assert reply.body["data"] is None


@each
async def test_a_record_belongs_to_the_tool_that_made_it(studio: Studio, tool: Tool) -> None:
    other = studio.new[TASK]
    assert (await studio.client.get(tool.record, taskId=other)).error["code"] == "unknown_task"


@pytest.mark.parametrize(
    "tool", [tool for tool in TOOLS.values() if tool.needs_callback], ids=lambda it: it.path
)
async def test_a_create_without_a_callback_is_refused(studio: Studio, tool: Tool) -> None:
    body = studio.body(tool)
    del body["callBackUrl"]
    reply = await studio.client.post(tool.path, body)
    assert (reply.status, reply.body["code"], reply.body["msg"]) == (200, 422, "Please enter callBackUrl.")
    assert reply.body["data"] is None


NAMING: list[tuple[Tool, str]] = [
    *((tool, field) for tool in (WAV, VIDEO, STEMS) for field in ("taskId", "audioId")),
    (MIDI, "taskId"),
    (MIDI, "audioId"),
    (COVER, "taskId"),
    (VOICE, "taskId"),
]


@pytest.mark.parametrize(("tool", "field"), NAMING)
async def test_an_unknown_song_or_task_has_no_record(studio: Studio, tool: Tool, field: str) -> None:
    reply = await studio.client.post(tool.path, studio.body(tool, **{field: NO_TASK}))
    assert (reply.status, reply.body["code"], reply.body["msg"]) == (200, 422, "Record does not exist")
    assert reply.body["data"] is None
    assert reply.error["field"] == field


async def test_a_song_belongs_to_its_own_task(studio: Studio) -> None:
    other = await studio.another_song()
    reply = await studio.client.post(STEMS.path, studio.body(STEMS, audioId=other["audioId"]))
    assert (reply.code, reply.error["field"]) == (422, "audioId")


async def test_a_stem_is_no_song_and_a_song_no_stem(studio: Studio) -> None:
    stems = (await ended(studio.client, STEMS.record, studio.new[SEPARATED]))["response"]["originData"]
    for tool, id in ((STEMS, stems[0]["id"]), (MIDI, studio.new[SONG])):
        reply = await studio.client.post(tool.path, studio.body(tool, audioId=id))
        assert reply.body["msg"] == "Record does not exist"


# --- made once -----------------------------------------------------------------------------------


REPEATED = [(WAV, 409, "WAV record already exists"), (VIDEO, 409, "record already exists")]


@pytest.mark.parametrize(("tool", "code", "text"), REPEATED, ids=["wav", "mp4"])
async def test_a_song_is_made_into_it_once(studio: Studio, tool: Tool, code: int, text: str) -> None:
    song = await studio.another_song()
    begun = await studio.create(studio.client, tool, **song)
    for _ in range(2):
        reply = await studio.client.post(tool.path, studio.body(tool, **song, callBackUrl=f"{NOWHERE}other"))
        assert (reply.status, reply.code, reply.body["msg"]) == (200, code, text)
        assert reply.body["data"] is None
        assert begun in reply.error["message"]
        await ended(studio.client, tool.record, begun)


async def test_a_music_task_has_one_cover_and_a_repeat_names_it(studio: Studio) -> None:
    named = {"taskId": (await studio.another_song())["taskId"]}
    begun = await studio.create(studio.client, COVER, **named)
    reply = await studio.client.post(COVER.path, studio.body(COVER, **named))
    assert (reply.status, reply.code, reply.body["msg"]) == (200, 400, "Cover record already exists")
    assert reply.body["data"] == {"taskId": begun}
    assert reply.body["error"]["code"] == "conflict"


@pytest.mark.parametrize("tool", [WAV, VIDEO, COVER], ids=["wav", "mp4", "cover"])
async def test_what_failed_may_be_tried_again_and_again(studio: Studio, tool: Tool) -> None:
    blocked, client = studio.blocked, studio.blocked.client
    tries = set[str]()
    for _ in range(3):
        task_id = await blocked.create(client, tool)
        refused = await client.post(tool.path, blocked.body(tool))
        assert refused.code in (400, 409)
        await client.post("/api/v1/jobs/cancelTask", {"taskId": task_id})
        tries.add(task_id)
    assert len(tries) == 3


async def test_what_was_deleted_may_be_made_again(studio: Studio) -> None:
    song = await studio.another_song()
    first = await studio.made(WAV, **song)
    await studio.client.post("/api/v1/jobs/deleteTask", {"taskId": first["taskId"]})
    second = await studio.made(WAV, **song)
    assert second["successFlag"] == "SUCCESS"


async def test_of_two_calls_at_once_one_makes_it(studio: Studio) -> None:
    song = await studio.another_song()
    replies = await asyncio.gather(
        *(
            studio.client.post(WAV.path, studio.body(WAV, **song, callBackUrl=f"{NOWHERE}{n}"))
            for n in range(4)
        )
    )
    assert sorted(reply.code for reply in replies) == [200, 409, 409, 409]


async def test_a_repeat_with_its_own_key_is_answered_with_its_task(studio: Studio) -> None:
    song = await studio.another_song()
    body = studio.body(WAV, **song)
    ids = {
        (await studio.client.post(WAV.path, body, Idempotency_Key="order-7")).data["taskId"] for _ in range(2)
    }
    assert len(ids) == 1


async def test_every_separation_is_a_new_task_with_its_price(studio: Studio) -> None:
    async def balance() -> float:
        return (await studio.client.get("/api/v1/chat/credit")).data

    before = await balance()
    spent: list[float] = []
    for kind in ("separate_vocal", "separate_vocal", "split_stem"):
        await studio.made(STEMS, type=kind)
        spent.append(before - await balance())
        before = await balance()
    assert spent == pytest.approx([10, 10, 50])


# --- odd inputs ----------------------------------------------------------------------------------


REFUSED: list[tuple[Tool, dict[str, Any], str]] = [
    (STEMS, {"taskId": None, "audioId": None}, "taskId"),
    (STEMS, {"audioUrl": NOWHERE, "audioId": None}, "taskId"),
    (STEMS, {"type": "four_stems"}, "type"),
    (STEMS, {"type": "split_stem_advanced"}, "stemName"),
    (STEMS, {"type": "split_stem_advanced", "stemName": "Kazoo"}, "stemName"),
    (VIDEO, {"author": "x" * 51}, "author"),
    (VALIDATE, {"vocalEndS": 0}, "vocalEndS"),
    (VALIDATE, {"language": "tlh"}, "language"),
    (VOICE, {"verifyUrl": None}, "verifyUrl"),
]


@pytest.mark.parametrize(("tool", "more", "named"), REFUSED)
async def test_a_bad_create_names_its_field(
    studio: Studio, tool: Tool, more: dict[str, Any], named: str
) -> None:
    body = {name: value for name, value in studio.body(tool, **more).items() if value is not None}
    reply = await studio.client.post(tool.path, body)
    assert (reply.status, reply.code, reply.error["field"]) == (200, 422, named)


async def test_lyrics_are_refused_by_codes_of_their_own(studio: Studio) -> None:
    long = await studio.client.post(LYRICS.path, studio.body(LYRICS, prompt="x" * 201))
    assert (long.code, long.error["field"]) == (413, "prompt")
    poor = await studio.running.another_account("poor", credits=0)
    refused = await poor.post(LYRICS.path, studio.body(LYRICS))
    assert (refused.status, refused.code) == (200, 429)
    assert refused.body["msg"].startswith("Credits insufficient")


async def test_lyrics_that_are_flagged_keep_the_type_of_their_callback(studio: Studio) -> None:
    async with receiver() as hook:
        task_id = await studio.create(
            studio.client, LYRICS, prompt="[souk:moderated]", callBackUrl=hook.url()
        )
        (told,) = await hook.wait(1, seconds=60)
    text = "Song Description flagged for moderation"
    data = {"callbackType": "complete", "task_id": task_id, "data": None}
    assert json.loads(told.body) == {"code": 400, "msg": text, "data": data}
    record = await ended(studio.client, LYRICS.record, task_id)
    assert (record["status"], record["errorCode"]) == ("SENSITIVE_WORD_ERROR", 400)


# --- voices and characters -----------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["callBackUrl", "calBackUrl"])
async def test_another_phrase_is_a_task_of_its_own(studio: Studio, spelling: str) -> None:
    first = await ended(studio.client, VALIDATE.record, studio.new[PHRASE])
    async with receiver() as hook:
        body = {"taskId": studio.new[PHRASE], spelling: hook.url()}
        reply = await studio.client.post("/api/v1/voice/regenerate", body)
        (told,) = await hook.wait(1, seconds=60)
    second = await ended(studio.client, VALIDATE.record, reply.data["taskId"])
    assert second["taskId"] != first["taskId"]
    assert second["validateInfo"] not in ("", first["validateInfo"])
    assert json.loads(told.body)["data"] == second


async def test_another_phrase_for_nothing_has_no_record(studio: Studio) -> None:
    reply = await studio.client.post("/api/v1/voice/regenerate", {"taskId": NO_TASK})
    assert (reply.code, reply.body["msg"]) == (422, "Record does not exist")


async def test_a_voice_can_be_used_once_it_is_made(studio: Studio) -> None:
    async def asked(client: Client, task_id: str) -> Reply:
        return await client.post("/api/v1/voice/check-voice", {"task_id": task_id})

    waiting = await studio.blocked.create(studio.blocked.client, VOICE)
    assert (await asked(studio.blocked.client, waiting)).data == {"isAvailable": False}
    made = await studio.made(VOICE)
    assert (await asked(studio.client, made["taskId"])).data == {"isAvailable": True}
    assert (await asked(studio.client, NO_TASK)).error["code"] == "unknown_task"
    song = {
        "customMode": True,
        "instrumental": True,
        "model": "V5",
        "title": "Pier",
        "style": "Folk",
        "duration": 10,
        "personaId": made["voiceId"],
        "personaModel": "voice_persona",
        "callBackUrl": NOWHERE,
    }
    assert (await studio.client.post("/api/v1/generate", song)).code == 200


async def test_omni_voices_and_characters_are_inputs_of_omni_video(studio: Studio) -> None:
    client = studio.client
    spoken = {"audio_id": "kore", "name": "Narrator"}
    voice = (await client.post("/api/v1/omni/audio/create", spoken)).data
    assert voice == {"kieAudioId": voice["kieAudioId"], "name": "Narrator"}
    picture = studio.new[SOUND].replace("sound.mp3", "picture.png")
    looks = {"image_urls": [picture], "audio_ids": [voice["kieAudioId"]], "character_name": "Courier"}
    for spelling in ("descriptions", "description"):
        body = {spelling: "Silver haired courier", **looks}
        character = (await client.post("/api/v1/omni/character/create", body)).data
        assert character == {"kieCharacterId": character["kieCharacterId"], "name": "Courier"}
    used = {
        "prompt": "A courier rides",
        "duration": 4,
        "audio_ids": [voice["kieAudioId"]],
        "character_ids": [character["kieCharacterId"]],
    }
    estimate = "/api/v1/jobs/estimate"
    assert (await client.post(estimate, {"model": "gemini-omni-video", "input": used})).code == 200
    swapped = used | {"audio_ids": used["character_ids"]}
    refused = await client.post(estimate, {"model": "gemini-omni-video", "input": swapped})
    assert refused.error["code"] == "unknown_parent"


async def test_an_unknown_preset_voice_is_refused_by_name(studio: Studio) -> None:
    reply = await studio.client.post("/api/v1/omni/audio/create", {"audio_id": "hal", "name": "x"})
    assert (reply.code, reply.error["field"]) == (422, "audio_id")
