"""A migrated database with lane, readers and secret key, for tests of accounts and the operator's acts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from souk.accounts.bootstrap import Bootstrap, FirstAccount, bootstrap
from souk.accounts.secrets import SecretBox
from souk.clock import Timer
from souk.operations.admin import Admin
from souk.store.database import Database
from souk.store.lane import Lane
from souk.store.migrate import migrate
from souk.store.reads import Reads
from souk.words import Credits, Millis

SECRET_KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class TurnedClock:
    """Time that stands still until a test turns it."""

    seconds: float = 1_800_000_000.0

    def now(self) -> Millis:
        return Millis(int(self.seconds * 1000))

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        raise AssertionError(f"nothing here waits {seconds} s for {call}")


@dataclass
class Desk:
    """What one process holds of the database."""

    database: Database
    lane: Lane
    reads: Reads
    box: SecretBox = field(default_factory=lambda: SecretBox(SECRET_KEY))
    clock: TurnedClock = field(default_factory=TurnedClock)

    @property
    def admin(self) -> Admin:
        return Admin(self.lane, self.reads, self.clock, self.box, actor="test")

    async def bootstrap(self, api_key: str = "", webhook_key: str = "", credits: int = 0) -> Bootstrap:
        wanted = FirstAccount(api_key, webhook_key, Credits(credits * 10_000))
        return await bootstrap(self.lane, self.reads, self.box, wanted, self.clock)


@asynccontextmanager
async def open_desk(url: str, name: str = "test") -> AsyncIterator[Desk]:
    """A process's hold on a database, brought to the newest schema first."""
    database = Database(url)
    migrate(database)
    lane, reads = Lane(database, name), Reads(database)
    lane.start()
    try:
        yield Desk(database, lane, reads)
    finally:
        lane.close()
        reads.close()
