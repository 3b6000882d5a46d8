"""The adapter for OpenAI's images and videos: pictures are answered at once, clips are polled for.

Neither API takes an idempotency key or can be asked about a task whose answer was lost: an unclear submit stays so.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from souk.net.http import Http
from souk.providers.answers import own_access
from souk.providers.base import (
    Accepted,
    Access,
    Done,
    Failed,
    Job,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.openai import clips, pictures
from souk.providers.openai.fitting import MASK_FIELDS, fitted
from souk.providers.openai.wire import address, key
from souk.providers.takes import Takes
from souk.words import FailKind


class OpenAI:
    """A :class:`souk.providers.base.Provider` for the images and videos APIs, and a ``Keyed`` one."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes | None]:
        """Pictures of three types. Masks, and a clip's first picture, are fitted in their own way."""
        if job.output.get("kind") != "image":
            return {}
        return {"image": pictures.TAKES, MASK_FIELDS.get(job.model, pictures.MASK): None}

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """Bring a mask or a first picture into the form the API wants. Raises Refused."""
        return replace(job, prepared={**job.prepared, **await fitted(job)})

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Ask for pictures or a clip. Raises Refused on proof, Unreadable where the answer proves nothing."""
        kind = job.output.get("kind")
        if kind == "image":
            response = await pictures.asked(job, http)
            # Megabytes of base64 must not hold up everybody else.
            return await asyncio.to_thread(pictures.read, response, job)
        if kind == "video":
            return clips.taken(await clips.asked(job, http), job)
        raise Refused(FailKind.UNSUPPORTED, f"The upstream's APIs make pictures and clips, not {kind}")

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """Nothing in the APIs tells one caller's request from another's."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask how a clip stands. Raises Unreachable."""
        if job.output.get("kind") != "video":
            raise Unreachable("pictures are done when they are taken, and cannot be looked up")
        return await clips.polled(job, ref, http)

    async def access(self, job: Job, url: str, http: Http) -> Access:  # noqa: ARG002 - the key is at hand
        """The key, for clips at the connection's own server."""
        return own_access(url, address(job, ""), key(job))

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """Deleting a clip is no promise that it is not made and charged."""
        return False
