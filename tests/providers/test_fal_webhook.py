"""fal.ai's webhooks: what is signed and whole is a verdict, what is not is a hint, and what is forged is nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Accepted, Connection, Done, Failed, Hint, Job, Reply, WebhookRequest
from souk.providers.fal import Fal
from souk.words import FailKind, Millis
from tests.providers.jobs import job_from
from tests.upstreams.fal import FakeFal
from tests.upstreams.fal_signer import Signer

NOW = 1_800_000_000
HOUR_MS = 3_600_000
HOOK = "https://souk.example/hooks/a/b?c=d&e"
CLIP = "kling/v2-1-master-text-to-video"


@pytest.fixture
def fal() -> Iterator[FakeFal]:
    with FakeFal(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def job_of(fal: FakeFal, prompt: str = "a boat") -> Job:
    job = job_from(CLIP, "fal", fal.url, prompt=prompt)
    options = {"upload_url": fal.url, "keys_url": f"{fal.url}/keys"}
    connection = Connection("fal", "fal", fal.url, job.connection.api_key, options=options)
    return replace(job, connection=connection, webhook_url=HOOK, now=Millis(NOW * 1000))


async def taken(fal: FakeFal, http: GuardedHttp, prompt: str = "a boat") -> tuple[Job, str]:
    """A job that was accepted, and its reference."""
    job = job_of(fal, prompt)
    accepted = await Fal().submit(job, http)
    assert isinstance(accepted, Accepted)
    return job, accepted.ref


def told(fal: FakeFal, **changes: Any) -> dict[str, Any]:
    """What the service reports of the task it took last."""
    _, body = fal.report(fal.submits[-1], forged=False)
    return json.loads(body) | changes


def request(job: Job, ref: str, said: Any, signer: Signer | None, at: float = NOW) -> WebhookRequest:
    """A webhook with these words, signed by someone or by nobody."""
    body = json.dumps(said).encode()
    signed = signer.headers(body, said["request_id"], at) if signer else {}
    names = {name.lower(): value for name, value in signed.items()}
    return WebhookRequest(job, ref, names, body)


async def test_service_is_told_where_to_report(fal: FakeFal, http: GuardedHttp) -> None:
    await taken(fal, http)
    assert [submit.callback for submit in fal.submits] == [HOOK]


async def test_signed_and_whole_webhook_is_what_a_poll_would_be(fal: FakeFal, http: GuardedHttp) -> None:
    job, ref = await taken(fal, http)
    word = await Fal().webhook(request(job, ref, told(fal), fal.signer), http)
    assert word == Reply(await Fal().poll(job, ref, http), ref)
    assert isinstance(word, Reply)
    assert isinstance(word.verdict, Done)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("[up:moderated]", FailKind.MODERATION),
        ("[up:result=422]", FailKind.BAD_INPUT),
        ("[up:result=500]", FailKind.TRANSIENT),
    ],
)
async def test_signed_failure_is_what_a_poll_would_be(
    fal: FakeFal, http: GuardedHttp, prompt: str, kind: FailKind
) -> None:
    job, ref = await taken(fal, http, prompt)
    word = await Fal().webhook(request(job, ref, told(fal), fal.signer), http)
    assert word == Reply(await Fal().poll(job, ref, http), ref)
    assert isinstance(word, Reply)
    assert isinstance(word.verdict, Failed)
    assert word.verdict.kind is kind


@pytest.mark.parametrize(
    "change",
    [
        {"payload": None, "payload_error": "not serializable"},
        {"payload": {"seed": 7}},
        {"status": "ERROR", "error": "it broke", "payload": {"detail": "?"}},
        {"status": "ERROR", "error": "Invalid status code: 404", "payload": {"detail": "?"}},
        {"status": "RETICULATED"},
    ],
)
async def test_signed_webhook_that_does_not_tell_all_is_a_hint(
    fal: FakeFal, http: GuardedHttp, change: dict[str, Any]
) -> None:
    job, ref = await taken(fal, http)
    assert await Fal().webhook(request(job, ref, told(fal, **change), fal.signer), http) == Hint(ref)


async def test_webhook_before_the_answer_to_the_submit_names_the_address_to_ask_at(
    fal: FakeFal, http: GuardedHttp
) -> None:
    job, ref = await taken(fal, http)
    word = await Fal().webhook(request(job, "", told(fal), fal.signer), http)
    assert isinstance(word, Reply)
    assert word.ref == ref


@pytest.mark.parametrize("signed", [True, False])
async def test_webhook_about_another_request_is_nothing(
    fal: FakeFal, http: GuardedHttp, signed: bool
) -> None:
    job, ref = await taken(fal, http)
    said = told(fal, request_id="c" * 32)
    assert await Fal().webhook(request(job, ref, said, fal.signer if signed else None), http) is None


async def test_webhook_without_a_signature_is_a_hint(fal: FakeFal, http: GuardedHttp) -> None:
    job, ref = await taken(fal, http)
    assert await Fal().webhook(request(job, ref, told(fal), None), http) == Hint(ref)


@pytest.mark.parametrize(("late", "genuine"), [(299, True), (-299, True), (302, False), (-302, False)])
async def test_signature_counts_for_five_minutes(
    fal: FakeFal, http: GuardedHttp, late: int, genuine: bool
) -> None:
    job, ref = await taken(fal, http)
    word = await Fal().webhook(request(job, ref, told(fal), fal.signer, NOW - late), http)
    assert isinstance(word, Reply) is genuine
    assert genuine or word == Hint(ref)


async def test_webhook_that_others_signed_is_nothing(fal: FakeFal, http: GuardedHttp) -> None:
    job, ref = await taken(fal, http)
    assert await Fal().webhook(request(job, ref, told(fal), Signer()), http) is None


@pytest.mark.parametrize(
    "name", ["x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-signature"]
)
async def test_signature_of_other_words_is_nothing(fal: FakeFal, http: GuardedHttp, name: str) -> None:
    job, ref = await taken(fal, http)
    whole = request(job, ref, told(fal), fal.signer)
    changed = replace(whole, headers={**whole.headers, name: "ab" * 64})
    assert await Fal().webhook(changed, http) is None


async def test_body_that_was_changed_on_its_way_is_nothing(fal: FakeFal, http: GuardedHttp) -> None:
    job, ref = await taken(fal, http)
    whole = request(job, ref, told(fal), fal.signer)
    assert await Fal().webhook(replace(whole, body=whole.body + b" "), http) is None


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b'{"request_id": "../x"}', b'{"request_id": 7}']
)
async def test_body_that_names_no_request_is_nothing(fal: FakeFal, http: GuardedHttp, body: bytes) -> None:
    assert await Fal().webhook(WebhookRequest(job_of(fal), "", {}, body), http) is None


async def test_keys_are_kept_for_a_day(fal: FakeFal, http: GuardedHttp) -> None:
    job, ref = await taken(fal, http)
    provider = Fal()
    for hours, asked in ((0, 1), (23, 1), (25, 2)):
        now = Millis(job.now + hours * HOUR_MS)
        later = request(replace(job, now=now), ref, told(fal), fal.signer, now / 1000)
        assert isinstance(await provider.webhook(later, http), Reply)
        assert fal.signer.asked == asked


async def test_new_key_is_learnt_at_once_but_the_service_is_not_asked_for_every_forgery(
    fal: FakeFal, http: GuardedHttp
) -> None:
    job, ref = await taken(fal, http)
    provider = Fal()
    await provider.webhook(request(job, ref, told(fal), fal.signer), http)
    fal.signer = Signer(asked=1)
    later = replace(job, now=Millis(job.now + HOUR_MS))
    word = await provider.webhook(request(later, ref, told(fal), fal.signer, NOW + 3600), http)
    assert isinstance(word, Reply)
    for _ in range(3):
        assert await provider.webhook(request(later, ref, told(fal), Signer(), NOW + 3600), http) is None
    assert fal.signer.asked == 2


async def test_webhook_is_a_hint_while_the_keys_cannot_be_had(fal: FakeFal, http: GuardedHttp) -> None:
    job, ref = await taken(fal, http)
    options = {"keys_url": f"{fal.url}/nothing/here"}
    job = replace(job, connection=replace(job.connection, options=options))
    assert await Fal().webhook(request(job, ref, told(fal), fal.signer), http) == Hint(ref)
