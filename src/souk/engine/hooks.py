"""Webhooks of upstreams: an address for each attempt, and what a report at it does to the task.

A report only ever spares a wait. Polling goes on, more seldom where reports come, so nothing is lost with one; and one
that is late, repeated or of another attempt changes nothing.
"""

import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from souk.clock import Clock
from souk.engine.job import current_job
from souk.engine.lease import Lease
from souk.providers.base import Reply, Reporting, WebhookRequest
from souk.store import attempts, hints
from souk.store.database import Connection
from souk.store.hints import HintRow
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.words import TaskId

if TYPE_CHECKING:
    from souk.engine.engine import Engine

log = logging.getLogger("souk.engine")

PATH = "/hooks/"
SECRET_CHARACTERS = 43


def _nobody(_task_id: TaskId, _attempt_id: str) -> None: ...


def _leave(connection: Connection, rows: Sequence[HintRow]) -> list[None]:
    hints.leave(connection, rows)
    return [None] * len(rows)


LEAVE_HINT: Kind[HintRow, None] = Kind("hint", 70, _leave)


class Hooks:
    """The addresses, and the door behind them."""

    def __init__(
        self,
        lane: Lane,
        reads: Reads,
        clock: Clock,
        sign: Callable[[str], str],
        public_url: str,
        engine: Callable[[], "Engine | None"],
        pass_on: Callable[[TaskId, str], None] = _nobody,
    ) -> None:
        """``pass_on`` tells other processes which attempt of which task there is news of."""
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._sign = sign
        self._public_url = public_url
        self._engine = engine
        self._pass_on = pass_on

    def address(self, attempt_id: str) -> str:
        """Where the upstream of an attempt reports; empty without a public address."""
        return f"{self._public_url}{PATH}{attempt_id}/{self._secret(attempt_id)}" if self._public_url else ""

    async def receive(self, attempt_id: str, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Take a report. False if there is no such address."""
        if not hmac.compare_digest(secret.encode(), self._secret(attempt_id).encode()):
            return False
        task_id = await self._reads.run(lambda db: attempts.task_of(db, attempt_id))
        if task_id is None:
            return False
        engine = self._engine()
        if engine is None or not await engine.reported(task_id, attempt_id, headers, body):
            await self._lane.write(LEAVE_HINT, HintRow(task_id, attempt_id, self._clock.now()))
            self._pass_on(task_id, attempt_id)
        return True

    def _secret(self, attempt_id: str) -> str:
        return self._sign(f"hook {attempt_id}")[:SECRET_CHARACTERS]


async def hear(lease: Lease, attempt_id: str, headers: Mapping[str, str], body: bytes) -> bool:
    """A report about a task of this process; True if it is about what is under way."""
    task, world = lease.task, lease.world
    connection = world.connections.get(task.connection or "")
    if task.attempt_id != attempt_id or connection is None:
        return False
    provider = world.providers.get(connection.provider)
    if not isinstance(provider, Reporting):
        return False
    job = await current_job(lease, connection)
    try:
        word = await provider.webhook(WebhookRequest(job, task.ref or "", headers, body), world.http)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a report, polling goes on
        lease.log("webhook not understood", reason=str(error))
        return False
    if isinstance(word, Reply):
        lease.word = word.verdict
    if word is not None:
        lease.hint.set()
    return word is not None
