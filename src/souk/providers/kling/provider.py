"""The adapter for Kling's own API: submitted by kind of work, polled below the same path.

There is no way to cancel. A second submit with the same external id is refused and not answered with the first, so
that the id serves to look a task up, not to repeat it.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.answers import is_address, shaped
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    Job,
    OutputFile,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.providers.kling.bodies import TAKES, body_of, path_of
from souk.providers.kling.errors import an_object, answer_of, failed, not_taken
from souk.providers.kling.token import bearer
from souk.providers.takes import Takes
from souk.words import JsonObject

BASE_URL: Final = "https://api-singapore.klingai.com"
SUBMIT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 30.0
ANSWER_BYTES: Final = 4 * 1024 * 1024
REF_CHARACTERS: Final = 200
LISTED: Final = "?pageNum=1&pageSize=100"
"""The latest tasks of one kind."""

log = logging.getLogger("souk.providers.kling")


class Kling:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:  # noqa: ARG002 - the same for every job
        """JPEG and PNG pictures, the usual sounds, MP4 and QuickTime clips."""
        return TAKES

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """Have the input files here before anything is at stake. Raises Refused."""
        await job.media.all()
        return job

    async def submit(self, job: Job, http: Http) -> Accepted:
        """Hand the task over. Raises Refused on proof, Unreadable where the answer proves nothing."""
        response = await http.submit(
            "POST",
            f"{_base(job)}{path_of(job)}",
            headers=bearer(job),
            json=await body_of(job),
            timeout=SUBMIT_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        answer = answer_of(response)
        ref = an_object(answer.get("data")).get("task_id")
        if response.status == 200 and answer.get("code") == 0 and _is_ref(ref):
            return Accepted(str(ref))
        raise not_taken(response, answer, job)

    async def recover(self, job: Job, http: Http) -> Accepted | Unknown:
        """Look for a task that has our id. That none is found proves nothing: a list may lag."""
        for place in (f"/{job.attempt_id}", LISTED):
            response = await _get(job, place, http)
            data: Any = answer_of(response).get("data")
            records = cast(list[Any], data) if isinstance(data, list) else [data]
            for record in map(an_object, records):
                ours = an_object(record.get("task_info")).get("external_task_id") == job.attempt_id
                if ours and _is_ref(record.get("task_id")):
                    return Accepted(str(record["task_id"]))
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask for the record. Raises Unreachable unless there is a state to go by."""
        try:
            response = await _get(job, f"/{quote(ref, safe='')}", http)
            answer = an_object(response.json())
        except (NetError, Unreadable) as error:
            raise Unreachable(str(error)) from error
        record = an_object(answer.get("data"))
        if response.status != 200 or answer.get("code") != 0:
            raise Unreachable(f"no record: HTTP {response.status}", response.retry_after())
        if record.get("task_id") != ref:
            raise Unreachable("the record is another task's")
        return _verdict(record, job)

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | None:  # noqa: ARG002 - nothing to ask
        """A callback brings the record as it is now. Nothing signs it, so it is a hint."""
        try:
            named = an_object(msgspec.json.decode(request.body)).get("task_id")
        except (ValueError, RecursionError):
            return None
        return Hint(str(named)) if _is_ref(named) and request.ref in ("", named) else None

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """The service has no way to cancel."""
        return False


def _verdict(record: JsonObject, job: Job) -> Running | Done | Failed:
    """What a state says. Raises Unreachable when there is none."""
    match record.get("task_status"):
        case "succeed":
            url = _clip(record)
            if url:
                return Done([OutputFile(url=url)], shaped(job, 1))
            log.warning("the upstream reports success without a clip", extra={"task_id": job.task_id})
            return Running()
        case "failed":
            return failed(str(record.get("task_status_msg") or ""), job)
        case "submitted":
            return Running(queued=True)
        case "processing":
            return Running()
        case str() as state:
            names = {"task_id": job.task_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the record has no state")


def _clip(record: JsonObject) -> str:
    """The address of a finished clip; empty if there is none."""
    videos: Any = an_object(record.get("task_result")).get("videos")
    first = an_object(cast(list[Any], videos)[0]) if isinstance(videos, list) and videos else {}
    url = first.get("url")
    return str(url) if is_address(url) else ""


async def _get(job: Job, place: str, http: Http) -> Response:
    return await http.request(
        "GET",
        f"{_base(job)}{path_of(job)}{place}",
        headers=bearer(job),
        timeout=POLL_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def _is_ref(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= REF_CHARACTERS


def _base(job: Job) -> str:
    return job.connection.base_url or BASE_URL
