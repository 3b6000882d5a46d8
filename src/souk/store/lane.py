"""The write lane: one thread and one connection that commit whatever waits as one transaction.

Every change of state in a process goes through it. Callers hand in operations of a *kind*; the lane groups what is
waiting by kind, runs each kind's handler once over its whole set, commits, and only then answers. No timed window:
what comes in one turn of the event loop is handed on together, and while one transaction is being committed, the next
batch gathers.
"""

import asyncio
import logging
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from souk.store import balances
from souk.store.database import Connection, Database, DatabaseError, Lost, Retry
from souk.store.statement import Dialect, Statement

log = logging.getLogger("souk.lane")

Op = TypeVar("Op")
Answer = TypeVar("Answer")

MAX_BATCH = 512
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, MAX_BATCH)
RETRIES = 20
RETRY_SECONDS = 0.02
RECONNECT_SECONDS = 0.5
SWITCH_SECONDS = 0.0005

_READ_MARK = Statement("SELECT batch FROM lane_marks WHERE lane = :lane {for_update}")
_WRITE_MARK = Statement(
    "INSERT INTO lane_marks (lane, batch) VALUES (:lane, :batch) "
    "ON CONFLICT (lane) DO UPDATE SET batch = excluded.batch"
)
_DROP_MARK = Statement("DELETE FROM lane_marks WHERE lane = :lane")
_DROP_OLD_MARKS = Statement("DELETE FROM lane_marks WHERE batch < :before")
_DAY_MS = 86_400_000
_STALE_MARK_MS = _DAY_MS
"""A lane that wrote nothing for so long makes sure of its mark before it writes again."""
KEPT_MARK_MS = 7 * _DAY_MS
"""A mark this old is that of a process which was killed, or will be made anew."""


def drop_old_marks(connection: Connection, now: int) -> None:
    """Remove the marks of lanes that wrote nothing for days."""
    connection.run(_DROP_OLD_MARKS, {"before": now - KEPT_MARK_MS})


class Busy(Exception):
    """More writes wait than the lane takes; try again shortly."""


class GaveUp(DatabaseError):
    """The database could not be used for so long that the lane stopped trying. No operation is at fault."""


@dataclass(frozen=True)
class Kind(Generic[Op, Answer]):
    """A kind of write: its name (for metrics) and the function that carries out a set of them.

    ``handle(connection, ops)`` returns one answer per operation, in order; an answer that is an exception is raised
    to that caller alone and does not undo the others. ``order`` fixes the sequence of kinds inside one transaction,
    so that every process takes row locks the same way round.
    """

    name: str
    order: int
    handle: Callable[[Connection, Sequence[Op]], Sequence[Answer | Exception]]
    account: Callable[[Op], int] | None = None
    """Whose balance an operation changes. All balances of a transaction are locked at its beginning: several kinds
    change them, and each in its own turn would take them in no order over all."""
    balances_first: bool = False
    """The handler begins by locking them: a transaction of this kind only needs no other lock."""
    alone: bool = False
    """What is rare gets a transaction for each operation where processes share a database: it may then lock what it
    likes, for it waits with nothing in its hands that others wait for."""


@dataclass(slots=True)
class _Pending:
    kind: Kind[Any, Any]
    op: Any
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    answer: Any = None


@dataclass
class LaneStats:
    """Counters a metrics page reads."""

    batches: int = 0
    operations: int = 0
    retries: int = 0
    largest: int = 0
    seconds: float = 0.0
    sizes: list[int] = field(default_factory=lambda: [0] * len(BATCH_SIZES))
    """Transactions by their number of writes: up to ``BATCH_SIZES[0]``, up to ``BATCH_SIZES[1]`` and so on."""

    def count(self, writes: int, seconds: float) -> None:
        """A transaction of that many writes was carried out."""
        self.batches += 1
        self.operations += writes
        self.largest = max(self.largest, writes)
        self.seconds += seconds
        self.sizes[bisect_left(BATCH_SIZES, writes)] += 1


class Lane:
    """The process's only writer. Start it, ``await write(kind, op)``, close it."""

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        limit: int = 4096,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``sleep`` passes the seconds before the database is tried again."""
        self._database = database
        self._name = name
        self._limit = limit
        self._sleep = sleep
        self._waiting: SimpleQueue[_Pending | None] = SimpleQueue()
        """None wakes the thread that is to end."""
        self._fresh: list[_Pending] = []
        """What came in this turn of the event loop."""
        self._handing = threading.Lock()
        self._closing = False
        self._batch_number = time.time_ns() // 1_000_000
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="souk-lane", daemon=True)
        self.stats = LaneStats()

    def start(self) -> None:
        # Between its statements the lane needs the interpreter lock back from a busy event loop. Python's own
        # interval of 5 ms would cost a batch that much at every statement.
        sys.setswitchinterval(SWITCH_SECONDS)
        self._connection = self._database.connect()
        if self._connection.dialect is Dialect.POSTGRESQL:
            # The mark must exist before the first batch: a lane that reconnects waits at its row for a commit still
            # under way. Were there no row to wait at, the batch would be run a second time.
            self._write_mark(self._connection)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Operations that wait."""
        return self._waiting.qsize() + len(self._fresh)

    async def write(self, kind: Kind[Op, Answer], op: Op, *, bounded: bool = False) -> Answer:
        """Carry out one operation and return its answer after the commit; raises as :meth:`put` does."""
        return await self.put(kind, op, bounded=bounded)

    def put(self, kind: Kind[Op, Answer], op: Op, *, bounded: bool = False) -> "asyncio.Future[Answer]":
        """Hand in one operation; its answer comes after the commit.

        Those that are handed in within one turn of the event loop mostly share a transaction, and a later one never has
        an earlier transaction, unless its kind is ``alone``. ``bounded`` operations (those a client can flood) raise
        :class:`Busy` when too many already wait.
        """
        if bounded and self.depth >= self._limit:
            raise Busy
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        # Were the thread woken for the first of them, it would fight the loop for the interpreter, and commit a few.
        with self._handing:
            if self._closing:
                raise DatabaseError("the store is closed")
            expected = bool(self._fresh) and self._fresh[-1].loop is loop
            self._fresh.append(_Pending(kind, op, future, loop))
        if not expected:
            loop.call_soon(self._hand_on)
        return future

    def _hand_on(self) -> None:
        """Let the thread have what came in this turn."""
        with self._handing:
            fresh, self._fresh = self._fresh, []
            for pending in fresh:
                self._waiting.put(pending)

    def close(self) -> None:
        """Commit what waits, then stop. For the thread that writes: nothing of its own comes after that."""
        with self._handing:
            self._closing = True
        self._hand_on()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()
        if self._connection is not None:
            if self._connection.dialect is Dialect.POSTGRESQL:
                self._forget_mark()
            self._connection.close()

    def _forget_mark(self) -> None:
        try:
            if self._connection is not None:
                self._connection.run(_DROP_MARK, {"lane": self._name})
        except DatabaseError as error:
            log.debug("lane mark stays behind", extra={"reason": str(error)})

    def _run(self) -> None:
        more = True
        while more:
            batch, more = self._gathered()
            for part in self._parts(batch):
                started = time.perf_counter()
                self._carry_out(part)
                self.stats.count(len(part), time.perf_counter() - started)

    def _gathered(self) -> tuple[list[_Pending], bool]:
        """What waits, as soon as there is something; False when nothing comes after it."""
        batch: list[_Pending] = []
        while (pending := self._waiting.get()) is not None:
            batch.append(pending)
            if len(batch) == MAX_BATCH or self._waiting.empty():
                return batch, True
        return batch, False

    def _parts(self, batch: list[_Pending]) -> list[list[_Pending]]:
        """What shares a transaction."""
        if not batch:
            return []
        if self._database.dialect is Dialect.SQLITE or not any(pending.kind.alone for pending in batch):
            return [batch]
        together = [pending for pending in batch if not pending.kind.alone]
        parts = [[pending] for pending in batch if pending.kind.alone]
        return [*parts, together] if together else parts

    def _carry_out(self, batch: list[_Pending]) -> None:
        """Commit the batch; if it cannot be, halve it until the one operation at fault stands alone."""
        try:
            self._commit(batch)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises belongs to the caller of that operation
            if len(batch) == 1 or isinstance(error, GaveUp):
                for pending in batch:
                    pending.answer = error
                _resolve(batch)
                return
            middle = len(batch) // 2
            self._carry_out(batch[:middle])
            self._carry_out(batch[middle:])
        else:
            _resolve(batch)

    def _commit(self, batch: list[_Pending]) -> None:
        for attempt in range(RETRIES):
            try:
                self._transact(batch)
            except Retry:
                self.stats.retries += 1
                self._roll_back()
                self._sleep(RETRY_SECONDS * attempt)
            except Lost as error:
                self.stats.retries += 1
                log.warning("database connection lost", extra={"reason": str(error)})
                if self._reconnect_and_check():
                    return
            except BaseException:
                self._roll_back()
                raise
            else:
                return
        raise GaveUp("the database stayed busy; try again")

    def _transact(self, batch: list[_Pending]) -> None:
        connection = self._connection
        if connection is None:
            raise Lost("no connection")
        # A number no batch had before, that also tells when the lane was last alive.
        last, now = self._batch_number, time.time_ns() // 1_000_000
        self._batch_number = max(last + 1, now)
        marked = connection.dialect is Dialect.POSTGRESQL
        if marked and now - last > _STALE_MARK_MS:
            connection.run(_WRITE_MARK, {"lane": self._name, "batch": last})
        connection.begin()
        groups = _by_kind(batch)
        if marked:
            self._write_mark(connection)
            _lock_balances(connection, groups)
        for kind, group in groups:
            answers = kind.handle(connection, [pending.op for pending in group])
            for pending, answer in zip(group, answers, strict=True):
                pending.answer = answer
        connection.commit()

    def _write_mark(self, connection: Connection) -> None:
        connection.run(_WRITE_MARK, {"lane": self._name, "batch": self._batch_number})

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.rollback()
        except DatabaseError:
            self._reconnect()

    def _reconnect(self) -> None:
        while True:
            try:
                if self._connection is not None:
                    self._connection.close()
                self._connection = self._database.connect()
            except DatabaseError as error:
                if self._closing:
                    raise GaveUp("the store was closed while the database could not be reached") from error
                log.warning("database unreachable, trying again", extra={"reason": str(error)})
                self._sleep(RECONNECT_SECONDS)
            else:
                return

    def _reconnect_and_check(self) -> bool:
        """Reconnect; True if the batch under way when the connection broke is in the database after all.

        Reading the mark with a row lock waits for the broken transaction to end on the server first.
        """
        while True:
            self._reconnect()
            if self._connection is None or self._connection.dialect is Dialect.SQLITE:
                return False
            try:
                self._connection.begin()
                rows = self._connection.run(_READ_MARK, {"lane": self._name})
                self._connection.rollback()
            except DatabaseError as error:
                log.warning("database connection lost again", extra={"reason": str(error)})
                self._sleep(RECONNECT_SECONDS)
            else:
                return bool(rows) and rows[0][0] == self._batch_number


def _lock_balances(connection: Connection, groups: list[tuple[Kind[Any, Any], list[_Pending]]]) -> None:
    if len(groups) == 1 and groups[0][0].balances_first:
        return
    accounts = {
        account(pending.op) for kind, group in groups if (account := kind.account) for pending in group
    }
    if accounts:
        balances.lock_all(connection, accounts)


def _by_kind(batch: list[_Pending]) -> list[tuple[Kind[Any, Any], list[_Pending]]]:
    groups: dict[str, tuple[Kind[Any, Any], list[_Pending]]] = {}
    for pending in batch:
        groups.setdefault(pending.kind.name, (pending.kind, []))[1].append(pending)
    return sorted(groups.values(), key=lambda group: group[0].order)


def _resolve(batch: list[_Pending]) -> None:
    """Answer all callers, with one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Pending]] = {}
    for pending in batch:
        by_loop.setdefault(pending.loop, []).append(pending)
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer, group)
        except RuntimeError:
            log.debug("an event loop closed before its answers came", extra={"count": len(group)})


def _answer(group: list[_Pending]) -> None:
    for pending in group:
        if pending.future.done():
            continue
        if isinstance(pending.answer, Exception):
            pending.future.set_exception(pending.answer)
        else:
            pending.future.set_result(pending.answer)
