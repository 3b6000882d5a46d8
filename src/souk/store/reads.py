"""Reading: a few threads with read-only connections, and single-row look-ups gathered per event-loop tick."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from souk.store import tasks
from souk.store.database import Connection, Database, Lost
from souk.store.tasks import TaskRow
from souk.words import TaskId

T = TypeVar("T")

READERS = 3


class Reads:
    """Runs reading functions off the event loop. Every call sees all that was committed before it."""

    def __init__(self, database: Database, readers: int = READERS) -> None:
        self._database = database
        self._local = threading.local()
        self._open: list[Connection] = []
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="souk-read")
        self._wanted: dict[TaskId, list[asyncio.Future[TaskRow | None]]] = {}

    async def run(self, read: Callable[[Connection], T]) -> T:
        """The answer of ``read`` on a read-only connection; once more on a fresh one if the connection broke."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, read)

    async def task(self, task_id: TaskId) -> TaskRow | None:
        """One task. Look-ups asked for in the same tick are answered by one statement."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[TaskRow | None] = loop.create_future()
        if not self._wanted:
            loop.call_soon(self._gather, loop)
        self._wanted.setdefault(task_id, []).append(future)
        return await future

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        for connection in self._open:
            connection.close()

    def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        wanted, self._wanted = self._wanted, {}
        ids = list(wanted)

        def read() -> None:
            found: dict[TaskId, TaskRow] | Exception
            try:
                found = self._run(lambda connection: tasks.fetch(connection, ids))
            except Exception as error:  # noqa: BLE001 - every waiting caller must hear of it
                found = error
            loop.call_soon_threadsafe(_answer, wanted, found)

        self._pool.submit(read)

    def _run(self, read: Callable[[Connection], T]) -> T:
        try:
            return read(self._connection())
        except Lost:
            self._drop_connection()
            return read(self._connection())

    def _drop_connection(self) -> None:
        """Let go of this thread's broken connection."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            self._open.remove(connection)
            connection.close()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._database.connect(read_only=True)
            self._local.connection = connection
            self._open.append(connection)
        return connection


def _answer(
    wanted: dict[TaskId, list[asyncio.Future[TaskRow | None]]], found: dict[TaskId, TaskRow] | Exception
) -> None:
    for task_id, futures in wanted.items():
        for future in futures:
            if future.done():
                continue
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(found.get(task_id))
