"""Webhooks of upstreams: an address for each attempt, and the way of a report from there to its task.

Once a task was accepted, a report only spares a wait: polling goes on, more seldom where reports come, so nothing is
lost with one. Before that it may be all that ever shows the acceptance, so it is stored before its sender gets an
answer. One that is late, repeated or of another attempt changes nothing.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from souk.assets.signed import Signer
from souk.clock import Clock
from souk.engine.reports import Report, to_row
from souk.store import attempts, hints
from souk.store.database import Connection
from souk.store.hints import HintRow
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.words import TaskId

if TYPE_CHECKING:
    from souk.engine.engine import Engine

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
        signer: Signer,
        public_url: str,
        engine: Callable[[], "Engine | None"],
        pass_on: Callable[[TaskId, str], None] = _nobody,
    ) -> None:
        """``pass_on`` tells other processes which attempt of which task there is news of."""
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._signer = signer
        self._public_url = public_url
        self._engine = engine
        self._pass_on = pass_on

    def address(self, attempt_id: str) -> str:
        """Where the upstream of an attempt reports; empty without a public address."""
        return f"{self._public_url}{PATH}{attempt_id}/{self._secret(attempt_id)}" if self._public_url else ""

    async def receive(self, attempt_id: str, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Take a report. False if there is no such address."""
        secrets = (mark[:SECRET_CHARACTERS] for mark in self._signer.signed(_text(attempt_id)))
        if not any(hmac.compare_digest(secret.encode(), one.encode()) for one in secrets):
            return False
        told = await self._reads.run(lambda db: attempts.task_of(db, attempt_id))
        if told is None:
            return False
        task_id, under_way = told
        report = Report(attempt_id, self._clock.now(), dict(headers), body)
        engine = self._engine()
        if under_way and (engine is None or not engine.reported(task_id, report)):
            await self._lane.write(LEAVE_HINT, to_row(task_id, report))
            self._pass_on(task_id, attempt_id)
        return True

    def _secret(self, attempt_id: str) -> str:
        return self._signer.sign(_text(attempt_id))[:SECRET_CHARACTERS]


def _text(attempt_id: str) -> str:
    return f"hook {attempt_id}"
