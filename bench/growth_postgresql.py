"""Growth on PostgreSQL: pages each operation touches, empty and with a million finished tasks."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg

from bench.growth import FINISHED
from bench.servers import KEY
from souk.engine.steps import CLAIM, Claim, Lap
from souk.house import House
from souk.operations.types import Caller, Draft
from souk.settings import Settings
from tests.postgres import fresh_database, running_cluster

ROUNDS = 200
CLONES = (
    """
    INSERT INTO tasks (id, account_id, key_id, mode, dialect, model, state, input, created_at, updated_at, completed_at,
      deadline_at, due_at, epoch, attempt_id, attempts, connection, upstream_model, hold, price, captured, result)
    SELECT '01' || lpad(to_hex(i), 30, '0'), 1, 1, 'sandbox', 'jobs', 'nano-banana-2', 'success',
      '{"prompt":"a lantern over the harbour"}', i, i, i + 20000, i + 900000, i, 1, lpad(to_hex(i), 32, '0'), 1,
      'sandbox', 'nano-banana-2', 80000, '{"unit":"per_image","amount":80000}', 80000,
      '{"resultUrls":["souk:///0123456789abcdef/' || lpad(to_hex(i), 32, '0') || '.jpg"]}'
    FROM generate_series(1, %(count)s) AS i
    """,
    """
    INSERT INTO ledger (account_id, mode, kind, amount, returned, task_id, side, key_id, created_at)
    SELECT 1, 'sandbox', CASE side WHEN 0 THEN 'hold' ELSE 'capture' END, 80000, 0, id, side, 1, created_at
    FROM tasks, generate_series(0, 1) AS side WHERE id < '0101'
    """,
    "ANALYZE",
)


def run() -> None:
    """Print pages and milliseconds of each operation, empty and full."""
    with running_cluster() as cluster, fresh_database(cluster.url("postgres"), "growth") as url:
        before = asyncio.run(_measure(url))
        started = time.perf_counter()
        with psycopg.connect(url, autocommit=True) as connection:
            for sql in CLONES:
                connection.execute(sql, {"count": FINISHED} if "%(count)s" in sql else None)  # type: ignore[arg-type]
            connection.execute("VACUUM")
        print(f"{FINISHED:,} finished tasks made in {time.perf_counter() - started:.0f} s")
        after = asyncio.run(_measure(url))
    for name, (pages, ms) in before.items():
        full_pages, full_ms = after[name]
        print(
            f"{name:<12} empty {pages:6.1f} pages {ms:6.2f} ms   full {full_pages:6.1f} pages {full_ms:6.2f} ms"
        )


async def _measure(url: str) -> dict[str, tuple[float, float]]:
    idle, _ = await _cost(url, "", 0)
    found: dict[str, tuple[float, float]] = {}
    for name in ("create", "record", "list", "claim"):
        pages, seconds = await _cost(url, name, ROUNDS)
        found[name] = ((pages - idle) / ROUNDS, seconds / ROUNDS * 1000)
    return found


async def _cost(url: str, name: str, rounds: int) -> tuple[int, float]:
    """Pages touched and seconds taken by one process from start to end: sessions report pages when they close."""
    before = _pages(url)
    settings = Settings.model_validate(
        {
            "data_dir": Path(tempfile.mkdtemp(prefix="souk-bench-")),
            "database_url": url,
            "api_key": KEY,
            "initial_credits": 1e9,
            "secret_key": KEY,
        }
    )
    house = await House.open(settings, engine=False, env={})
    try:
        caller = await house.operations.authenticate(KEY, "127.0.0.1")
        draft = Draft("nano-banana-2", {"prompt": "a lantern over the harbour"}, "jobs")
        task_id = (await house.operations.create(caller, draft)).task_id
        operation = _operations(house, caller, draft, task_id).get(name)
        started = time.perf_counter()
        for _ in range(rounds):
            assert operation is not None
            await operation()
        took = time.perf_counter() - started
    finally:
        await house.close()
    await asyncio.sleep(1)
    return _pages(url) - before, took


def _operations(
    house: House, caller: Caller, draft: Draft, task_id: str
) -> dict[str, Callable[[], Awaitable[object]]]:
    def claim() -> Awaitable[object]:
        return house.lane.write(CLAIM, Claim("bench", 1, house.clock.now(), Lap(), 0))

    return {
        "create": lambda: house.operations.create(caller, draft),
        "record": lambda: house.operations.record(caller, task_id),
        "list": lambda: house.operations.list(caller, limit=20),
        "claim": claim,
    }


def _pages(url: str) -> int:
    """Pages of tables and indexes the database has touched so far."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read) FROM pg_statio_user_tables"
        ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
