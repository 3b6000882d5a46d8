"""A process with only an outbox worker, for tests that kill it: ``python -m tests.faults.callback_process URL NOW``."""

import asyncio
import sys

from tests.callback_house import house
from tests.clock import HandClock


async def deliver(url: str, now: int) -> None:
    async with house(url, clock=HandClock(now), owner="doomed"):
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(deliver(sys.argv[1], int(sys.argv[2])))
