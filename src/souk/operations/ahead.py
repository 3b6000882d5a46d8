"""Credits that chat holds ahead: the account's own still, when its balance is read or a task needs them."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from souk.operations import listing
from souk.operations.create import CREATE, NewTask, Stored
from souk.operations.types import Reason, Refusal
from souk.store.lane import Busy, Lane
from souk.store.reads import Reads
from souk.words import Credits, Mode


class HeldAhead(Protocol):
    """Who holds credits ahead: :class:`souk.relay.meter.Meter`."""

    async def flush(self, account_id: int, /) -> None:
        """Write down what of them is spent."""
        ...

    async def give_way(self, account_id: int, /) -> bool:
        """Give back those that nobody uses; whether there were any."""
        ...


async def write_create(lane: Lane, new: NewTask, ahead: HeldAhead, expect: Callable[[], None]) -> Stored:
    """Carry out a create; once more, if it lacked credits and chat could give some back. Raises Refusal.

    ``expect`` is told each time, before the commit: who takes the task on can do so in the same transaction.
    """
    try:
        try:
            return await _written(lane, new, expect)
        except Refusal as refusal:
            lacking = refusal.reason in (Reason.INSUFFICIENT_CREDITS, Reason.KEY_CAP)
            if not lacking or not await ahead.give_way(new.row["account_id"]):
                raise
        return await _written(lane, new, expect)
    except Busy:
        raise Refusal(
            Reason.BUSY, "too many creates wait to be written; try again shortly", retry_after=1.0
        ) from None


def _written(lane: Lane, new: NewTask, expect: Callable[[], None]) -> Awaitable[Stored]:
    answer = lane.put(CREATE, new, bounded=True)
    expect()
    return answer


async def balance(reads: Reads, account_id: int, mode: Mode, ahead: HeldAhead) -> Credits:
    """Credits an account has for anything new."""
    await ahead.flush(account_id)
    return await reads.run(lambda connection: listing.available(connection, account_id, mode.value))
