"""The Gemini API as a provider: which of its calls makes what.

Pictures and speech are made while the request is open; clips are interactions, asked for until they are done.
"""

from souk.net.http import Http
from souk.providers.base import Accepted, Done, Failed, Job, Running, Unknown, Unreachable
from souk.providers.google.pictures import submit_picture
from souk.providers.google.speech import submit_speech


class Google:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """There is nothing to upload."""
        return job

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Hand the task over. Raises Refused on proof, Unreadable where the answer proves nothing."""
        if job.output["kind"] == "audio":
            return await submit_speech(job, http)
        return await submit_picture(job, http)

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a request whose answer was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:  # noqa: ARG002 - see below
        """Whatever is made while the request is open has nothing to poll."""
        raise Unreachable("this task has no record at the upstream")

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """A request that is open cannot be called back."""
        return False
