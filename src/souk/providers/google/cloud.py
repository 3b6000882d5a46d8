"""Veo on Google Cloud: a long-running operation of a project in a region, asked for until it is done.

Source: Google Cloud's reference of ``predictLongRunning`` and ``fetchPredictOperation``.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.base import (
    Accepted,
    Access,
    Connection,
    Done,
    Failed,
    Job,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.google import bucket, veo
from souk.providers.google.errors import not_taken
from souk.providers.google.tokens import Tokens, project_of
from souk.providers.google.wire import an_object
from souk.providers.takes import Takes
from souk.words import FailKind, JsonObject

BASE_URL: Final = "https://aiplatform.googleapis.com"
"""Where no region is meant; each region has a host of its own."""
REGION: Final = "us-central1"
EVERYWHERE: Final = "global"
SUBMIT_SECONDS: Final = 180.0
"""A request may carry a clip."""
POLL_SECONDS: Final = 300.0
"""The last answer carries the clip."""
ANSWER_BYTES: Final = 1024 * 1024
CLIP_BYTES: Final = 256 * 1024 * 1024
"""Room for a clip of the finest grade, in base64."""
REF_CHARACTERS: Final = 500


class GoogleCloud:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def __init__(self) -> None:
        self._tokens = Tokens()

    def takes(self, job: Job) -> Mapping[str, Takes]:  # noqa: ARG002 - the same for every job
        """JPEG and PNG pictures."""
        return veo.TAKES

    async def prepare(self, job: Job, http: Http) -> Job:
        """Have an access token at hand before the submit. Raises Refused without one, or without a project."""
        project_of(job.connection)
        bucket.wish(job.connection)
        await self._tokens.token(job.connection, job.now, http)
        return job

    async def submit(self, job: Job, http: Http) -> Accepted:
        """Start an operation. Raises Refused on proof, Unreadable where the answer proves nothing."""
        body = await veo.asked(job)
        address = _address(job, "predictLongRunning")
        token = await self._tokens.token(job.connection, job.now, http)
        response = await http.submit(
            "POST",
            address,
            headers=_bearer(token),
            json=body,
            timeout=SUBMIT_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        if response.status >= 300:
            raise self._refused(response, job, token)
        ref = an_object(response.json()).get("name")
        if not isinstance(ref, str) or not 0 < len(ref) <= REF_CHARACTERS:
            raise Unreadable(f"HTTP {response.status} without the name of an operation")
        return Accepted(ref)

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about an operation whose name was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask once. Raises Unreachable unless the operation says how it stands."""
        try:
            token = await self._tokens.token(job.connection, job.now, http)
            response = await http.request(
                "POST",
                _address(job, "fetchPredictOperation"),
                headers=_bearer(token),
                json={"operationName": ref},
                timeout=POLL_SECONDS,
                max_bytes=CLIP_BYTES,
                trusted=True,
            )
            if response.status == 200:
                return await asyncio.to_thread(_verdict, response, job, ref, token)
        except (NetError, Unreadable, Refused) as error:
            raise Unreachable(str(error)) from error
        if response.status == 401:
            self._tokens.forget(job.connection)
        raise Unreachable(f"no operation: HTTP {response.status}", response.retry_after())

    async def access(self, job: Job, url: str, http: Http) -> Access:
        """A token, for clips in the operator's bucket."""
        return bucket.access(url, job.connection, await self._tokens.token(job.connection, job.now, http))

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """The service does not cancel clips."""
        return False

    def _refused(self, response: Response, job: Job, token: str) -> Refused | Unreadable:
        refused = not_taken(response, token)
        if isinstance(refused, Refused) and refused.kind is FailKind.AUTH:
            self._tokens.forget(job.connection)
        return refused


def _verdict(response: Response, job: Job, ref: str, token: str) -> Running | Done | Failed:
    operation = an_object(response.json())
    if operation.get("name", ref) != ref:
        raise Unreachable("the operation is another one")
    return veo.verdict(operation, job, token)


def _address(job: Job, call: str) -> str:
    connection = job.connection
    region = connection.options.get("region") or REGION
    place = f"projects/{quote(project_of(connection), safe=':')}/locations/{quote(region)}"
    model = f"publishers/google/models/{quote(job.upstream_model, safe='-._')}"
    return f"{_base(connection, region)}/v1/{place}/{model}:{call}"


def _base(connection: Connection, region: str) -> str:
    base = connection.base_url or BASE_URL
    if base != BASE_URL or region == EVERYWHERE:
        return base
    return f"https://{quote(region)}-{base.removeprefix('https://')}"


def _bearer(token: str) -> JsonObject:
    return {"Authorization": f"Bearer {token}"}
