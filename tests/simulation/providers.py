"""Adapters of the simulated services, written as those of real ones are; and an engine that works on the machine."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from souk.net.http import Http, Response
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    Job,
    NotAccepted,
    OutputFile,
    Refused,
    Reply,
    Running,
    Tell,
    Unknown,
    Unreachable,
    WebhookRequest,
    file_reference,
)
from souk.words import FailKind
from tests.simulation.services import PNG

SUBMIT_SECONDS = 20.0
POLL_SECONDS = 10.0
MOST_BYTES = 1_000_000
_REFUSALS = {
    400: FailKind.BAD_INPUT,
    401: FailKind.AUTH,
    429: FailKind.RATE_LIMIT,
}


class SimProvider:
    """One service. ``keyed`` honours attempt ids; ``found`` can be asked whether it took an attempt."""

    def __init__(self, *, keyed: bool = False, found: bool = False) -> None:
        self.idempotent = keyed
        self._found = found

    async def prepare(self, job: Job, http: Http) -> Job:
        return job

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        body = {
            "task": job.task_id,
            "attempt": job.attempt_id,
            "n": job.input.get("n", 1),
            "hook": job.webhook_url,
        }
        url = f"{job.connection.base_url}/submit"
        answer = await http.submit("POST", url, json=body, timeout=SUBMIT_SECONDS, max_bytes=MOST_BYTES)
        told = answer.json()
        if answer.status == 200:
            return Accepted(told["ref"])
        if told == {"accepted": False}:
            raise Refused(FailKind.TRANSIENT, "not now")
        kind = _REFUSALS.get(answer.status)
        if kind is None:
            raise ValueError(f"HTTP {answer.status} says nothing")
        raise Refused(kind, f"HTTP {answer.status}", retry_after=answer.retry_after())

    async def recover(self, job: Job, http: Http) -> Accepted | Done | NotAccepted | Unknown:
        if not self._found:
            return Unknown()
        answer = await _get(job, http, f"find/{job.attempt_id}")
        if answer.status == 404:
            return NotAccepted()
        ref = answer.json().get("ref") if answer.status == 200 else None
        return Accepted(ref) if ref else Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        answer = await _get(job, http, f"poll/{ref}")
        told = answer.json()
        if answer.status != 200 or told.get("ref") != ref:
            raise Unreachable(f"HTTP {answer.status}", answer.retry_after())
        return verdict(job, told)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:
        url = f"{job.connection.base_url}/cancel/{ref}"
        answer = await http.request("POST", url, timeout=POLL_SECONDS, max_bytes=MOST_BYTES)
        return answer.status == 200


class ReportingProvider(SimProvider):
    """A service that reports back; every other report is signed and tells everything."""

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | Reply | None:
        told = msgspec.json.decode(request.body)
        if request.ref and told["ref"] != request.ref:
            return None
        if request.ref and request.headers.get("signed") and told["state"] in ("done", "fail"):
            return Reply(verdict(request.job, told))
        return Hint()


def verdict(job: Job, told: dict[str, Any]) -> Running | Done | Failed:
    """What a service's word about a task means."""

    def file(number: int) -> OutputFile:
        return OutputFile("image/png", url=f"{job.connection.base_url}/file/{told['ref']}/{number}")

    match told["state"]:
        case "done":
            files = [file(number) for number in range(told["files"])]
            return Done(files, {"resultUrls": [file_reference(number) for number in range(len(files))]})
        case "fail":
            return Failed(FailKind(told["kind"]), "it did not work")
        case "running" if told["stage"]:
            told_of = {"images": [file_reference(0)]}
            return Running(told["progress"], stage=told["stage"], data=told_of, files=[file(0)])
        case _:
            return Running(told["progress"])


async def _get(job: Job, http: Http, path: str) -> Response:
    url = f"{job.connection.base_url}/{path}"
    return await http.request("GET", url, timeout=POLL_SECONDS, max_bytes=MOST_BYTES)


class SimLocal:
    """An engine of the machine: tells of a stage, works a while, fails now and then."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    async def run(self, job: Job, workdir: Path, tell: Tell) -> Done:
        await asyncio.sleep(self._chance.random() * 3)
        output = workdir / "output"
        output.write_bytes(PNG)
        await tell(Running(50, stage="first", data={"half": True}))
        await asyncio.sleep(self._chance.random() * 3)
        if self._chance.random() < 0.1:
            raise Refused(self._chance.choice([FailKind.TRANSIENT, FailKind.BAD_INPUT]), "it did not work")
        return Done([OutputFile("image/png", path=output)], {"resultUrls": [file_reference(0)]})

    async def close(self) -> None: ...
