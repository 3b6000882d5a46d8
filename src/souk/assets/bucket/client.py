"""The client of a bucket's service: how it signs, how long it waits and how often it tries again."""

import atexit
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import S3Store

from souk.assets.bucket.place import Bucket
from souk.assets.storage import StorageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

PARTS_AT_ONCE = 2
LETTING_GO_SECONDS = 0.25
"""The client's threads drop what they returned a moment later, which must not be after Python's own end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long calls of the service may take, in seconds."""

    connect: float = 5.0
    silence: float = 60.0
    """With nothing coming back. A part being sent has to arrive within it: at 8 MiB that is 1.1 Mbit/s."""
    retrying: float = 30.0
    """After which no call that failed is tried again."""
    retries: int = 8


def opened(bucket: Bucket, patience: Patience) -> S3Store:
    """A client of this bucket. Opens no connection yet. Raises StorageError for settings it cannot use."""
    config: S3Config = {
        "endpoint": bucket.service,
        # Would otherwise be taken from the environment, and before the one above.
        "aws_endpoint_url_s3": bucket.service,
        "region": bucket.region,
        "virtual_hosted_style_request": False,
    }
    if bucket.keys is not None:
        config["access_key_id"] = bucket.keys.id
        config["secret_access_key"] = bucket.keys.secret
        if bucket.keys.token:
            config["session_token"] = bucket.keys.token
    options: ClientConfig = {
        "allow_http": bucket.service.startswith("http://"),
        "connect_timeout": timedelta(seconds=patience.connect),
        "read_timeout": timedelta(seconds=patience.silence),
        # Counts from the call to the last byte, and a slow reader may take long over a film.
        "timeout": timedelta(days=1),
    }
    if bucket.certificates is not None:
        try:
            options["root_certificate"] = bucket.certificates.read_bytes()
        except OSError as error:
            raise StorageError(
                f"SOUK_S3_CA_FILE: cannot read {bucket.certificates}: {error.strerror}"
            ) from error
    retry: RetryConfig = {
        "max_retries": patience.retries,
        "retry_timeout": timedelta(seconds=patience.retrying),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }
    _await_threads_at_exit()
    try:
        return S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            config=config,
            client_options=options,
            retry_config=retry,
        )
    except (BaseError, ValueError) as error:
        raise StorageError(f"SOUK_STORAGE_URL, SOUK_S3_ENDPOINT: {error}") from None


@cache
def _await_threads_at_exit() -> None:
    """Without this, a process that ends right after a call is aborted now and then."""
    atexit.register(time.sleep, LETTING_GO_SECONDS)
