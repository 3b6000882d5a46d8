"""The engine: a node that claims tasks, lives them side by side, shows signs of life and cleans up."""

import asyncio
import contextlib
import logging
from functools import partial

from souk.engine import retention
from souk.engine.health import HealthBook
from souk.engine.lease import Lease
from souk.engine.life import live
from souk.engine.reports import Report, from_row
from souk.engine.roads import Roads
from souk.engine.steps import BEAT, CLAIM, JOIN, LEAVE, Beat, Claim, Claimed, Join, Lap
from souk.engine.world import World
from souk.store.attempts import Attempt
from souk.store.database import DatabaseError
from souk.store.tasks import TaskRow
from souk.words import TaskId

log = logging.getLogger("souk.engine")

CLAIM_BATCH = 256
LEAVE_SECONDS = 5.0
"""How long a closing engine tries to tell that it hands its leases back."""


class Engine:
    """Start it, tell it of work by :meth:`expect` or :meth:`wake`, close it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._leases: dict[TaskId, Lease] = {}
        self._lives: dict[TaskId, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._work = asyncio.Event()
        self._lap: Lap = Lap()
        self._full = False
        """Whether the end of a task may make room for another that waits."""
        self._claiming: asyncio.Future[Claimed] | None = None
        """A claim on its way."""
        self._closing = False
        self._book = HealthBook(world.clock, world.lane, world.reads)
        self._roads = Roads(world, self._book)

    @property
    def running(self) -> int:
        """Tasks this process holds."""
        return len(self._lives)

    @property
    def has_room(self) -> bool:
        """Whether this process takes on more tasks."""
        return not self._closing and len(self._lives) < self._world.limits.slots

    @property
    def alive(self) -> bool:
        """Whether the loops that never end by themselves still run."""
        return bool(self._loops) and not any(loop.done() for loop in self._loops)

    async def start(self) -> None:
        """Enter the node, which also frees what its predecessor in the same slot held."""
        await self._join()
        self._loops = [
            asyncio.create_task(self._claim_loop(), name="souk-claim"),
            asyncio.create_task(self._beat_loop(), name="souk-beat"),
            asyncio.create_task(self._sweep_loop(), name="souk-sweep"),
        ]
        for loop in self._loops:
            loop.add_done_callback(self._loop_ended)
        self.wake()

    def wake(self) -> None:
        """There may be work to claim."""
        self._work.set()

    def expect(self) -> None:
        """A create was just handed to the lane: the claim of its task goes right behind, mostly in one transaction."""
        if self._claiming is None:
            self._ask()
        self.wake()

    def follow(self) -> None:
        """Connections may have come, gone or changed: that holds from now on, also for those who wait."""
        self._roads.follow()
        self.wake()

    def cancel(self, task_id: TaskId) -> bool:
        """A client asked to cancel a task. False if it is not in this process."""
        lease = self._leases.get(task_id)
        if lease is not None:
            lease.cancelled.set()
        return lease is not None

    def hinted(self, task_id: TaskId, attempt_id: str) -> None:
        """A report is stored about an attempt that may be under way in this process."""
        lease = self._leases.get(task_id)
        if lease is not None and lease.task.attempt_id == attempt_id:
            lease.hint.set()

    def reported(self, task_id: TaskId, report: Report) -> bool:
        """An upstream sent a webhook. False if it must be stored: its task is not here, or not known to be accepted."""
        lease = self._leases.get(task_id)
        if lease is None:
            return False
        lease.tell(report)
        return lease.task.ref is not None

    async def close(self) -> None:
        """Stop claiming, let work end for a while, then hand every lease back."""
        self._closing = True
        for loop in self._loops[:1] + self._loops[2:]:
            loop.cancel()
        if self._claiming is not None:
            self._claiming.cancel()  # what it takes is handed back with all the rest
        lives = list(self._lives.values())
        if lives:
            await asyncio.wait(lives, timeout=self._world.limits.drain_seconds)
        await self._stop_lives()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._book.close()
        # A database that is away must not hold up the end: without this word, the leases just last a little longer.
        with contextlib.suppress(TimeoutError, DatabaseError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._world.lane.write(LEAVE, self._world.node)
                self._world.share_work()

    async def _stop_lives(self) -> None:
        """End what still runs, but never between a submit mark and its stored answer."""
        while self._lives:
            for task_id, life in list(self._lives.items()):
                if not self._leases[task_id].handing_over:
                    life.cancel()
            await asyncio.wait(list(self._lives.values()), timeout=0.2)

    def _loop_ended(self, loop: asyncio.Task[None]) -> None:
        """The loops outlive every error. Should one end all the same, it must not be silent."""
        if not self._closing:
            why = "cancelled" if loop.cancelled() else repr(loop.exception())
            log.critical("engine loop ended", extra={"loop": loop.get_name(), "reason": why})

    async def _claim_loop(self) -> None:
        while not self._closing:
            self._work.clear()
            try:
                more = await self._claim()
            except Exception:
                log.exception("claiming failed")
                more = False
            if not more:
                await self._until_work()

    async def _until_work(self) -> None:
        # Not wait_for: it loses a cancel that comes with the wake-up, and the engine would never close.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._world.limits.claim_seconds):
                await self._work.wait()

    async def _claim(self) -> bool:
        """Claim what there is room for; True if there may be more at once."""
        if self._claiming is None:
            self._ask()
        if self._claiming is None:
            self._full = True
            return False
        try:
            claimed = await self._claiming
        finally:
            self._claiming = None
        self._lap = claimed.lap
        if claimed.full and not self._full:
            self._world.share_work()  # what fills the account may run elsewhere, and end there
        self._full = claimed.full
        for task in claimed.tasks:
            self._begin(task, claimed.attempts.get(task.id))
        return claimed.more

    def _ask(self) -> None:
        """Hand a claim to the lane, if there is room."""
        room = min(CLAIM_BATCH, self._world.limits.slots - len(self._lives))
        if room <= 0 or self._closing:
            return
        claim = Claim(
            owner=self._world.node,
            most=room,
            now=self._world.clock.now(),
            lap=self._lap,
            concurrency=self._world.limits.account_concurrency,
        )
        self._claiming = self._world.lane.put(CLAIM, claim)

    def _begin(self, task: TaskRow, attempt: Attempt | None) -> None:
        lease = Lease(self._world, task, attempt)
        lease.log("task claimed", logging.DEBUG, state=task.state, epoch=task.epoch)
        life = asyncio.create_task(live(lease, self._roads), name=task.id)
        self._leases[task.id] = lease
        self._lives[task.id] = life
        # No lambda: it would keep the row as it was claimed as long as the task lives.
        life.add_done_callback(partial(self._ended, task.id))

    def _ended(self, task_id: TaskId, life: asyncio.Task[None]) -> None:
        # A task may have been handed back and claimed anew before the life of its old claim noticed.
        if self._lives.get(task_id) is life:
            del self._lives[task_id]
            del self._leases[task_id]
        # Until a claim that is on its way has come back, nobody knows whether it left something waiting.
        if (self._full or self._claiming is not None) and not self._closing:
            self._work.set()

    async def _beat_loop(self) -> None:
        while True:
            await self._world.clock.sleep(self._world.limits.lease_seconds / 5)
            try:
                await self._beat()
            except Exception:
                log.exception("heartbeat failed")

    async def _beat(self) -> None:
        world = self._world
        now = world.clock.now()
        pulse = await world.lane.write(BEAT, Beat(world.node, now, now + self._lease_ms()))
        if not pulse.alive:
            await self._start_over()
        self._roads.share(pulse.nodes)
        for hint in pulse.hints:
            lease = self._leases.get(hint.task_id)
            if lease is not None:
                lease.tell(from_row(hint))
        for task_id in pulse.cancelling:
            self.cancel(task_id)
        if pulse.freed:
            self.wake()
            world.share_work()
            world.wake_callbacks("")

    async def _start_over(self) -> None:
        """This node was declared dead while it slept: its tasks are others' now."""
        log.warning("node was declared dead; starting over", extra={"node": self._world.node})
        await self._stop_lives()
        await self._world.lane.write(LEAVE, self._world.node)
        await self._join()
        self.wake()

    async def _join(self) -> None:
        world = self._world
        now = world.clock.now()
        self._roads.share(
            await world.lane.write(JOIN, Join(world.node, world.slot, now, now + self._lease_ms()))
        )

    async def _sweep_loop(self) -> None:
        world = self._world
        while True:
            await world.clock.sleep(world.limits.sweep_seconds * (0.9 + 0.2 * world.random.random()))
            try:
                await retention.sweep(world)
            except Exception:
                log.exception("sweep failed")

    def _lease_ms(self) -> int:
        return int(self._world.limits.lease_seconds * 1000)
