"""Anthropic's own client reads what Souk answers: messages whole and streamed, tools both ways, thinking, errors."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ThinkingConfigParam, ToolParam

from tests.wire.chatting import NO_KEY, Chatting, Weather

MODEL = "claude-sonnet-4-6"
HELLO: list[MessageParam] = [{"role": "user", "content": "Hello there"}]
USE: list[MessageParam] = [{"role": "user", "content": "Use get_weather"}]
TOOL: ToolParam = {"name": "get_weather", "input_schema": Weather.model_json_schema()}
THINKING: ThinkingConfigParam = {"type": "adaptive"}
MOST = 2000


@pytest.fixture
def client(chatting: Chatting) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=f"{chatting.url}/claude", api_key=chatting.key, max_retries=0) as made:
        yield made


@pytest.fixture
async def waiting(chatting: Chatting) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=chatting.url, api_key=chatting.key, max_retries=0) as made:
        yield made


def said(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_message_is_answered(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO, system="Be brief.")
    assert "“Hello there”" in text_of(message)
    assert "a system prompt" in text_of(message)
    assert (message.model, message.stop_reason) == (MODEL, "end_turn")
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


@pytest.mark.parametrize("path", ["", "/claude"])
@pytest.mark.parametrize("bearer", [False, True])
def test_message_is_answered_at_every_base_url_with_either_kind_of_key(
    chatting: Chatting, path: str, bearer: bool
) -> None:
    key: dict[str, Any] = {"auth_token" if bearer else "api_key": chatting.key}
    with anthropic.Anthropic(base_url=chatting.url + path, max_retries=0, **key) as client:
        assert text_of(client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO))


def test_message_tells_its_credits(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=MODEL, max_tokens=MOST, messages=said("word " * 1000))
    assert (message.model_extra or {})["credits_consumed"] > 0


def test_message_streams_the_same_text(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO)
    with client.messages.stream(model=MODEL, max_tokens=MOST, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 2
    assert "".join(pieces) == text_of(final) == text_of(whole)
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


def test_raw_events_can_be_followed(client: anthropic.Anthropic) -> None:
    with client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO, stream=True) as stream:
        kinds = [event.type for event in stream]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


def test_tool_is_called_and_its_result_used(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=MODEL, max_tokens=MOST, messages=USE, tools=[TOOL])
    assert message.stop_reason == "tool_use"
    [call] = [block for block in message.content if block.type == "tool_use"]
    weather = Weather.model_validate(call.input)
    following: list[MessageParam] = [
        *USE,
        {"role": "assistant", "content": message.content},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": call.id, "content": f"Rain in {weather.city}"}
            ],
        },
    ]
    final = client.messages.create(model=MODEL, max_tokens=MOST, messages=following, tools=[TOOL])
    assert f"Rain in {weather.city}" in text_of(final)


def test_streamed_tool_call_is_put_together_after_its_thoughts(client: anthropic.Anthropic) -> None:
    choice: Any = {"type": "any"}
    with client.messages.stream(
        model=MODEL, max_tokens=MOST, messages=USE, tools=[TOOL], tool_choice=choice, thinking=THINKING
    ) as stream:
        final = stream.get_final_message()
    thoughts, call = final.content
    assert thoughts.type == "thinking"
    assert thoughts.signature
    assert call.type == "tool_use"
    Weather.model_validate(call.input)


def test_form_is_filled_in(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(model=MODEL, max_tokens=MOST, messages=HELLO, output_format=Weather)
    assert isinstance(message.parsed_output, Weather)


def test_answer_ends_where_it_must(client: anthropic.Anthropic) -> None:
    cut = client.messages.create(model=MODEL, max_tokens=4, messages=HELLO)
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 4)
    stopped = client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO, stop_sequences=["Souk"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "Souk")


def test_moderated_message_is_a_refusal(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=MODEL, max_tokens=MOST, messages=said("Hello [souk:moderated]"))
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert "content rules" in (message.stop_details.explanation or "")


async def test_asynchronous_client_is_served_alike(waiting: anthropic.AsyncAnthropic) -> None:
    async with waiting.messages.stream(model=MODEL, max_tokens=MOST, messages=HELLO) as stream:
        final = await stream.get_final_message()
    assert "“Hello there”" in text_of(final)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
    ],
)
def test_failure_is_the_error_the_client_knows(
    client: anthropic.Anthropic, code: int, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error, match=f"told to fail with code {code}"):
        client.messages.create(model=MODEL, max_tokens=MOST, messages=said(f"[souk:fail={code}]"))


def test_wrong_key_is_an_authentication_error(chatting: Chatting) -> None:
    with (
        anthropic.Anthropic(base_url=chatting.url, api_key=NO_KEY, max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError) as raised,
    ):
        client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO)
    assert raised.value.type == "authentication_error"
    assert raised.value.request_id


def test_unknown_model_is_named_with_its_nearest(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="claude-sonnet-4-6"):
        client.messages.create(model="claude-sonnet-4-66", max_tokens=MOST, messages=HELLO)


def test_no_credits_is_told_with_402(chatting: Chatting) -> None:
    with (
        anthropic.Anthropic(base_url=chatting.url, api_key=chatting.poor_key, max_retries=0) as client,
        pytest.raises(anthropic.APIStatusError, match=r"(?i)credits") as raised,
    ):
        client.messages.create(model=MODEL, max_tokens=MOST, messages=HELLO)
    assert raised.value.status_code == 402
