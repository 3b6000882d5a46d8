"""News between processes: PostgreSQL's LISTEN and NOTIFY over one connection of each process's own.

News spare a wait and nothing more. Whoever can hear of something this way also looks for it by itself now and then, so
that news may be lost, come twice or come late; after a connection broke, everything counts as having happened.

They are sent after the commit they tell of and not within it. PostgreSQL makes transactions that notify wait for each
other until their commit is on disk, which would undo what the write lanes of many processes gain by committing side by
side. A transaction with nothing but a NOTIFY in it writes nothing to disk.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from souk.store.database import KEEPALIVE, Connection, Database, first_line
from souk.store.statement import Dialect, Statement

if TYPE_CHECKING:
    import asyncio

    import psycopg

log = logging.getLogger("souk.herald")

CHANNEL: Final = "souk"
SPACING_SECONDS: Final = 0.002
"""From one sending to the next: what comes up meanwhile goes out together."""
LONGEST: Final = 7900
"""Bytes of one NOTIFY; PostgreSQL takes fewer than 8,000."""
MOST_WAITING: Final = 20_000
"""Words kept for sending. Past it they are dropped: the others will find out by themselves."""
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 10.0
"""The pause between two tries to reach a database that is away grows from the one to the other."""
CLOSE_SECONDS: Final = 2.0


class Topic(StrEnum):
    """What news are about."""

    WORK = "work"
    """Tasks may be claimed."""
    CANCEL = "cancel"
    """Somebody wants these tasks cancelled."""
    STEP = "step"
    """These tasks took a step."""
    LISTENING = "listening"
    """Somebody waits for steps of tasks he cannot see."""
    CALLBACKS = "callbacks"
    """Callbacks are due."""
    HINT = "hint"
    """Upstreams have news of these tasks: ``task:attempt``."""
    CHANGES = "changes"
    """An operator changed accounts or keys."""


Hear = Callable[[Topic, Sequence[str]], None]
"""Told of a topic and the words that came with it."""


class Herald(Protocol):
    """Tells other processes."""

    def tell(self, topic: Topic, word: str = "") -> None:
        """Let the others know, soon. Words are sent once however often they are told; they have no spaces."""
        ...

    def close(self) -> None:
        """Send what waits, and stop."""
        ...


class Silence:
    """For a process that is alone with its database."""

    def tell(self, topic: Topic, word: str = "") -> None: ...

    def close(self) -> None: ...


def herald_of(
    database: Database, loop: "asyncio.AbstractEventLoop", hear: Hear, missed: Callable[[], None]
) -> Herald:
    """A herald for a process on this database, started. ``hear`` and ``missed`` are called from the loop.

    ``missed`` is: anything may have happened.
    """
    if database.dialect is Dialect.SQLITE:
        return Silence()
    herald = PostgresHerald(database.url, loop, hear, missed)
    herald.start()
    return herald


_TELL = Statement("SELECT pg_notify('souk', :topic)")


def tell_within(connection: Connection, topic: Topic) -> None:
    """Tell with the commit of a transaction: for what is rare, and done by commands that have no herald."""
    if connection.dialect is Dialect.POSTGRESQL:
        connection.run(_TELL, {"topic": topic.value})


class PostgresHerald:
    """A thread that waits at its connection and at its own door, whichever has something first."""

    def __init__(
        self, url: str, loop: "asyncio.AbstractEventLoop", hear: Hear, missed: Callable[[], None]
    ) -> None:
        self._url = url
        self._loop = loop
        self._hear = hear
        self._missed = missed
        self._lock = threading.Lock()
        self._waiting: dict[Topic, dict[str, None]] = {}
        self._count = 0
        self._closing = threading.Event()
        self._door, self._bell = socket.socketpair()
        self._door.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="souk-herald", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tell(self, topic: Topic, word: str = "") -> None:
        with self._lock:
            if self._count >= MOST_WAITING or self._closing.is_set():
                return
            idle = not self._waiting
            words = self._waiting.setdefault(topic, {})
            if word not in words:
                words[word] = None
                self._count += 1
        if idle:
            self._bell.send(b".")

    def close(self) -> None:
        self._closing.set()
        self._bell.send(b".")
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._bell.close()
            self._door.close()

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closing.is_set():
            try:
                with self._connected() as connection:
                    self._to_loop(self._missed)
                    pause = FIRST_PAUSE
                    self._serve(connection)
            except Exception as error:  # noqa: BLE001 - a thread that ends would take all later news with it
                log.warning("news of other processes are late", extra={"reason": first_line(error)})
                self._closing.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    @contextlib.contextmanager
    def _connected(self) -> "Generator[psycopg.Connection]":
        import psycopg

        with psycopg.connect(self._url, autocommit=True, connect_timeout=10, **KEEPALIVE) as connection:
            connection.add_notify_handler(lambda notify: self._heard(connection, notify.pid, notify.payload))
            connection.execute("SET synchronous_commit = off")
            connection.execute("LISTEN souk")
            yield connection

    def _serve(self, connection: "psycopg.Connection") -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._door, selectors.EVENT_READ)
            selector.register(connection.fileno(), selectors.EVENT_READ)
            rested_at = 0.0
            while True:
                rest = rested_at - time.monotonic()
                if rest <= 0 and self._send(connection):
                    rested_at = time.monotonic() + SPACING_SECONDS
                if self._closing.is_set() and not self._waiting:
                    return
                selector.select(max(rest, 0.0) if self._waiting else None)
                with contextlib.suppress(BlockingIOError):
                    self._door.recv(4096)
                self._listen(connection)

    def _send(self, connection: "psycopg.Connection") -> bool:
        with self._lock:
            waiting, self._waiting, self._count = self._waiting, {}, 0
        for topic, words in waiting.items():
            for payload in payloads(topic, words):
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
        return bool(waiting)

    def _listen(self, connection: "psycopg.Connection") -> None:
        """Hear what has come in while nothing was asked of the connection."""
        connection.pgconn.consume_input()
        while notify := connection.pgconn.notifies():
            self._heard(connection, notify.be_pid, notify.extra.decode())

    def _heard(self, connection: "psycopg.Connection", sender: int, payload: str) -> None:
        name, *words = payload.split(" ")
        # Of a topic this version does not know, a newer process tells newer ones.
        if sender != connection.info.backend_pid and name in _TOPICS:
            self._to_loop(self._hear, Topic(name), words)

    def _to_loop(self, call: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            log.debug("an event loop closed before it could be told")


_TOPICS: Final = frozenset(Topic)


def payloads(topic: Topic, words: Iterable[str]) -> Iterator[str]:
    """The texts that tell of these words, each no longer than PostgreSQL takes."""
    text = topic.value
    for word in words:
        if len(text) + len(word) + 1 > LONGEST:
            yield text
            text = topic.value
        if word:
            text += f" {word}"
    yield text
