"""How an operator's act is carried out: one function in the lane's transaction, with its audit record.

Acts are rare, so unlike the writes of a task's life they are not set-based.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from souk.accounts.secrets import SecretKeyError
from souk.clock import Clock
from souk.operations.types import Reason, Refusal
from souk.store import accounts
from souk.store.accounts import AccountRow, AuditRow
from souk.store.database import Connection
from souk.store.herald import Topic, tell_within
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.words import JsonObject, Millis

T = TypeVar("T")

LONGEST_NAME = 80
"""Characters of an account's or key's name."""


class NoSuch(LookupError):
    """The operator named something that does not exist."""


def _carry_out(connection: Connection, acts: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    answers: list[Any] = []
    for act in acts:
        try:
            answers.append(act(connection))
        except (Refusal, NoSuch, SecretKeyError) as refusal:  # raised before an act writes anything
            answers.append(refusal)
    tell_within(connection, Topic.CHANGES)
    return answers


ADMIN: Kind[Callable[[Connection], Any], Any] = Kind("admin", 1, _carry_out, alone=True)


class Acts:
    """Carries out acts as one actor and reads what they changed."""

    def __init__(self, lane: Lane, reads: Reads, clock: Clock, actor: str) -> None:
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._actor = actor

    def now(self) -> Millis:
        return self._clock.now()

    async def do(self, act: Callable[[Connection], T]) -> T:
        """Carry out an act and return its answer once it is committed."""
        return await self._lane.write(ADMIN, act)

    async def read(self, read: Callable[[Connection], T]) -> T:
        return await self._reads.run(read)

    def record(
        self, connection: Connection, action: str, subject: str, detail: JsonObject | None = None
    ) -> None:
        """Write the audit record of an act, in its transaction. ``detail`` never holds a secret."""
        accounts.record_audit(connection, self.now(), self._actor, action, subject, detail or {})

    async def audit(self, limit: int) -> list[AuditRow]:
        """The latest acts, newest first."""
        return await self.read(lambda connection: accounts.audit_entries(connection, limit))


def account_of(connection: Connection, name: str) -> AccountRow:
    """The account of this name. Raises NoSuch."""
    row = accounts.account_named(connection, name)
    if row is None:
        raise NoSuch(f"there is no account named {name!r}; `souk accounts list` shows them")
    return row


def checked_name(name: str, noun: str) -> str:
    """A name people can read and type. Raises Refusal."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise Refusal(
            Reason.INVALID_INPUT,
            f"the name of the {noun} needs 1 to {LONGEST_NAME} printable characters, no space at either end",
            field="name",
        )
    return name
