"""Google's own client reads what Souk answers: contents whole and streamed, function calling, forms, errors."""

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.wire.chatting import NO_KEY, Chatting, Weather

MODEL = "gemini-3-flash"
FUNCTION = types.FunctionDeclaration(
    name="get_weather", parameters_json_schema=Weather.model_json_schema(), description="The weather"
)
TOOLS: list[Any] = [types.Tool(function_declarations=[FUNCTION])]


def client_of(url: str, key: str, **options: Any) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, **options))


@pytest.fixture
def client(chatting: Chatting) -> Iterator[genai.Client]:
    with client_of(chatting.url, chatting.key) as made:
        yield made


def test_content_is_answered(client: genai.Client) -> None:
    answer = client.models.generate_content(
        model=MODEL,
        contents=["Hello there", types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")],
        config=types.GenerateContentConfig(system_instruction="Be brief."),
    )
    assert "“Hello there”" in (answer.text or "")
    assert "a system prompt and 1 image" in (answer.text or "")
    usage = answer.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count or 0) > 256
    assert usage.total_token_count == (usage.prompt_token_count or 0) + (usage.candidates_token_count or 0)


@pytest.mark.parametrize(("path", "version"), [("", "v1"), ("", "v1beta"), ("/gemini", "v1")])
def test_content_is_answered_at_every_base_url(chatting: Chatting, path: str, version: str) -> None:
    with client_of(chatting.url + path, chatting.key, api_version=version) as client:
        assert client.models.generate_content(model=MODEL, contents="Hello").text


def test_content_streams_the_same_text(client: genai.Client) -> None:
    whole = client.models.generate_content(model=MODEL, contents="Hello there")
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Hello there"))
    assert len(chunks) > 2
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    last = chunks[-1]
    assert last.candidates is not None
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata == whole.usage_metadata


def test_thoughts_are_told_apart(client: genai.Client) -> None:
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config)
    assert [bool(part.thought) for part in answer.parts or []] == [True, False]
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.thoughts_token_count or 0) > 0


def test_function_is_called_and_its_result_used(client: genai.Client) -> None:
    asked = types.Content(role="user", parts=[types.Part(text="Use get_weather")])
    config = types.GenerateContentConfig(tools=TOOLS)
    answer = client.models.generate_content(model=MODEL, contents=asked, config=config)
    [call] = answer.function_calls or []
    weather = Weather.model_validate(call.args)
    assert answer.candidates is not None
    assert answer.candidates[0].content is not None
    result = types.Part.from_function_response(
        name="get_weather", response={"result": f"Rain in {weather.city}"}
    )
    talk: list[Any] = [asked, answer.candidates[0].content, types.Content(role="user", parts=[result])]
    final = client.models.generate_content(model=MODEL, contents=talk, config=config)
    assert f"Rain in {weather.city}" in (final.text or "")


def test_function_may_be_forced_in_a_stream(client: genai.Client) -> None:
    forced = types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)
    )
    config = types.GenerateContentConfig(tools=TOOLS, tool_config=forced)
    chunks = client.models.generate_content_stream(model=MODEL, contents="Hello", config=config)
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert [call.name for call in calls] == ["get_weather"]


def test_form_is_filled_in(client: genai.Client) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config)
    assert isinstance(answer.parsed, Weather)


def test_answer_ends_where_it_must(client: genai.Client) -> None:
    config = types.GenerateContentConfig(max_output_tokens=4)
    answer = client.models.generate_content(model=MODEL, contents="Hello", config=config)
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


def test_moderated_prompt_is_blocked(client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents="Hello [souk:moderated]")
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


def test_chat_of_several_turns_goes_on(client: genai.Client) -> None:
    chat = client.chats.create(model=MODEL)
    chat.send_message("Hello there")
    assert "“And now?”" in (chat.send_message("And now?").text or "")


# The client subclasses aiohttp's session, of which aiohttp warns; ours to hear, not to change.
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_asynchronous_client_is_served_alike(chatting: Chatting) -> None:
    async with client_of(chatting.url, chatting.key).aio as client:
        stream = await client.models.generate_content_stream(model=MODEL, contents="Hello there")
        texts = [chunk.text or "" async for chunk in stream]
    assert "“Hello there”" in "".join(texts)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
    ],
)
def test_failure_is_the_error_the_client_knows(client: genai.Client, code: int, status: str) -> None:
    kind = errors.ServerError if code >= 500 else errors.ClientError
    with pytest.raises(kind, match=f"told to fail with code {code}") as raised:
        client.models.generate_content(model=MODEL, contents=f"[souk:fail={code}]")
    assert (raised.value.code, raised.value.status) == (code, status)


def test_wrong_key_is_unauthenticated(chatting: Chatting) -> None:
    with client_of(chatting.url, NO_KEY) as client, pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="Hello")
    assert (raised.value.code, raised.value.status) == (401, "UNAUTHENTICATED")


def test_unknown_model_is_named_with_its_nearest(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError, match="gemini-3-flash") as raised:
        client.models.generate_content(model="gemini-3-flish", contents="Hello")
    assert raised.value.code == 404


def test_no_credits_is_told_with_402(chatting: Chatting) -> None:
    with (
        client_of(chatting.url, chatting.poor_key) as client,
        pytest.raises(errors.ClientError, match=r"(?i)credits") as raised,
    ):
        client.models.generate_content(model=MODEL, contents="Hello")
    assert raised.value.code == 402
