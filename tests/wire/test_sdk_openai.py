"""OpenAI's own client reads what Souk answers: chats and responses, whole and streamed, tools, forms, errors."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputParam

from tests.wire.chatting import NO_KEY, Chatting, Weather

CHAT, CODEX = "gpt-5-2", "gpt-5-codex"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
USE: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Use Weather"}]
TOOL: Any = openai.pydantic_function_tool(Weather)
FLAT: Any = {"type": "function", "name": "Weather", "parameters": Weather.model_json_schema()}


@pytest.fixture
def client(chatting: Chatting) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{chatting.url}/v1", api_key=chatting.key, max_retries=0) as made:
        yield made


@pytest.fixture
async def waiting(chatting: Chatting) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{chatting.url}/v1", api_key=chatting.key, max_retries=0) as made:
        yield made


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_chat_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=HELLO)
    assert "“Hello there”" in (answer.choices[0].message.content or "")
    assert answer.model == CHAT
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_chat_tells_its_credits(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=said("word " * 1000))
    assert (answer.model_extra or {})["credits_consumed"] > 0


@pytest.mark.parametrize("path", [f"/{CHAT}/v1", "/v1", "/api/v1"])
def test_chat_is_answered_at_every_base_url(chatting: Chatting, path: str) -> None:
    with openai.OpenAI(base_url=chatting.url + path, api_key=chatting.key, max_retries=0) as client:
        answer = client.chat.completions.create(model=CHAT, messages=HELLO)
    assert answer.choices[0].finish_reason == "stop"


def test_chat_streams_the_same_text(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=CHAT, messages=HELLO)
    with client.chat.completions.create(model=CHAT, messages=HELLO, stream=True) as stream:
        chunks = list(stream)
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert len(chunks) > 3
    assert all(chunk.choices for chunk in chunks), "usage is told only to those who ask"
    assert "".join(texts) == whole.choices[0].message.content


def test_stream_tells_its_usage_when_asked(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    with client.chat.completions.create(
        model=CHAT, messages=HELLO, stream=True, stream_options=options
    ) as stream:
        *_, last = stream
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0


def test_tool_is_called_and_its_result_used(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=USE, tools=[TOOL])
    message = answer.choices[0].message
    assert message.tool_calls is not None
    [call] = message.tool_calls
    assert call.type == "function"
    weather = Weather.model_validate_json(call.function.arguments)
    result: ChatCompletionMessageParam = {
        "role": "tool",
        "tool_call_id": call.id,
        "content": f"Rain in {weather.city}",
    }
    echoed: Any = message.to_dict()
    final = client.chat.completions.create(model=CHAT, messages=[*USE, echoed, result], tools=[TOOL])
    assert f"Rain in {weather.city}" in (final.choices[0].message.content or "")


def test_streamed_tool_call_is_put_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model=CHAT, messages=USE, tools=[TOOL]) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    [call] = final.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Weather)


def test_form_is_filled_in(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(model=CHAT, messages=HELLO, response_format=Weather)
    assert isinstance(answer.choices[0].message.parsed, Weather)


def test_several_answers_are_given(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=HELLO, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]


def test_answer_ends_where_it_must(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=HELLO, max_tokens=4)
    assert answer.choices[0].finish_reason == "length"


def test_response_is_answered(client: openai.OpenAI) -> None:
    response = client.responses.create(model=CODEX, input="Hello there")
    assert response.status == "completed"
    assert "“Hello there”" in response.output_text
    assert response.usage is not None
    assert response.usage.output_tokens > 0


@pytest.mark.parametrize("path", ["/codex/v1", "/api/v1", "/v1"])
def test_response_is_answered_at_every_base_url(chatting: Chatting, path: str) -> None:
    with openai.OpenAI(base_url=chatting.url + path, api_key=chatting.key, max_retries=0) as client:
        assert client.responses.create(model="gpt-5-4", input="Hello").output_text


def test_response_streams_the_same_text(client: openai.OpenAI) -> None:
    whole = client.responses.create(model=CODEX, input="Hello there")
    with client.responses.stream(model=CODEX, input="Hello there") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) > 2
    assert "".join(deltas) == final.output_text == whole.output_text


def test_response_calls_a_tool_and_uses_its_result(client: openai.OpenAI) -> None:
    asked: ResponseInputParam = [{"role": "user", "content": "Use Weather"}]
    with client.responses.stream(model=CODEX, input=asked, tools=[FLAT]) as stream:
        first = stream.get_final_response()
    [call] = [item for item in first.output if item.type == "function_call"]
    city = json.loads(call.arguments)["city"]
    following: Any = [
        *asked,
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": f"Rain in {city}"},
    ]
    final = client.responses.create(model=CODEX, input=following, tools=[FLAT])
    assert f"Rain in {city}" in final.output_text


def test_response_fills_in_a_form(client: openai.OpenAI) -> None:
    assert isinstance(
        client.responses.parse(model=CODEX, input="x", text_format=Weather).output_parsed, Weather
    )


def test_models_are_listed(client: openai.OpenAI) -> None:
    listed = {model.id for model in client.models.list()}
    assert {CHAT, CODEX, "claude-sonnet-4-5", "gemini-3-flash"} <= listed


async def test_asynchronous_client_is_served_alike(waiting: openai.AsyncOpenAI) -> None:
    async with await waiting.chat.completions.create(model=CHAT, messages=HELLO, stream=True) as stream:
        texts = [choice.delta.content or "" async for chunk in stream for choice in chunk.choices]
    assert "“Hello there”" in "".join(texts)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_failure_is_the_error_the_client_knows(
    client: openai.OpenAI, code: int, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error, match=f"told to fail with code {code}"):
        client.chat.completions.create(model=CHAT, messages=said(f"[souk:fail={code}]"))


def test_wrong_key_is_an_authentication_error(chatting: Chatting) -> None:
    with (
        openai.OpenAI(base_url=f"{chatting.url}/v1", api_key=NO_KEY, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        client.chat.completions.create(model=CHAT, messages=HELLO)
    assert raised.value.type == "authentication_error"


def test_unknown_model_is_named_with_its_nearest(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-5-2"):
        client.chat.completions.create(model="gpt-5-22", messages=HELLO)


def test_no_messages_is_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.chat.completions.create(model=CHAT, messages=[])


def test_no_credits_is_told_with_402(chatting: Chatting) -> None:
    with (
        openai.OpenAI(base_url=f"{chatting.url}/v1", api_key=chatting.poor_key, max_retries=0) as client,
        pytest.raises(openai.APIStatusError, match=r"(?i)credits") as raised,
    ):
        client.chat.completions.create(model=CHAT, messages=HELLO)
    assert raised.value.status_code == 402
