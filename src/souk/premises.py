"""What a process stands on: its folder, its slot, where its files live, and the values it must never tell."""

import os
import random
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from souk.assets.bucket.place import Bucket, Keys
from souk.assets.disk import DiskStorage
from souk.assets.storage import Storage
from souk.clock import Clock
from souk.engine.slot import SlotLock
from souk.measure import Meters
from souk.providers.base import Connection
from souk.providers.connections import is_secret
from souk.relay.meter import Meter
from souk.settings import LinkService, Settings, SettingsError
from souk.store.lane import Lane
from souk.store.reads import Reads

if TYPE_CHECKING:
    from souk.assets.bucket.storage import BucketStorage


def storage_of(settings: Settings, meters: Meters | None = None) -> Storage:
    """Where this installation's files live, opened. Raises SettingsError or StorageError."""
    if is_bucket(settings):
        return bucket_storage_of(settings, meters)
    if settings.links is LinkService.DIRECT:
        raise SettingsError("SOUK_LINKS: direct needs a bucket; set SOUK_STORAGE_URL=s3://…")
    return DiskStorage(storage_folder(settings))


def is_bucket(settings: Settings) -> bool:
    """Whether files live in a bucket."""
    return settings.storage_url.startswith("s3://")


def bucket_storage_of(settings: Settings, meters: Meters | None = None) -> "BucketStorage":
    """The bucket the settings name, opened. Raises SettingsError or StorageError."""
    # Loads the client of such services, which nobody else needs.
    from souk.assets.bucket.client import Patience
    from souk.assets.bucket.storage import BucketStorage

    bucket = bucket_of(settings)
    if settings.links is LinkService.DIRECT and bucket.keys is None:
        raise SettingsError("SOUK_LINKS: direct needs SOUK_S3_ACCESS_KEY_ID and SOUK_S3_SECRET_ACCESS_KEY")
    return BucketStorage(
        bucket,
        settings.data_dir / "scratch",
        patience=Patience(retrying=settings.s3_retry_seconds),
        count=(meters or Meters()).storage_call,
    )


def storage_folder(settings: Settings) -> Path:
    """Where files live on disk."""
    url = settings.storage_url
    return Path(url.removeprefix("file://")) if url else settings.data_dir / "files"


def bucket_of(settings: Settings) -> Bucket:
    """The bucket the settings name. Raises SettingsError."""
    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    if bool(key) != bool(secret):
        lacking = "SOUK_S3_SECRET_ACCESS_KEY" if key else "SOUK_S3_ACCESS_KEY_ID"
        raise SettingsError(f"{lacking}: it is missing; a key for the bucket is an id and a secret")
    keys = Keys(
        key.get_secret_value(), secret.get_secret_value(), settings.s3_session_token.get_secret_value()
    )
    return replace(
        Bucket.at(settings.storage_url),
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        keys=keys if key else None,
        certificates=settings.s3_ca_file,
    )


def make_data_dir(folder: Path) -> None:
    """Make the data folder, or say why it cannot be used. Raises SettingsError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"SOUK_DATA_DIR: cannot make the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"SOUK_DATA_DIR: cannot write in {folder}")


def take_slot(settings: Settings) -> SlotLock:
    """The slot this process runs tasks in. Raises SettingsError when SQLite has its one already."""
    slot = SlotLock(settings.data_dir / "slots")
    if settings.sqlite and not slot.first:
        slot.release()
        raise SettingsError(
            f"another souk process runs tasks in {settings.data_dir}; SQLite takes one. "
            "Set SOUK_DATABASE_URL to a PostgreSQL database to run several"
        )
    return slot


def meter_of(lane: Lane, reads: Reads, clock: Clock, process: str, slot: SlotLock | None) -> Meter:
    """What counts chats against credits in this process."""
    chance = random.Random(secrets.randbits(256))  # noqa: S311 - block ids need to be unique, not secret
    return Meter(lane, reads, clock, chance, owner=process, slot=f"{slot.name}#" if slot else "")


def secret_values(settings: Settings, connections: Mapping[str, Connection]) -> list[str]:
    """Values that must never be logged."""
    keys = [connection.api_key for connection in connections.values()]
    keys += [
        value
        for connection in connections.values()
        for option, value in connection.options.items()
        if is_secret(option)
    ]
    return [*settings.secrets, *(key for key in keys if key)]
