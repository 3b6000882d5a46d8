"""The adapter for Ark: pictures are answered at once, clips are tasks.

The service takes no idempotency key and cannot be asked about a request whose answer was lost: that stays unclear.
"""

from collections.abc import Mapping

from souk.net.http import Http, NetError, Unreadable
from souk.providers.ark import clips, pictures
from souk.providers.ark.wire import OF_CLIPS, OF_PICTURES
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    Job,
    Refused,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.providers.takes import Takes
from souk.words import FailKind


class Ark:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:
        """Pictures and sounds; clips too, where clips are made from them."""
        return OF_CLIPS if job.output.get("kind") == "video" else OF_PICTURES

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """There is nothing to upload."""
        return job

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Ask for pictures or a clip. Raises Refused on proof, Unreadable where the answer proves nothing."""
        kind = job.output.get("kind")
        if kind == "image":
            return pictures.read(await pictures.asked(job, http), job)
        if kind == "video":
            return clips.taken(await clips.asked(job, http), job)
        raise Refused(FailKind.UNSUPPORTED, f"The upstream's APIs make pictures and clips, not {kind}")

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The list of tasks does not tell one caller's request from another's."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask how a clip stands. Raises Unreachable."""
        if job.output.get("kind") != "video":
            raise Unreachable("pictures are done when they are taken, and cannot be looked up")
        return await clips.polled(job, ref, http)

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | None:  # noqa: ARG002 - nothing to ask
        """What the service reports of a clip; pictures are made while it is asked."""
        return clips.reported(request) if request.job.output.get("kind") == "video" else None

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:
        """Drop a clip that still waits; True only if the service says that it is cancelled."""
        if job.output.get("kind") != "video":
            return False
        try:
            return await clips.cancelled(job, ref, http)
        except (NetError, Unreadable):
            return False
