"""The adapter for xAI's Imagine API: pictures are answered at once, clips are tasks.

The service takes no idempotency key and cannot be asked about a request whose answer was lost: that stays unclear.
"""

from collections.abc import Mapping

from souk.net.http import Http
from souk.providers.base import Accepted, Done, Failed, Job, Refused, Running, Unknown, Unreachable
from souk.providers.takes import Takes
from souk.providers.xai import clips, pictures
from souk.providers.xai.wire import TAKES
from souk.words import FailKind


class Xai:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:  # noqa: ARG002 - the same for every job
        """Pictures of three types, of no more than 10 MB."""
        return TAKES

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
        """Nothing in the API tells one caller's request from another's."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask how a clip stands. Raises Unreachable."""
        if job.output.get("kind") != "video":
            raise Unreachable("pictures are done when they are taken, and cannot be looked up")
        return await clips.polled(job, ref, http)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """The service has no way to cancel."""
        return False
