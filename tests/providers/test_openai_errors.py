"""What OpenAI's errors prove: which answers refuse a task, for what reason, and which leave the outcome unclear."""

from collections.abc import Iterator

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, NeverSent, Unreadable
from souk.providers.base import Connection, Refused
from souk.providers.openai.errors import failed
from souk.words import FailKind
from tests.providers.jobs import job_from
from tests.providers.openai_jobs import submitted
from tests.upstreams.openai_media import FakeOpenAIMedia
from tests.upstreams.raw import answer, raw_server, says
from tests.upstreams.service import KEY

MODEL = "gpt-image/1.5-text-to-image"
CLIP = "sora-2-text-to-video"


@pytest.fixture
def openai() -> Iterator[FakeOpenAIMedia]:
    with FakeOpenAIMedia(queue_seconds=0, run_seconds=0, seconds=frozenset({"10"})) as server:
        yield server
        assert server.complaints == []


async def refusal(url: str, prompt: str, http: GuardedHttp, *, model: str = MODEL, key: str = KEY) -> Refused:
    with pytest.raises(Refused) as refused:
        await submitted(job_from(model, "openai", url, prompt=prompt, key=key), http)
    return refused.value


@pytest.mark.parametrize("model", [MODEL, CLIP])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "moderation_blocked", FailKind.MODERATION),
        (400, "content_policy_violation", FailKind.MODERATION),
        (400, "billing_hard_limit_reached", FailKind.QUOTA),
        (400, "invalid_value", FailKind.BAD_INPUT),
        (402, "x", FailKind.QUOTA),
        (403, "unsupported_country_region_territory", FailKind.AUTH),
        (404, "model_not_found", FailKind.RETIRED),
        (404, "x", FailKind.UNSUPPORTED),
        (413, "x", FailKind.BAD_INPUT),
        (422, "x", FailKind.BAD_INPUT),
        (429, "insufficient_quota", FailKind.QUOTA),
        (429, "rate_limit_exceeded", FailKind.RATE_LIMIT),
    ],
)
async def test_status_and_code_decide_the_kind(
    openai: FakeOpenAIMedia, http: GuardedHttp, model: str, status: int, code: str, kind: FailKind
) -> None:
    refused = await refusal(openai.url, f"[up:refuse={status}] [up:code={code}]", http, model=model)
    assert (refused.kind, refused.upstream.startswith(f"{status} {code}")) == (kind, True)
    assert openai.submits == []


async def test_wrong_key_is_refused_without_being_told(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    refused = await refusal(openai.url, "a boat", http, key="sk-wrong-key-5678")
    assert refused.kind is FailKind.AUTH
    assert "sk-wrong-key-5678" not in refused.message + refused.upstream


async def test_words_that_repeat_the_key_are_quoted_without_it(
    openai: FakeOpenAIMedia, http: GuardedHttp
) -> None:
    refused = await refusal(openai.url, "[up:refuse=400] [up:code=x] [up:quotes-key]", http)
    assert KEY not in refused.message + refused.upstream


@pytest.mark.parametrize(("lie", "seconds"), [("[up:429]", 1.0), ("[up:429-ms]", 0.25)])
async def test_rate_limit_says_when_to_come_back(
    openai: FakeOpenAIMedia, http: GuardedHttp, lie: str, seconds: float
) -> None:
    refused = await refusal(openai.url, lie, http)
    assert (refused.kind, refused.retry_after) == (FailKind.RATE_LIMIT, seconds)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (answer(b"<html>", status="429 Too Many Requests"), FailKind.RATE_LIMIT),
        (answer(b"<html>", status="404 Not Found"), FailKind.UNSUPPORTED),
        (answer(b'{"detail": "Not Found"}', status="404 Not Found"), FailKind.UNSUPPORTED),
        (answer(b'{"detail": [{"loc": ["size"]}]}', status="422 Unprocessable"), FailKind.BAD_INPUT),
        (answer(b'{"message": "flagged by our moderation"}', status="400 Bad Request"), FailKind.MODERATION),
        (answer(b'{"error": "our safety system said no"}', status="400 Bad Request"), FailKind.MODERATION),
        (answer(b'{"error": {"param": "model", "message": "no"}}', status="400 Bad"), FailKind.RETIRED),
        (answer(b"", status="410 Gone"), FailKind.RETIRED),
    ],
)
async def test_servers_that_say_errors_otherwise_are_understood(
    http: GuardedHttp, data: bytes, kind: FailKind
) -> None:
    async with raw_server(says(data)) as server:
        assert (await refusal(server.url("/v1"), "a boat", http)).kind is kind


@pytest.mark.parametrize("model", [MODEL, CLIP])
@pytest.mark.parametrize(
    "data",
    [
        answer(b'{"error": {"message": "busy", "code": "server_error"}}', status="500 Internal Server Error"),
        answer(b'{"error": {"message": "no", "code": "moderation_blocked"}}', status="503 Unavailable"),
        answer(b"<html>", status="502 Bad Gateway"),
        answer(b'{"error": {"message": "slow"}}', status="408 Request Timeout"),
        answer(b'{"error": {"message": "clash"}}', status="409 Conflict"),
        answer(b"", "Location: /elsewhere", status="302 Found"),
        answer(b"<html>"),
        answer(b""),
        answer(b"null"),
        answer(b'{"id": ""}'),
        answer(b'{"id": 7}'),
    ],
)
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    http: GuardedHttp, model: str, data: bytes
) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(Unreadable):
            await submitted(job_from(model, "openai", server.url("/v1")), http)
        assert len(server.heads) == 1


@pytest.mark.parametrize("lie", ["[up:drop-after-accept]", "[up:truncated]"])
async def test_picture_that_was_made_without_an_answer_is_unclear_and_not_repeated(
    openai: FakeOpenAIMedia, http: GuardedHttp, lie: str
) -> None:
    with pytest.raises(MaybeSent):
        await submitted(job_from(MODEL, "openai", openai.url, prompt=lie), http)
    assert openai.count(lie) == 1


async def test_upstream_that_is_down_was_never_sent_to(openai: FakeOpenAIMedia, http: GuardedHttp) -> None:
    openai.stop()
    with pytest.raises(NeverSent):
        await submitted(job_from(MODEL, "openai", openai.url), http)


def test_failure_without_a_reason_is_told_as_one() -> None:
    told = failed(None, Connection("openai", "openai", api_key=KEY))
    assert (told.kind, told.message) == (FailKind.TRANSIENT, "no reason given")
