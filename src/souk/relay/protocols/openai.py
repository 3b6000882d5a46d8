"""What OpenAI's two chat protocols have in common: the shape of their errors."""

from typing import Final

import msgspec

from souk.relay.protocols.protocol import Fault

_encode = msgspec.json.Encoder().encode

TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_credits",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
"""``error.type`` by HTTP status, as the compatible wire documents 400, 401 and 429."""


class _Error(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class _Body(msgspec.Struct):
    error: _Error


def error_body(fault: Fault) -> bytes:
    """``{"error": {…}}``, which OpenAI's own clients read."""
    kind = TYPES.get(fault.status, "server_error")
    return _encode(_Body(_Error(fault.message, kind, None, fault.code or None)))
