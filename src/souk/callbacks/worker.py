"""The outbox worker: finds receivers with callbacks due and runs a lane for each; one worker per process.

The engine wakes it as it commits a callback, so delivery starts at once. What it cannot hear of (rows of
other processes, rows of one that died) it finds by looking at every receiver with pending rows now and then.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence

from souk.callbacks.delivery import LEASE_SECONDS, Deliverer, Outcome
from souk.callbacks.endpoint import EndpointLane
from souk.callbacks.message import KeysOf, Render
from souk.callbacks.schedule import Uniform
from souk.clock import Clock
from souk.net.http import Http
from souk.store import outbox, sending
from souk.store.database import DatabaseError
from souk.store.lane import Lane
from souk.store.outbox import OutboxRow
from souk.store.reads import Reads
from souk.store.sending import Claimed
from souk.words import Millis

LOOK_SECONDS = 10.0
"""How often all receivers are looked at."""
TROUBLE_SECONDS = 1.0
"""The pause after the database could not be used."""
CLOSE_SECONDS = 3.0
"""How long a closing worker waits for what it is sending, and again to hand back the rest."""


def _uncounted(_outcome: str) -> None: ...


class OutboxWorker:
    """Delivers the outbox. Start it, wake it, close it; all from one event loop.

    ``http`` should have no limit on connections over all receivers: each lane has its own.
    """

    def __init__(
        self,
        *,
        lane: Lane,
        reads: Reads,
        http: Http,
        clock: Clock,
        random: Uniform,
        render: Render,
        keys_of_account: KeysOf,
        owner: str,
        log: logging.Logger,
        count: Callable[[str], None] = _uncounted,
    ) -> None:
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._owner = owner
        self._log = log
        self._deliverer = Deliverer(lane, http, clock, random, render, keys_of_account, log, count)
        self._lanes: dict[str, tuple[EndpointLane, asyncio.Task[None]]] = {}
        self._held: dict[int, OutboxRow] = {}
        """Rows leased and not yet noted."""
        self._due: dict[str, Millis] = {}
        """When an endpoint that is not being served next has a row due, as far as is known."""
        self._in_trouble: set[str] = set()
        self._look_at = clock.now()
        self._woken = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._watch = asyncio.create_task(self._run())

    def wake(self, endpoints: Iterable[str] = ()) -> None:
        """Callbacks were enqueued, or are just being written, for these endpoints if that is known."""
        named = False
        for endpoint in endpoints:
            named = True
            self._serve(endpoint)
        if not named:
            self._look_at = self._clock.now()
            self._woken.set()

    async def close(self) -> None:
        """Finish what is being sent, for a few seconds at most, and give up the leases of the rest."""
        self._closing = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        for lane, _ in self._lanes.values():
            lane.close()
        running = [task for _, task in self._lanes.values()]
        if running:
            _, late = await asyncio.wait(running, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        # A database that is away must not hold up the end: the leases run out by themselves.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._hand_back(list(self._held.values()))

    async def _hand_back(self, rows: Sequence[OutboxRow]) -> None:
        now = self._clock.now()
        writes = [self._lane.write(sending.HAND_BACK, sending.HandBack(row, now)) for row in rows]
        for answer in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(answer, DatabaseError):
                self._log.warning("callback lease not handed back", extra={"reason": str(answer)})

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                if self._clock.now() >= self._look_at:
                    await self._look()
                now = self._clock.now()
                for endpoint in [endpoint for endpoint, at in self._due.items() if at <= now]:
                    self._serve(endpoint)
            except Exception:  # noqa: BLE001 - whatever it is, retries must go on
                self._log.exception("outbox watch failed")
                self._look_at = self._in(TROUBLE_SECONDS)
            await self._sleep_until(min([self._look_at, *self._due.values()]))

    async def _look(self) -> None:
        """Learn from the database which receivers have callbacks waiting, and since or until when."""
        self._look_at = self._in(LOOK_SECONDS)  # set before reading: waking meanwhile asks for another look
        try:
            waiting = await self._reads.run(outbox.endpoints)
        except DatabaseError as error:
            self._log.warning("outbox cannot be read", extra={"reason": str(error)})
            self._look_at = self._in(TROUBLE_SECONDS)
            return
        self._in_trouble &= waiting.keys()
        for endpoint, at in waiting.items():
            self._note(endpoint, at)

    async def _sleep_until(self, moment: Millis) -> None:
        seconds = (moment - self._clock.now()) / 1000
        if seconds <= 0:
            return
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait([sleep, woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            woken.cancel()

    def _note(self, endpoint: str, at: Millis) -> None:
        """An endpoint has a row due at this moment."""
        if at < self._due.get(endpoint, at + 1):
            self._due[endpoint] = at
            self._woken.set()

    def _serve(self, endpoint: str) -> None:
        self._due.pop(endpoint, None)
        if self._closing:
            return
        if endpoint not in self._lanes:
            lane = EndpointLane(endpoint, self._claim, self._deliver, in_trouble=endpoint in self._in_trouble)
            self._lanes[endpoint] = (lane, asyncio.create_task(self._run_lane(lane)))
        self._lanes[endpoint][0].kick()

    async def _run_lane(self, lane: EndpointLane) -> None:
        try:
            await lane.run()
        finally:
            # In the same step as the lane's end, so that no kick can fall between them.
            del self._lanes[lane.endpoint]
            change = self._in_trouble.add if lane.in_trouble else self._in_trouble.discard
            change(lane.endpoint)

    def _claim(self, endpoint: str, most: int) -> asyncio.Task[Sequence[OutboxRow]]:
        claim = sending.Claim(endpoint, most, self._owner, self._clock.now(), self._in(LEASE_SECONDS))
        return asyncio.create_task(self._claimed(endpoint, self._lane.put(sending.CLAIM, claim)))

    async def _claimed(self, endpoint: str, claiming: asyncio.Future[Claimed]) -> Sequence[OutboxRow]:
        try:
            claimed = await claiming
        except DatabaseError as error:
            self._log.warning("outbox cannot be claimed from", extra={"reason": str(error)})
            self._note(endpoint, self._in(TROUBLE_SECONDS))
            return []
        self._held.update({row.id: row for row in claimed.rows})
        if claimed.next_due is not None:
            self._note(endpoint, claimed.next_due)
        return claimed.rows

    async def _deliver(self, row: OutboxRow, turns: asyncio.Semaphore) -> bool:
        """Deliver a row and note when it wants another try. True if the receiver is in trouble."""
        try:
            outcome = await self._deliverer.deliver(row, turns)
        except DatabaseError as error:
            # Once the lease has run out, the row is sent again: at least once, not at most once.
            self._log.warning("callback not noted", extra={"task_id": row.task_id, "reason": str(error)})
            outcome = Outcome(next_try_at=row.lease_until)
        if self._held.get(row.id) is row:  # a lease that ran out may have been followed by another of ours
            del self._held[row.id]
        if outcome.next_try_at is not None:
            self._note(row.endpoint, outcome.next_try_at)
        return outcome.trouble

    def _in(self, seconds: float) -> Millis:
        return Millis(self._clock.now() + round(seconds * 1000))
