"""A process that does nothing but sell chat, for tests that kill it: ``python -m tests.faults.chat_process URL LIFE``.

Before each charge it tells, in a line of its own, when that was and what it will have charged in all.
"""

import asyncio
import os
import signal
import sys
import time
from random import Random

from souk.clock import SystemClock
from souk.relay.meter import Meter
from souk.store.database import Database
from souk.store.lane import Lane
from souk.store.reads import Reads
from tests.relay.metering import admit

KEYS = (1, 2)
SLOT = "till#"
BOUND = 500


async def sell(url: str, life: str) -> None:
    """Let requests in and charge them until told to stop."""
    lane, reads = Lane(Database(url), f"lane-{life}"), Reads(Database(url))
    lane.start()
    meter = Meter(lane, reads, SystemClock(), Random(life), owner=SLOT + life, slot=SLOT)
    meter.start()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    chance, charged = Random(life), 0
    unending = [await admit(meter, BOUND, key) for key in KEYS]
    while not over.is_set():
        for _ in range(5):
            ticket = await admit(meter, BOUND, chance.choice(KEYS))
            cost = chance.randint(0, BOUND)
            charged += cost
            os.write(1, f"{time.monotonic()} {charged}\n".encode())
            ticket.settle(cost)
        await asyncio.sleep(0.005)
    for ticket in unending:
        ticket.cancel()
    await meter.close()
    lane.close()
    reads.close()


if __name__ == "__main__":
    asyncio.run(sell(sys.argv[1], sys.argv[2]))
