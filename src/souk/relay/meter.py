"""Metering chat: requests are admitted against credits their key already holds, and settled in memory.

Credits are held in *blocks*, one open block per key and process (:mod:`souk.accounts.blocks`). Admitting and settling
touch the database only when a block runs out; what was spent is written down about once a second. A process that is
killed loses what its requests cost since then: that is the operator's loss, never the user's.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from souk.accounts.blocks import (
    EXCHANGE_BLOCKS,
    FLUSH_BLOCKS,
    SWEEP_BLOCKS,
    Ask,
    Back,
    Exchange,
    Exchanged,
    Short,
    Sweep,
)
from souk.clock import Clock
from souk.ids import RandomBits, new_task_id
from souk.operations.types import Caller, Reason, Refusal
from souk.relay.block import Block, Ticket, Waiting
from souk.relay.expenses import Expenses
from souk.store import blocks
from souk.store.blocks import Told
from souk.store.database import DatabaseError
from souk.store.lane import Busy, Lane
from souk.store.reads import Reads
from souk.words import CREDIT, Mode

log = logging.getLogger("souk.relay")

FLUSH_SECONDS = 1.0
"""How often what was spent is written down: what a kill may cost the operator."""
LEASE_MS = 20_000
"""A block nobody told of for so long is closed by whoever sees it."""
OLDEST_MS = 60_000
"""A block is exchanged at this age, so that charges show and caps count in their hour."""
IDLE_MS = 3_000
"""A block nobody uses is given back."""
SWEEP_SECONDS = 5.0
AHEAD_SECONDS = 10.0
"""How many seconds of a key's recent cost a new block holds ahead."""
LOW_SECONDS = 3.0
"""With less than this left at its pace a key gets a new block, while it still draws on the old one."""
HEADROOM = 8
"""Requests like those that wait, for which a new block has room as well."""
YOUNG_MS = 5_000
"""A block used up before this age was too small: the next one is twice as large."""
MOST_AHEAD = 1_000 * CREDIT
"""Credits held ahead of any request, at most."""
PACE_WEIGHT = 0.3
"""How much the last second counts in a key's recent cost."""

_Key = tuple[int, Mode, int]


class Meter:
    """Admits and charges the chat requests of this process."""

    def __init__(
        self, lane: Lane, reads: Reads, clock: Clock, random: RandomBits, *, owner: str, slot: str = ""
    ) -> None:
        """``owner`` names this process and no other; ``slot`` is how all owners of its slot begin, if it has one."""
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._random = random
        self._owner = owner
        self._slot = slot
        self.expenses = Expenses(lane, reads, clock)
        self._blocks: dict[_Key, Block] = {}
        self._at_work: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None
        self._beaten_at = clock.monotonic()
        self._swept_at = float("-inf")
        self._closing = False

    def start(self) -> None:
        """Begin to write down what is spent, and to close what dead processes left."""
        self._beating = asyncio.create_task(self._beat_on())

    async def close(self) -> None:
        """Write everything down and give every block back. Requests still running are not charged any more."""
        self._closing = True
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        while self._at_work:
            await asyncio.gather(*self._at_work, return_exceptions=True)
        open_blocks = [block for block in self._blocks.values() if block.id]
        for block in open_blocks:
            if block.reserved:
                log.warning("stopped before a chat request was settled", extra={"key": block.key_id})
            self._begin(block, self._give_back(block))
        await asyncio.gather(*self._at_work)
        self._blocks.clear()
        await self._close_expenses()

    async def admit(self, caller: Caller, mode: Mode, bound: int) -> Ticket:
        """Leave for a request that costs at most ``bound`` units of 0.0001 credit.

        Raises Refusal when the account's credits or the key's caps do not allow it. Does not suspend while the key's
        block has room, nor for a request that costs nothing.
        """
        if bound <= 0:
            return Ticket(None, 0)
        block = self._blocks.get((caller.account_id, mode, caller.key_id))
        if block is not None and block.take(bound):
            return Ticket(block, bound)
        return await self._wait(caller, mode, bound)

    async def flush(self, account_id: int | None = None) -> None:
        """Write down what was spent, of one account or all, so that a balance read next shows it."""
        now = self._clock.now()
        due = [
            block
            for block in self._chosen(account_id)
            if block.id and not block.moving and _to_tell(block, now)
        ]
        if not due:
            return
        told = [Told(block.id, block.spent, now + LEASE_MS) for block in due]
        still_open = await self._lane.write(FLUSH_BLOCKS, told)
        for block, line in zip(due, told, strict=True):
            if block.id != line.block:
                continue
            if line.block in still_open:
                block.told, block.renewed_at = line.spent, now
            elif not block.moving:
                self._lose(block, line.spent)

    async def give_way(self, account_id: int, *, but: Block | None = None) -> bool:
        """Give back what an account's blocks hold and nobody uses; whether there was anything."""
        tasks = [
            self._begin(block, self._shrink(block))
            for block in self._chosen(account_id)
            if block is not but and block.id and not block.moving and block.free > 0
        ]
        if tasks:
            await asyncio.wait(tasks)
        return bool(tasks)

    async def beat(self) -> None:
        """One round: write down, exchange what is old, give back what is idle, close what dead processes left."""
        now, moment = self._clock.now(), self._clock.monotonic()
        self._measure(moment - self._beaten_at, now)
        self._beaten_at = moment
        await asyncio.gather(self.flush(), self.expenses.flush())
        tasks = [task for block in list(self._blocks.values()) if (task := self._see_to(block, now))]
        if tasks:
            await asyncio.wait(tasks)
        self._forget(now)
        if moment - self._swept_at >= SWEEP_SECONDS:
            await self._sweep(now, first=self._swept_at == float("-inf"))
            self._swept_at = moment

    async def _beat_on(self) -> None:
        while True:
            try:
                await self.beat()
            except Exception as error:  # noqa: BLE001 - the next round may go well, and there must be one
                reason = str(error) if isinstance(error, DatabaseError) else repr(error)
                log.warning("chat's blocks of credits could not be seen to", extra={"reason": reason})
            await self._clock.sleep(FLUSH_SECONDS)

    async def _close_expenses(self) -> None:
        try:
            await self.expenses.close()
        except (DatabaseError, Busy) as error:
            log.warning(
                "what chat has cost its connections is not written down", extra={"reason": str(error)}
            )

    # --- waiting for a block -----------------------------------------------------------------------

    async def _wait(self, caller: Caller, mode: Mode, bound: int) -> Ticket:
        if self._closing:
            raise Refusal(Reason.BUSY, "this server is stopping; try again", retry_after=1.0)
        block = self._blocks.setdefault(
            (caller.account_id, mode, caller.key_id), Block(caller.account_id, mode.value, caller.key_id)
        )
        waiting = Waiting(bound, asyncio.get_running_loop().create_future())
        block.waiting.append(waiting)
        if not block.moving:
            self._begin(block, self._fill(block))
        try:
            return await waiting.ticket
        except asyncio.CancelledError:
            if waiting.ticket.done() and not waiting.ticket.cancelled() and not waiting.ticket.exception():
                waiting.ticket.result().cancel()
            raise

    async def _fill(self, block: Block) -> None:
        """Exchange the block for larger ones until nobody waits."""
        made_room = False
        while block.waiting:
            bounds = [each.bound for each in block.waiting]
            short = await self._exchange(block, self._ask(block, min(bounds), sum(bounds)))
            block.shut = False
            block.serve()
            block.shut = True
            if short is None:
                continue
            if not made_room and await self.give_way(block.account_id, but=block):
                made_room = True
                continue
            block.refuse(partial(_refusal, short), at_least=min(bounds))

    def _ask(self, block: Block, need: int, asked: int) -> Ask:
        """For a block that covers what runs and what waits, and some seconds more at the key's recent pace."""
        return self._asking(block, need, asked, self._ahead(block, asked * HEADROOM))

    def _ahead(self, block: Block, more: int) -> int:
        young = self._clock.now() - block.opened_at < YOUNG_MS
        at_pace = int(block.pace * AHEAD_SECONDS) + block.reserved
        return min(MOST_AHEAD, max(at_pace, block.owed * (2 if young else 1) + more))

    def _asking(self, block: Block, need: int, asked: int, ahead: int) -> Ask:
        now = self._clock.now()
        base = block.reserved if block.id else block.owed
        return Ask(new_task_id(now, self._random), self._owner, now + LEASE_MS, base, need, asked, ahead)

    async def _exchange(self, block: Block, ask: Ask | None) -> Short | None:
        now = self._clock.now()
        back = Back(block.id, block.spent) if block.id else None
        spent, told = (block.spent, block.told) if back else (0, 0)
        exchange = Exchange(block.account_id, block.mode, block.key_id, now, back, ask)
        answer: Exchanged = await self._lane.write(EXCHANGE_BLOCKS, exchange, bounded=ask is not None)
        if answer.lost:
            _tell_of_loss(block, spent - told)
        if answer.short is None or answer.lost:
            block.exchanged(ask.id if ask else "", answer.amount, spent, now)
        return answer.short

    # --- keeping blocks ------------------------------------------------------------------------------

    def _see_to(self, block: Block, now: int) -> asyncio.Task[None] | None:
        """Begin what a block needs, if anything."""
        if block.moving:
            return None
        if not block.id:
            return self._begin(block, self._cover(block)) if block.owed else None
        if _is_idle(block, now):
            return self._begin(block, self._give_back(block))
        if _is_old(block, now) or _is_low(block, now):
            return self._begin(block, self._renew(block), shut=False)
        return None

    async def _renew(self, block: Block) -> None:
        """Exchange a block that runs low or is old. Requests go on drawing on it, and the new one covers them."""
        ask = self._asking(block, block.free, 0, self._ahead(block, 0))
        if await self._exchange(block, ask) is not None and _is_old(block, self._clock.now()):
            block.shut = True
            await self._shrink(block)

    async def _cover(self, block: Block) -> None:
        """Hold credits again for what runs, because the block it began on is gone."""
        if await self._exchange(block, self._ask(block, 0, 0)) is not None:
            _tell_of_loss(block, block.spent)
            block.spent = 0

    async def _shrink(self, block: Block) -> None:
        """Keep only what runs."""
        await self._exchange(block, self._asking(block, 0, 0, 0) if block.reserved else None)

    async def _give_back(self, block: Block) -> None:
        await self._exchange(block, None)

    def _lose(self, block: Block, spent: int) -> None:
        """Others closed the block, because its lease ran out while this process was stopped."""
        _tell_of_loss(block, spent - block.told)
        block.exchanged("", 0, spent, self._clock.now())

    def _begin(
        self, block: Block, work: Coroutine[Any, Any, None], *, shut: bool = True
    ) -> asyncio.Task[None]:
        """Do something with a block, while nobody is admitted if ``shut``; then see to those who came meanwhile."""
        block.moving, block.shut = True, shut
        task = asyncio.create_task(self._move(block, work))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return task

    async def _move(self, block: Block, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Busy:
            block.refuse(_busy)
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must hear of it
            log.warning("credits for chat could not be exchanged", extra={"reason": repr(error)})
            block.refuse(_not_now)
        block.moving = block.shut = False
        block.serve()
        if block.waiting:
            self._begin(block, self._fill(block))

    def _measure(self, seconds: float, now: int) -> None:
        for block in self._blocks.values():
            if block.used:
                block.used, block.used_at = False, now
            if seconds > 0:
                block.pace += PACE_WEIGHT * (block.earned / seconds - block.pace)
                block.earned = 0

    def _forget(self, now: int) -> None:
        for key, block in list(self._blocks.items()):
            in_use = block.id or block.owed or block.moving or block.waiting or block.used
            if not in_use and now - block.used_at >= IDLE_MS:
                del self._blocks[key]

    async def _sweep(self, now: int, *, first: bool) -> None:
        slot = self._slot if first else ""
        if slot or await self._reads.run(lambda connection: blocks.any_lapsed(connection, now)):
            closed = await self._lane.write(SWEEP_BLOCKS, Sweep(now, self._owner, slot))
            if closed:
                log.info("closed blocks of credits that were left behind", extra={"blocks": closed})

    def _chosen(self, account_id: int | None) -> Iterable[Block]:
        found = self._blocks.values()
        return found if account_id is None else [block for block in found if block.account_id == account_id]


def _to_tell(block: Block, now: int) -> bool:
    return block.spent != block.told or now - block.renewed_at >= LEASE_MS // 3


def _is_old(block: Block, now: int) -> bool:
    return now - block.opened_at >= OLDEST_MS


def _is_low(block: Block, now: int) -> bool:
    """Whether it will not last. One that is opened just now has what could be had."""
    low = int(block.pace * LOW_SECONDS) + block.reserved
    return block.free < low and now - block.opened_at >= LOW_SECONDS * 1000


def _is_idle(block: Block, now: int) -> bool:
    return not block.reserved and not block.used and now - max(block.used_at, block.opened_at) >= IDLE_MS


def _tell_of_loss(block: Block, amount: int) -> None:
    log.warning(
        "a block of credits was closed while this process was stopped; what chat cost since then is not charged",
        extra={"account": block.account_id, "key": block.key_id, "credits": amount / CREDIT},
    )


def _busy(_bound: int) -> Refusal:
    return Refusal(Reason.BUSY, "too many requests wait for credits; try again shortly", retry_after=1.0)


def _not_now(_bound: int) -> Refusal:
    return Refusal(Reason.BUSY, "the credits could not be held just now; try again shortly", retry_after=1.0)


def _refusal(short: Short, bound: int) -> Refusal:
    if short.unknown:
        return Refusal(Reason.UNAUTHORIZED, "this key or its account no longer exists")
    if short.cap is not None:
        return Refusal(
            Reason.KEY_CAP,
            f"this request would exceed the key's {short.cap} cap; raise the cap or use another key",
        )
    return Refusal(
        Reason.INSUFFICIENT_CREDITS,
        f"this request may cost {bound / CREDIT:g} credits and {short.available / CREDIT:g} are available; "
        "ask for fewer tokens or get more credits",
    )
