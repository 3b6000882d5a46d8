"""Where each service's chat protocols are, how its key travels, and what it wants otherwise."""

import json
from typing import Any

import pytest

from souk.providers.base import Connection
from souk.providers.chat.speech import Members, Speech
from souk.providers.registry import PROVIDERS

BEARER = {"Authorization": "Bearer k"}


def speech(provider: str, protocol: str) -> Speech:
    return PROVIDERS[provider].speaks[protocol]


def headers(provider: str, protocol: str, **options: str) -> dict[str, str]:
    return speech(provider, protocol).headers(Connection("c", provider, api_key="k", options=options))


def adapted(provider: str, protocol: str, **members: Any) -> dict[str, Any]:
    made: Members = {name: json.dumps(value).encode() for name, value in members.items()}
    speech(provider, protocol).adapt(made)
    return {name: json.loads(bytes(value)) for name, value in made.items()}


@pytest.mark.parametrize(
    ("provider", "protocol", "base", "model", "url"),
    [
        (
            "openai",
            "chat",
            "https://api.openai.com/v1",
            "gpt-5.2",
            "https://api.openai.com/v1/chat/completions",
        ),
        ("openai", "responses", "http://host:1", "gpt-5.2", "http://host:1/v1/responses"),
        ("xai", "chat", "https://api.x.ai/v1", "grok-4.3", "https://api.x.ai/v1/chat/completions"),
        ("openai-compatible", "chat", "http://h/api/v4", "m", "http://h/api/v4/chat/completions"),
        ("anthropic", "messages", "https://api.anthropic.com", "c", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "chat", "http://h/v1", "c", "http://h/v1/chat/completions"),
        ("google", "chat", "http://h", "g", "http://h/v1beta/openai/chat/completions"),
        ("google", "gemini", "http://h/v1beta", "g-1.5", "http://h/v1beta/models/g-1.5:generateContent"),
        ("kie", "chat", "http://h", "gpt-5-2", "http://h/gpt-5-2/v1/chat/completions"),
        (
            "kie",
            "chat",
            "http://h",
            "gemini-3-5-flash",
            "http://h/gemini-3-5-flash-openai/v1/chat/completions",
        ),
        ("kie", "messages", "http://h", "claude-opus-4-5", "http://h/claude/v1/messages"),
        ("kie", "responses", "http://h", "gpt-5-codex", "http://h/api/v1/responses"),
        ("kie", "responses", "http://h", "gpt-5-4", "http://h/codex/v1/responses"),
        ("kie", "responses", "http://h", "grok-4-3", "http://h/grok/v1/responses"),
    ],
)
def test_request_goes_where_the_service_wants_it(
    provider: str, protocol: str, base: str, model: str, url: str
) -> None:
    assert speech(provider, protocol).url(base, model, False) == url


def test_gemini_streams_at_a_path_of_their_own() -> None:
    assert speech("google", "gemini").url("http://h", "g", True) == (
        "http://h/v1beta/models/g:streamGenerateContent?alt=sse"
    )


def test_model_cannot_lead_to_another_path() -> None:
    assert "/../" not in speech("google", "gemini").url("http://h", "../secret/x", False)
    assert "/../" not in speech("kie", "chat").url("http://h", "../secret/x", False)


@pytest.mark.parametrize(
    ("provider", "protocol", "sent"),
    [
        ("openai", "chat", BEARER),
        ("xai", "responses", BEARER),
        ("anthropic", "chat", BEARER),
        ("anthropic", "messages", {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
        ("google", "chat", BEARER),
        ("google", "gemini", {"x-goog-api-key": "k"}),
        ("kie", "gemini", BEARER),
    ],
)
def test_key_travels_as_the_service_wants_it(provider: str, protocol: str, sent: dict[str, str]) -> None:
    assert headers(provider, protocol) == sent


def test_newer_version_of_anthropic_takes_a_bearer_token() -> None:
    sent = headers("anthropic", "messages", version="2026-10-21")
    assert sent == {**BEARER, "anthropic-version": "2026-10-21"}


def test_server_without_a_key_gets_none() -> None:
    assert speech("openai-compatible", "chat").headers(Connection("c", "openai-compatible")) == {}


@pytest.mark.parametrize("provider", ["openai", "xai", "anthropic", "openai-compatible"])
def test_switch_nobody_else_knows_is_left_out(provider: str) -> None:
    assert adapted(provider, "chat", include_thoughts=True, messages=[1]) == {"messages": [1]}


def test_google_is_asked_for_thoughts_in_its_own_words() -> None:
    told = {"google": {"thinking_config": {"include_thoughts": True}}}
    assert adapted("google", "chat", include_thoughts=True) == {"extra_body": told}
    assert adapted("google", "chat", include_thoughts=False) == {}
    assert adapted("google", "chat", include_thoughts=True, reasoning_effort="low") == {
        "reasoning_effort": "low"
    }
    assert adapted("google", "chat", include_thoughts=True, extra_body={"a": 1}) == {"extra_body": {"a": 1}}


def test_most_tokens_have_their_newer_name_at_openai() -> None:
    assert adapted("openai", "chat", max_tokens=5) == {"max_completion_tokens": 5}
    assert adapted("openai", "chat", max_tokens=5, max_completion_tokens=9) == {"max_completion_tokens": 9}


@pytest.mark.parametrize(("most", "budget"), [(2048, 2047), (4096, 2048), (64000, 2048)])
def test_wish_to_think_becomes_a_budget_at_anthropic(most: int, budget: int) -> None:
    told = adapted("anthropic", "messages", thinkingFlag=True, max_tokens=most)
    assert told == {"max_tokens": most, "thinking": {"type": "enabled", "budget_tokens": budget}}


def test_thinking_that_was_asked_for_stays_as_it_was() -> None:
    own = {"type": "adaptive"}
    assert adapted("anthropic", "messages", thinkingFlag=True, max_tokens=1, thinking=own)["thinking"] == own
    assert "thinking" not in adapted("anthropic", "messages", thinkingFlag=False, max_tokens=1)


def test_the_markets_own_switches_go_to_the_market_as_they_are() -> None:
    assert adapted("kie", "messages", thinkingFlag=True) == {"thinkingFlag": True}
    assert adapted("kie", "chat", include_thoughts=True) == {"include_thoughts": True}
