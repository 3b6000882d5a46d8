"""The makers' own clients cannot tell Souk from the maker: what they read is the same, and so is how it fails."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.upstreams.maker import KEY as MAKERS_KEY
from tests.wire.makers import CHAT, GEMINI, MESSAGES, RESPONSES, TONGUES, Tongue, connected
from tests.wire.serving import KEY

Ask = Callable[[str, str, str, bool], Awaitable[list[dict[str, Any]]]]
"""Base URL, key, what is said and whether to stream; gives what the client read, piece by piece."""

EVERY = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)
# Google's client subclasses aiohttp's session, of which aiohttp warns; ours to hear, not to change.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")


async def ask_chat(url: str, key: str, said: str, stream: bool) -> list[dict[str, Any]]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        options: Any = {"stream_options": {"include_usage": True}} if stream else {}
        answer: Any = await client.chat.completions.create(
            model=CHAT.model, messages=[{"role": "user", "content": said}], stream=stream, **options
        )
        return [piece.to_dict() async for piece in answer] if stream else [answer.to_dict()]


async def ask_responses(url: str, key: str, said: str, stream: bool) -> list[dict[str, Any]]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        answer: Any = await client.responses.create(model=RESPONSES.model, input=said, stream=stream)
        return [piece.to_dict() async for piece in answer] if stream else [answer.to_dict()]


async def ask_messages(url: str, key: str, said: str, stream: bool) -> list[dict[str, Any]]:
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        answer: Any = await client.messages.create(
            model=MESSAGES.model,
            messages=[{"role": "user", "content": said}],
            max_tokens=100,
            stream=stream,
        )
        return [piece.to_dict() async for piece in answer] if stream else [answer.to_dict()]


async def ask_gemini(url: str, key: str, said: str, stream: bool) -> list[dict[str, Any]]:
    options = types.HttpOptions(base_url=url, api_version="v1beta")
    async with genai.Client(api_key=key, http_options=options).aio as client:
        if not stream:
            return [_plain(await client.models.generate_content(model=GEMINI.model, contents=said))]
        pieces = await client.models.generate_content_stream(model=GEMINI.model, contents=said)
        return [_plain(piece) async for piece in pieces]


def _plain(answer: types.GenerateContentResponse) -> dict[str, Any]:
    return answer.model_dump(exclude={"sdk_http_response"})


ASKS: dict[str, Ask] = {
    "chat": ask_chat,
    "responses": ask_responses,
    "messages": ask_messages,
    "gemini": ask_gemini,
}
FAILURES: dict[str, tuple[type[Exception], ...]] = {
    "chat": (openai.APIError,),
    "responses": (openai.APIError,),
    "messages": (anthropic.APIError,),
    "gemini": (errors.APIError,),
}


def without_credits(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in piece.items() if name != "credits_consumed"} for piece in pieces]


@EVERY
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_client_reads_what_the_maker_says(tmp_path: Path, tongue: Tongue, stream: bool) -> None:
    ask = ASKS[tongue.name]
    async with connected(tmp_path, tongue) as (souk, maker):
        straight = await ask(maker.url, MAKERS_KEY, "hi", stream)
        through = await ask(souk.client.url, KEY, "hi", stream)
    assert maker.complaints == []
    assert without_credits(through) == straight
    assert len(straight) > (2 if stream else 0)


@EVERY
async def test_client_gets_crumbs_as_whole_events(tmp_path: Path, tongue: Tongue) -> None:
    ask = ASKS[tongue.name]
    async with connected(tmp_path, tongue) as (souk, _):
        through = await ask(souk.client.url, KEY, "hi [up:crumbs]", True)
        assert len(without_credits(through)) > 2
        assert through == await ask(souk.client.url, KEY, "hi", True)


@EVERY
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_refusal_of_the_maker_is_the_error_the_client_knows(
    tmp_path: Path, tongue: Tongue, stream: bool
) -> None:
    ask = ASKS[tongue.name]
    async with connected(tmp_path, tongue) as (souk, maker):
        with pytest.raises(FAILURES[tongue.name], match="no, not this one") as straight:
            await ask(maker.url, MAKERS_KEY, "hi [up:status=400]", stream)
        with pytest.raises(FAILURES[tongue.name], match="no, not this one") as through:
            await ask(souk.client.url, KEY, "hi [up:status=400]", stream)
    assert through.type is straight.type


@EVERY
@pytest.mark.parametrize("word", ["[up:cut]", "[up:end]", "[up:fail]"])
async def test_stream_that_breaks_off_never_looks_whole(tmp_path: Path, tongue: Tongue, word: str) -> None:
    ask = ASKS[tongue.name]
    async with connected(tmp_path, tongue) as (souk, _):
        try:
            pieces = await ask(souk.client.url, KEY, f"hi {word}", True)
        except FAILURES[tongue.name]:
            return
    # The client may leave it to the program to read the error that ends the stream.
    assert pieces[-1].get("type") == "error"
    assert pieces[-1]["message"]
