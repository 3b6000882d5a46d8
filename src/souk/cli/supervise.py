"""``souk serve --workers N``: a parent starts server processes, hands them connections and replaces those that die."""

import logging
import math
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from souk.cli.failure import Exit, Failure, code_of, complain
from souk.cli.gathering import Place
from souk.cli.handing import STALL_SECONDS, Door, Hand, Receiver
from souk.cli.opening import Loaded, run
from souk.cli.serving import STOP_SIGNALS, rereads_config, run_server, url_of
from souk.settings import LogFormat

log = logging.getLogger("souk.serve")

GATHER_SECONDS = 5.0
"""How long those who come while the workers start wait for the last of them: the first would get them all."""
LOOK_SECONDS = 0.5
"""How often the parent looks whether it was told to stop."""
SHORT_LIFE_SECONDS = 10.0
"""A worker that dies younger than this is replaced later each time."""
LONGEST_PAUSE_SECONDS = 30.0
STOP_SECONDS = 60.0
"""Workers that have not ended this long after being told to are killed."""


class Worker:
    """One place for a server process, and the process that holds it now."""

    def __init__(self, start: Callable[[Hand], SpawnProcess], *, as_json: bool) -> None:
        self._start = start
        self._as_json = as_json
        """Tell of its ends as the log does."""
        self._short_lives = 0
        self._born = 0.0
        self._again_at = 0.0
        self.process: SpawnProcess | None = None
        self.hand: Hand | None = None
        """None once it takes no more connections."""
        self.up = False
        """It has answered requests."""

    def tend(self, now: float) -> list[socket.socket]:
        """Hear from the process; start it, or another one in its place when that is due.

        Gives the connections that it was handed and never had.
        """
        left: list[socket.socket] = []
        if self.hand is not None:
            self.hand.hear()
            self.up = self.up or self.hand.up
            if self.hand.gone:
                left = self.hand.end()
                self.hand = None
        if self.process is not None and self.process.exitcode is not None:
            self._mourn(now)
        if self.process is None and now >= self._again_at:
            self.hand, self._born, self.up = Hand(), now, False
            self.process = self._start(self.hand)
            self.hand.let_go()
        return left

    def sources(self) -> "list[int | Connection]":
        """What becomes readable when there is something to tend to."""
        found: list[int | Connection] = [self.process.sentinel] if self.process else []
        return found + ([self.hand.words] if self.hand else [])

    def _mourn(self, now: float) -> None:
        code = self.process.exitcode if self.process else None
        self.process = None
        if not self.up and code is not None and code > 0:
            raise Failure("a worker could not start; its reason stands above", Exit(code))
        self._short_lives = self._short_lives + 1 if now - self._born < SHORT_LIFE_SECONDS else 0
        pause = min(2.0**self._short_lives - 1, LONGEST_PAUSE_SECONDS)
        self._again_at = now + pause
        if self._as_json:
            log.warning("worker ended", extra={"exit_code": code, "next_in_seconds": pause})
        else:
            complain(f"a worker ended with code {code}; the next starts in {pause:.0f} s")


def supervise(loaded: Loaded, listener: socket.socket) -> None:
    """Run the workers until told to stop, then let them end."""
    stopping: list[int] = []
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, _: stopping.append(number))
    url = url_of(loaded.settings.host, listener)
    told: Callable[[], None] | None = run(_prepared(loaded, url), loaded.settings.log_format)
    context = multiprocessing.get_context("spawn")

    def start(place: Place, hand: Hand) -> SpawnProcess:
        process = context.Process(target=work, args=(loaded, url, *hand.ends(), place), name="souk-worker")
        process.start()
        return process

    meeting = TemporaryDirectory(prefix="souk-")
    door = Door(listener)
    opens_at = math.inf
    as_json = loaded.settings.log_format is LogFormat.JSON
    count = loaded.settings.workers
    places = [Place(Path(meeting.name), number, count) for number in range(count)]
    workers = [Worker(partial(start, place), as_json=as_json) for place in places]
    if rereads_config():
        signal.signal(signal.SIGHUP, lambda number, _: _pass_on(number, workers))
    try:
        while not stopping:
            now = time.monotonic()
            for worker in workers:
                door.hand_again(worker.tend(now))
            if any(worker.up for worker in workers):
                opens_at = min(opens_at, now + GATHER_SECONDS)
            if told and all(worker.up for worker in workers):
                told()
                told, opens_at = None, now
            hands = [worker.hand for worker in workers if worker.hand and now >= opens_at]
            door.let_in(hands, now)
            sources = [source for worker in workers for source in worker.sources()]
            wait([*sources, *door.sources(hands)], LOOK_SECONDS)
    finally:
        door.close()
        _see_in([worker.hand for worker in workers if worker.hand])
        _end([worker.process for worker in workers if worker.process])
        meeting.cleanup()


async def _prepared(loaded: Loaded, url: str) -> Callable[[], None]:
    """Make what is missing once, before any worker does; what to print when all are up."""
    from souk.house import House

    house = await House.open(loaded.settings, loaded.config, engine=False, public_url=url)
    await house.close()

    def tell() -> None:
        from souk.cli.announce import announce

        announce(house, url)

    return tell


def _pass_on(number: int, workers: list[Worker]) -> None:
    for worker in workers:
        if worker.up and worker.process and worker.process.pid:
            os.kill(worker.process.pid, number)


def _see_in(hands: list[Hand]) -> None:
    """Let the workers take what they were handed, so that they answer it before they end."""
    deadline = time.monotonic() + STALL_SECONDS
    while (slow := [hand for hand in hands if hand.waits]) and time.monotonic() < deadline:
        wait([hand.words for hand in slow], STALL_SECONDS / 10)
        for hand in slow:
            hand.hear()
    for hand in hands:
        for connection in hand.end():
            connection.close()


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.exitcode is None:
            process.kill()


def work(loaded: Loaded, url: str, takes: socket.socket, tells: Connection, place: Place) -> None:
    """One worker's whole life, in its own process."""
    from souk.logs import set_up

    set_up(loaded.settings.log_level, loaded.settings.log_format)
    _end_with_parent()
    try:
        run_server(loaded, url, Receiver(takes, tells), place=place)
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
