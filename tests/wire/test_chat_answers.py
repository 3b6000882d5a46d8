"""A chat answer is its maker's, byte for byte, but for the credits that are told beside it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.upstreams import gemini, openai
from tests.upstreams.maker import KEY as MAKERS_KEY
from tests.upstreams.maker import Seen
from tests.wire.makers import (
    CHAT,
    GEMINI,
    MESSAGES,
    RESPONSES,
    TONGUES,
    Tongue,
    connected,
    events_of,
    without_credits,
)
from tests.wire.serving import KEY

each_tongue = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)
TOOLS = '[ {"type":"function", "function":{"name":"web_search","parameters":{"x":1.0}}} ]'
PICTURE = '{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=" , "detail":"low"}}'


@each_tongue
async def test_whole_answer_is_the_makers_and_tells_its_cost(tongue: Tongue, tmp_path: Path) -> None:
    async with connected(tmp_path, tongue) as (souk, maker):
        reply = await tongue.ask(souk.client)
        raw, told = without_credits(reply.raw)
        assert reply.status == 200
        assert raw == maker.whole(maker.seen[-1])
        assert told == [tongue.credits]
        assert maker.complaints == []


@pytest.mark.parametrize("words", ["hi", "hi [up:crumbs]"], ids=["whole events", "crumbs"])
@pytest.mark.parametrize("tongue", [RESPONSES, MESSAGES, GEMINI], ids=lambda tongue: tongue.name)
async def test_stream_is_the_makers_and_tells_its_cost_at_the_end(
    tongue: Tongue, words: str, tmp_path: Path
) -> None:
    async with connected(tmp_path, tongue) as (souk, maker):
        reply = await tongue.ask(souk.client, words, stream=True)
        raw, told = without_credits(reply.raw)
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert raw == b"".join(maker.events(maker.seen[-1]))
        assert told == [tongue.credits]
        assert maker.complaints == []


@pytest.mark.parametrize("words", ["hi", "hi [up:crumbs]"], ids=["whole events", "crumbs"])
async def test_chat_stream_gives_usage_only_to_those_who_ask(words: str, tmp_path: Path) -> None:
    async with connected(tmp_path, CHAT) as (souk, maker):
        silent = await CHAT.ask(souk.client, words, stream=True)
        told = await CHAT.ask(souk.client, words, stream=True, stream_options={"include_usage": True})
        sent = maker.events(maker.seen[-1])
        assert silent.raw == b"".join(each for each in sent if b'"choices": []' not in each)
        raw, credits = without_credits(told.raw)
        assert raw == b"".join(sent)
        assert credits == [CHAT.credits]
        assert events_of(told.raw)[-2]["usage"] == openai.USAGE
        assert maker.complaints == []


async def test_tools_and_pictures_go_through_untouched(tmp_path: Path) -> None:
    said = f'[{{"role":"user","content":[{PICTURE},{{"type":"text","text":"\\u00e9 é"}}]}}]'
    body = f'{{ "model":"gpt-5-2","tools":{TOOLS},\n"messages":{said} }}'.encode()
    async with connected(tmp_path, CHAT) as (souk, maker):
        assert (await souk.client.post(CHAT.path, body)).status == 200
        assert TOOLS.encode() in maker.seen[0].raw
        assert said.encode() in maker.seen[0].raw


async def test_tools_go_through_untouched_in_the_other_protocols(tmp_path: Path) -> None:
    tools: list[Any] = [{"googleSearch": {}}]
    async with connected(tmp_path, GEMINI) as (souk, maker):
        await GEMINI.ask(souk.client, tools=tools)
        assert maker.seen[0].body["tools"] == tools


async def test_makers_own_name_of_the_model_is_sent(tmp_path: Path) -> None:
    async with connected(tmp_path, CHAT) as (souk, maker):
        await CHAT.ask(souk.client)
        assert maker.seen[0].body["model"] == "gpt-5.2"


async def test_path_decides_over_the_body(tmp_path: Path) -> None:
    async with connected(tmp_path, CHAT) as (souk, maker):
        body = CHAT.body("hi") | {"model": "no-such-model"}
        assert (await souk.client.post("/gpt-5-2/v1/chat/completions", body)).status == 200
        assert maker.seen[0].body["model"] == "gpt-5.2"


async def test_model_given_twice_is_priced_as_it_is_sent(tmp_path: Path) -> None:
    messages = '"messages":[{"role":"user","content":"hi"}]'
    async with connected(tmp_path, CHAT) as (souk, maker):
        body = f'{{"model":"gpt-5-5",{messages},"model":"gpt-5-2"}}'.encode()
        assert (await souk.client.post(CHAT.path, body)).body["credits_consumed"] == CHAT.credits
        assert maker.seen[0].raw.count(b'"model"') == 1
        assert maker.seen[0].body["model"] == "gpt-5.2"


@each_tongue
async def test_keys_stay_where_they_belong(tongue: Tongue, tmp_path: Path) -> None:
    async with connected(tmp_path, tongue) as (souk, maker):
        reply = await tongue.ask(souk.client)
        seen: Seen = maker.seen[0]
        assert KEY not in str(dict(seen.headers)) + seen.path + seen.raw.decode()
        assert MAKERS_KEY in str(dict(seen.headers))
        assert MAKERS_KEY not in str(reply)


async def test_keys_are_taken_wherever_the_makers_clients_put_them(tmp_path: Path) -> None:
    async with connected(tmp_path, GEMINI) as (souk, _):
        souk.client.key = ""
        body = GEMINI.body("hi")
        for headers in ({"x_goog_api_key": KEY}, {"x_api_key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert (await souk.client.post(GEMINI.path, body, **headers)).status == 200
        # As the market has people set up Claude Code.
        assert (await souk.client.post(GEMINI.path, body, x_api_key=f"Bearer {KEY}")).status == 200
        assert (await souk.client.post(f"{GEMINI.path}?key={KEY}", body)).status == 200
        assert (await souk.client.post(GEMINI.path, body)).status == 401


@pytest.mark.parametrize(
    ("tongue", "path", "streams"),
    [
        (CHAT, "/gpt-5-2/v1/chat/completions", False),
        (CHAT, "/v1/chat/completions", False),
        (CHAT, "/api/v1/chat/completions", False),
        (RESPONSES, "/api/v1/responses", False),
        (RESPONSES, "/v1/responses", False),
        (RESPONSES, "/codex/v1/responses", False),
        (RESPONSES, "/grok/v1/responses", True),
        (MESSAGES, "/claude/v1/messages", True),
        (MESSAGES, "/v1/messages", False),
        (GEMINI, "/gemini/v1/models/gemini-3-flash:streamGenerateContent", True),
        (GEMINI, "/gemini/v1/models/gemini-3-flash:generateContent", False),
        (GEMINI, "/v1beta/models/gemini-3-flash:streamGenerateContent", True),
        (GEMINI, "/v1beta/models/gemini-3-flash:generateContent", False),
        (GEMINI, "/v1/models/gemini-3-flash:generateContent", False),
    ],
)
async def test_stream_left_out_is_what_the_path_says(
    tongue: Tongue, path: str, streams: bool, tmp_path: Path
) -> None:
    async with connected(tmp_path, tongue) as (souk, maker):
        body = tongue.body("hi")
        body.pop("stream", None)
        reply = await souk.client.post(path, body)
        assert reply.headers["content-type"].startswith("text/event-stream") is streams
        assert maker.complaints == []


@pytest.mark.parametrize("model", ["gemini-3-pro", "gemini-2.5-flash", "claude-sonnet-4-5", "gemini-3.1-pro"])
async def test_models_own_path_streams_by_default(model: str, souk: Any) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    path = f"/{model}/v1/chat/completions"
    assert (await souk.client.post(path, body)).headers["content-type"].startswith("text/event-stream")
    whole = await souk.client.post(path, body | {"stream": False})
    assert whole.body["object"] == "chat.completion"


async def test_makers_own_clients_get_a_whole_answer_when_they_leave_stream_out(tmp_path: Path) -> None:
    async with connected(tmp_path, MESSAGES) as (souk, _):
        body = MESSAGES.body("hi")
        del body["stream"]
        reply = await souk.client.post(MESSAGES.path, body, x_stainless_lang="python")
        assert reply.body["type"] == "message"


async def test_gemini_stream_can_be_asked_to_come_whole(tmp_path: Path) -> None:
    async with connected(tmp_path, GEMINI) as (souk, maker):
        reply = await souk.client.post(
            GEMINI.stream_path, GEMINI.body("hi", stream=False) | {"stream": False}
        )
        assert reply.body["usageMetadata"] == gemini.USAGE
        assert ":generateContent" in maker.seen[0].path


async def test_words_of_the_compatible_wire_are_put_as_the_maker_wants_them(tmp_path: Path) -> None:
    async with connected(tmp_path, MESSAGES) as (souk, maker):
        await MESSAGES.ask(souk.client, thinkingFlag=True, max_tokens=500)
        assert maker.complaints == []
        assert maker.seen[0].body["thinking"] == {"type": "enabled", "budget_tokens": 2047}
        assert maker.seen[0].body["max_tokens"] == 2048
        await MESSAGES.ask(souk.client)
        assert maker.seen[1].body["max_tokens"] == 4096


async def test_chat_fields_that_openai_refuses_are_put_otherwise(tmp_path: Path) -> None:
    async with connected(tmp_path, CHAT) as (souk, maker):
        assert (await CHAT.ask(souk.client, max_tokens=9, include_thoughts=True)).status == 200
        assert maker.seen[0].body["max_completion_tokens"] == 9


async def test_beta_header_goes_to_anthropic_and_no_other_header_does(tmp_path: Path) -> None:
    async with connected(tmp_path, MESSAGES) as (souk, maker):
        body = MESSAGES.body("hi")
        await souk.client.post(MESSAGES.path, body, anthropic_beta="files-1", X_Mine="1", Cookie="a=b")
        assert maker.seen[0].headers["anthropic-beta"] == "files-1"
        assert not {"x-mine", "cookie"} & maker.seen[0].headers.keys()


async def test_large_body_arrives_whole(tmp_path: Path) -> None:
    picture = "A" * 3_000_000
    async with connected(tmp_path, CHAT) as (souk, maker):
        body = CHAT.body(f"data:image/png;base64,{picture}", max_tokens=10)
        reply = await souk.client.call("POST", CHAT.path, data=io.BytesIO(json.dumps(body).encode()))
        assert reply.status == 200
        assert picture in maker.seen[0].raw.decode()


async def test_makers_clients_may_call_from_a_browser(souk: Any) -> None:
    wanted = "anthropic-version,x-api-key,x-stainless-lang"
    reply = await souk.client.call(
        "OPTIONS", MESSAGES.path, headers={"Access-Control-Request-Headers": wanted}
    )
    assert (reply.status, reply.headers["access-control-allow-headers"]) == (204, wanted)
    odd = await souk.client.call("OPTIONS", MESSAGES.path, headers={"Access-Control-Request-Headers": "a;b"})
    assert "Authorization" in odd.headers["access-control-allow-headers"]


async def test_models_are_listed_for_the_makers_clients(souk: Any) -> None:
    listed = (await souk.client.get("/v1/models")).body
    assert "gpt-5-2" in {each["id"] for each in listed["data"]}
    assert (await souk.client.get("/v1/models/gpt-5.2")).body["id"] == "gpt-5-2"
    assert (await souk.client.get("/v1/models/nobody")).status == 404
    souk.client.key = "wrong"
    assert json.loads((await souk.client.get("/v1/models")).raw)["error"]["type"] == "authentication_error"


async def test_models_that_chat_are_in_the_markets_list_for_those_who_ask(souk: Any) -> None:
    found = (await souk.client.get("/api/v1/models", taskType="Chat")).data
    assert {"gpt-5-2", "claude-opus-4-5"} <= {each["model"] for each in found["models"]}
    shown = (await souk.client.get("/api/v1/models/gpt-5-2")).data
    assert shown["paths"] == ["/gpt-5-2/v1/chat/completions", "/api/v1/responses"]
    assert "gpt-5-2" not in {
        each["model"] for each in (await souk.client.get("/api/v1/models")).data["models"]
    }


async def test_task_of_a_chat_model_is_refused_and_the_path_named(souk: Any) -> None:
    reply = await souk.client.post("/api/v1/jobs/createTask", {"model": "gpt-5-2", "input": {"prompt": "hi"}})
    assert reply.code == 422
    assert "/gpt-5-2/v1/chat/completions" in reply.body["msg"]
