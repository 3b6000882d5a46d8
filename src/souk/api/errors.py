"""From an exception to an answer. What nobody foresaw becomes a plain 500, and a traceback in the log."""

import logging
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from starlette.exceptions import HTTPException

from souk.api.answers import Headers
from souk.dialects import envelope, uploads
from souk.dialects.envelope import Rejected
from souk.operations.types import Refusal
from souk.store.database import DatabaseError, Lost

log = logging.getLogger("souk.api")

ALMOST: Final = 0.9
"""How like a known path a slip of the pen is, as :mod:`difflib` counts."""
ALIKE: Final = 0.6
"""How like one a path must be for the hint to be worth a guess."""

_NO_DATABASE: Final = (
    "the database cannot be used now: try again later, a create with the same Idempotency-Key"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that says what went wrong."""

    body: bytes
    status: int = 200
    headers: Headers = ()


class WrongMethod(Rejected):
    """The path is right, the method is not."""

    def __init__(self, method: str, path: str, allowed: Collection[str]) -> None:
        shown = sorted(set(allowed) - {"HEAD", "OPTIONS"})
        text = f"{path} takes {' or '.join(shown)}, not {method}"
        super().__init__(405, text, "method_not_allowed", status=405)
        self.allow = ", ".join(sorted({*allowed, "OPTIONS"}))
        """For the header that RFC 9110 wants in such an answer."""


def failure_of(error: Exception, request_id: str, path: str) -> Failure:
    """How the compatible wire answers this exception. HTTP stays 200 for what an operation refused."""
    if isinstance(error, HTTPException):
        error = Rejected(error.status_code, error.detail, "bad_request", status=error.status_code)
    if isinstance(error, Lost):  # no fault of ours, and every request meets it until it passes
        told = {"path": path, "request_id": request_id, "reason": str(error)}
        log.warning("database unreachable, request failed", extra=told)
    elif not isinstance(error, Refusal | Rejected):
        log.error("request failed", exc_info=error, extra={"path": path, "request_id": request_id})
    if path in uploads.PATHS:
        status, body = uploads.failed(error, request_id)
        return Failure(body, status, _headers(error))
    if isinstance(error, Refusal):
        return Failure(envelope.refused(error, request_id), headers=_headers(error))
    if isinstance(error, Rejected):
        return Failure(envelope.rejected(error, request_id), error.status, _headers(error))
    return Failure(envelope.broken(request_id, _NO_DATABASE if isinstance(error, DatabaseError) else ""))


def _headers(error: Exception) -> Headers:
    if isinstance(error, WrongMethod):
        return ((b"allow", error.allow.encode()),)
    if isinstance(error, Refusal) and error.retry_after is not None:
        return ((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))),)
    return ()


def unknown_path(method: str, path: str, known: Iterable[tuple[str, str]]) -> Rejected:
    """Nothing lives here; names the path that was probably meant. ``known`` is every method and path there is."""
    paths = [right for takes, right in known if takes == method]
    path = path[:200]
    near = (
        get_close_matches(path, paths, 1, ALMOST)
        or _record_beside(method, path, paths)
        or get_close_matches(path, paths, 1, ALIKE)
    )
    hint = f"; did you mean {near[0]}?" if near else ""
    return Rejected(404, f"No such path: {path}{hint}", "unknown_path", status=404)


def _record_beside(method: str, path: str, paths: list[str]) -> list[str]:
    """The record calls of the same API: whoever reads from an unknown path of it asks how a task is doing."""
    api = "/".join(path.split("/")[:4]) + "/"  # such as /api/v1/jobs/
    return [right for right in paths if method == "GET" and right.startswith(api) and "record" in right]
