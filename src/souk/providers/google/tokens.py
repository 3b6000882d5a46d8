"""Access tokens of Google Cloud: the operator's own, or those a service account's key gets, kept while they live.

Source: Google's pages on OAuth 2.0 for service accounts, and RFC 7523.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

from souk.net.http import Http, NetError, Unreadable
from souk.providers.answers import is_address, quoted
from souk.providers.base import Connection, Refused
from souk.providers.google.wire import an_object
from souk.words import FailKind, JsonObject, Millis

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASK_SECONDS: Final = 30.0
ANSWER_BYTES: Final = 64 * 1024
LIFE_SECONDS: Final = 3600
SPARE_SECONDS: Final = 300
"""A token is not used in the last of its life: a request may take a while to be looked at."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: Millis


@dataclass(slots=True)
class Tokens:
    """Tokens by credential. What the clock says comes from the caller."""

    _kept: dict[str, _Token] = field(default_factory=dict[str, _Token], repr=False)

    async def token(self, connection: Connection, now: Millis, http: Http) -> str:
        """A token that lives a while yet. Raises Refused when there is none to be had."""
        credential = connection.api_key
        account = service_account(credential)
        if account is None:
            return credential
        kept = self._kept.get(credential)
        if kept is None or kept.until <= now:
            kept = await _asked(account, now, http)
            self._kept[credential] = kept
        return kept.text

    def forget(self, connection: Connection) -> None:
        """Ask anew next time: the service does not take the token."""
        self._kept.pop(connection.api_key, None)


def service_account(credential: str) -> JsonObject | None:
    """The key of a service account, if the credential is the JSON of one; else it is a token itself."""
    if not credential.startswith("{"):
        return None
    try:
        account = an_object(json.loads(credential))
    except ValueError:
        account = {}
    wanted = ("client_email", "private_key", "token_uri")
    if not all(isinstance(account.get(name), str) for name in wanted) or not is_address(account["token_uri"]):
        raise Refused(FailKind.AUTH, "the credentials of Google Cloud are not the key of a service account")
    return account


async def _asked(account: JsonObject, now: Millis, http: Http) -> _Token:
    form = urlencode({"grant_type": GRANT, "assertion": _assertion(account, now)}).encode()
    try:
        response = await http.request(
            "POST",
            account["token_uri"],
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            data=form,
            timeout=ASK_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        answer = an_object(response.json())
    except (NetError, Unreadable) as error:
        raise Refused(FailKind.TRANSIENT, f"no access token: {error}") from error
    token, life = answer.get("access_token"), answer.get("expires_in")
    if response.status == 200 and isinstance(token, str) and isinstance(life, int):
        return _Token(token, Millis(now + max(0, life - SPARE_SECONDS) * 1000))
    said = quoted(str(answer.get("error_description") or answer.get("error") or ""), account["private_key"])
    kind = FailKind.AUTH if 400 <= response.status < 429 else FailKind.TRANSIENT
    raise Refused(kind, f"no access token: HTTP {response.status} {said}".strip())


def _assertion(account: JsonObject, now: Millis) -> str:
    """What the account says of itself, signed with its key."""
    issued = now // 1000
    head = {"alg": "RS256", "typ": "JWT", "kid": str(account.get("private_key_id") or "")}
    claims = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": account["token_uri"],
        "iat": issued,
        "exp": issued + LIFE_SECONDS,
    }
    said = f"{_encoded(head)}.{_encoded(claims)}"
    return f"{said}.{_base64(_signed(said.encode(), account['private_key']))}"


def _signed(said: bytes, key: str) -> bytes:
    # Loaded where it is needed: most installations have no service account.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        loaded = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(FailKind.AUTH, "the private key of the service account cannot be read") from error
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise Refused(FailKind.AUTH, "the private key of the service account is not an RSA key")
    return loaded.sign(said, padding.PKCS1v15(), hashes.SHA256())


def _encoded(value: JsonObject) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def project_of(connection: Connection) -> str:
    """The project to work in: the one that is configured, else the service account's own. Raises Refused."""
    account = service_account(connection.api_key) or cast(dict[str, Any], {})
    project = connection.options.get("project") or str(account.get("project_id") or "")
    if not project:
        raise Refused(FailKind.AUTH, "which project of Google Cloud? Set GOOGLE_CLOUD_PROJECT")
    return project
