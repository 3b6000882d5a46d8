"""The adapter for KIE.AI: one way through, whichever of its APIs a model is behind.

The service knows no idempotency key and has no look-up by one, so an unclear submit stays unclear.
"""

from dataclasses import replace

import msgspec

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    Job,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.providers.inputs import with_addresses, with_reference
from souk.providers.kie.callbacks import is_signed, task_in
from souk.providers.kie.envelope import BASE_URL, read
from souk.providers.kie.uploads import upload
from souk.providers.kie.wire import AtOnce
from souk.providers.kie.wires import wire_of
from souk.words import HOPS_HEADER

SUBMIT_SECONDS = 60.0
POLL_SECONDS = 30.0
ANSWER_BYTES = 4 * 1024 * 1024


class Kie:
    """A :class:`souk.providers.base.Provider` for the Jobs API and the dedicated ones."""

    idempotent: bool = False

    async def prepare(self, job: Job, http: Http) -> Job:
        """Upload the input files that the service could not fetch, and name their new addresses."""
        # Its own defaults are the service's to choose, and our wire's words are no fields there.
        changed = job.given
        uploaded: dict[str, str] = {}
        addresses: dict[str, dict[int, str]] = {}
        parents = {parent.field for parent in job.parents}
        for file in await job.media.all():
            if file.field in parents:
                continue  # the service has the parent's files already
            if file.reachable:
                address = file.url
            else:
                address = uploaded.get(file.url) or await upload(job, file, http)
                uploaded[file.url] = address
            addresses.setdefault(file.field, {})[file.index] = address
        for field, found in addresses.items():
            changed = with_addresses(changed, field, found)
        for parent in job.parents:
            changed = with_reference(changed, parent)
        return replace(job, prepared={**job.prepared, "input": changed})

    async def submit(self, job: Job, http: Http) -> Accepted | Done:
        """Create the task. Raises Refused on proof, Unreadable where the answer proves nothing."""
        wire = wire_of(job.upstream_model)
        call = wire.create(job)
        response = await http.submit(
            call.method,
            f"{_base(job)}{call.path}",
            headers={**_key(job), HOPS_HEADER: str(job.hops + 1)},
            json=call.body,
            timeout=SUBMIT_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        return wire.taken(read(response), job)

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a task whose id was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask for the record. Raises Unreachable unless it is this task's, whole and readable."""
        wire = wire_of(job.upstream_model)
        if isinstance(wire, AtOnce):
            raise Unreachable("a task of this API is done when it is taken, and cannot be looked up")
        call = wire.look(job, ref)
        try:
            answer = read(await self._asked(job, call.method, call.path, call.body, http))
        except (NetError, Unreadable) as error:
            raise Unreachable(str(error)) from error
        return wire.verdict(answer, job, ref)

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | None:  # noqa: ARG002 - nothing to ask
        """A callback says that there is news of a task. What it says of it is not signed, so it is a hint."""
        try:
            told = msgspec.json.decode(request.body)
        except (ValueError, RecursionError):
            return None
        named = task_in(told)
        if not named or request.ref not in ("", named) or not is_signed(request, named):
            return None
        return Hint(named)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """The service has no way to cancel."""
        return False

    async def _asked(self, job: Job, method: str, path: str, body: object, http: Http) -> Response:
        return await http.request(
            method,
            f"{_base(job)}{path}",
            headers=_key(job),
            json=body,
            timeout=POLL_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )


def _base(job: Job) -> str:
    return job.connection.base_url or BASE_URL


def _key(job: Job) -> dict[str, str]:
    return {"Authorization": f"Bearer {job.connection.api_key}"}
