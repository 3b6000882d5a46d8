"""Which connection answers a chat: the first route that can, and the next only when the model surely did not run."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from souk.settings import SettingsError
from tests.upstreams.maker import KEY, Seen
from tests.upstreams.openai import FakeOpenAI
from tests.wire.makers import CHAT, TONGUES, without_credits
from tests.wire.serving import KEY as SOUKS_KEY
from tests.wire.serving import Souk, open_souk


class Enveloping(FakeOpenAI):
    """Refuses as the market may: with HTTP 200 and a code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def complaint(self, seen: Seen) -> tuple[int, str] | None:
        return None

    def streams(self, seen: Seen) -> bool:
        return False

    def whole(self, seen: Seen) -> bytes:
        return json.dumps({"code": self.code, "msg": "The words of the market", "data": None}).encode()


OWN: dict[str, Any] = {
    "title": "Llama 4 Scout",
    "vendor": "Meta",
    "category": "chat",
    "chat": {
        "protocols": ["chat"],
        "price": {"input": 100, "output": 1000},
        "context": 8192,
        "max_output": 1024,
    },
    "routes": [{"provider": "openai-compatible", "model": "llama4:scout"}],
}
TWO: dict[str, Any] = {
    "gpt-5-2": {
        "routes": [
            {"provider": "openai", "model": "gpt-5.2"},
            {"provider": "openai-compatible", "model": "spare"},
        ]
    }
}


def env_of(first: str, spare: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": KEY,
        "SOUK_OPENAI_BASE_URL": first,
        "SOUK_OPENAI_COMPATIBLE_BASE_URL": spare,
    }


@asynccontextmanager
async def two_routes(folder: Path) -> AsyncIterator[tuple[Souk, FakeOpenAI, FakeOpenAI]]:
    """A Souk with two routes to one model, and the makers at their ends."""
    async with (
        FakeOpenAI() as first,
        FakeOpenAI(key="") as spare,
        open_souk(folder, env=env_of(first.url, spare.url), models=TWO) as souk,
    ):
        yield souk, first, spare


@pytest.mark.parametrize("ending", ["", "/v1", "/v1/"])
async def test_server_of_ones_own_needs_no_key_and_answers_its_own_model(ending: str, tmp_path: Path) -> None:
    async with FakeOpenAI(key="") as maker:
        env = {"SOUK_OPENAI_COMPATIBLE_BASE_URL": maker.url + ending}
        async with open_souk(tmp_path, env=env, models={"llama": OWN}) as souk:
            reply = await souk.client.post(CHAT.path, CHAT.body("hi") | {"model": "llama"})
            raw, told = without_credits(reply.raw)
            assert raw == maker.whole(maker.seen[0])
            assert told == [0.04]  # 120 x 100 + 30 x 1000, over a million
            assert maker.seen[0].body["model"] == "llama4:scout"
            assert maker.complaints == []


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 503, 529])
async def test_next_route_is_asked_when_the_model_did_not_run(status: int, tmp_path: Path) -> None:
    async with two_routes(tmp_path) as (souk, first, spare):
        first.refuses = status
        assert (await CHAT.ask(souk.client)).status == 200
        streamed = await CHAT.ask(souk.client, stream=True)
        assert streamed.raw.endswith(b"data: [DONE]\n\n")
        asked = [seen.body["model"] for seen in (*first.seen, *spare.seen)]
        assert asked == ["gpt-5.2", "gpt-5.2", "spare", "spare"]


async def test_next_route_is_asked_when_no_connection_can_be_made(tmp_path: Path) -> None:
    async with (
        FakeOpenAI(key="") as spare,
        open_souk(tmp_path, env=env_of("http://127.0.0.1:9", spare.url), models=TWO) as souk,
    ):
        assert (await CHAT.ask(souk.client)).status == 200
        assert len(spare.seen) == 1


@pytest.mark.parametrize("words", ["[up:status=400]", "[up:status=500]", "[up:status=502]"])
async def test_next_route_is_not_asked_when_the_model_may_have_run(words: str, tmp_path: Path) -> None:
    async with two_routes(tmp_path) as (souk, _, spare):
        assert (await CHAT.ask(souk.client, words)).status == int(words[11:14])
        assert spare.seen == []


async def test_next_route_is_not_asked_once_anything_was_sent_back(tmp_path: Path) -> None:
    async with two_routes(tmp_path) as (souk, _, spare):
        assert b"broke off" in (await CHAT.ask(souk.client, "[up:cut]", stream=True)).raw
        assert spare.seen == []


async def test_refusal_of_the_last_route_is_passed_on(tmp_path: Path) -> None:
    async with two_routes(tmp_path) as (souk, first, spare):
        first.refuses, spare.refuses = 429, 503
        assert (await CHAT.ask(souk.client)).status == 503


async def test_retired_route_is_not_taken(tmp_path: Path) -> None:
    async with open_souk(tmp_path, env={"GEMINI_API_KEY": KEY}) as souk:
        body = CHAT.body("hi") | {"model": "gemini-3-pro"}
        reply = await souk.client.post(CHAT.path, body)
        assert reply.status == 404
        assert "KIE_API_KEY" in CHAT.message(reply)
        assert "GEMINI_API_KEY" not in CHAT.message(reply)


async def test_paused_model_is_503(tmp_path: Path) -> None:
    async with open_souk(tmp_path, models={"gpt-5-2": {"paused": True}}) as souk:
        reply = await CHAT.ask(souk.client)
        assert reply.status == 503
        assert "paused" in CHAT.message(reply)


async def test_route_of_a_task_to_a_maker_that_only_chats_is_refused_at_the_start(tmp_path: Path) -> None:
    models = {"z-image": {"routes": [{"provider": "anthropic", "model": "claude-opus-4-5"}]}}
    with pytest.raises(SettingsError, match="z-image: anthropic runs no tasks"):
        async with open_souk(tmp_path, models=models):
            pass


async def test_refusal_in_the_markets_envelope_is_taken_as_one(tmp_path: Path) -> None:
    for code, status in ((402, 502), (422, 422), (429, 429)):
        async with Enveloping(code) as maker:
            env = {"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": maker.url}
            async with open_souk(tmp_path, env=env) as souk:
                for stream in (False, True):
                    reply = await CHAT.ask(souk.client, stream=stream)
                    assert reply.status == status
                    assert ("The words of the market" in CHAT.message(reply)) is (status == code)


async def test_requests_tokens_and_begins_are_counted(tmp_path: Path) -> None:
    async with two_routes(tmp_path) as (souk, _, _):
        await CHAT.ask(souk.client)
        await CHAT.ask(souk.client, "[up:status=400]")
        counted = (await souk.client.get("/metrics")).raw.decode()
        assert 'souk_chats_total{outcome="answered",protocol="chat"} 1.0' in counted
        assert 'souk_chats_total{outcome="refused",protocol="chat"} 1.0' in counted
        assert 'souk_chat_tokens_total{kind="input",protocol="chat"} 120.0' in counted
        assert 'souk_chat_tokens_total{kind="output",protocol="chat"} 30.0' in counted
        assert 'souk_chat_upstream_seconds_count{connection="openai"} 2.0' in counted


async def test_another_souk_serves_every_protocol_as_an_upstream(tmp_path: Path) -> None:
    async with open_souk(tmp_path / "far") as far:
        env = {"KIE_API_KEY": SOUKS_KEY, "SOUK_KIE_BASE_URL": far.client.url}
        async with open_souk(tmp_path / "near", env=env) as near:
            for tongue in TONGUES:
                for stream in (False, True):
                    reply = await tongue.ask(near.client, stream=stream)
                    assert reply.status == 200, tongue.name
                    assert b"sandbox" in reply.raw
                    assert b"broke off" not in reply.raw
            poor = await far.another_account("poor", credits=0)
        env["KIE_API_KEY"] = poor.key
        async with open_souk(tmp_path / "near", env=env) as near:
            reply = await CHAT.ask(near.client)
            assert reply.status == 502
            assert "HTTP 402" in CHAT.message(reply)
