"""What goes wrong with a chat is told in the maker's shape, with a real HTTP status, and costs nothing."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from souk.operations.admin import KeyRules
from souk.words import HOPS_HEADER, Mode
from tests.upstreams.maker import KEY as MAKERS_KEY
from tests.upstreams.maker import RETRY_AFTER
from tests.wire.makers import CHAT, GEMINI, MESSAGES, RESPONSES, TONGUES, Tongue, connected, events_of
from tests.wire.serving import KEY, Souk, open_souk

each_tongue = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def settled(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the log says of each request, oldest first."""
    return [
        vars(record)
        for record in caplog.records
        if record.name == "souk.relay" and "protocol" in vars(record)
    ]


@each_tongue
@pytest.mark.parametrize("key", ["", "sk-nobody"])
async def test_key_that_opens_nothing_is_401(tongue: Tongue, key: str, souk: Souk) -> None:
    souk.client.key = key
    reply = await tongue.ask(souk.client)
    assert reply.status == 401
    assert "Unauthorized" in tongue.message(reply)


@each_tongue
async def test_key_from_another_address_is_403(tongue: Tongue, souk: Souk) -> None:
    stranger = await souk.another_key("main", rules=KeyRules(allow_ips=("192.0.2.7",)))
    reply = await tongue.ask(stranger)
    assert reply.status == 403
    tongue.message(reply)


@each_tongue
async def test_too_few_credits_is_402(tongue: Tongue, souk: Souk) -> None:
    poor = await souk.another_account("poor", credits=0)
    reply = await tongue.ask(poor)
    assert reply.status == 402
    tongue.message(reply)


@each_tongue
async def test_max_tokens_decide_who_is_let_in(tongue: Tongue, souk: Souk) -> None:
    poor = await souk.another_account("poor", credits=9)
    few: dict[str, Any] = {
        "chat": {"max_tokens": 50},
        "messages": {"max_tokens": 50},
        "responses": {"max_output_tokens": 50},
        "gemini": {"generationConfig": {"maxOutputTokens": 50}},
    }
    many: dict[str, Any] = {"messages": {"max_tokens": 60_000}}
    assert (await tongue.ask(poor, **many.get(tongue.name, {}))).status == 402
    assert (await tongue.ask(poor, **few[tongue.name])).status == 200


@each_tongue
async def test_unknown_model_is_404_and_the_nearest_is_named(tongue: Tongue, souk: Souk) -> None:
    body = tongue.body("hi") | ({} if tongue is GEMINI else {"model": f"{tongue.model}x"})
    reply = await souk.client.post(tongue.path.replace(tongue.model, f"{tongue.model}x"), body)
    assert reply.status == 404
    assert tongue.model in tongue.message(reply)


async def test_model_of_another_protocol_is_404_and_its_own_are_named(souk: Souk) -> None:
    reply = await souk.client.post(MESSAGES.path, MESSAGES.body("hi") | {"model": "gpt-5-2"})
    assert reply.status == 404
    assert "chat, responses" in MESSAGES.message(reply)


async def test_model_that_makes_tasks_is_404_and_says_so(souk: Souk) -> None:
    reply = await souk.client.post(CHAT.path, CHAT.body("hi") | {"model": "nano-banana-pro"})
    assert reply.status == 404
    assert "createTask" in CHAT.message(reply)


@pytest.mark.parametrize(
    ("tongue", "body"),
    [
        (CHAT, b"{"),
        (CHAT, b"[]"),
        (CHAT, b'{"model": "gpt-5-2"}'),
        (CHAT, b'{"model": "gpt-5-2", "messages": []}'),
        (CHAT, b'{"model": "gpt-5-2", "messages": [1], "stream": "yes"}'),
        (CHAT, b'{"model": "gpt-5-2", "messages": [1], "max_tokens": 0}'),
        (CHAT, b'{"model": "gpt-5-2", "messages": [1], "stream_options": 3}'),
        (CHAT, b'{"model": 7, "messages": [1]}'),
        (CHAT, b'{"messages": [1]}'),
        (CHAT, b'{"model": "gpt-5-2", "messages": ' + b"[" * 100_000 + b"}"),
        (RESPONSES, b'{"model": "gpt-5-codex", "input": ""}'),
        (RESPONSES, b'{"input": "hi"}'),
        (MESSAGES, b'{"model": "claude-opus-4-5", "messages": null}'),
        (GEMINI, b'{"contents": []}'),
        (GEMINI, b'{"contents": [1], "generationConfig": 3}'),
    ],
    ids=range(15),
)
async def test_body_that_cannot_be_understood_is_400(tongue: Tongue, body: bytes, souk: Souk) -> None:
    reply = await souk.client.post(tongue.path, body)
    assert reply.status == 400
    assert tongue.message(reply)


async def test_body_that_is_too_large_is_413(tmp_path: Path) -> None:
    async with open_souk(tmp_path, max_body_bytes=2048) as souk:
        for tongue in TONGUES:
            reply = await tongue.ask(souk.client, "x" * 3000)
            assert reply.status == 413
            tongue.message(reply)


async def test_wrong_method_names_the_right_one(souk: Souk) -> None:
    for path in ("/v1/chat/completions", "/gpt-5-2/v1/chat/completions", GEMINI.path):
        reply = await souk.client.get(path)
        assert (reply.status, reply.headers["allow"]) == (405, "OPTIONS, POST")


async def test_too_many_requests_are_429_until_the_window_has_passed(tmp_path: Path) -> None:
    async with open_souk(tmp_path, rate_chats=2) as souk:
        other = await souk.another_account("other")
        assert [(await CHAT.ask(souk.client)).status for _ in range(3)] == [200, 200, 429]
        for tongue in TONGUES:
            reply = await tongue.ask(souk.client)
            assert reply.status == 429
            assert 1 <= int(reply.headers["retry-after"]) <= 10
            tongue.message(reply)
        assert (await CHAT.ask(other)).status == 200


@each_tongue
async def test_model_without_a_connection_names_the_variable(tongue: Tongue, tmp_path: Path) -> None:
    other = {"XAI_API_KEY": "no-such-key"}
    async with open_souk(tmp_path, env=other) as souk:
        reply = await tongue.ask(souk.client)
        assert reply.status == 404
        assert tongue.variables[0] in tongue.message(reply)
        rehearsing = await souk.another_key("main", mode=Mode.SANDBOX)
        assert (await tongue.ask(rehearsing)).status == 200


@each_tongue
@both_ways
@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500, 503, 529])
async def test_upstreams_refusal_keeps_its_status_and_words(
    tongue: Tongue, stream: bool, status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, tongue) as (souk, _):
        reply = await tongue.ask(souk.client, f"[up:status={status}]", stream=stream)
        assert reply.status == status
        assert tongue.message(reply) == "no, not this one"
        assert reply.headers.get("retry-after") == (RETRY_AFTER if status == 429 else None)
        assert settled(caplog)[-1]["credits"] == 0


@each_tongue
@pytest.mark.parametrize("status", [401, 402, 403])
async def test_what_an_upstream_has_against_this_server_is_not_the_clients_fault(
    tongue: Tongue, status: int, tmp_path: Path
) -> None:
    async with connected(tmp_path, tongue) as (souk, _):
        reply = await tongue.ask(souk.client, f"[up:status={status}] [up:leak]")
        assert reply.status == 502
        assert f"HTTP {status}" in tongue.message(reply)
        assert MAKERS_KEY not in reply.raw.decode()


@each_tongue
async def test_upstreams_words_are_told_without_its_key(tongue: Tongue, tmp_path: Path) -> None:
    async with connected(tmp_path, tongue) as (souk, _):
        reply = await tongue.ask(souk.client, "[up:status=400] [up:leak]")
        assert tongue.message(reply) == "no: ***"


@each_tongue
async def test_page_for_people_is_not_passed_on(tongue: Tongue, tmp_path: Path) -> None:
    async with connected(tmp_path, tongue) as (souk, _):
        reply = await tongue.ask(souk.client, "[up:status=502] [up:html]")
        assert (reply.status, "<html>" in reply.raw.decode()) == (502, False)
        assert "HTTP 502" in tongue.message(reply)


@each_tongue
async def test_upstream_that_cannot_be_reached_is_502(tongue: Tongue, tmp_path: Path) -> None:
    key, url = tongue.variables
    async with open_souk(tmp_path, env={key: MAKERS_KEY, url: "http://127.0.0.1:9"}) as souk:
        reply = await tongue.ask(souk.client)
        assert reply.status == 502
        assert "cannot be reached" in tongue.message(reply)


@each_tongue
@pytest.mark.parametrize("words", ["[up:cut]", "[up:end]"])
async def test_stream_that_breaks_off_ends_with_an_error_and_costs_nothing(
    tongue: Tongue, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, tongue) as (souk, maker):
        reply = await tongue.ask(souk.client, words, stream=True)
        assert reply.status == 200
        assert reply.raw.startswith(b"".join(maker.events(maker.seen[0])[:2]))
        last = events_of(reply.raw)[-1]
        told = last["message"] if tongue is RESPONSES else tongue.told(last)
        assert "broke off" in told
        assert settled(caplog)[-1]["credits"] == 0


@each_tongue
async def test_failure_told_inside_a_stream_is_passed_on_and_costs_nothing(
    tongue: Tongue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connected(tmp_path, tongue) as (souk, maker):
        reply = await tongue.ask(souk.client, "[up:fail]", stream=True)
        assert reply.raw.endswith(maker.failure())
        assert reply.raw.count(b'"error"') == maker.failure().count(b'"error"')
        assert settled(caplog)[-1]["credits"] == 0


@pytest.mark.alone("its address is taken by another Souk")
@each_tongue
async def test_request_that_leads_back_to_itself_is_refused(tongue: Tongue, tmp_path: Path) -> None:
    async with open_souk(tmp_path) as first:
        url = first.client.url
    port = int(url.rpartition(":")[2])
    env = {"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": url}
    async with open_souk(tmp_path, env=env, port=port) as souk:
        reply = await tongue.ask(souk.client)
        assert reply.status == 400
        assert "has itself" in tongue.message(reply)


async def test_hops_are_counted_on_the_way(tmp_path: Path) -> None:
    async with connected(tmp_path, CHAT) as (souk, maker):
        await souk.client.post(CHAT.path, CHAT.body("hi"), **{HOPS_HEADER: "2"})
        assert maker.seen[0].headers[HOPS_HEADER.lower()] == "3"


@each_tongue
async def test_every_answer_carries_the_requests_id(tongue: Tongue, tmp_path: Path) -> None:
    async with connected(tmp_path, tongue) as (souk, _):
        for words in ("hi", "[up:status=400]"):
            path, body = tongue.path, tongue.body(words)
            reply = await souk.client.post(path, body, X_Request_Id="mine-1")
            assert reply.headers["x-request-id"] == "mine-1"


async def test_log_holds_no_contents_and_no_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(tmp_path, CHAT) as (souk, _):
        await CHAT.ask(souk.client, "canary-of-what-was-said")
        lines = json.dumps([str(vars(record)) for record in caplog.records])
        assert "canary-of-what-was-said" not in lines
        assert KEY not in lines
        assert MAKERS_KEY not in lines
