"""The story of a task, so that no failure is opaque: attempts, callbacks and every try, ledger entries, files."""

import msgspec

from souk.assets.links import public_link
from souk.operations.records import Record, record_of
from souk.store import assets, attempts, deliveries, events, ledger_rows, outbox
from souk.store.attempts import Attempt
from souk.store.database import Connection
from souk.store.deliveries import Delivery
from souk.store.events import Event
from souk.store.ledger_rows import Entry
from souk.store.outbox import OutboxRow
from souk.store.tasks import TaskRow


class StoredFile(msgspec.Struct, frozen=True):
    """A file the task delivered."""

    url: str
    media_type: str
    size: int
    sha256: str
    expires_at: int | None


class Story(msgspec.Struct, frozen=True):
    """Everything that happened to a task."""

    record: Record
    hold: int
    keep: bool
    lease_owner: str | None
    attempts: list[Attempt]
    callbacks: list[OutboxRow]
    deliveries: list[Delivery]
    ledger: list[Entry]
    events: list[Event]
    files: list[StoredFile]


def story_of(connection: Connection, task: TaskRow, public_url: str) -> Story:
    """Gather the story of a stored task."""
    files = assets.of_tasks(connection, [task.id]).get(task.id, [])
    return Story(
        record=record_of(task, public_url),
        hold=task.hold,
        keep=bool(task.keep),
        lease_owner=task.lease_owner,
        attempts=attempts.of_task(connection, task.id),
        callbacks=outbox.of_task(connection, task.id),
        deliveries=deliveries.of_task(connection, task.id),
        ledger=ledger_rows.of_task(connection, task.id),
        events=events.of_task(connection, task.id),
        files=[
            StoredFile(
                url=public_link(row.path, public_url),
                media_type=row.media_type,
                size=row.size,
                sha256=row.sha256,
                expires_at=row.expires_at,
            )
            for row in files
        ],
    )
