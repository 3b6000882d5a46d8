"""Millions of finished tasks behind a Souk: all the rows that one leaves, as long ago as a steady load would have."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from souk.ids import oldest_id_at
from souk.store.database import Connection, Database
from souk.store.statement import Dialect, Statement
from souk.words import Millis

DAYS = 30
SPENT_DAYS = 1
"""Whose tasks have had their time."""
DAY_MS = 86_400_000
TOOK_MS = 20_000
PART = 250_000
"""Tasks written in one transaction."""

_SERIES = {
    Dialect.SQLITE: "(WITH RECURSIVE n(i) AS (SELECT :begin UNION ALL SELECT i + 1 FROM n WHERE i < :stop - 1) "
    "SELECT i, :first + i * :every / 1000 AS at, "
    "printf('%012x7', :first + i * :every / 1000) || substr(lower(hex(randomblob(10))), 2) AS chance FROM n) AS n",
    Dialect.POSTGRESQL: "(SELECT i, :first + CAST(i AS bigint) * :every / 1000 AS at, "
    "lpad(to_hex(:first + CAST(i AS bigint) * :every / 1000), 12, '0') || '7' || "
    "right(replace(gen_random_uuid()::text, '-', ''), 19) AS chance FROM generate_series(:begin, :stop - 1) AS i) AS n",
}
_ID = {
    Dialect.SQLITE: "printf('%012x7%019x', at, i)",
    Dialect.POSTGRESQL: "lpad(to_hex(at), 12, '0') || '7' || lpad(to_hex(i), 19, '0')",
}
_TASKS = """
    INSERT INTO tasks (id, account_id, key_id, mode, dialect, model, state, input, created_at, updated_at, completed_at,
      deadline_at, due_at, epoch, attempts, connection, upstream_model, ref, hold, price, captured, result)
    SELECT {id}, 1, 1, 'sandbox', 'jobs', 'nano-banana-2', 'success',
      '{{"prompt":"A paper lantern floating over a quiet harbour at dusk, soft mist","aspect_ratio":"16:9"}}',
      at, at + :took, at + :took, at + 900000, 0, 1, 1, 'kie', 'nano-banana-2', chance, 80000,
      '{{"unit":"per_image","amount":80000}}',
      80000, '{{"resultUrls":["souk:///' || :segment || '/' || chance || '.png"]}}'
    FROM {series}
"""
_OF_TASKS = (
    """
    INSERT INTO ledger (account_id, mode, kind, amount, task_id, side, key_id, created_at)
    SELECT 1, 'sandbox', CASE side WHEN 0 THEN 'hold' ELSE 'capture' END, 80000, id, side, 1, created_at + side * :took
    FROM tasks CROSS JOIN (SELECT 0 AS side UNION ALL SELECT 1) AS sides WHERE id >= :since AND id < :end
    """,
    """
    INSERT INTO attempts (id, task_id, number, connection, upstream_model, started_at, submitted_at, ended_at, ref,
      verdict, request)
    SELECT ref, id, 1, 'kie', model, created_at, created_at, completed_at, ref, 'done',
      'aspect_ratio (4), output_format (3), prompt (76), resolution (2)'
    FROM tasks WHERE id >= :since AND id < :end
    """,
    """
    INSERT INTO assets (id, account_id, task_id, kind, number, path, name, media_type, size, sha256, width, height,
      created_at, expires_at)
    SELECT ref, 1, id, 'result', 0, :segment || '/' || ref || '.png', '', 'image/png',
      72935, ref || ref, 1376, 768, completed_at, completed_at + :kept
    FROM tasks WHERE id >= :since AND id < :end
    """,
)
_SEGMENT = Statement("SELECT segment FROM accounts WHERE id = 1")
_PATHS = Statement(
    "SELECT a.path FROM tasks t JOIN assets a ON a.task_id = t.id WHERE t.id < :before ORDER BY t.id"
)


@dataclass(frozen=True)
class Past:
    """Finished tasks at an even pace over the last days, each with two entries of the ledger, an attempt and a file."""

    count: int
    now: Millis
    """The end of it, in milliseconds since the epoch."""

    @property
    def first(self) -> int:
        """When the first task was made."""
        return self.now - DAYS * DAY_MS

    @property
    def every(self) -> int:
        """Microseconds from one task to the next."""
        return DAYS * DAY_MS * 1000 // self.count

    def id_of(self, number: int) -> str:
        """The id of a task, counted from 0."""
        return f"{self.first + number * self.every // 1000:012x}7{number:019x}"

    def end_of_day(self, day: int) -> str:
        """The ids of the first so many days are smaller than this."""
        return oldest_id_at(Millis(self.first + day * DAY_MS))


def fill(database: Database, past: Past) -> float:
    """Write the past into a database that has its first account; how many bytes each task takes on disk."""
    before = size(database)
    started = time.perf_counter()
    connection = database.connect()
    try:
        _make_room(connection)
        fixed = {
            "first": past.first,
            "every": past.every,
            "took": TOOK_MS,
            "kept": 2 * DAYS * DAY_MS,
            "segment": connection.run(_SEGMENT)[0][0],
        }
        for begin in range(0, past.count, PART):
            stop = min(begin + PART, past.count)
            span = {"begin": begin, "stop": stop, "since": past.id_of(begin), "end": past.id_of(stop)}
            _write(connection, {**fixed, **span})
        _settle(connection)
    finally:
        connection.close()
    print(f"{past.count:,} finished tasks written in {time.perf_counter() - started:.0f} s", flush=True)
    return (size(database) - before) / past.count


def _write(connection: Connection, values: dict[str, Any]) -> None:
    """Some of the tasks and all that hangs on them, in one transaction."""
    tasks = Statement(_TASKS.format(id=_ID[connection.dialect], series=_SERIES[connection.dialect]))
    connection.begin()
    for statement in (tasks, *map(Statement, _OF_TASKS)):
        connection.run(
            statement, {name: value for name, value in values.items() if f":{name}" in statement.text}
        )
    connection.commit()


def make_files(database: Database, past: Past, folder: Path, days: int) -> int:
    """Put an empty file where each file of the first days lies; how many there are."""
    connection = database.connect()
    try:
        paths = [row[0] for row in connection.run(_PATHS, {"before": past.end_of_day(days)})]
    finally:
        connection.close()
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return len(paths)


def size(database: Database) -> int:
    """Bytes on disk: tables and indexes, without the log of changes."""
    if database.dialect is Dialect.SQLITE:
        return database.path.stat().st_size
    with psycopg.connect(database.url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


_ROOM = {
    Dialect.SQLITE: ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-3000000"),
    Dialect.POSTGRESQL: (
        "ALTER SYSTEM SET max_wal_size = '8GB'",
        "ALTER SYSTEM SET full_page_writes = off",
        "ALTER SYSTEM SET autovacuum = off",
        "SELECT pg_reload_conf()",
    ),
}
_SETTLED = {
    Dialect.SQLITE: ("PRAGMA wal_checkpoint(TRUNCATE)",),
    Dialect.POSTGRESQL: ("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()", "VACUUM ANALYZE", "CHECKPOINT"),
}


def _make_room(connection: Connection) -> None:
    for text in _ROOM[connection.dialect]:
        connection.run(Statement(text))


def _settle(connection: Connection) -> None:
    """Leave the database as a steady load would: its pages written, its statistics as autovacuum keeps them."""
    for text in _SETTLED[connection.dialect]:
        connection.run(Statement(text))
