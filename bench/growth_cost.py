"""What single operations ask of the database: how it goes about each statement, and how many pages it reads for it.

PostgreSQL tells both (``EXPLAIN (ANALYZE, BUFFERS)``). SQLite tells its plan; its pages are those it fetches from the
file into an empty cache, counted by the bytes this process has read meanwhile.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench.growth_fill import Past
from souk.engine.steps import CLAIM, JOIN, LEAVE, Claim, Join, Lap
from souk.ids import new_task_id
from souk.operations import listing
from souk.operations.create import CREATE, Limits, NewTask
from souk.store import tasks
from souk.store.database import Connection, Database
from souk.store.statement import Dialect, Statement
from souk.words import Millis

PAGE_BYTES = 4096
NODE = "bench"


@dataclass(frozen=True)
class Cost:
    """One operation: the way each of its statements goes, and the pages all of them read."""

    plan: tuple[str, ...]
    pages: int


@dataclass
class Watched:
    """A connection that has every statement explained before it is run."""

    raw: Connection
    plan: list[str] = field(default_factory=list[str])
    pages: int = 0
    dialect: Dialect = field(init=False)

    def __post_init__(self) -> None:
        self.dialect = self.raw.dialect

    def run(self, statement: Statement, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        if self.dialect is Dialect.POSTGRESQL:
            self._explain(statement, params)
            return self.raw.run(statement, params)
        steps = self.raw.run(Statement(f"EXPLAIN QUERY PLAN {statement.text}"), params)
        self.plan.append(" / ".join(step[3] for step in steps))
        self.raw.run(Statement("PRAGMA shrink_memory"))
        before = _bytes_read()
        rows = self.raw.run(statement, params)
        self.pages += (_bytes_read() - before) // PAGE_BYTES
        return rows

    def _explain(self, statement: Statement, params: Mapping[str, Any] | None) -> None:
        # A plan is measured by carrying it out, so what it did is taken back first.
        self.raw.run(Statement("SAVEPOINT watched"))
        told = self.raw.run(
            Statement(f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {statement.text}"), params
        )
        self.raw.run(Statement("ROLLBACK TO SAVEPOINT watched"))
        top = told[0][0][0]["Plan"]
        self.plan.append(" / ".join(_steps(top)))
        self.pages += top["Shared Hit Blocks"] + top["Shared Read Blocks"]

    def begin(self) -> None:
        self.raw.begin()

    def commit(self) -> None:
        self.raw.commit()

    def rollback(self) -> None:
        self.raw.rollback()

    def close(self) -> None:
        self.raw.close()

    def cost(self) -> Cost:
        return Cost(tuple(self.plan), self.pages)

    @classmethod
    def of(cls, raw: Connection, operation: Callable[[Connection], object]) -> Self:
        """Carry out an operation in a transaction of its own and keep what it did."""
        watched = cls(raw)
        raw.begin()
        operation(watched)
        raw.commit()
        return watched


def costs(database: Database, past: Past, asked: str | None = None) -> dict[str, Cost]:
    """The cost of each operation on this database; ``asked`` is the task to ask for, if not the newest."""
    connection = database.connect()
    try:
        newest = _warm_up(connection, past)
        found = {
            name: Watched.of(connection, operation).cost()
            for name, operation in _operations(past, asked or newest).items()
        }
        LEAVE.handle(connection, [NODE])
    finally:
        connection.close()
    return found


def _warm_up(connection: Connection, past: Past) -> str:
    """Enter the node that claims and make a task; its id."""
    task = new_task(past)
    connection.begin()
    JOIN.handle(connection, [Join(NODE, NODE, past.now, past.now + 3_600_000)])
    CREATE.handle(connection, [task])
    connection.commit()
    return str(task.row["id"])


def _operations(past: Past, asked: str) -> dict[str, Callable[[Connection], object]]:
    def listed(state: str | None = None, model: str | None = None) -> Callable[[Connection], object]:
        wanted = listing.Wanted(1, "sandbox", 20, None, state, model)
        return lambda connection: listing.newest(connection, wanted)

    return {
        "create": lambda connection: CREATE.handle(connection, [new_task(past)]),
        "claim": lambda connection: CLAIM.handle(connection, [Claim(NODE, 1, past.now + 1000, Lap(), 100)]),
        "record": lambda connection: tasks.fetch(connection, [asked]),
        "list": listed(),
        "list of failed": listed(state="fail"),
        "list of running": listed(state="generating"),
        "list of a model": listed(model="suno/v5"),
    }


class _Chance:
    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(os.urandom(16)) >> (128 - k)


def new_task(past: Past) -> NewTask:
    """A create as it comes to the write lane."""
    row = {
        "id": new_task_id(Millis(past.now + 1), _Chance()),
        "account_id": 1,
        "key_id": 1,
        "mode": "sandbox",
        "dialect": "jobs",
        "model": "nano-banana-2",
        "input": '{"prompt":"A paper lantern"}',
        "callback_url": None,
        "progress_url": None,
        "client_task_id": None,
        "warnings": "",
        "created_at": past.now,
        "deadline_at": past.now + 900_000,
        "hold": 80_000,
        "price": '{"unit":"per_image","amount":80000}',
        "pins": 0,
        "hops": 0,
        "filled": None,
    }
    return NewTask(row, Limits(0, 0))


def _steps(node: dict[str, Any]) -> list[str]:
    """A plan's steps from the top: what each does, and by which table or index."""
    by = node.get("Index Name") or node.get("Relation Name") or node.get("Function Name") or ""
    below = [step for child in node.get("Plans", ()) for step in _steps(child)]
    return [f"{node['Node Type']} {by}".strip(), *below]


def _bytes_read() -> int:
    """What this process has read from files so far, from the disk or from the system's memory."""
    return int(Path("/proc/self/io").read_text().split(None, 2)[1])
