"""What went wrong at the bucket, in words that name the setting or the permission to correct.

The client's own errors carry a status and the service's XML in their text, followed by a debug dump.
"""

import re

from souk.assets.bucket.place import Bucket
from souk.assets.storage import Missing, StorageError, Unreachable

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,60})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_ASKS_FOR_ROLE = re.compile(r"/latest/(api/token|meta-data)")
"""Paths of the service that tells Amazon's machines their keys."""
_PASSING_CODES = frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout"})
_PASSING_STATUS = frozenset({"408", "429", "500", "502", "503", "504"})

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_REMEDIES = {
    "SignatureDoesNotMatch": "correct SOUK_S3_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "correct SOUK_S3_ACCESS_KEY_ID",
    "InvalidToken": "correct SOUK_S3_SESSION_TOKEN",
    "ExpiredToken": "SOUK_S3_SESSION_TOKEN has run out; give a new one, or keys that stay",
    "AccessDenied": "let the key read, write, delete and list there (docs/how-to/object-storage.md)",
    "AllAccessDisabled": "the service has closed this bucket; ask whoever runs it",
    "NoSuchBucket": "make the bucket, or correct SOUK_STORAGE_URL",
    "PermanentRedirect": "the bucket is in another region: correct SOUK_S3_REGION or SOUK_S3_ENDPOINT",
    "AuthorizationHeaderMalformed": "correct SOUK_S3_REGION",
    "RequestTimeTooSkewed": "set this machine's clock by NTP",
    "QuotaExceeded": "the bucket is full: make room, or raise its quota",
    "InvalidBucketName": "correct SOUK_STORAGE_URL",
}


def plainly(error: Exception, bucket: Bucket) -> StorageError:
    """The client's error in the storage's words."""
    text = str(error).partition("Debug source:")[0]
    status, code = _found(_STATUS, text), _found(_CODE, text)
    # A bucket that does not exist answers like a file that does not; only the code tells.
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return Missing("the file is not in storage")
    if not status and bucket.keys is None and _ASKS_FOR_ROLE.search(text):
        return StorageError(
            f"storage: {bucket.url} needs a key, and this machine has no role at Amazon; "
            "set SOUK_S3_ACCESS_KEY_ID and SOUK_S3_SECRET_ACCESS_KEY"
        )
    if not status:
        return Unreachable(f"storage: {bucket.service} does not answer as it should: {_reason(text)}")
    told = " ".join(part for part in (status, code, _found(_MESSAGE, text)) if part)
    remedy = _REMEDIES.get(code)
    if remedy is None and (status in _PASSING_STATUS or code in _PASSING_CODES):
        return Unreachable(f"storage: {bucket.url} is not available right now ({told})")
    return StorageError(f"storage: {bucket.url} refuses ({told}); {remedy or _by_status(status)}")


def lacks_conditions(error: Exception) -> bool:
    """Whether the service says that it does not know puts under a condition."""
    text = str(error)
    return _found(_STATUS, text) == "501" or _found(_CODE, text) == "NotImplemented"


def _by_status(status: str) -> str:
    if status in ("401", "403"):
        return "correct SOUK_S3_ACCESS_KEY_ID and SOUK_S3_SECRET_ACCESS_KEY, or let the key into the bucket"
    if status in ("301", "307"):
        return _REMEDIES["PermanentRedirect"]
    return "correct SOUK_STORAGE_URL, SOUK_S3_ENDPOINT and SOUK_S3_REGION"


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(1) if match else ""


def _reason(text: str) -> str:
    """The last part of the client's own message: what happened on the connection."""
    return " ".join(text.rpartition(" - ")[2].split())[:200] or "no reason is known"
