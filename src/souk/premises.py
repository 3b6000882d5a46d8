"""What a process stands on: its folder, its slot, where its files live, and the values it must never tell."""

import os
import random
import secrets
from collections.abc import Mapping
from pathlib import Path

from souk.clock import Clock
from souk.engine.slot import SlotLock
from souk.providers.base import Connection
from souk.providers.connections import is_secret
from souk.relay.meter import Meter
from souk.settings import Settings, SettingsError
from souk.store.lane import Lane
from souk.store.reads import Reads


def storage_folder(settings: Settings) -> Path:
    """Where this installation's files live."""
    url = settings.storage_url
    return Path(url.removeprefix("file://")) if url else settings.data_dir / "files"


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
