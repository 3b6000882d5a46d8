"""Suno's calls that answer with their result: a style, a persona, and when each word of a track sounds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.wire.dedicated import ID
from tests.wire.serving import NO_TASK, open_souk
from tests.wire.suno import CREATES, GENERATE, Studio, ended, open_studio

pytestmark = pytest.mark.asyncio(loop_scope="module")

STYLE = "/api/v1/style/generate"
PERSONA = "/api/v1/generate/generate-persona"
LYRICS = "/api/v1/generate/get-timestamped-lyrics"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path_factory.mktemp("suno")) as opened:
        yield opened


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


async def test_a_style_that_takes_longer_is_named_and_paid_only_when_it_is_there(tmp_path: Path) -> None:
    async with open_souk(tmp_path) as souk:  # nothing runs tasks here
        reply = await souk.client.call(
            "POST", STYLE, data=b'{"content": "Folk"}', headers={"Idempotency-Key": "late"}, wait=0.05
        )
        assert (reply.body["code"], reply.error["code"], reply.error["retryable"]) == (408, "not_ready", True)
        listed = (await souk.client.get("/api/v1/jobs/list")).data["tasks"]
        again = await souk.client.call(
            "POST", STYLE, data=b'{"content": "Folk"}', headers={"Idempotency-Key": "late"}, wait=0.05
        )
    assert [task["taskId"] for task in listed] == [reply.error["taskId"]] == [again.error["taskId"]]
    assert listed[0]["creditsConsumed"] == 0


async def test_two_calls_at_once_make_one_persona(studio: Studio) -> None:
    task_id, _ = await studio.song()
    second = (await ended(studio.client, task_id))["response"]["sunoData"][1]
    asked = {"taskId": task_id, "audioId": second["id"], "name": "Alto", "description": "Low"}
    replies = await asyncio.gather(*(studio.client.post(PERSONA, asked) for _ in range(3)))
    assert sorted(reply.body["code"] for reply in replies) == [200, 409, 409]
