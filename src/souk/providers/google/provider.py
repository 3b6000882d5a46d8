"""The Gemini API as a provider: which of its calls makes what.

Pictures and speech are made while the request is open; clips are interactions, asked for until they are done.
"""

from collections.abc import Mapping

from souk.net.http import Http
from souk.providers.answers import own_access
from souk.providers.base import Accepted, Access, Done, Failed, Job, Running, Unknown
from souk.providers.google.interactions import poll_clip
from souk.providers.google.omni import cancel_clip, submit_clip
from souk.providers.google.pictures import PICTURES, submit_picture
from souk.providers.google.speech import submit_speech
from souk.providers.google.wire import address, key, taken
from souk.providers.takes import Takes


class Google:
    """A :class:`souk.providers.base.Provider`, and a ``Keyed`` one."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:
        """Pictures of four types, as far as they fit into one request."""
        return taken(job, PICTURES)

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """There is nothing to upload."""
        return job

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Hand the task over. Raises Refused on proof, Unreadable where the answer proves nothing."""
        match job.output["kind"]:
            case "video":
                return await submit_clip(job, http)
            case "audio":
                return await submit_speech(job, http)
            case _:
                return await submit_picture(job, http)

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a request whose answer was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask how a clip stands; all else is done when it is submitted. Raises Unreachable without a verdict."""
        return await poll_clip(job, ref, http)

    async def access(self, job: Job, url: str, http: Http) -> Access:  # noqa: ARG002 - the key is at hand
        """The key, for files at the connection's own server."""
        return own_access(url, address(job.connection, ""), key(job.connection))

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:
        """Stop a clip that is being made."""
        return await cancel_clip(job, ref, http)
