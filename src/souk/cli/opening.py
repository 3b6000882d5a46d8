"""What a command opens before it can act: settings, and the database with the operator's acts on it."""

import asyncio
import getpass
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from souk.cli.failure import Exit, Failure, complain

if TYPE_CHECKING:
    from souk.accounts.secrets import SecretBox
    from souk.config import Config
    from souk.house import House
    from souk.operations.admin import Admin
    from souk.settings import Settings
    from souk.store.database import Database
    from souk.store.lane import Lane
    from souk.store.reads import Reads

T = TypeVar("T")


@dataclass(frozen=True)
class Loaded:
    """Settings in force, and the file some of them may come from."""

    settings: "Settings"
    config: "Config"


@dataclass(frozen=True)
class Desk:
    """The operator's place: the database and what can be done to it."""

    settings: "Settings"
    database: "Database"
    reads: "Reads"
    box: "SecretBox"
    admin: "Admin"


def load(data_dir: Path | None = None, *, unattended: bool = False, **flags: Any) -> Loaded:
    """Settings from flags, environment and souk.yaml. Raises SettingsError.

    A command that runs ``unattended`` has its log from here on, and what is wrong with its settings is told in it.
    """
    from souk.config import find_config, misspelt_variables, read_config
    from souk.logs import redact, set_up
    from souk.settings import load_settings

    config = read_config(find_config(data_dir))
    if unattended:
        speak_early(config.settings.get("log_format"))
    for name, meant in misspelt_variables(os.environ).items():
        complain(f"{name} is no setting and is passed over; did you mean {meant}?")
    settings = load_settings({"data_dir": data_dir, **flags}, config.settings)
    redact.add(*settings.secrets)
    if unattended:
        set_up(settings.log_level, settings.log_format)
    return Loaded(settings, config)


def speak_early(configured: object = None) -> None:
    """Speak JSON if that is asked for, before it is known whether the settings are right. The environment decides."""
    if (os.environ.get("SOUK_LOG_FORMAT") or configured) == "json":
        from souk.logs import set_up

        set_up("INFO", "json")


def run(work: Coroutine[Any, Any, T], style: str = "text") -> T:
    """Run a command's work to its end, with warnings of the house on stderr, as text or json lines."""
    from souk.logs import set_up

    set_up("WARNING", style)
    return asyncio.run(work)


def actor() -> str:
    """How the audit record names whoever runs this command."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run as a number without a name
        return "cli"


@asynccontextmanager
async def open_desk(settings: "Settings", *, create: bool = False) -> AsyncGenerator[Desk]:
    """The database with the operator's acts on it; ``create`` makes it, and its first account, where absent.

    Raises Failure when there is nothing to open.
    """
    from souk.accounts.secrets import open_box
    from souk.clock import SystemClock
    from souk.operations.admin import Admin
    from souk.store.lane import Lane
    from souk.store.migrate import migrate
    from souk.store.place import database_of
    from souk.store.reads import Reads

    clock = SystemClock()
    if create:
        migrate(database_of(settings))
    else:
        _check_schema(database_of(settings))
    box = open_box(
        settings.secret_key.get_secret_value(),
        settings.data_dir,
        settings.secret_key_before.get_secret_value(),
    )
    database = database_of(settings, box.badges)
    lane, reads = Lane(database, f"cli-{os.getpid()}-{clock.now()}"), Reads(database, readers=1)
    lane.start()
    try:
        if create:
            await _first_account(settings, lane, reads, box)
        admin = Admin(lane, reads, clock, box, actor=actor())
        yield Desk(settings, database, reads, box, admin)
    finally:
        lane.close()
        reads.close()


def with_admin(
    data_dir: Path | None, work: "Callable[[Admin], Coroutine[Any, Any, T]]", *, create: bool = False
) -> T:
    """Do something as the operator and return the answer."""
    settings = load(data_dir).settings

    async def whole() -> T:
        async with open_desk(settings, create=create) as desk:
            return await work(desk.admin)

    return run(whole())


@asynccontextmanager
async def open_house(
    loaded: Loaded, *, engine: bool = False, create: bool = False
) -> AsyncGenerator["House"]:
    """A composed process that is no server; with ``engine`` it runs tasks."""
    from souk.house import House
    from souk.store.place import database_of

    if not create:
        _check_schema(database_of(loaded.settings))
    house = await House.open(loaded.settings, loaded.config, engine=engine)
    if house.first.made_api_key:
        complain(f"made the account {house.first.account.name} with the API key {house.first.made_api_key}")
    try:
        yield house
    finally:
        await house.close()


async def named(admin: "Admin", account: str) -> str:
    """The account an option names: the first one if it is empty."""
    return account or (await admin.accounts.first()).name


def _check_schema(database: "Database") -> None:
    from souk.store.migrate import Fit, require

    if require(database) is Fit.EMPTY:
        raise Failure(
            f"there is no Souk data in {database.place}; name another with --data-dir or "
            "SOUK_DATABASE_URL, or let `souk serve` or `souk migrate` make it",
            Exit.CONFIGURATION,
        )


async def _first_account(settings: "Settings", lane: "Lane", reads: "Reads", box: "SecretBox") -> None:
    from souk.accounts.bootstrap import FirstAccount, bootstrap
    from souk.clock import SystemClock

    start = await bootstrap(lane, reads, box, FirstAccount.of(settings), SystemClock())
    if start.made_api_key:
        complain(f"made the account {start.account.name} with the API key {start.made_api_key}")
