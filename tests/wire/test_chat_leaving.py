"""A client that goes away lets the upstream go at once, and pays for what was produced until then."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.wire.makers import CHAT, GEMINI, MESSAGES, TONGUES, Tongue, connected
from tests.wire.serving import Client, Souk
from tests.wire.test_chat_errors import settled

PATIENCE_SECONDS = 5
each_tongue = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)


async def leave_during(client: Client, tongue: Tongue, words: str, *, after: int = 2, **more: Any) -> bytes:
    """Read the first events of a stream, then go; what was read."""
    body = json.dumps(tongue.body(words, stream=True, **more)).encode()
    headers = {"Authorization": f"Bearer {client.key}", "Content-Type": "application/json"}
    async with client.session.post(client.url + tongue.stream_path, data=body, headers=headers) as answer:
        read = b""
        while read.count(b"\n\n") + read.count(b"\r\n\r\n") < after:
            read += await answer.content.readany()
        answer.close()
        return read


async def until_settled(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    for _ in range(PATIENCE_SECONDS * 100):
        if lines := settled(caplog):
            return lines[-1]
        await asyncio.sleep(0.01)
    pytest.fail("the request was never settled")


@each_tongue
async def test_client_that_leaves_a_stream_closes_the_upstreams(
    tongue: Tongue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, tongue) as (souk, maker):
        await leave_during(souk.client, tongue, "[up:hang]")
        await asyncio.wait_for(maker.left.wait(), PATIENCE_SECONDS)
        line = await until_settled(caplog)
        assert line["msg"] % line["args"] == "chat gone"
        assert line["credits"] >= 0
        assert line["output"] > 0


async def test_what_was_told_of_usage_before_the_client_left_is_charged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, MESSAGES) as (souk, _):
        await leave_during(souk.client, MESSAGES, "[up:hang]")
        line = await until_settled(caplog)
        assert (line["input"], line["output"], "estimated" in line) == (128, 1, False)
    caplog.clear()
    async with connected(tmp_path, GEMINI) as (souk, _):
        await leave_during(souk.client, GEMINI, "[up:hang]")
        line = await until_settled(caplog)
        assert (line["input"], line["output"], "estimated" in line) == (120, 1, False)


async def test_what_was_not_told_is_estimated_and_never_above_the_bound(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, CHAT) as (souk, _):
        await leave_during(souk.client, CHAT, "[up:hang]" + "word " * 4000, max_tokens=1)
        line = await until_settled(caplog)
        assert line["estimated"] is True
        assert 1 <= line["credits"] <= 5


@each_tongue
async def test_client_that_leaves_on_a_failure_pays_nothing(
    tongue: Tongue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, tongue) as (souk, _):
        read = await leave_during(souk.client, tongue, "[up:fail] [up:hang]", after=3)
        assert b'"error"' in read
        line = await until_settled(caplog)
        assert (line["msg"] % line["args"], line["credits"]) == ("chat broken", 0)


@pytest.mark.alone("what it looks for is in the log of one process")
@each_tongue
async def test_client_that_leaves_before_the_answer_pays_nothing(
    tongue: Tongue, souk: Souk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    waiting = asyncio.create_task(tongue.ask(souk.client, "[souk:delay=30]"))
    await asyncio.sleep(0.3)
    waiting.cancel()
    line = await until_settled(caplog)
    assert line["msg"] % line["args"] == "chat gone"
    assert line["credits"] == 0


async def test_connection_to_the_upstream_is_kept_between_requests(tmp_path: Path) -> None:
    async with connected(tmp_path, CHAT) as (souk, maker):
        for _ in range(3):
            await CHAT.ask(souk.client)
            await CHAT.ask(souk.client, stream=True)
        assert len({seen.peer for seen in maker.seen}) == 1
