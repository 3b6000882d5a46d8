"""What a caller can do with tasks: create, look, wait, list, cancel, keep, delete, have a callback sent again."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence

from souk.accounts.auth import Authenticator, Denied, DeniedReason
from souk.assets.links import own_path
from souk.catalog.catalog import Catalog
from souk.catalog.chat_describe import chat_listing, describe_chat
from souk.catalog.describe import describe
from souk.catalog.describe import listing as listing_of
from souk.clock import Clock
from souk.engine.bell import Bell
from souk.ids import RandomBits, new_task_id
from souk.measure import Meters
from souk.operations import ahead, changes, listing, once, waiting
from souk.operations.create import Limits, NewTask
from souk.operations.drafts import Checked, Drafts, bounds_of, task_row
from souk.operations.records import Record, RecordPage, record_of, stages_of
from souk.operations.stories import Story, story_of
from souk.operations.types import (
    Caller,
    CancelAnswer,
    Created,
    Draft,
    Estimate,
    Reason,
    Refusal,
)
from souk.store import assets, idempotency, pieces
from souk.store.assets import AssetRow
from souk.store.idempotency import Bound
from souk.store.lane import Lane
from souk.store.pieces import Piece
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import Credits, JsonObject, Mode, TaskId

log = logging.getLogger("souk.operations")


class Operations:
    """Everything behind the wire and the command line. Refuses with :class:`~souk.operations.types.Refusal`."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        lane: Lane,
        reads: Reads,
        clock: Clock,
        random: RandomBits,
        bell: Bell,
        meters: Meters,
        authenticator: Authenticator,
        drafts: Drafts,
        limits: Limits,
        public_url: str,
        held_ahead: ahead.HeldAhead,
        expect_work: Callable[[], None],
        share_work: Callable[[], None],
        cancel_engine: Callable[[TaskId], None],
        wake_callbacks: Callable[[], None],
    ) -> None:
        self._catalog = catalog
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._random = random
        self._bell = bell
        self._meters = meters
        self._authenticator = authenticator
        self._drafts = drafts
        self._limits = limits
        self._public_url = public_url
        self._held_ahead = held_ahead
        self._expect_work = expect_work
        self._share_work = share_work
        self._cancel_engine = cancel_engine
        self._wake_callbacks = wake_callbacks

    async def authenticate(self, token: str, ip: str) -> Caller:
        """Who a key belongs to."""
        try:
            identity = await self._authenticator.identify(token, ip)
        except Denied as denied:
            reason = Reason.IP_DENIED if denied.reason is DeniedReason.ADDRESS else Reason.UNAUTHORIZED
            raise Refusal(reason, denied.message) from denied
        return Caller(
            account_id=identity.account_id,
            key_id=identity.key_id,
            mode=identity.mode,
            scope=identity.scope,
            name=f"{identity.account}/{identity.key}",
            segment=identity.segment,
            max_waiting=identity.max_waiting,
            rate_creates=identity.rate_creates,
        )

    # --- creating --------------------------------------------------------------------------------

    async def create(self, caller: Caller, draft: Draft) -> Created:
        """Make a task: when this returns, it exists and its credits are held."""
        try:
            created = await self._create(caller, draft)
        except Refusal as refusal:
            self._meters.create(refusal.reason.value)
            raise
        self._meters.create("replayed" if created.replayed else "created")
        return created

    async def _create(self, caller: Caller, draft: Draft) -> Created:
        checked = await self._drafts.check(caller, draft)
        now = self._clock.now()
        row = task_row(new_task_id(now, self._random), now, caller, draft, checked)
        bounds = bounds_of(caller, draft, checked.mode)
        new = NewTask(row, self._limits_of(caller), bounds, checked.pins, checked.late_pins)
        stored = await ahead.write_create(self._lane, new, self._held_ahead, self._expect_work)
        if not stored.replayed:
            self._share_work()
            log.info(
                "task created",
                extra={
                    "task_id": stored.task_id,
                    "model": checked.model.id,
                    "account": caller.account_id,
                    "mode": checked.mode.value,
                    "hold": stored.hold,
                },
            )
        return Created(
            stored.task_id, Credits(stored.hold), checked.mode, list(checked.warnings), stored.replayed
        )

    async def estimate(self, caller: Caller, draft: Draft) -> Estimate:
        """What a create would hold."""
        checked: Checked = await self._drafts.check(caller, draft)
        return Estimate(
            model=checked.model.id,
            hold=checked.hold,
            estimated=checked.model.price.estimated,
            mode=checked.mode,
            warnings=list(checked.warnings),
        )

    def _limits_of(self, caller: Caller) -> Limits:
        if caller.rate_creates is None and caller.max_waiting is None:
            return self._limits
        return Limits(
            self._limits.rate_creates if caller.rate_creates is None else caller.rate_creates,
            self._limits.unfinished if caller.max_waiting is None else caller.max_waiting,
        )

    # --- looking ---------------------------------------------------------------------------------

    async def record(
        self,
        caller: Caller,
        task_id: str,
        *,
        dialect: str | None = None,
        wait: float = 0,
        stages: bool = False,
    ) -> Record | None:
        """A task of the caller's account and mode; None for any other id.

        Waits up to ``wait`` seconds for its end. ``stages`` asks for what it reached on the way, too.
        """
        if wait > 0:
            task = await self._ended(caller, task_id, dialect, wait)
        else:
            task = await self._own(caller, task_id, dialect)
        if task is None:
            return None
        reached = await stages_of(self._reads, task.id, self._public_url) if stages else ()
        return record_of(task, self._public_url, reached)

    async def refuse_elsewhere(self, caller: Caller, task_id: str, dialect: str) -> None:
        """Refuse to look in one wire API for a task of the caller's that another one made. Raises Refusal."""
        task = await self._own(caller, task_id, None)
        if task is not None and task.dialect != dialect:
            raise Refusal(
                Reason.UNKNOWN_TASK,
                f"this task was created through the API called {task.dialect}, whose record call has it",
                field="taskId",
                elsewhere=True,
            )

    async def piece(self, caller: Caller, piece_id: str) -> Piece | None:
        """A piece of the caller's account and mode, as long as its file lasts."""
        mode, now = self._drafts.mode_of(caller).value, self._clock.now()
        found = await self._reads.run(
            lambda connection: pieces.find(connection, caller.account_id, mode, [piece_id], now)
        )
        return found.get(piece_id)

    async def made_by(self, caller: Caller, operation: str, key: str) -> Record | None:
        """The task a create with this idempotency key made; None while the key is free."""
        mode = self._drafts.mode_of(caller)
        bound = Bound(caller.account_id, f"{operation}:{mode}", key, "")
        found = await self._reads.run(lambda connection: idempotency.find(connection, [bound]))
        return await self.record(caller, found[bound.scope][1]) if bound.scope in found else None

    async def standing(self, caller: Caller, operation: str, subject: str) -> tuple[str, TaskId | None]:
        """What ``Draft.once`` is for this subject, and the task that made it already or is making it."""
        mode = self._drafts.mode_of(caller)
        return await self._reads.run(
            lambda connection: once.standing(connection, caller.account_id, mode, operation, subject)
        )

    async def events(self, caller: Caller, task_id: str) -> AsyncIterator[Record]:
        """The task's record now and after each step, until it has ended. Nothing for an unknown id."""
        with self._bell.waiter(TaskId(task_id)) as waiter:
            task = await self._own(caller, task_id, None)
            while task is not None:
                yield record_of(task, self._public_url)
                if task.completed_at is not None:
                    return
                task = await waiting.changed(waiter, self._reads, task)

    async def list(
        self,
        caller: Caller,
        *,
        limit: int = 20,
        before: str | None = None,
        state: str | None = None,
        model: str | None = None,
    ) -> RecordPage:
        """The caller's tasks, newest first, before a task id."""
        wanted = listing.Wanted(
            caller.account_id, self._drafts.mode_of(caller).value, limit, before, state, model
        )
        rows, more = await self._reads.run(lambda connection: listing.newest(connection, wanted))
        return RecordPage([record_of(row, self._public_url) for row in rows], more)

    async def story(self, caller: Caller, task_id: str) -> Story | None:
        """All that happened to a task: attempts, callbacks and their tries, ledger entries, files."""
        task = await self._own(caller, task_id, None)
        if task is None:
            return None
        return await self._reads.run(lambda connection: story_of(connection, task, self._public_url))

    async def serves(self, url: str) -> bool:
        """Whether an address is that of a stored file which has not lapsed."""
        path = own_path(url, self._public_url)
        if path is None:
            return False
        now = self._clock.now()
        return bool(await self._reads.run(lambda connection: assets.living(connection, [path], now)))

    def mode_of(self, caller: Caller) -> Mode:
        """The mode whatever this caller asks for runs in."""
        return self._drafts.mode_of(caller)

    async def balance(self, caller: Caller) -> Credits:
        """Credits available to the caller's tasks and chats."""
        return await ahead.balance(self._reads, caller.account_id, self.mode_of(caller), self._held_ahead)

    async def file(self, caller: Caller, url: str) -> AssetRow:
        """The stored file of the caller's account and mode behind one of our links."""
        path, now = own_path(url, self._public_url), self._clock.now()
        found = await self._reads.run(
            lambda connection: assets.living(connection, [path] if path else [], now)
        )
        for row in found.values():
            # Uploads belong to no task, and so to both modes.
            of_mode = row.task_id is None or await self._own(caller, row.task_id, None) is not None
            if row.account_id == caller.account_id and of_mode:
                return row
        raise Refusal(Reason.UNKNOWN_FILE, "no file of this account is stored at this address", field="url")

    @property
    def edition(self) -> int:
        """Grows whenever the models have changed."""
        return self._catalog.edition

    def models(self, dialect: str | None = None) -> Sequence[JsonObject]:
        """Every model, or those one wire API creates, in short."""
        models = self._catalog.models.values()
        return [listing_of(model) for model in models if dialect in (None, model.dialect)]

    def model(self, name: str) -> JsonObject | None:
        """One model in full, with its price and routes; of one that makes tasks also what it takes and gives."""
        if model := self._catalog.find(name):
            return describe(model)
        chat = self._catalog.find_chat(name)
        return describe_chat(chat) if chat else None

    def chat(self, name: str) -> JsonObject | None:
        """One chat model in short, by id or alias."""
        model = self._catalog.find_chat(name)
        return chat_listing(model) if model else None

    def chats(self) -> Sequence[JsonObject]:
        """Every chat model, in short."""
        return [chat_listing(model) for model in self._catalog.chats.values()]

    # --- changing --------------------------------------------------------------------------------

    async def cancel(self, caller: Caller, task_id: str) -> CancelAnswer:
        """Ask that a task stops. Only what the engine (or the upstream) confirms is cancelled."""
        task = await self._own(caller, task_id, None)
        if task is None:
            raise unknown_task()
        if task.completed_at is not None:
            return waiting.cancel_answer(task)
        await self._lane.write(changes.CANCEL, changes.Cancel(task.id, task.account_id, self._clock.now()))
        self._cancel_engine(task.id)
        self._bell.ring(task.id)
        self._wake_callbacks()
        with self._bell.waiter(task.id) as waiter:
            return await waiting.cancelled(waiter, self._reads, self._clock, task.id)

    async def keep(self, caller: Caller, task_id: str, keep: bool) -> None:
        """Keep a task and its files past their time, or no longer."""
        task = await self._own(caller, task_id, None)
        if task is None:
            raise unknown_task()
        await self._lane.write(changes.KEEP, changes.Keep(task.id, keep))

    async def delete(self, caller: Caller, task_id: str) -> None:
        """Delete a finished task and its files now. The ledger keeps what it cost."""
        task = await self._own(caller, task_id, None)
        if task is None:
            raise unknown_task()
        await self._lane.write(changes.DELETE, task.id)

    async def redeliver(self, caller: Caller, task_id: str) -> int:
        """Send the task's callbacks again; how many that are."""
        task = await self._own(caller, task_id, None)
        if task is None:
            raise unknown_task()
        count = await self._lane.write(changes.REDELIVER, changes.Redeliver(task.id, self._clock.now()))
        self._wake_callbacks()
        return count

    # --- shared ----------------------------------------------------------------------------------

    async def _ended(
        self, caller: Caller, task_id: str, dialect: str | None, seconds: float
    ) -> TaskRow | None:
        with self._bell.waiter(TaskId(task_id)) as waiter:
            task = await self._own(caller, task_id, dialect)
            return task and await waiting.at_end(waiter, self._reads, self._clock, task, seconds)

    async def _own(self, caller: Caller, task_id: str, dialect: str | None) -> TaskRow | None:
        task = await self._reads.task(TaskId(task_id)) if is_task_id(task_id) else None
        if task is None or task.account_id != caller.account_id:
            return None
        if task.mode != self._drafts.mode_of(caller).value or dialect not in (None, task.dialect):
            return None
        return task


def is_task_id(text: str) -> bool:
    """Whether a text can be an id of ours."""
    return len(text) == 32 and text.isascii() and text.isalnum()


def unknown_task() -> Refusal:
    """Unknown, or another account's or mode's: nothing in the answer tells which."""
    return Refusal(Reason.UNKNOWN_TASK, "there is no task with this id", field="taskId")
