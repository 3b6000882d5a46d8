"""Suno through a Souk that has KIE.AI as its upstream: songs, what is made of them, and calls that answer at once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.store.statement import Statement
from tests.upstreams.receiver import receiver
from tests.wire import suno_tools
from tests.wire.bridge import Bridge, bridge
from tests.wire.dedicated import ID
from tests.wire.media import media_server
from tests.wire.suno import CREATES, EXTEND, GENERATE, KEY, NOWHERE, Studio, ended, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

STAGES = ["text", "first", "complete"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridged(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Bridge, Studio]]:
    folder: Path = tmp_path_factory.mktemp("bridge-songs")
    (folder / "media").mkdir()
    with media_server(folder / "media") as media:
        async with bridge(folder, webhook_key=SecretStr(KEY)) as two:
            yield two, Studio(two.near, media.address("uploadUrl", ("audio",), ()), folder)


async def made(bridged: tuple[Bridge, Studio], path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The record of a finished task of a tool that the upstream did."""
    two, studio = bridged
    task_id = await studio.create(path, body)
    record = path.replace("generate", "record-info") if path.endswith("generate") else f"{path}/record-info"
    data = await suno_tools.ended(studio.client, record, task_id)
    assert await two.connections(task_id) == ["kie"]
    return data


async def test_song_is_told_of_on_its_way_and_kept_here(bridged: tuple[Bridge, Studio]) -> None:
    two, studio = bridged
    async with receiver() as hook:
        task_id = await studio.create(GENERATE, CREATES[GENERATE], hook.url())
        data = await ended(studio.client, task_id)
        bodies: list[dict[str, Any]] = []
        while not bodies or bodies[-1]["data"]["callbackType"] != STAGES[-1]:
            bodies = [told(each) for each in await hook.wait(len(bodies) + 1, seconds=60)]
    kinds = [body["data"]["callbackType"] for body in bodies]
    assert kinds == [stage for stage in STAGES if stage in kinds]
    shown = data["response"]["sunoData"]
    assert [track["audio_url"] for track in bodies[-1]["data"]["data"]] == [
        track["audioUrl"] for track in shown
    ]
    for track in shown:
        assert track["audioUrl"].startswith(two.near.client.url)
        assert track["imageUrl"].startswith(two.near.client.url)
        assert (track["id"], bool(track["prompt"]), track["duration"]) == (
            ID,
            True,
            pytest.approx(10, abs=0.2),
        )
    assert await two.connections(task_id) == ["kie"]


async def test_song_made_there_goes_on_there(bridged: tuple[Bridge, Studio]) -> None:
    two, studio = bridged
    task_id = await studio.create(EXTEND, CREATES[EXTEND])
    data = await ended(studio.client, task_id)
    assert (data["status"], data["parentMusicId"]) == ("SUCCESS", (await studio.song())[1]["id"])
    assert await two.connections(task_id) == ["kie"]


async def test_song_becomes_a_wav_file_where_it_was_made(bridged: tuple[Bridge, Studio]) -> None:
    task_id, track = await bridged[1].song()
    data = await made(bridged, "/api/v1/wav/generate", {"taskId": task_id, "audioId": track["id"]})
    assert data["response"]["audioWavUrl"].startswith(bridged[0].near.client.url)


async def test_stems_made_there_are_written_down_there(bridged: tuple[Bridge, Studio]) -> None:
    task_id, track = await bridged[1].song()
    asked = {"taskId": task_id, "audioId": track["id"], "type": "split_stem"}
    stems = await made(bridged, "/api/v1/vocal-removal/generate", asked)
    assert stems["response"]["vocalUrl"].startswith(bridged[0].near.client.url)
    notes = await made(bridged, "/api/v1/midi/generate", {"taskId": stems["taskId"]})
    assert notes["midiData"]["instruments"]
    # Both Souks name the stems themselves, each its own: they were not sent from one to the other.
    newest = Statement("SELECT filled FROM tasks WHERE model = 'suno-midi' ORDER BY id DESC LIMIT 1")
    for souk in (bridged[0].near, bridged[0].far):
        assert await souk.house.reads.run(lambda db: db.run(newest)) == [('["stems"]',)]


async def test_lyrics_are_written_there(bridged: tuple[Bridge, Studio]) -> None:
    data = await made(bridged, "/api/v1/lyrics", {"prompt": "Morning coffee"})
    assert data["response"]["data"][0]["text"]


async def test_calls_that_answer_at_once_are_answered_from_there(bridged: tuple[Bridge, Studio]) -> None:
    studio = bridged[1]
    task_id, track = await studio.song()
    names = {"taskId": task_id, "audioId": track["id"]}
    style = (await studio.client.post("/api/v1/style/generate", {"content": "Folk, warm"})).data
    assert "Folk" in style["result"]
    words = (await studio.client.post("/api/v1/generate/get-timestamped-lyrics", names)).data
    assert words["alignedWords"]
    asked = names | {"name": "Alto", "description": "Warm and low"}
    persona = (await studio.client.post("/api/v1/generate/generate-persona", asked)).data
    custom = {"customMode": True, "style": "pop", "title": "Pier", "personaId": persona["personaId"]}
    song = await studio.create(GENERATE, CREATES[GENERATE] | custom, NOWHERE)
    assert (await ended(studio.client, song))["status"] == "SUCCESS"
    assert await bridged[0].connections(song) == ["kie"]
