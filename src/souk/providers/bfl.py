"""Black Forest Labs: FLUX.2 and FLUX.1 Kontext, submitted at ``/v1/{model}`` and polled at the address it answers with.

That address names the machine that has the task, so it is the task's reference; it is used as it is, but only on the
service's own hosts, because it is asked with the key.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import parse_qs, quote, urlsplit

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
    OutputFile,
    Refused,
    Reply,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.providers.inputs import as_base64
from souk.providers.takes import MB, Takes
from souk.words import FailKind, JsonObject

BASE_URL: Final = "https://api.bfl.ai"
OWN_DOMAIN: Final = "bfl.ai"
"""The service polls at hosts of this domain, such as ``api.us1.bfl.ai``."""

SUBMIT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 30.0
ANSWER_BYTES: Final = 1024 * 1024
REF_CHARACTERS: Final = 1000
TAKES: Final = {
    "image": Takes(
        frozenset({"image/jpeg", "image/png", "image/webp"}), max_bytes=20 * MB, max_pixels=20_000_000
    )
}
"""Pictures to work from: 20 MB or 20 megapixels at most, as the service's reference says."""
STEP: Final = 16
"""FLUX.2 takes sides that are multiples of this."""
MOST_PIXELS: Final = 2048 * 2048

WEBHOOKS: Final = "webhooks"
"""The connection's option: whether the service is asked to report."""
YES: Final = frozenset({"1", "true", "yes", "on"})
SIGNATURE: Final = "x-bfl-signature"

UNKNOWN_TASK: Final = "Task not found"

HINTS: Final = frozenset({"enableTranslation", "uploadCn", "watermark", "nsfw_checker"})
"""Inputs the service has nothing for; a result without them is still what was asked."""
KONTEXT: Final = {
    "prompt": "prompt",
    "aspectRatio": "aspect_ratio",
    "outputFormat": "output_format",
    "promptUpsampling": "prompt_upsampling",
    "safetyTolerance": "safety_tolerance",
}
"""Our input fields of the Kontext models, as the service calls them."""
KONTEXT_RATIO: Final = "16:9"
"""The shape of a picture made from words alone, where the caller names none; the service would make a square."""

REFUSALS: Final = {
    400: FailKind.BAD_INPUT,
    401: FailKind.AUTH,
    402: FailKind.QUOTA,
    403: FailKind.AUTH,
    404: FailKind.UNSUPPORTED,
    422: FailKind.BAD_INPUT,
    429: FailKind.RATE_LIMIT,
}

log = logging.getLogger("souk.providers.bfl")


class Bfl:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:  # noqa: ARG002 - the same for every job
        """Pictures of three types, of no more than 20 megapixels."""
        return TAKES

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """There is nothing to upload."""
        return job

    async def submit(self, job: Job, http: Http) -> Accepted:
        """Hand the task over. Raises Refused on proof, Unreadable where the answer proves nothing."""
        response = await http.submit(
            "POST",
            f"{_base(job.connection)}/v1/{job.upstream_model}",
            headers=_key(job.connection),
            json=await _body(job) | _report_to(job),
            timeout=SUBMIT_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        if response.status in REFUSALS:
            raise _refused(response, job.connection)
        told = as_object(response.json())
        address = told.get("polling_url") or _result_of(told.get("id"), job)
        if response.status >= 300 or not _own(address, job.connection) or len(str(address)) > REF_CHARACTERS:
            raise Unreadable(f"HTTP {response.status} without an address to poll at")
        return Accepted(str(address))

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a task whose address was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask for the result. Raises Unreachable unless there is a state to go by."""
        if not _own(ref, job.connection):
            raise Unreachable("the address to poll at is not the service's")
        try:
            response = await http.request(
                "GET",
                ref,
                headers=_key(job.connection),
                timeout=POLL_SECONDS,
                max_bytes=ANSWER_BYTES,
                trusted=same_host(ref, _base(job.connection)),
            )
            answer = as_object(response.json())
        except (NetError, Unreadable) as error:
            raise Unreachable(str(error)) from error
        if response.status != 200:
            raise Unreachable(f"no state: HTTP {response.status}", response.retry_after())
        if answer.get("status") != UNKNOWN_TASK and not _is_about(answer, ref):
            raise Unreachable("the state is another task's")
        return _verdict(answer, job)

    async def webhook(self, request: WebhookRequest, http: Http) -> Hint | Reply | None:  # noqa: ARG002 - see below
        """The result, signed with a secret that only this attempt has: so it needs nothing to be asked."""
        try:
            told = as_object(msgspec.json.decode(request.body))
        except (ValueError, RecursionError):
            return None
        ref = request.ref or _result_of(told.get("id"), request.job)
        if not told or not ref or not _is_about(told, ref):
            return None
        signature = request.headers.get(SIGNATURE, "")
        if not signature:
            return Hint(ref)
        if not hmac.compare_digest(signature.encode(), _signed(request.body, request.job).encode()):
            return None
        try:
            verdict = _verdict(told, request.job)
        except Unreachable:
            return Hint(ref)
        return Reply(verdict, ref) if isinstance(verdict, Done | Failed) else Hint(ref)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """The service has no way to cancel."""
        return False


async def _body(job: Job) -> JsonObject:
    if "aspectRatio" in job.input or job.upstream_model.startswith("flux-kontext"):
        return await _kontext(job)
    body: JsonObject = {"prompt": job.input["prompt"]} | _size(job.output)
    for number, file in enumerate(await job.media.files("input_urls")):
        body[f"input_image_{number + 1}" if number else "input_image"] = (
            file.url if file.reachable else await as_base64(file)
        )
    return body | _format(job)


async def _kontext(job: Job) -> JsonObject:
    body = {KONTEXT[name]: value for name, value in job.input.items() if name in KONTEXT}
    files = await job.media.files("inputImage")
    if files:
        (file,) = files
        body["input_image"] = file.url if file.reachable else await as_base64(file)
    else:
        body.setdefault("aspect_ratio", KONTEXT_RATIO)
    return body


def _report_to(job: Job) -> JsonObject:
    """What asks for a report of the end; nothing unless the operator wants them."""
    if not job.webhook_url or job.connection.options.get(WEBHOOKS, "").lower() not in YES:
        return {}
    return {"webhook_url": job.webhook_url, "webhook_secret": _secret(job)}


def _secret(job: Job) -> str:
    """What the service signs this attempt's report with. Nobody else can make it up, and nobody needs to keep it."""
    said = f"souk webhook {job.attempt_id}".encode()
    return hmac.new(job.connection.api_key.encode(), said, hashlib.sha256).hexdigest()


def _signed(body: bytes, job: Job) -> str:
    return "sha256=" + hmac.new(_secret(job).encode(), body, hashlib.sha256).hexdigest()


def _result_of(named: Any, job: Job) -> str:
    """Where to ask after a task of which only the id is known: an answer that promises a report may name no address."""
    if not isinstance(named, str) or not named or not _report_to(job):
        return ""
    return f"{_base(job.connection)}/v1/get_result?id={quote(named, safe='')}"


def _size(output: JsonObject) -> JsonObject:
    """Pixels to make; nothing where the shape follows the first picture."""
    width, height = output.get("width"), output.get("height")
    if not width or not height:
        return {}
    shrink = min(1.0, (MOST_PIXELS / (width * height)) ** 0.5)
    return {"width": _stepped(width * shrink), "height": _stepped(height * shrink)}


def _stepped(side: float) -> int:
    return max(STEP * 4, int(side) // STEP * STEP)


def _format(job: Job) -> JsonObject:
    """The file format our model promises."""
    return {"output_format": "jpeg" if job.output.get("media_type") == "image/jpeg" else "png"}


def _refused(response: Response, connection: Connection) -> Refused:
    said = _said(response, connection)
    kind = REFUSALS[response.status]
    if kind is FailKind.BAD_INPUT and moderated(said):
        kind = FailKind.MODERATION
    message = f"The upstream refused the task: {said}"
    return Refused(kind, message, f"HTTP {response.status}: {said}", response.retry_after())


def _said(response: Response, connection: Connection) -> str:
    """The words of an error: ``detail`` is a text, or a list of what is wrong with which field."""
    try:
        body = as_object(response.json())
    except Unreadable:
        return f"HTTP {response.status}"
    detail: Any = body.get("detail") or body.get("message") or f"HTTP {response.status}"
    if isinstance(detail, list):
        detail = "; ".join(field_problem(as_object(item)) for item in cast(list[Any], detail))
    return quoted(str(detail), connection.api_key)


def _verdict(answer: JsonObject, job: Job) -> Running | Done | Failed:
    """What a state says. Raises Unreachable when there is none."""
    match answer.get("status"):
        case "Ready":
            sample = as_object(answer.get("result")).get("sample")
            if is_address(sample):
                return Done([OutputFile(url=str(sample))], shaped(job, 1))
            log.warning("the upstream reports success without a picture", extra={"task_id": job.task_id})
            return Running()
        case "Request Moderated" | "Content Moderated" as state:
            reasons = quoted(_reasons(answer), job.connection.api_key)
            return Failed(
                FailKind.MODERATION, f"The upstream's content rules: {reasons or state}", str(state)
            )
        case "Error" | "Failed" as state:
            said = quoted(_reasons(answer) or "no reason given", job.connection.api_key)
            kind = FailKind.MODERATION if moderated(said) else FailKind.TRANSIENT
            return Failed(kind, said, str(state))
        case "Pending":
            return Running(progress=_percent(answer.get("progress")))
        case state if state == UNKNOWN_TASK:
            # Right after a submit the service may not know it yet; the deadline ends the wait.
            return Running()
        case str() as state:
            names = {"task_id": job.task_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the answer has no state")


def _is_about(answer: JsonObject, ref: str) -> bool:
    """Whether a state is of the task that the address asks after; one that names none is taken to be."""
    asked, told = parse_qs(urlsplit(ref).query).get("id"), answer.get("id")
    return not asked or not told or told in asked


def _reasons(answer: JsonObject) -> str:
    details: Any = answer.get("details")
    if isinstance(details, dict):
        found = cast(JsonObject, details)
        reasons: Any = found.get("Moderation Reasons") or found.get("reasons") or list(found.values())
        details = ", ".join(map(str, cast(list[Any], reasons))) if isinstance(reasons, list) else reasons
    # A report gives its reasons elsewhere.
    elsewhere = ": ".join(str(answer[name]) for name in ("error", "message") if answer.get(name))
    return str(details or elsewhere)


def _percent(value: Any) -> int | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return round(value * 100) if known else None


def _own(address: Any, connection: Connection) -> bool:
    """Whether an address is one the key may be sent to: of the configured host, or of the service's own domain."""
    if not is_address(address):
        return False
    try:
        parts = urlsplit(str(address))
    except ValueError:  # such as brackets around no IPv6 address
        return False
    if same_host(str(address), _base(connection)):
        return True
    name = parts.hostname or ""
    return parts.scheme == "https" and (name == OWN_DOMAIN or name.endswith(f".{OWN_DOMAIN}"))


def _base(connection: Connection) -> str:
    return connection.base_url or BASE_URL


def _key(connection: Connection) -> dict[str, str]:
    return {"x-key": connection.api_key}
