"""A process that stores files as fast as it can until it is killed; it prints a line for each row it committed.

Run as ``python -m tests.unit.shelf_filler DATABASE_URL DATA_DIR``; Souk's own settings say where the files go.
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from souk.premises import storage_of
from souk.settings import load_settings
from souk.store.database import Database
from souk.store.lane import Lane
from tests.unit.shelf import INSERT, SEGMENT, asset

TOGETHER = 16


async def fill(url: str, folder: Path) -> None:
    lane, numbers = Lane(Database(url), "filler"), count()
    storage = storage_of(load_settings({"data_dir": folder}))
    lane.start()

    async def store() -> None:
        while True:
            number, data = next(numbers), os.urandom(20_000)
            scratch = await storage.scratch()
            await asyncio.to_thread(scratch.write_bytes, data)
            row = asset(f"{SEGMENT}/{number}.bin", data)
            await storage.put_file(scratch, row.path)
            await lane.write(INSERT, row)
            print(row.path, flush=True)

    await asyncio.gather(*(store() for _ in range(TOGETHER)))


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1], Path(sys.argv[2])))
