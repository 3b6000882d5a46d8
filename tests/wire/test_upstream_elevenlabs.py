"""A task on ElevenLabs, from its create to its file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.upstreams.elevenlabs import FakeElevenLabs
from tests.wire.serving import Souk, open_souk

MODEL = "elevenlabs/text-to-speech-multilingual-v2"


@pytest.fixture
async def souk(tmp_path: Path) -> AsyncIterator[tuple[Souk, FakeElevenLabs]]:
    with FakeElevenLabs() as labs:
        env = {"ELEVENLABS_API_KEY": labs.key, "SOUK_ELEVENLABS_BASE_URL": labs.url}
        async with open_souk(tmp_path, engine=True, env=env) as opened:
            yield opened, labs
        assert labs.complaints == []


async def test_speech_is_made_kept_and_paid_for(souk: tuple[Souk, FakeElevenLabs]) -> None:
    client, labs = souk[0].client, souk[1]
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": MODEL, "input": {"text": "Good morning."}})
    record = await client.record(task_id, wait=30)
    assert record["state"] == "success"
    assert ".mp3" in record["resultJson"]
    assert labs.count("Good morning.") == 1
    assert (await client.get("/api/v1/chat/credit")).data < before


async def test_refused_speech_costs_nothing(souk: tuple[Souk, FakeElevenLabs]) -> None:
    client = souk[0].client
    before = (await client.get("/api/v1/chat/credit")).data
    text = "Hello [up:refuse=400] [up:status=content_policy_violation]"
    task_id = await client.create({"model": MODEL, "input": {"text": text}})
    record = await client.record(task_id, wait=30)
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (await client.get("/api/v1/chat/credit")).data == before
