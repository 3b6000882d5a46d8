"""Black Forest Labs' webhooks: asked for where the operator wants them, and signed with a secret of each attempt."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Accepted, Done, Failed, Hint, Job, OutputFile, Reply, WebhookRequest
from souk.providers.bfl import Bfl
from souk.words import FailKind
from tests.providers.jobs import job_from
from tests.upstreams.bfl import FakeBfl

MODEL = "flux-2/pro-text-to-image"
HOOK = "https://souk.example/hooks/a/b"


@pytest.fixture
def bfl() -> Iterator[FakeBfl]:
    with FakeBfl(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def job_of(bfl: FakeBfl, prompt: str = "a boat", webhooks: str = "true") -> Job:
    job = job_from(MODEL, "bfl", bfl.url, prompt=prompt)
    connection = replace(job.connection, options={"webhooks": webhooks})
    return replace(job, connection=connection, webhook_url=HOOK)


async def taken(bfl: FakeBfl, http: GuardedHttp, prompt: str = "a boat") -> tuple[Job, str]:
    """A job that was accepted, and its reference."""
    job = job_of(bfl, prompt)
    accepted = await Bfl().submit(job, http)
    assert isinstance(accepted, Accepted)
    return job, accepted.ref


def reported(bfl: FakeBfl, job: Job, ref: str, *, forged: bool = False) -> WebhookRequest:
    headers, body = bfl.report(bfl.submits[-1], forged=forged)
    return WebhookRequest(job, ref, {name.lower(): value for name, value in headers.items()}, body)


def said(bfl: FakeBfl, job: Job, ref: str, told: Any) -> WebhookRequest:
    """A webhook with these words, rightly signed."""
    body = json.dumps(told).encode()
    secret = str(bfl.submits[-1].input["webhook_secret"])
    signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
    return WebhookRequest(job, ref, {"x-bfl-signature": f"sha256={signature}"}, body)


async def test_service_is_told_where_to_report_and_what_to_sign_with(bfl: FakeBfl, http: GuardedHttp) -> None:
    job, ref = await taken(bfl, http)
    told = bfl.submits[0].input
    assert (told["webhook_url"], len(told["webhook_secret"])) == (HOOK, 64)
    assert job.connection.api_key not in told["webhook_secret"]
    assert ref == f"{bfl.url}/v1/get_result?id={bfl.submits[0].task_id}"


async def test_every_attempt_has_a_secret_of_its_own(bfl: FakeBfl, http: GuardedHttp) -> None:
    for attempt in ("a" * 32, "b" * 32):
        await Bfl().submit(replace(job_of(bfl), attempt_id=attempt), http)
    assert len({submit.input["webhook_secret"] for submit in bfl.submits}) == 2


@pytest.mark.parametrize("webhooks", ["", "false", "0"])
async def test_nothing_is_reported_unless_the_operator_wants_it(
    bfl: FakeBfl, http: GuardedHttp, webhooks: str
) -> None:
    await Bfl().submit(job_of(bfl, webhooks=webhooks), http)
    assert not {"webhook_url", "webhook_secret"} & bfl.submits[0].input.keys()


async def test_nothing_is_reported_without_a_public_address(bfl: FakeBfl, http: GuardedHttp) -> None:
    await Bfl().submit(replace(job_of(bfl), webhook_url=""), http)
    assert not {"webhook_url", "webhook_secret"} & bfl.submits[0].input.keys()


async def test_signed_result_is_a_verdict(bfl: FakeBfl, http: GuardedHttp) -> None:
    job, ref = await taken(bfl, http)
    word = await Bfl().webhook(reported(bfl, job, ref), http)
    files = [OutputFile(url=bfl.file_url(bfl.submits[0]))]
    assert word == Reply(Done(files, {"resultUrls": [{"$file": 0}]}), ref)


@pytest.mark.parametrize(
    ("prompt", "kind"), [("[up:fail]", FailKind.TRANSIENT), ("[up:moderated]", FailKind.MODERATION)]
)
async def test_signed_failure_is_a_verdict(
    bfl: FakeBfl, http: GuardedHttp, prompt: str, kind: FailKind
) -> None:
    job, ref = await taken(bfl, http, prompt)
    word = await Bfl().webhook(reported(bfl, job, ref), http)
    assert isinstance(word, Reply)
    assert isinstance(word.verdict, Failed)
    assert word.verdict.kind is kind


async def test_report_before_the_answer_to_the_submit_names_the_address_to_ask_at(
    bfl: FakeBfl, http: GuardedHttp
) -> None:
    job, ref = await taken(bfl, http)
    word = await Bfl().webhook(reported(bfl, job, ""), http)
    assert isinstance(word, Reply)
    assert word.ref == ref


async def test_report_that_others_signed_is_nothing(bfl: FakeBfl, http: GuardedHttp) -> None:
    job, ref = await taken(bfl, http)
    assert await Bfl().webhook(reported(bfl, job, ref, forged=True), http) is None
    other = replace(job, attempt_id="b" * 32)
    assert await Bfl().webhook(reported(bfl, other, ref), http) is None


async def test_report_without_a_signature_is_a_hint(bfl: FakeBfl, http: GuardedHttp) -> None:
    job, ref = await taken(bfl, http)
    plain = replace(reported(bfl, job, ref), headers={})
    assert await Bfl().webhook(plain, http) == Hint(ref)


@pytest.mark.parametrize("told", [{"status": "Pending"}, {"status": "Ready", "result": {}}, {"progress": 1}])
async def test_signed_report_that_does_not_tell_all_is_a_hint(
    bfl: FakeBfl, http: GuardedHttp, told: dict[str, Any]
) -> None:
    job, ref = await taken(bfl, http)
    named = {"id": bfl.submits[0].task_id}
    assert await Bfl().webhook(said(bfl, job, ref, named | told), http) == Hint(ref)


@pytest.mark.parametrize("told", [{"id": "another", "status": "Ready"}, [], {}, "Ready"])
async def test_report_about_another_task_is_nothing(bfl: FakeBfl, http: GuardedHttp, told: object) -> None:
    job, ref = await taken(bfl, http)
    assert await Bfl().webhook(said(bfl, job, ref, told), http) is None
