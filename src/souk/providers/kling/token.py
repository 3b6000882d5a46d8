"""What opens the service: a token signed with the secret key and good for half an hour, or a plain API key.

Source: the service's page of authentication. The token is a JSON Web Token (RFC 7519) signed with HMAC-SHA256.
"""

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec

from souk.providers.base import Connection, Job

OPTION: Final = "secret_key"
"""The connection's secret key, beside its access key. Without it the key is one that is sent as it is."""
GOOD_SECONDS: Final = 1800
EARLY_SECONDS: Final = 5
"""A token is good from a little before now, because clocks differ."""


def bearer(job: Job) -> dict[str, str]:
    """The header that opens the service, made for this moment."""
    return {"Authorization": f"Bearer {_token(job.connection, job.now // 1000)}"}


def secrets_of(job: Job) -> tuple[str, ...]:
    """What no message may repeat."""
    connection = job.connection
    known = (_token(connection, job.now // 1000), connection.api_key, connection.options.get(OPTION, ""))
    return tuple(secret for secret in known if secret)


def _token(connection: Connection, now: int) -> str:
    secret = connection.options.get(OPTION, "")
    if not secret:
        return connection.api_key
    claims = {"iss": connection.api_key, "exp": now + GOOD_SECONDS, "nbf": now - EARLY_SECONDS}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_text(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def _part(value: dict[str, Any]) -> str:
    return _text(msgspec.json.encode(value))


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
