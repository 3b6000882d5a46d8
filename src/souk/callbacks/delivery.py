"""Delivering one claimed row: render it if that was not done yet, send it, and note how it went."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from souk.accounts.secrets import SecretKeyError
from souk.accounts.webhook_keys import BadWebhookKey
from souk.callbacks.message import KeysOf, Message, Render, pack, unpack
from souk.callbacks.post import TRY_SECONDS, Answer, post
from souk.callbacks.schedule import Uniform, next_try
from souk.clock import Clock
from souk.net.http import Http
from souk.store import sending
from souk.store.database import DatabaseError
from souk.store.deliveries import Delivery
from souk.store.lane import Lane
from souk.store.outbox import OutboxRow
from souk.store.sending import Tried
from souk.words import Millis

LEASE_SECONDS = 60.0
"""How long a claimed row belongs to its deliverer: a try and the writes around it, with room to spare."""
SURE_SECONDS = 5.0
"""A lease this young needs no second look. An older one may be that of a process that stood still and was declared
dead: others may have told the task's end meanwhile."""


class _Try(NamedTuple):
    answer: Answer
    at: Millis
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed row."""

    trouble: bool = False
    """The receiver does badly; see :attr:`Answer.trouble`."""
    next_try_at: Millis | None = None
    """When it is tried again, if it is."""


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Everything one delivery needs."""

    lane: Lane
    http: Http
    clock: Clock
    random: Uniform
    render: Render
    keys_of: KeysOf
    log: logging.Logger
    count: Callable[[str], None]
    """Told ``delivered``, ``failed`` or ``dead`` of every try."""

    async def deliver(self, row: OutboxRow, turns: asyncio.Semaphore) -> Outcome:
        """Try a claimed row once, holding one of its receiver's turns while it is sent.

        Raises DatabaseError when the try cannot be noted: the lease then runs out.
        """
        tried = await self._tried(row, turns)
        if tried is None:
            return Outcome()
        answer = tried.answer
        delivery = Delivery(row.id, row.task_id, tried.at, tried.duration_ms, answer.status, answer.error)
        state, again = self._verdict(row, answer)
        kept = await self.lane.write(sending.TRIED, Tried(row, delivery, state, again or row.next_try_at))
        self._tell(row, delivery, kept or "lease lost")
        return Outcome(answer.trouble, again if kept == "pending" else None)

    async def _tried(self, row: OutboxRow, turns: asyncio.Semaphore) -> _Try | None:
        """As :meth:`_try`; a fault of our own counts as a failed try, so that it is not repeated for ever."""
        try:
            return await self._try(row, turns)
        except DatabaseError:
            raise
        except (BadWebhookKey, SecretKeyError) as error:
            fault = f"the callback cannot be signed: {error}"
        except Exception as error:
            self.log.exception("callback cannot be made", extra={"task_id": row.task_id})
            fault = f"the callback cannot be made ({type(error).__name__}); see the log"
        return _Try(Answer(error=fault), self.clock.now(), 0)

    async def _try(self, row: OutboxRow, turns: asyncio.Semaphore) -> _Try | None:
        """What the receiver answered; None if there was nothing to send, or no right to send it."""
        message = unpack(row.body) if row.body else await self._fixed(row)
        if message is None:
            return None
        keys = await self.keys_of(row.account_id)
        async with turns:
            at, began = self.clock.now(), self.clock.monotonic()
            if row.lease_until is None or at + TRY_SECONDS * 1000 > row.lease_until:
                return None
            leased_for = at - (row.lease_until - LEASE_SECONDS * 1000)
            if leased_for > SURE_SECONDS * 1000 and not await self._kept(row, message):
                return None
            answer = await post(self.http, row.url, message, message_id=row.message_id, keys=keys, now=at)
        return _Try(answer, at, round((self.clock.monotonic() - began) * 1000))

    async def _fixed(self, row: OutboxRow) -> Message | None:
        """The message, stored before its first byte leaves, so that every later try sends the same."""
        message = await self.render(row)
        if message is None:
            await self._drop(row)
            return None
        return message if await self._kept(row, message) else None

    async def _kept(self, row: OutboxRow, message: Message) -> bool:
        """Store the message; False if the lease was lost."""
        return await self.lane.write(sending.BODY, sending.Body(row, pack(message)))

    async def _drop(self, row: OutboxRow) -> None:
        delivery = Delivery(
            row.id, row.task_id, self.clock.now(), 0, None, "the task is gone; nothing to tell"
        )
        await self.lane.write(sending.TRIED, Tried(row, delivery, "dropped", row.next_try_at))

    def _verdict(self, row: OutboxRow, answer: Answer) -> tuple[str, Millis | None]:
        """The row's next state, and when it is tried again."""
        if answer.delivered:
            return "delivered", None
        if answer.gone:
            return "dead", None
        again = next_try(row.tries + 1, self.clock.now(), self.random, answer.retry_after)
        return ("dead", None) if again is None else ("pending", again)

    def _tell(self, row: OutboxRow, delivery: Delivery, state: str) -> None:
        """One log line per try. It names the host alone: the rest of an address often holds a secret."""
        outcome = {"delivered": "delivered", "dead": "dead"}.get(state, "failed")
        self.count(outcome)
        fields: dict[str, object] = {
            "task_id": row.task_id,
            "stage": row.stage,
            "host": urlsplit(row.endpoint).hostname or row.endpoint,
            "status": delivery.status,
            "ms": delivery.duration_ms,
            "attempt": row.tries + 1,
            "state": state,
        }
        if delivery.status is None:
            fields["reason"] = delivery.error
        level = logging.INFO if outcome == "delivered" else logging.WARNING
        self.log.log(level, f"callback {outcome}", extra=fields)  # noqa: G004 - one of three event names
