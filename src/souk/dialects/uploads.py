"""The wire of the File Upload API: what its calls take, and how it tells of a stored file and of a failure.

It has an envelope of its own, with ``success`` on top, and says by the HTTP status what ``code`` says.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from souk.assets.links import upload_link
from souk.dialects.envelope import Problem, Rejected
from souk.operations.types import Reason, Refusal
from souk.operations.uploads import Place
from souk.store.assets import AssetRow

_encode = msgspec.json.Encoder().encode

BASE64_PATH: Final = "/api/file-base64-upload"
URL_PATH: Final = "/api/file-url-upload"
STREAM_PATH: Final = "/api/file-stream-upload"
PATHS: Final = frozenset({BASE64_PATH, URL_PATH, STREAM_PATH})

INVALID_KEY: Final = "Authentication failed: Invalid API Key"
NOT_BASE64: Final = "Base64 decoding failed: Invalid Base64 format"
_URL_ALPHABET: Final = str.maketrans("-_", "+/")
_CODES: Final = {
    Reason.UNAUTHORIZED: 401,
    Reason.IP_DENIED: 401,
    Reason.FORBIDDEN: 401,
    Reason.BUSY: 429,
}
"""Any other refusal is about what was sent."""


class _Stored(msgspec.Struct):
    success: bool
    fileName: str
    filePath: str
    downloadUrl: str
    fileSize: int
    mimeType: str
    uploadedAt: str


class _Success(msgspec.Struct):
    success: bool
    code: int
    msg: str
    data: _Stored


class _Failure(msgspec.Struct):
    success: bool
    code: int
    msg: str
    data: None
    error: Problem


def required(fields: Mapping[str, Any], name: str) -> str:
    """A field that must be there as text. Raises Rejected."""
    value = fields.get(name)
    if value is None or value == "":
        raise invalid(name, f"Missing required parameter: {name}", "missing_parameter")
    if not isinstance(value, str):
        raise invalid(name, f"{name} must be a text")
    return value


def address(fields: Mapping[str, Any], name: str) -> str:
    """A field that must be there as an HTTP address. Raises Rejected."""
    value = required(fields, name)
    if not value.lower().startswith(("http://", "https://")):
        raise invalid(name, f"{name} must be an http:// or https:// address")
    return value


def place_of(fields: Mapping[str, Any]) -> Place:
    """Where the file is to go. Raises Rejected or Refusal."""
    folder = required(fields, "uploadPath")
    name = fields.get("fileName") or None
    if name is not None and not isinstance(name, str):
        raise invalid("fileName", "fileName must be a text")
    return Place.of(folder, name)


def decoded(text: str) -> tuple[bytes, str]:
    """The bytes that base64 stands for, bare or as a ``data:`` URI, and the type the latter declares.

    Text that was cut off is refused rather than stored as half a file. Raises Rejected.
    """
    declared = ""
    if text[:5].lower() == "data:":
        head, _, text = text.partition(",")
        declared, base64_mark, _ = head[5:].partition(";base64")
        if not base64_mark:
            raise invalid("base64Data", NOT_BASE64)
    try:
        return base64.b64decode("".join(text.split()).translate(_URL_ALPHABET), validate=True), declared
    except (binascii.Error, ValueError):
        raise invalid("base64Data", NOT_BASE64) from None


def stored(row: AssetRow, public_url: str) -> bytes:
    """The body that answers an upload."""
    link = row.link or ""
    moment = datetime.fromtimestamp(row.created_at / 1000, UTC)
    data = _Stored(
        success=True,
        fileName=row.name,
        filePath=link,
        downloadUrl=upload_link(link, public_url),
        fileSize=row.size,
        mimeType=row.media_type,
        uploadedAt=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )
    return _encode(_Success(True, 200, "File uploaded successfully", data))


def invalid(field: str | None, text: str, error: str = "invalid_input") -> Rejected:
    """A request that cannot become an upload."""
    return Rejected(400, text, error, field=field, status=400)


def failed(error: Exception, request_id: str) -> tuple[int, bytes]:
    """HTTP status and body that answer a refusal, a request that is none, or a fault of ours."""
    if isinstance(error, Refusal):
        return _refused(error, request_id)
    if isinstance(error, Rejected):
        text = "method not allowed" if error.code == 405 else error.text
        return error.code, _failure(error.code, text, Problem(error.error, error.field, False, request_id))
    return 500, _failure(500, "Internal server error", Problem("internal", None, True, request_id))


def _refused(refusal: Refusal, request_id: str) -> tuple[int, bytes]:
    code = _CODES.get(refusal.reason, 400)
    problem = Problem(refusal.reason.value, refusal.field, refusal.retryable, request_id)
    if refusal.retry_after is not None:
        problem.retryAfter = refusal.retry_after
    if code != 401:
        return code, _failure(code, refusal.message, problem)
    problem.message = refusal.message
    return code, _failure(code, INVALID_KEY, problem)


def _failure(code: int, text: str, problem: Problem) -> bytes:
    return _encode(_Failure(False, code, text, None, problem))
