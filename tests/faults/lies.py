"""Every provider lies, and the server is killed while it is lied to: at the first submits, at polls, at files.

``python -m tests.faults.lies --rounds 5 --database postgresql`` prints what it did and every promise that was broken;
its exit code is 1 if any was. A round is one task of every shape of protocol under every lie, and some kills.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from souk.config import FILE_NAME
from souk.store.database import Database
from souk.store.migrate import migrate
from souk.store.statement import Statement
from tests.faults.liars import SHAPES, Liars, Shape, liars, models
from tests.faults.lie_aftermath import Aftermath, Told, tell, wrong
from tests.faults.lie_table import LATE, TRUTH, Lie, lies_for
from tests.faults.load import Load
from tests.faults.long_form import command, site
from tests.faults.process import ServerProcess
from tests.faults.truth import Evidence, settled, unfinished
from tests.upstreams.receiver import Receiver, receiver

Case = tuple[Shape, Lie]
EVERY: Sequence[Case] = [(shape, lie) for shape in SHAPES for lie in (TRUTH, *lies_for(shape.traits))]

CLIENTS = 8
SLOWLY = "[up:file-slow=0.2]"
"""Files take a moment, so that there is one to be killed in."""
AT_ONCE = 100
"""Tasks that run side by side: few enough that each kill meets tasks in every state."""
SECONDS = 120.0
"""For each thing that is waited for."""
_OVER = Statement("UPDATE tasks SET deadline_at = created_at + 1 WHERE completed_at IS NULL")


@dataclass
class Town:
    """A server, those who lie to it, its clients and their receiver."""

    server: ServerProcess
    fakes: Liars
    load: Load
    receiver: Receiver
    told: list[Told] = field(default_factory=list[Told])
    kills: int = 0

    async def round(self, cases: Iterable[Case]) -> None:
        """Create a task of each case at once; kill the server at each moment; then let all of them end."""
        clients = asyncio.create_task(self._create(list(cases)))
        try:
            for count in (self._submits, self.fakes.looks, self.fakes.fetches):
                await self._killed_after(count)
            await clients
        finally:
            clients.cancel()
        await self._until(self._only_the_late_are_left)
        # What no word of an upstream ends is ended by the deadline, which comes while nobody is there.
        await self.server.kill()
        await asyncio.to_thread(self._pass_deadlines)
        self.kills += 1
        await self.server.start()
        await self._until(lambda: asyncio.to_thread(settled, self.server.database_url))

    async def _create(self, cases: list[Case]) -> None:
        """Some clients share the work, each creating one task after the other."""
        waiting = iter(cases)

        async def client() -> None:
            for shape, lie in waiting:
                self.told.append(await tell(self.load, shape, lie, SLOWLY))

        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    async def _killed_after(self, count: Callable[[], int]) -> None:
        """Kill the server when something was done a few times more, as it does it again."""
        enough = count() + self.load.chance.randint(5, 25)

        async def reached() -> bool:
            return count() >= enough

        await self._until(reached)
        await self.server.kill()
        self.kills += 1
        await self.server.start()

    def _submits(self) -> int:
        return len(self.fakes.submits())

    async def _only_the_late_are_left(self) -> bool:
        late = {told.made.task_id for told in self.told if told.lie.end is LATE}
        return await asyncio.to_thread(unfinished, self.server.database_url) <= late

    def _pass_deadlines(self) -> None:
        connection = Database(self.server.database_url).connect()
        try:
            connection.run(_OVER)
        finally:
            connection.close()

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(SECONDS):
            while not await holds():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Outcome:
    """What some rounds came to."""

    tasks: int
    kills: int
    cut_off: int
    """Submits that a kill made unclear."""
    seconds: float
    wrong: list[str]

    def __str__(self) -> str:
        done = f"{self.tasks} tasks were lied to and {self.kills} servers killed in {self.seconds:.0f} s"
        came = f"{self.cut_off} submits were cut off by a kill, {len(self.wrong)} promises broken"
        return "\n".join([f"{done}; {came}", *self.wrong])


async def lie_to(
    folder: Path, database_url: str, rounds: Sequence[Sequence[Case]], *, seed: int = 1
) -> Outcome:
    """Run the rounds one after the other on one server, and judge."""
    began = time.monotonic()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    migrate(Database(database_url))
    # Any JSON is YAML.
    (folder / "data" / FILE_NAME).write_text(json.dumps({"models": models()}))
    async with receiver() as hook:
        with liars() as fakes:
            server = ServerProcess(folder / "data", database_url, "", fakes.environment())
            server.settings |= {
                "SOUK_PUBLIC_URL": server.url,
                "SOUK_NETWORK_POLICY": "open",
                "SOUK_BREAKER_SECONDS": "0",
                "SOUK_ACCOUNT_CONCURRENCY": str(AT_ONCE),
            }
            town = Town(server, fakes, Load(server.url, hook.url(), chance=Random(seed)), hook)
            try:
                await server.start()
                for cases in rounds:
                    await town.round(cases)
                code = await server.stop()
            finally:
                if server.process is not None:
                    await server.kill()
        evidence = Evidence(database_url, server.folder / "files", town.load.made, fakes.submits(), hook.got)
    aftermath = Aftermath(evidence, fakes)
    found = wrong(aftermath, town.told, killed=True)
    found += [f"the server stopped with code {code}"] if code else []
    cut_off = sum(aftermath.cut_off(told) for told in town.told)
    return Outcome(len(town.told), town.kills, cut_off, time.monotonic() - began, found)


def main() -> int:
    parser = command("lies", __doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with site(given) as there:
        rounds = [Random(given.seed + number).sample(EVERY, len(EVERY)) for number in range(given.rounds)]
        outcome = asyncio.run(lie_to(there.folder, there.database_url, rounds, seed=given.seed))
    print(outcome)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
