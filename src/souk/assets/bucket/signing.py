"""Signed addresses of files in a bucket: whoever has one may GET that file for a while, without a key.

Signature Version 4 in the query string, as Amazon documents it:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from souk.assets.bucket.place import Bucket, Keys
from souk.words import Millis

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST_SECONDS = 7 * 86_400
"""No service takes a longer time."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def signed_address(
    bucket: Bucket, keys: Keys, key: str, seconds: int, now: Millis, answer: Mapping[str, str]
) -> str:
    """Where this file can be had from now on for so many seconds.

    ``answer`` are headers the service is to answer with, such as ``Content-Type``.
    """
    service = urlsplit(bucket.public_service)
    host = service.hostname or ""
    if service.port and service.port != _DEFAULT_PORTS.get(service.scheme):
        host = f"{host}:{service.port}"
    path = quote(service.path + bucket.path(key), safe="/-_.~")
    moment = datetime.fromtimestamp(now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{bucket.region}/s3/aws4_request"
    asked = {f"response-{name.lower()}": value for name, value in answer.items()}
    asked |= {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.id}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(min(seconds, LONGEST_SECONDS)),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token:
        asked["X-Amz-Security-Token"] = keys.token
    query = "&".join(f"{_quoted(name)}={_quoted(asked[name])}" for name in sorted(asked))
    request = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"{ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return f"{service.scheme}://{host}{path}?{query}&X-Amz-Signature={_mark(keys.secret, scope, text)}"


def _mark(secret: str, scope: str, text: str) -> str:
    signer = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        signer = hmac.digest(signer, part.encode(), "sha256")
    return signer.hex()


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
