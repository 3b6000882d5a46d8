"""The DashScope provider: clips and Wan's pictures are tasks, the other pictures are made while the request waits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from souk.net.http import Http, NetError, Unreadable
from souk.providers.answers import as_object
from souk.providers.base import Accepted, Done, Failed, Job, Refused, Running, Unknown
from souk.providers.dashscope import clips, pictures, tasks, uploads
from souk.providers.dashscope.wire import ANSWER_BYTES, address, key
from souk.providers.takes import Takes
from souk.words import FailKind

SUBMIT_SECONDS: Final = 60.0
PICTURE_SECONDS: Final = 600.0
"""How long the service itself gives a picture."""
ASYNC: Final = {"X-DashScope-Async": "enable"}
"""Makes a call a task."""


class DashScope:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:
        """Pictures and sounds of the usual types and not too large; clips but WebM and Matroska."""
        return clips.taken_by(job) if job.output.get("kind") == "video" else pictures.TAKES

    async def prepare(self, job: Job, http: Http) -> Job:
        """Upload the input files that the service could not fetch, and note where it finds each."""
        return replace(job, prepared={**job.prepared, "addresses": await uploads.addresses(job, http)})

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Ask for pictures or a clip. Raises Refused on proof, Unreadable where the answer proves nothing."""
        match job.output.get("kind"):
            case "video":
                path, body, task = clips.PATH, clips.body_of(job), True
            case "image":
                task = pictures.is_task(job)
                path, body = pictures.TASK_PATH if task else pictures.PATH, pictures.body_of(job)
            case kind:
                raise Refused(
                    FailKind.UNSUPPORTED, f"The upstream's APIs make pictures and clips, not {kind}"
                )
        headers = key(job) | (ASYNC if task else {})
        if _has_uploads(job):
            headers |= uploads.RESOLVE
        response = await http.submit(
            "POST",
            address(job, path),
            headers=headers,
            json=body,
            timeout=SUBMIT_SECONDS if task else PICTURE_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        return tasks.taken(response, job) if task else tasks.made(response, job)

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The list of tasks does not tell one caller's request from another's."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask how a task stands. Raises Unreachable."""
        return await tasks.polled(job, ref, http)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:
        """Drop a task that still waits; True only if the service says that it is cancelled."""
        try:
            return await tasks.cancelled(job, ref, http)
        except (NetError, Unreadable):
            return False


def _has_uploads(job: Job) -> bool:
    places = as_object(job.prepared.get("addresses")).values()
    return any(str(place).startswith(uploads.SCHEME) for found in places for place in found)
