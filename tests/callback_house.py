"""What the callback tests share: a migrated store, rows in its outbox, a worker whose clock is turned by hand."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from souk.accounts.webhook_keys import make_webhook_key
from souk.callbacks.message import Message
from souk.callbacks.worker import OutboxWorker
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.store import deliveries, outbox
from souk.store.database import Connection, Database
from souk.store.deliveries import Delivery
from souk.store.lane import Lane
from souk.store.migrate import migrate
from souk.store.outbox import END, END_NUMBER, NewRow, OutboxRow
from souk.store.reads import Reads
from souk.words import TaskId
from tests.clock import HandClock

LOG = logging.getLogger("souk.callbacks.test")


@contextlib.contextmanager
def store(url: str) -> Iterator[Connection]:
    """A connection to a migrated database."""
    migrate(Database(url))
    connection = Database(url).connect()
    yield connection
    connection.close()


def new_row(task: str, url: str, now: int, stage: str = END, number: int = END_NUMBER) -> NewRow:
    return outbox.new_row(task, 1, url, now, stage, number)


def put(connection: Connection, *rows: NewRow) -> None:
    connection.begin()
    outbox.enqueue(connection, rows)
    connection.commit()


@dataclass
class House:
    """A store with one outbox worker."""

    clock: HandClock
    connection: Connection
    lane: Lane
    reads: Reads
    worker: OutboxWorker
    keys: list[str]
    rendered: list[OutboxRow] = field(default_factory=list[OutboxRow])
    counted: list[str] = field(default_factory=list[str])

    def put(self, *rows: NewRow) -> None:
        put(self.connection, *rows)
        self.worker.wake()

    def end(self, task: str, url: str) -> None:
        """The callback of a task that ended."""
        self.put(new_row(task, url, self.clock.now()))

    def row(self, task: str) -> OutboxRow:
        """A task's last callback, as it stands."""
        return outbox.of_task(self.connection, TaskId(task))[-1]

    def tries(self, task: str) -> list[Delivery]:
        return deliveries.of_task(self.connection, TaskId(task))

    async def settled(self, task: str, tries: int) -> OutboxRow:
        """The row once it has been tried so often and nobody holds it."""
        await until(lambda: len(self.tries(task)) >= tries and self.row(task).lease_owner is None)
        return self.row(task)


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in the database, which sends no event
            await asyncio.sleep(0.01)


async def plain_render(row: OutboxRow) -> Message | None:
    return Message(row.task_id, f'{{"taskId":"{row.task_id}","stage":"{row.stage}"}}')


@contextlib.asynccontextmanager
async def house(
    url: str,
    *,
    clock: HandClock | None = None,
    owner: str = "worker-1",
    policy: Policy = Policy.OPEN,
    render: Callable[[OutboxRow], Message | None] | None = None,
    opened: Callable[[], Sequence[str]] | None = None,
) -> AsyncIterator[House]:
    """A running worker over the database at ``url``. Sleeping ends when the clock is moved."""
    clock = clock or HandClock()
    keys = [make_webhook_key()]
    rendered: list[OutboxRow] = []
    counted: list[str] = []

    async def rendering(row: OutboxRow) -> Message | None:
        rendered.append(row)
        return render(row) if render else await plain_render(row)

    async def keys_of(_account: int) -> Sequence[str]:
        return opened() if opened else list(keys)

    with store(url) as connection, contextlib.ExitStack() as open_store:
        lane, reads = Lane(Database(url), owner), Reads(Database(url))
        lane.start()
        open_store.callback(lane.close)
        open_store.callback(reads.close)
        async with GuardedHttp.open(policy, connections=0) as http:
            worker = OutboxWorker(
                lane=lane,
                reads=reads,
                http=http,
                clock=clock,
                random=Random(1),
                render=rendering,
                keys_of_account=keys_of,
                owner=owner,
                log=LOG,
                count=counted.append,
            )
            worker.start()
            try:
                yield House(clock, connection, lane, reads, worker, keys, rendered, counted)
            finally:
                await worker.close()
