"""fal.ai: any model of its queue. A task is posted to the model's endpoint and followed at the address it answers with.

Most of our inputs have fal's names already. What differs is in the tables below; what cannot be said there is refused,
so that the next route is tried.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

import msgspec

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.answers import as_object, field_problem, is_address, moderated, quoted, same_host, shaped
from souk.providers.base import (
    Accepted,
    Connection,
    Done,
    Failed,
    Hint,
    Job,
    MediaFile,
    OutputFile,
    Refused,
    Reply,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.providers.fal_signature import Proof, SigningKeys
from souk.providers.inputs import with_addresses
from souk.providers.takes import Takes
from souk.words import FailKind, JsonObject

BASE_URL: Final = "https://queue.fal.run"
UPLOAD_URL: Final = "https://rest.fal.ai"
UPLOAD_PATH: Final = "/storage/upload/initiate?storage_type=fal-cdn-v3"

SUBMIT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 30.0
UPLOAD_SECONDS: Final = 300.0
ANSWER_BYTES: Final = 4 * 1024 * 1024
CHUNK: Final = 256 * 1024

HINTS: Final = frozenset({"nsfw_checker", "sync_mode"})
"""Inputs that are no wish about the result."""
TAKES: Final = {
    "image": Takes(frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})),
    "audio": Takes(frozenset({"audio/mpeg", "audio/wav", "audio/ogg", "audio/mp4", "audio/aac"})),
    "video": Takes(frozenset({"video/mp4", "video/quicktime", "video/webm"})),
}
"""The types that its models take, as their forms say. Sizes differ from model to model."""
NUMBERS: Final = frozenset({"upscale_factor", "num_images"})
"""Inputs that are texts with us and numbers there."""
RENAMED: Final[Mapping[str, str]] = {"dialogue": "inputs"}
CANNOT: Final[Mapping[str, Any]] = {"timestamps": False}
"""Inputs that are there in another form: only these values of them, which ask for nothing, can be sent."""

REFUSALS: Final = {
    400: FailKind.BAD_INPUT,
    401: FailKind.AUTH,
    403: FailKind.AUTH,
    404: FailKind.UNSUPPORTED,
    405: FailKind.UNSUPPORTED,
    413: FailKind.BAD_INPUT,
    422: FailKind.BAD_INPUT,
    429: FailKind.RATE_LIMIT,
}
NO_VERDICT: Final = frozenset({401, 403, 404, 408, 429})
"""What a result's address may answer with that says nothing of the task."""
OUT_OF_MONEY: Final = ("exhausted balance", "user is locked")
NOT_YET: Final = "still in progress"
"""What a result that is asked for too early is refused with, in these words and with the status of a wrong input."""
KINDS: Final[Mapping[str, FailKind]] = {
    "content_policy_violation": FailKind.MODERATION,
    "file_download_error": FailKind.INPUT_UNREACHABLE,
    "generation_timeout": FailKind.TRANSIENT,
    "downstream_service_unavailable": FailKind.TRANSIENT,
    "internal_server_error": FailKind.TRANSIENT,
    "client_cancelled": FailKind.CANCELLED,
}
"""What the ``type`` of an error means where its status does not tell."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_STATUS: Final = re.compile(r"status code:? ([45]\d\d)\b", re.IGNORECASE)
"""How a webhook tells what the result's own address would answer with."""

log = logging.getLogger("souk.providers.fal")


class Fal:
    """A :class:`souk.providers.base.Provider`. Its cancel is a wish, never a promise, so it is not used."""

    idempotent: bool = False

    def __init__(self) -> None:
        self._signing_keys = SigningKeys()

    def takes(self, job: Job) -> Mapping[str, Takes]:  # noqa: ARG002 - the same for every job
        """The types that its models read."""
        return TAKES

    async def prepare(self, job: Job, http: Http) -> Job:
        """Upload the input files that the service could not fetch, and name their new addresses."""
        unasked = {"seed"} & job.filled  # with it, every clip from the same words would be the same
        changed = {name: value for name, value in job.input.items() if name not in unasked}
        addresses: dict[str, dict[int, str]] = {}
        for file in await job.media.all():
            address = file.url if file.reachable else await _uploaded(job, file, http)
            addresses.setdefault(file.field, {})[file.index] = address
        for field, found in addresses.items():
            changed = with_addresses(changed, field, found)
        return replace(job, prepared={**job.prepared, "input": changed})

    async def submit(self, job: Job, http: Http) -> Accepted:
        """Put the task into the queue. Raises Refused on proof, Unreadable where the answer proves nothing."""
        response = await http.submit(
            "POST",
            f"{_base(job.connection)}/{job.upstream_model}{_report_to(job)}",
            headers=_key(job.connection),
            json=body_of(job.prepared.get("input", job.input)),
            timeout=SUBMIT_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        if response.status in REFUSALS:
            raise _refused(response, job.connection)
        address = as_object(response.json()).get("response_url")
        if response.status >= 300 or not _own(address, job.connection):
            raise Unreadable(f"HTTP {response.status} without an address to ask at")
        return Accepted(str(address))

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a task whose address was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask how it stands, and for the result once there is one. Raises Unreachable without a verdict."""
        if not _own(ref, job.connection):
            raise Unreachable("the address to ask at is not the service's")
        status, told = await _asked(f"{ref}/status", job, http)
        if status.status >= 300:
            raise Unreachable(f"no state: HTTP {status.status}", status.retry_after())
        asked = ref.rpartition("/")[2]
        if told.get("request_id", asked) != asked:
            raise Unreachable("the state is another request's")
        match told.get("status"):
            case "IN_QUEUE":
                return Running(queued=True)
            case "COMPLETED":
                result, made = await _asked(ref, job, http)
                return _verdict(result, made, job)
            case "IN_PROGRESS":
                return Running()
            case str() as state:
                names = {"task_id": job.task_id, "state": state[:40]}
                log.warning("the upstream reports an unknown state, taken as still running", extra=names)
                return Running()
            case _:
                raise Unreachable("the answer has no state")

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | Reply | None:
        """The end of a task. Signed, it is as good as a poll's; without a proof it is a hint; forged, it is nothing."""
        job = request.job
        try:
            told = as_object(msgspec.json.decode(request.body))
        except (ValueError, RecursionError):
            return None
        named = told.get("request_id")
        if not isinstance(named, str) or not _ID.fullmatch(named):
            return None
        if request.ref and not request.ref.endswith(f"/requests/{named}"):
            return None
        ref = request.ref or _address(named, job)
        proof = await self._signing_keys.proof(request.headers, request.body, job.connection, job.now, http)
        if proof is Proof.FORGED:
            return None
        verdict = _reported(told, job) if proof is Proof.GENUINE else None
        return Hint(ref) if verdict is None else Reply(verdict, ref)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - nothing would be confirmed
        """The service only takes note of the wish."""
        return False


def body_of(input: JsonObject) -> JsonObject:
    """Our input as the service's. Raises Refused naming a field it cannot be told."""
    body: JsonObject = {}
    for name, value in input.items():
        if name in HINTS or value is None or CANNOT.get(name, body) == value:
            continue
        if name in CANNOT:
            raise Refused(FailKind.UNSUPPORTED, f"{name} cannot be asked for at fal.ai")
        body[RENAMED.get(name, name)] = int(value) if name in NUMBERS else value
    return body


async def _uploaded(job: Job, file: MediaFile, http: Http) -> str:
    """The address of the uploaded file. Raises Refused."""
    try:
        target, address = await _place_for(file, job.connection, http)
        # The key stays behind: the address itself lets the file in.
        put = await http.request(
            "PUT",
            target,
            headers={"Content-Type": file.media_type, "Content-Length": str(file.size)},
            data=_chunks(file.path),
            timeout=UPLOAD_SECONDS,
            max_bytes=ANSWER_BYTES,
            fresh=True,
            trusted=same_host(target, _uploads(job.connection)),
        )
    except (NetError, Unreadable) as error:
        message = f"{file.field} could not be uploaded to the upstream: {error}"
        raise Refused(FailKind.TRANSIENT, message) from error
    if put.status >= 300:
        raise Refused(FailKind.TRANSIENT, f"{file.field} could not be uploaded: HTTP {put.status}")
    return address


async def _place_for(file: MediaFile, connection: Connection, http: Http) -> tuple[str, str]:
    """Where to put a file, and where it will be read. Raises Refused, Unreadable or NetError."""
    begun = await http.request(
        "POST",
        f"{_uploads(connection)}{UPLOAD_PATH}",
        headers=_key(connection),
        json={"file_name": file.path.name, "content_type": file.media_type},
        timeout=POLL_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )
    if begun.status in REFUSALS:
        raise _refused(begun, connection)
    places = as_object(begun.json())
    target, address = places.get("upload_url"), places.get("file_url")
    if begun.status >= 300 or not is_address(target) or not is_address(address):
        raise Unreadable(f"HTTP {begun.status} without an address to upload to")
    return str(target), str(address)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk


async def _asked(address: str, job: Job, http: Http) -> tuple[Response, JsonObject]:
    try:
        response = await http.request(
            "GET",
            address,
            headers=_key(job.connection),
            timeout=POLL_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        return response, as_object(response.json())
    except (NetError, Unreadable) as error:
        raise Unreachable(str(error)) from error


def _verdict(response: Response, made: JsonObject, job: Job) -> Running | Done | Failed:
    """What the result of a completed task says: files, or why there are none. Raises Unreachable."""
    if response.status in NO_VERDICT:
        raise Unreachable(f"no result: HTTP {response.status}", response.retry_after())
    if response.status >= 300:
        if "detail" not in made and "error" not in made:
            raise Unreachable(f"no result: HTTP {response.status}")
        if NOT_YET in _said(made, job.connection).lower():
            return Running()
        return _failed(response.status, made, job.connection)
    return _made(made, job)


def _made(made: JsonObject, job: Job) -> Running | Done:
    files = [OutputFile(url=address) for address in _addresses(made)]
    if files:
        return Done(files, shaped(job, len(files)))
    log.warning("the upstream reports success without a file", extra={"task_id": job.task_id})
    return Running()


def _reported(told: JsonObject, job: Job) -> Done | Failed | None:
    """The verdict of a whole webhook; None where only the result's own address tells."""
    made = as_object(told.get("payload"))
    if told.get("status") == "OK":
        verdict = _made(made, job)
        return verdict if isinstance(verdict, Done) else None
    status = _STATUS.search(str(told.get("error") or ""))
    if told.get("status") != "ERROR" or status is None or int(status[1]) in NO_VERDICT or not made:
        return None
    return _failed(int(status[1]), made, job.connection)


def _addresses(made: JsonObject) -> list[str]:
    """The addresses of the files a result holds, whatever kind it calls them."""
    for name in ("images", "image", "video", "videos", "audio"):
        found: Any = made.get(name)
        items = cast(list[Any], found) if isinstance(found, list) else [found]
        addresses = [str(url) for item in items if is_address(url := as_object(item).get("url"))]
        if addresses:
            return addresses
    return []


def _failed(status: int, made: JsonObject, connection: Connection) -> Failed:
    said, kind = _said(made, connection), _kind_of(made)
    if kind is None and moderated(said):
        kind = FailKind.MODERATION
    if kind is None:
        kind = FailKind.BAD_INPUT if status in (400, 413, 422) else FailKind.TRANSIENT
    return Failed(kind, said, f"HTTP {status}: {said}")


def _refused(response: Response, connection: Connection) -> Refused:
    try:
        made = as_object(response.json())
    except Unreadable:
        made = {}
    said = _said(made, connection) if made else f"HTTP {response.status}"
    kind = REFUSALS[response.status]
    if kind is FailKind.AUTH and any(words in said.lower() for words in OUT_OF_MONEY):
        kind = FailKind.QUOTA
    if kind is FailKind.BAD_INPUT:
        kind = _kind_of(made) or (FailKind.MODERATION if moderated(said) else kind)
    message = f"The upstream refused the task: {said}"
    return Refused(kind, message, f"HTTP {response.status}: {said}", response.retry_after())


def _kind_of(made: JsonObject) -> FailKind | None:
    types = [item.get("type") for item in _details(made)] + [made.get("error_type")]
    return next((KINDS[name] for name in types if isinstance(name, str) and name in KINDS), None)


def _said(made: JsonObject, connection: Connection) -> str:
    """The words of an error: ``detail`` is a text, or a list of what is wrong with which field."""
    listed = [field_problem(item) for item in _details(made)]
    text = "; ".join(listed) or str(made.get("detail") or made.get("error") or "no reason given")
    return quoted(text, connection.api_key)


def _details(made: JsonObject) -> list[JsonObject]:
    found: Any = made.get("detail")
    return [as_object(item) for item in cast(list[Any], found)] if isinstance(found, list) else []


def _report_to(job: Job) -> str:
    """The query that asks for a report of the end."""
    return f"?{urlencode({'fal_webhook': job.webhook_url})}" if job.webhook_url else ""


def _address(named: str, job: Job) -> str:
    """Where to ask after a request whose own answer was lost: below the owner and the app, whatever the endpoint."""
    app = "/".join(job.upstream_model.split("/")[:2])
    return f"{_base(job.connection)}/{app}/requests/{named}"


def _own(address: Any, connection: Connection) -> bool:
    """Whether an address is one the key may be sent to: on the host of the queue."""
    return is_address(address) and same_host(str(address), _base(connection))


def _base(connection: Connection) -> str:
    return connection.base_url or BASE_URL


def _uploads(connection: Connection) -> str:
    return connection.options.get("upload_url") or UPLOAD_URL


def _key(connection: Connection) -> dict[str, str]:
    return {"Authorization": f"Key {connection.api_key}"}
