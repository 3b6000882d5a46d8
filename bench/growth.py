"""Growth: creates and records with a million finished tasks behind them, beside an empty database; and query plans."""

import re
import sqlite3
import tempfile
from pathlib import Path

from bench.jobs import create_and_record
from bench.servers import souk
from souk.store import tasks
from souk.store.statement import Dialect, Statement

FINISHED = 1_000_000
COUNT = 8_000
CLONES = (
    # One finished task of the account becomes many: same columns, ids spread over the past.
    """
    INSERT INTO tasks (id, account_id, key_id, mode, dialect, model, state, input, callback_url, created_at, updated_at,
      completed_at, deadline_at, due_at, epoch, attempt_id, attempts, connection, upstream_model, hold, price, captured,
      result)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    SELECT printf('01%030x', i), 1, 1, 'sandbox', 'jobs', 'nano-banana-2', 'success',
      '{"prompt":"a lantern over the harbour"}', NULL, i, i, i + 20000, i + 900000, i, 1, printf('%032x', i), 1,
      'sandbox', 'nano-banana-2', 80000, '{"unit":"per_image","amount":80000}', 80000,
      '{"resultUrls":["souk:///0123456789abcdef/' || printf('%032x', i) || '.jpg"]}' FROM n
    """,
    """
    INSERT INTO ledger (account_id, mode, kind, amount, returned, task_id, side, key_id, created_at)
    SELECT 1, 'sandbox', CASE side WHEN 0 THEN 'hold' ELSE 'capture' END, 80000, 0, id, side, 1, created_at
    FROM tasks, (SELECT 0 AS side UNION ALL SELECT 1) WHERE id < '0101'
    """,
    """
    INSERT INTO attempts (id, task_id, number, connection, upstream_model, started_at, ended_at, verdict)
    SELECT attempt_id, id, 1, 'sandbox', model, created_at, completed_at, 'done' FROM tasks WHERE id < '0101'
    """,
    """
    INSERT INTO assets (id, account_id, task_id, kind, number, path, name, media_type, size, sha256, width, height,
      created_at, expires_at)
    SELECT attempt_id, 1, id, 'result', 0, '0123456789abcdef/' || attempt_id || '.jpg', attempt_id || '.jpg',
      'image/jpeg', 72935, attempt_id || attempt_id, 1376, 768, completed_at, completed_at + 1209600000
    FROM tasks WHERE id < '0101'
    """,
)


def run() -> None:
    """Print latency beside that of an empty database, in interleaved runs, and plans before and after."""
    empty, full = (Path(tempfile.mkdtemp(prefix=f"souk-bench-{name}-")) for name in ("empty", "full"))
    for folder in (empty, full):
        with souk(folder, "--no-engine"):
            pass
    before = _plans(full / "souk.db")
    _fill(full / "souk.db")
    after = _plans(full / "souk.db")
    size = (full / "souk.db").stat().st_size
    print(f"{FINISHED:,} finished tasks: {size / FINISHED:,.0f} bytes each on disk")
    print("query plans unchanged" if before == after else f"query plans changed:\n{before}\n{after}")
    for _ in range(2):
        for name, folder in (("empty", empty), ("full", full)):
            with souk(folder, "--no-engine") as server:
                creates, records = create_and_record(server, COUNT)
                print(creates.line(f"createTask, {name}"))
                print(records.line(f"recordInfo, {name}"))


def _fill(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    for sql in CLONES:
        connection.execute(sql, {"count": FINISHED} if ":count" in sql else {})
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _plans(path: Path) -> dict[str, list[str]]:
    """How SQLite goes about each statement of a task's row."""
    connection = sqlite3.connect(path)
    plans: dict[str, list[str]] = {}
    for name, value in vars(tasks).items():
        if isinstance(value, Statement):
            sql = value.sql(Dialect.SQLITE)
            params = dict.fromkeys(_names(sql), "[]")
            plans[name] = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
    connection.close()
    return plans


def _names(sql: str) -> list[str]:
    return re.findall(r":([a-z_]+)", sql)
