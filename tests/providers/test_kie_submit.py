"""Submitting to KIE.AI: what proves a refusal, and what leaves the outcome unclear."""

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, NeverSent, Unreadable
from souk.providers.base import Connection, Refused, Unknown
from souk.providers.kie import Kie
from souk.words import FailKind
from tests.providers.kie_jobs import accepted, job_at, said
from tests.upstreams.kie import FakeKie
from tests.upstreams.raw import answer, raw_server, says


async def test_submit_creates_one_task_and_returns_its_id(upstream: FakeKie, http: GuardedHttp) -> None:
    ref = await accepted(job_at(upstream.url, input={"seed": 7}), http)
    (submit,) = upstream.submits
    assert (submit.task_id, submit.model) == (ref, "seedream/4.5-text-to-image")
    assert submit.input == {"prompt": "a boat", "seed": 7}
    assert submit.callback == ""


async def test_submit_names_the_callback_address_if_there_is_one(
    upstream: FakeKie, http: GuardedHttp
) -> None:
    await accepted(job_at(upstream.url, webhook_url="https://souk.example/hook/s"), http)
    assert upstream.submits[0].callback == "https://souk.example/hook/s"


@pytest.mark.parametrize("hops", [0, 2])
async def test_submit_counts_the_hops_between_souks(upstream: FakeKie, http: GuardedHttp, hops: int) -> None:
    await accepted(job_at(upstream.url, hops=hops), http)
    assert upstream.submits[0].hops == str(hops + 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, FailKind.BAD_INPUT),
        (401, FailKind.AUTH),
        (402, FailKind.QUOTA),
        (404, FailKind.UNSUPPORTED),
        (418, FailKind.BAD_INPUT),
        (422, FailKind.BAD_INPUT),
        (429, FailKind.RATE_LIMIT),
        (433, FailKind.QUOTA),
        (451, FailKind.INPUT_UNREACHABLE),
        (455, FailKind.TRANSIENT),
        (505, FailKind.UNSUPPORTED),
    ],
)
async def test_refusal_code_decides_its_kind(
    upstream: FakeKie, http: GuardedHttp, code: int, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, f"[up:refuse={code}]"), http)
    assert refused.value.kind is kind
    assert refused.value.upstream.startswith(f"{code} ")
    assert upstream.submits == []


async def test_rate_limit_says_when_to_come_back(upstream: FakeKie, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, "[up:429]"), http)
    assert refused.value.retry_after == 1.0


async def test_wrong_key_is_refused_without_being_told(upstream: FakeKie, http: GuardedHttp) -> None:
    connection = Connection("kie", "kie", base_url=upstream.url, api_key="wrong-key-5678")
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, connection=connection), http)
    assert refused.value.kind is FailKind.AUTH
    assert "wrong-key-5678" not in refused.value.message


async def test_unknown_model_is_unsupported(upstream: FakeKie, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Kie().submit(job_at(upstream.url, upstream_model="unknown/model"), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (said(500, "aspect_ratio is required"), FailKind.BAD_INPUT),
        (said(500, "Credits insufficient : Your current balance isn't enough"), FailKind.QUOTA),
        (said(500, "This interface is temporarily paused."), FailKind.UNSUPPORTED),
        (said(422, "Your prompt was flagged as sensitive"), FailKind.MODERATION),
        (said(400, "The content violates our usage policy"), FailKind.MODERATION),
        (said(422, "safety_tolerance must be between 1 and 6"), FailKind.BAD_INPUT),
        (answer(b'{"message": "no such key"}', status="401 Unauthorized"), FailKind.AUTH),
        (answer(b'{"code": "422", "msg": "This field is required"}'), FailKind.BAD_INPUT),
    ],
)
async def test_words_that_prove_a_refusal_decide_its_kind(
    http: GuardedHttp, data: bytes, kind: FailKind
) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(Refused) as refused:
            await Kie().submit(job_at(server.url("")), http)
    assert refused.value.kind is kind


@pytest.mark.parametrize(
    "data",
    [
        said(500, "Server exception, please try again later"),
        said(500, "The content violates our usage policy"),
        said(408, "upstream silent for more than 10 minutes"),
        said(409, "record already exists"),
        said(501, "generation failed"),
        said(200, "success"),
        said(200, "success", {}),
        said(200, "success", {"taskId": ""}),
        said(200, "success", {"taskId": 7}),
        said(200, "success", {"taskId": "x" * 1000}),
        said(422, "refused, or not?", {"taskId": "0123"}),
        said(422, "a gateway's guess", status="502 Bad Gateway"),
        said(200, "success", {"taskId": "0123"}, status="500 Internal Server Error"),
        answer(b"<html>", status="404 Not Found"),
        answer(b"<html>", status="502 Bad Gateway"),
        answer(b"<html>"),
        answer(b""),
        answer(b"[]"),
        answer(b"null"),
        answer(b'{"msg": "no code"}'),
        answer(b'{"code": true}'),
        answer(b"", "Location: /elsewhere", status="302 Found"),
    ],
)
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(http: GuardedHttp, data: bytes) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(Unreadable):
            await Kie().submit(job_at(server.url("")), http)
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("lie", "error"),
    [
        ("[up:drop-after-accept]", MaybeSent),
        ("[up:truncated]", MaybeSent),
        ("[up:500-after-accept]", Unreadable),
        ("[up:html]", Unreadable),
        ("[up:no-id]", Unreadable),
    ],
)
async def test_task_that_was_accepted_without_a_receipt_is_unclear_and_not_repeated(
    upstream: FakeKie, http: GuardedHttp, lie: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Kie().submit(job_at(upstream.url, lie), http)
    assert upstream.count(lie) == 1


async def test_drop_before_acceptance_looks_the_same(upstream: FakeKie, http: GuardedHttp) -> None:
    with pytest.raises(MaybeSent):
        await Kie().submit(job_at(upstream.url, "[up:drop-before-accept]"), http)
    assert upstream.submits == []


async def test_upstream_that_is_down_was_never_sent_to(upstream: FakeKie, http: GuardedHttp) -> None:
    upstream.stop()
    with pytest.raises(NeverSent):
        await Kie().submit(job_at(upstream.url), http)


async def test_unclear_submit_cannot_be_looked_up(upstream: FakeKie, http: GuardedHttp) -> None:
    assert await Kie().recover(job_at(upstream.url), http) == Unknown()


async def test_private_upstream_of_the_operator_is_reached_though_private_is_denied(
    upstream: FakeKie, http: GuardedHttp
) -> None:
    assert await accepted(job_at(upstream.url), http)
    with pytest.raises(NeverSent, match="SOUK_NETWORK_POLICY"):
        await http.request("GET", upstream.url, timeout=5, max_bytes=100)
