"""The child process that writes small files: files come on stdin, the number and error of each go to stdout.

It knows nothing and decides nothing, and ends with its stdin. Its parent may start another at any time.
"""

import errno
import os
import signal
import struct
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVarTuple

from souk.durable import sync_folder, write_new

FRAME: Final = struct.Struct(">IHI")
"""Before a file: its number, the bytes of its path, its bytes."""
ANSWER: Final = struct.Struct(">Ii")
"""The number of a file, and the system's number for what went wrong; 0 when the file will survive a power cut."""
THREADS: Final = 8
"""Files synced at once. The file system commits them together; more threads than this no longer helped."""
READ_BYTES: Final = 1 << 20

Asked = tuple[int, Path, bytes]
Given = TypeVarTuple("Given")


def main() -> None:
    """Write what comes until the parent closes our stdin or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # They reach the whole group, and the parent still has files to write.
        signal.signal(number, signal.SIG_IGN)
    waiting = bytearray()
    with ThreadPoolExecutor(THREADS) as threads:
        while piece := os.read(0, READ_BYTES):
            waiting += piece
            if row := list(_whole(waiting)):
                threads.submit(_write, row).add_done_callback(_or_end)


def _whole(waiting: bytearray) -> Iterator[Asked]:
    """The files that have come whole; what is left of the bytes is the beginning of the next."""
    start = 0
    while len(waiting) >= start + FRAME.size:
        number, path_bytes, size = FRAME.unpack_from(waiting, start)
        path_at = start + FRAME.size
        data_at = path_at + path_bytes
        if len(waiting) < data_at + size:
            break
        yield (
            number,
            Path(os.fsdecode(bytes(waiting[path_at:data_at]))),
            bytes(waiting[data_at : data_at + size]),
        )
        start = data_at + size
    del waiting[:start]


def _write(row: list[Asked]) -> None:
    """Write files, and sync their folders once for all of them."""
    errors = {number: _error_of(write_new, place, data) for number, place, data in row}
    for folder in {place.parent for number, place, _ in row if not errors[number]}:
        if error := _error_of(sync_folder, folder):
            errors |= {number: errors[number] or error for number, place, _ in row if place.parent == folder}
    os.write(1, b"".join(ANSWER.pack(number, error) for number, error in errors.items()))


def _error_of(do: Callable[[*Given], None], *given: *Given) -> int:
    try:
        do(*given)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _or_end(written: "Future[None]") -> None:
    """End at once where something was not foreseen: the parent must not wait for an answer that never comes."""
    if error := written.exception():
        traceback.print_exception(error)
        os._exit(1)


if __name__ == "__main__":
    main()
