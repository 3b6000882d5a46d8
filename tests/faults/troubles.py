"""Souk under load while its surroundings fail: database, disk, clock, network, the clients' receiver, itself.

``python -m tests.faults.troubles --rounds 200 --database postgresql`` lets one trouble after another come and go, by
chance or only those named with ``--only``, and prints every promise that was broken; its exit code is 1 if any was.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.kill import Siege, siege
from tests.faults.long_form import Site, command, site
from tests.faults.switches import Switches
from tests.postgres import Cluster
from tests.upstreams.cable import Cable, cable
from tests.upstreams.receiver import statuses

DAYS_FACTOR = "50000"
"""Three days of tries in five seconds."""


@dataclass
class Ground:
    """Where the siege takes place, and what of it can be made to fail."""

    town: Siege
    switches: Switches
    upstream: Cable
    database: Cable | None
    """None on SQLite, which no cable leads to."""
    cluster: Cluster | None
    chance: Random
    had: list[str] = field(default_factory=list[str])
    """The troubles that came, in order."""


Trouble = Callable[[Ground], Awaitable[None]]


async def _killed(ground: Ground) -> None:
    await ground.town.kill_and_restart()


async def _database_cut(ground: Ground) -> None:
    """Every connection ends, again and again; each can be made anew at once."""
    assert ground.database is not None
    for _ in range(4):
        ground.database.cut()
        await asyncio.sleep(ground.chance.uniform(0.1, 0.8))


async def _database_gone(ground: Ground) -> None:
    """The server crashes and is not back for a while."""
    assert ground.cluster is not None
    await asyncio.to_thread(ground.cluster.kill)
    await asyncio.sleep(ground.chance.uniform(0.5, 2))
    # Not on a thread of the pool: the server would end with the thread that started it.
    ground.cluster.start()


async def _upstream_cut(ground: Ground) -> None:
    """Connections to the upstream break, then none can be made, then all is well."""
    ground.upstream.cut()
    ground.upstream.down = True
    await asyncio.sleep(ground.chance.uniform(0.5, 2))
    ground.upstream.down = False
    ground.upstream.cut()


async def _receiver_away(ground: Ground) -> None:
    """For what the server takes for more than a day, the clients' receiver answers nothing but 503."""
    answer, ground.town.receiver.answer = ground.town.receiver.answer, statuses(503)
    await asyncio.sleep(2.5)
    ground.town.receiver.answer = answer


async def _disk_full(ground: Ground) -> None:
    ground.switches.set_disk_full(True)
    await asyncio.sleep(ground.chance.uniform(0.5, 2))
    ground.switches.set_disk_full(False)


async def _clock_jumps(ground: Ground) -> None:
    """The machine's clock goes some minutes back, then a little ahead, then right again.

    What was put off while it was ahead stays put off by as much, so it may not be further ahead than we settle.
    """
    for seconds in (-ground.chance.uniform(60, 600), ground.chance.uniform(6, 9), 0):
        ground.switches.set_clock(seconds)
        await asyncio.sleep(0.8)


ANYWHERE: dict[str, Trouble] = {
    "killed": _killed,
    "upstream-cut": _upstream_cut,
    "receiver-away": _receiver_away,
    "disk-full": _disk_full,
    "clock-jumps": _clock_jumps,
}
ON_POSTGRESQL: dict[str, Trouble] = {"database-cut": _database_cut, "database-gone": _database_gone}
TROUBLES = ANYWHERE | ON_POSTGRESQL


@contextlib.asynccontextmanager
async def ground(
    folder: Path, database_url: str, *, seed: int, cluster: Cluster | None = None
) -> AsyncIterator[Ground]:
    """A siege whose ways to database and upstream can be cut; its server is not started yet."""
    settings = {
        "SWITCHES": str(folder / "switches"),
        "DAYS_FACTOR": DAYS_FACTOR,
        "SOUK_LEASE_SECONDS": "5",
    }
    async with siege(folder, database_url, seed=seed, settings=settings) as town:
        with contextlib.ExitStack() as laid:
            upstream = laid.enter_context(cable(town.server.upstream_url))
            town.server.upstream_url = upstream.url
            database = None
            if not database_url.startswith("sqlite"):
                database = laid.enter_context(cable(database_url))
                town.server.database_url = database.url
            switches = Switches(folder / "switches")
            yield Ground(town, switches, upstream, database, cluster, Random(seed))


async def suffer(
    place: Ground, troubles: list[str], *, clients: int = 3, pause: float = 0.25, rest: float = 0.5
) -> list[str]:
    """Let these troubles come one after another under load; the promises that were broken."""
    await place.town.start()
    over = asyncio.Event()
    working = [asyncio.create_task(place.town.load.go_on(over, pause=pause)) for _ in range(clients)]
    for name in troubles:
        await asyncio.sleep(place.chance.uniform(rest / 2, rest))
        place.had.append(name)
        await TROUBLES[name](place)
    await asyncio.sleep(rest)
    over.set()
    await asyncio.gather(*working)
    return await place.town.broken_promises()


async def _long(there: Site, given: argparse.Namespace) -> list[str]:
    chance = Random(given.seed)
    known = list(TROUBLES if there.cluster else ANYWHERE)
    troubles = chance.choices(given.only or known, k=given.rounds)
    async with ground(there.folder, there.database_url, seed=given.seed, cluster=there.cluster) as here:
        broken = await suffer(here, troubles, rest=2)
        print(f"{len(here.had)} troubles, {len(here.town.load.made)} tasks, {len(broken)} promises broken")
        return broken


def main() -> int:
    parser = command("troubles", __doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--only", nargs="*", choices=list(TROUBLES))
    given = parser.parse_args()
    with site(given) as there:
        broken = asyncio.run(_long(there, given))
    print(*broken, sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
