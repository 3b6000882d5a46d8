"""The engine's writes: each kind of step as a set-based transaction of the write lane."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from souk.accounts import caps, ledger
from souk.accounts.ledger import Closing
from souk.engine.routes import HERE
from souk.store import (
    assets,
    attempts,
    connections,
    endings,
    events,
    hints,
    nodes,
    outbox,
    pieces,
    pins,
    sending,
    tasks,
)
from souk.store.assets import AssetRow
from souk.store.attempts import Attempt
from souk.store.connections import DAY_MS, Spending
from souk.store.database import Connection
from souk.store.endings import Ended, Ending
from souk.store.events import NewEvent
from souk.store.hints import HintRow
from souk.store.lane import Kind
from souk.store.pieces import Piece
from souk.store.tasks import Move, TaskRow
from souk.words import Millis, TaskId, TaskState

ACCOUNTS_PER_CLAIM = 32


class Lap(msgspec.Struct, frozen=True):
    """How far a way round over the accounts has come."""

    after: int = 0
    """The last account that was looked at; 0 = the way round begins."""
    again: bool = False
    """An account got all of its share on the way and may have more."""
    full: bool = False
    """An account on the way was at its limit and may have more as soon as one of its tasks ends."""


class Claim(msgspec.Struct, frozen=True):
    """Take up to ``most`` tasks, a fair share from each of the next accounts."""

    owner: str
    most: int
    now: int
    lap: Lap
    concurrency: int
    """Tasks of one account that may run at once, unless the account has its own number; 0 = no limit."""


class Claimed(msgspec.Struct, frozen=True):
    tasks: list[TaskRow]
    lap: Lap
    """Where the next claim goes on."""
    more: bool
    """True when another claim at once may find work. After a way round that found too little, there is none."""
    full: bool
    """True when the end of a task may make room for another, of an account at its limit."""
    attempts: dict[TaskId, Attempt] = {}
    """Those under way, of tasks that another process began."""


def _claim(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    return [_with_attempts(connection, _claim_round(connection, claim)) for claim in claims]


def _with_attempts(connection: Connection, claimed: Claimed) -> Claimed:
    begun = [task.attempt_id for task in claimed.tasks if task.attempt_id and task.state != TaskState.QUEUING]
    if not begun:
        return claimed
    return msgspec.structs.replace(claimed, attempts=attempts.under_way(connection, begun))


def _claim_round(connection: Connection, claim: Claim) -> Claimed:
    if not nodes.entered(connection, claim.owner):
        return Claimed([], Lap(), more=False, full=False)
    accounts = tasks.accounts_with_work(connection, claim.lap.after, ACCOUNTS_PER_CLAIM)
    if not accounts:
        return Claimed([], Lap(), more=claim.lap.again, full=claim.lap.full)
    share = max(1, claim.most // len(accounts))
    taken: list[TaskRow] = []
    last, again, full = claim.lap.after, claim.lap.again, claim.lap.full
    for account_id in accounts:
        if len(taken) >= claim.most:
            break
        last = account_id
        own = _room(connection, account_id, claim)
        room = min(share, claim.most - len(taken), own)
        got = tasks.claim(connection, account_id, claim.owner, room, claim.now) if room > 0 else []
        again = again or len(got) == share
        full = full or len(got) >= own
        taken += got
    if last == accounts[-1] and len(accounts) < ACCOUNTS_PER_CLAIM:
        return Claimed(taken, Lap(), more=again, full=full)
    return Claimed(taken, Lap(last, again, full), more=True, full=full)


def _room(connection: Connection, account_id: int, claim: Claim) -> int:
    """How many more tasks of an account may run. None for now while another process claims for it."""
    cap = tasks.lock_concurrency(connection, account_id, claim.concurrency)
    if cap is None:
        return 0
    return cap - tasks.running(connection, account_id, cap) if cap else claim.most


class Step(msgspec.Struct, frozen=True):
    """A move within a task's life, with what it tells of the attempt."""

    move: Move
    attempt: Attempt | None = None
    event: NewEvent | None = None
    tell: str | None = None
    """The address that hears of the event."""
    account_id: int = 0
    assets: tuple[AssetRow, ...] = ()
    """Files the event tells of; their bytes are in storage."""


def _advance(connection: Connection, steps: Sequence[Step]) -> list[bool]:
    moved = tasks.advance(connection, [step.move for step in steps])
    kept = [step.attempt for step in steps if step.attempt is not None and step.move.task in moved]
    attempts.record(connection, kept)
    _tell_of_events(connection, [step for step in steps if step.event and step.move.task in moved])
    return [step.move.task in moved for step in steps]


class Mark(msgspec.Struct, frozen=True):
    """A step that puts a task on a connection with a limit of tasks in flight."""

    step: Step
    connection: str
    limit: int


def _mark(connection: Connection, marks: Sequence[Mark]) -> list[bool | None]:
    """Carry out as many as there is room for, over all processes. None for the others: nothing is written of them."""
    let_in: list[int] = []
    for name in sorted({mark.connection for mark in marks}):
        wanting = [index for index, mark in enumerate(marks) if mark.connection == name]
        limit = marks[wanting[0]].limit
        tasks.queue_for(connection, name)
        let_in += wanting[: max(0, limit - tasks.in_flight(connection, name, limit))]
    moved = dict(zip(let_in, _advance(connection, [marks[index].step for index in let_in]), strict=True))
    return [moved.get(index) for index in range(len(marks))]


def _tell_of_events(connection: Connection, steps: list[Step]) -> None:
    """Store what tasks reached, and a callback for each client that wants to hear of it."""
    told = events.insert(connection, [step.event for step in steps if step.event])
    by_task = {step.move.task: step for step in steps}
    assets.insert(connection, [row for event in told for row in by_task[event.task_id].assets])
    rows = [
        outbox.new_row(event.task_id, step.account_id, step.tell, event.at, event.stage, event.number)
        for event in told
        if (step := by_task[event.task_id]).tell
    ]
    if rows:
        outbox.enqueue(connection, rows)


class Finish(msgspec.Struct, frozen=True):
    """A task's end: its terminal state, what it delivered, and the word to its client."""

    ending: Ending
    attempt: Attempt | None = None
    assets: tuple[AssetRow, ...] = ()
    pieces: tuple[Piece, ...] = ()
    account_id: int = 0
    last_word: str = ""
    """What its receiver is told, as the outbox keeps it; empty if that is made when it is sent first."""


def finish_all(connection: Connection, finishes: Sequence[Finish]) -> list[bool]:
    """End tasks: state, ledger, counters, files, callback, in one transaction. False where the lease was lost."""
    ended: dict[str, Ended] = {
        row.id: row for row in endings.end(connection, [item.ending for item in finishes])
    }
    if not ended:
        return [False] * len(finishes)
    done = [item for item in finishes if item.ending.task in ended]
    now = Millis(done[0].ending.at)
    _settle(connection, list(ended.values()), now)
    attempts.record(connection, [item.attempt for item in done if item.attempt is not None])
    connections.spend(connection, _spendings(done, ended))
    assets.insert(connection, [row for item in done for row in item.assets])
    pieces.insert(connection, [piece for item in done for piece in item.pieces])
    pinned = [row.id for row in ended.values() if row.pins]
    if pinned:
        pins.drop(connection, pinned)
    _tell(connection, list(ended.values()), {item.ending.task: item.last_word for item in done}, now)
    return [item.ending.task in ended for item in finishes]


def _spendings(done: Sequence[Finish], ended: Mapping[str, Ended]) -> Iterator[Spending]:
    """What the operator's connections cost: as the upstream told, else as the client paid."""
    for item in done:
        attempt, row = item.attempt, ended[item.ending.task]
        if attempt is None or attempt.verdict != "done" or attempt.connection in HERE:
            continue
        cost = row.captured if attempt.cost is None else attempt.cost
        if cost:
            yield Spending(attempt.connection, item.ending.at // DAY_MS, cost)


def _settle(connection: Connection, ended: list[Ended], now: Millis) -> None:
    closings = [
        Closing(
            task_id=row.id,
            account_id=row.account_id,
            mode=row.mode,
            key_id=row.key_id,
            hold=row.hold,
            captured=row.captured,
            hold_made_at=row.created_at,
        )
        for row in ended
    ]
    ledger.close(connection, closings, now)
    caps.give_back(connection, closings, now)


def _tell(connection: Connection, ended: list[Ended], words: Mapping[str, str], now: Millis) -> None:
    """The last word to each client that left an address; earlier words not yet delivered are dropped."""
    rows = [
        outbox.new_row(row.id, row.account_id, row.callback_url, now, body=words[row.id])
        for row in ended
        if row.callback_url
    ]
    if rows:
        outbox.drop_earlier(connection, [row["task_id"] for row in rows])
        outbox.enqueue(connection, rows)


class Beat(msgspec.Struct, frozen=True):
    """A node's sign of life."""

    node: str
    now: int
    until: int


class Pulse(msgspec.Struct, frozen=True):
    alive: bool
    """False when this node was declared dead and its tasks went to others."""
    cancelling: list[TaskId]
    freed: bool
    """True when a dead node's tasks and callbacks became claimable."""
    hints: list[HintRow]
    """Upstreams have news of these tasks, as other processes were told."""
    nodes: int
    """How many engine processes are running."""


def _beat(connection: Connection, beats: Sequence[Beat]) -> list[Pulse]:
    pulses: list[Pulse] = []
    for beat in beats:
        alive = nodes.beat(connection, beat.node, beat.now, beat.until)
        gone = nodes.expired(connection, beat.now)
        _inherit(connection, gone, beat.now)
        news = hints.take(connection, beat.node, beat.now)
        running = nodes.alive(connection, beat.now)
        pulses.append(Pulse(alive, tasks.cancelling(connection, beat.node), bool(gone), news, running))
    return pulses


class Join(msgspec.Struct, frozen=True):
    node: str
    slot: str
    now: int
    until: int


def _join(connection: Connection, joins: Sequence[Join]) -> list[int]:
    """Enter nodes; how many engine processes are running then."""
    for join in joins:
        gone = nodes.join(connection, join.node, join.slot, join.now, join.until)
        _inherit(connection, gone, join.now)
    return [nodes.alive(connection, join.now) for join in joins]


def _inherit(connection: Connection, gone: Sequence[str], now: int) -> None:
    """What dead nodes held is free: their tasks, and the callbacks they were sending."""
    if gone:
        tasks.hand_back(connection, gone)
        sending.take_back(connection, gone, Millis(now))


def _leave(connection: Connection, owners: Sequence[str]) -> list[None]:
    tasks.hand_back(connection, owners)
    for owner in owners:
        nodes.leave(connection, owner)
    return [None] * len(owners)


class Return(msgspec.Struct, frozen=True):
    """Give one lease back, to be claimed again from ``due`` on."""

    task: str
    owner: str
    term: int
    due: int


def _return(connection: Connection, items: Sequence[Return]) -> list[None]:
    tasks.hand_back_one(connection, [msgspec.structs.asdict(item) for item in items])
    return [None] * len(items)


CLAIM: Kind[Claim, Claimed] = Kind("claim", 20, _claim)
ADVANCE: Kind[Step, bool] = Kind("advance", 30, _advance)
FINISH: Kind[Finish, bool] = Kind("finish", 40, finish_all, account=lambda finish: finish.account_id)
MARK: Kind[Mark, bool | None] = Kind("mark", 55, _mark)
BEAT: Kind[Beat, Pulse] = Kind("beat", 60, _beat, alone=True)
JOIN: Kind[Join, int] = Kind("join", 61, _join, alone=True)
LEAVE: Kind[str, None] = Kind("leave", 62, _leave, alone=True)
RETURN: Kind[Return, None] = Kind("return", 63, _return)
