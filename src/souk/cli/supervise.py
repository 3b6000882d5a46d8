"""``souk serve --workers N``: a parent that starts server processes on one socket and replaces those that die."""

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

from souk.cli.failure import Exit, Failure, code_of, complain
from souk.cli.opening import Loaded, run
from souk.cli.serve import STOP_SIGNALS, rereads_config, run_server, url_of

if TYPE_CHECKING:
    from souk.house import House

LOOK_SECONDS = 0.5
"""How often the parent looks whether it was told to stop."""
SHORT_LIFE_SECONDS = 10.0
"""A worker that dies younger than this is replaced later each time."""
LONGEST_PAUSE_SECONDS = 30.0
STOP_SECONDS = 60.0
"""Workers that have not ended this long after being told to are killed."""


class Worker:
    """One place for a server process, and the process that holds it now."""

    def __init__(self, start: Callable[[Connection], SpawnProcess]) -> None:
        self._start = start
        self._short_lives = 0
        self._born = 0.0
        self._again_at = 0.0
        self.process: SpawnProcess | None = None
        self.up = False
        """It has answered requests."""
        self._news: Connection | None = None

    def tend(self, now: float) -> None:
        """Hear from the process; start it, or another one in its place when that is due."""
        if self._news is not None and self._news.poll():
            self._hear()
        if self.process is not None and self.process.exitcode is not None:
            self._mourn(now)
        if self.process is None and now >= self._again_at:
            mine, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
            self.process, self._news, self._born = self._start(theirs), mine, now
            theirs.close()

    def sources(self) -> "list[int | Connection]":
        """What becomes readable when there is something to tend to."""
        found: list[int | Connection] = [self.process.sentinel] if self.process else []
        return found + ([self._news] if self._news else [])

    def _hear(self) -> None:
        try:
            self.up = bool(self._news and self._news.recv())
        except EOFError:
            self.up = False
        self._news = None  # it has but one thing to say

    def _mourn(self, now: float) -> None:
        code = self.process.exitcode if self.process else None
        self.process = None
        if not self.up and code is not None and code > 0:
            raise Failure("a worker could not start; its reason stands above", Exit(code))
        self._short_lives = self._short_lives + 1 if now - self._born < SHORT_LIFE_SECONDS else 0
        pause = min(2.0**self._short_lives - 1, LONGEST_PAUSE_SECONDS)
        self._again_at = now + pause
        complain(f"a worker ended with code {code}; the next starts in {pause:.0f} s")


def supervise(loaded: Loaded, listener: socket.socket) -> None:
    """Run the workers until told to stop, then let them end."""
    stopping: list[int] = []
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, _: stopping.append(number))
    told: Callable[[], None] | None = run(_prepared(loaded, listener))
    context = multiprocessing.get_context("spawn")

    def start(news: Connection) -> SpawnProcess:
        process = context.Process(target=work, args=(loaded, listener, news), name="souk-worker")
        process.start()
        return process

    workers = [Worker(start) for _ in range(loaded.settings.workers)]
    if rereads_config():
        signal.signal(signal.SIGHUP, lambda number, _: _pass_on(number, workers))
    try:
        while not stopping:
            now = time.monotonic()
            for worker in workers:
                worker.tend(now)
            if told and all(worker.up for worker in workers):
                told()
                told = None
            wait([source for worker in workers for source in worker.sources()], LOOK_SECONDS)
    finally:
        _end([worker.process for worker in workers if worker.process])


async def _prepared(loaded: Loaded, listener: socket.socket) -> Callable[[], None]:
    """Make what is missing once, before any worker does; what to print when all are up."""
    from souk.house import House

    url = url_of(loaded.settings, listener)
    house = await House.open(loaded.settings, loaded.config, engine=False, public_url=url)
    await house.close()

    def tell() -> None:
        from souk.cli.announce import announce

        announce(house)

    return tell


def _pass_on(number: int, workers: list[Worker]) -> None:
    for worker in workers:
        if worker.up and worker.process and worker.process.pid:
            os.kill(worker.process.pid, number)


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.exitcode is None:
            process.kill()


def work(loaded: Loaded, listener: socket.socket, news: Connection) -> None:
    """One worker's whole life, in its own process."""
    from souk.logs import set_up

    set_up(loaded.settings.log_level, loaded.settings.log_format)
    _end_with_parent()

    def started(_: "House") -> None:
        news.send(True)
        news.close()

    try:
        run_server(loaded, listener, started)
    except Exception as error:  # noqa: BLE001 - a person reads one line, not a traceback
        raise SystemExit(code_of(error)) from None


def _end_with_parent() -> None:
    """A parent that is killed takes its workers with it: they would hold the port with nobody to tend them."""
    import threading

    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="souk-parent", daemon=True).start()
