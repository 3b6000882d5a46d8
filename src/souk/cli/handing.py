"""How connections reach the workers of ``souk serve --workers N``: the parent accepts, and hands each on.

It goes to the worker that has the fewest. Workers that accept from one socket do not share: whoever wakes first takes
all that waits, and clients that keep their connections then keep one process busy and the others idle. A socket for
each worker on one port (SO_REUSEPORT) shares by lot, strands what waits for a worker that died, and lets a second
server start on the same port unnoticed.

The parent keeps its copy of a connection until the worker says that it has it. So what was handed to a worker that died
before it looked goes to another one, and no client notices.
"""

import asyncio
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from souk.cli.failure import complain

BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""
AT_ONCE: Final = 64
"""Connections in a row before anything else is looked at."""
PAUSE_SECONDS: Final = 0.1
"""How long the parent rests when it can accept no more, as when it may open no more files."""
STALL_SECONDS: Final = 1.0
"""A worker that has not looked for so long gets nothing while another one does."""
UP, TAKEN, ENDED = b"u", b"t", b"e"
"""What a worker says: it serves; it has the next of the connections it was handed; one has ended."""
_ROOM: Final = 65536


class Hand:
    """The parent's side of one worker."""

    def __init__(self) -> None:
        self._gives, self._takes = socket.socketpair()
        self.words, self._tells = get_context("spawn").Pipe(duplex=False)
        self._gives.setblocking(False)
        os.set_blocking(self.words.fileno(), False)
        self._offered: deque[tuple[socket.socket, float]] = deque()
        """With the moment of each."""
        self.connections = 0
        """How many it has, or has been offered."""
        self.given_at = 0
        self.up = False
        """It takes connections."""
        self.gone = False
        """It takes none any more. One that stops says so long before it ends."""

    def ends(self) -> tuple[socket.socket, Connection]:
        """What the worker's side is made of."""
        return self._takes, self._tells

    def let_go(self) -> None:
        """The worker has its ends: without the parent's copies of them it is seen when it closes them."""
        self._takes.close()
        self._tells.close()

    @property
    def waits(self) -> bool:
        """Whether it was offered connections that it has not yet taken."""
        return bool(self._offered)

    def stalls(self, now: float) -> bool:
        """Whether it does not look at what it is offered."""
        return bool(self._offered) and now - self._offered[0][1] >= STALL_SECONDS

    def give(self, connection: socket.socket, turn: int, now: float) -> bool:
        """Offer a connection. False if the worker is gone, or has not looked at the last ones for long."""
        try:
            socket.send_fds(self._gives, [b"c"], [connection.fileno()])
        except OSError:
            return False
        self._offered.append((connection, now))
        self.connections += 1
        self.given_at = turn
        return True

    def hear(self) -> bool:
        """Take in what the worker says; whether it said anything."""
        try:
            said = os.read(self.words.fileno(), _ROOM)
        except OSError:
            return False
        for _ in range(said.count(TAKEN)):
            self._offered.popleft()[0].close()
        self.connections -= said.count(ENDED)
        self.gone = not said
        self.up = not self.gone and (self.up or UP in said)
        return not self.gone

    def end(self) -> list[socket.socket]:
        """Close it. What the worker was offered and never had."""
        while self.hear():
            pass
        self.up = False
        self._gives.close()
        self.words.close()
        left = [connection for connection, _ in self._offered]
        self._offered.clear()
        return left


class Door:
    """The parent's side of the port."""

    def __init__(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._listener = listener
        self._waiting: deque[socket.socket] = deque()
        self._turn = 0

    def sources(self, hands: Iterable[Hand]) -> Sequence[socket.socket]:
        """What becomes readable when somebody comes in. Nothing while nobody could take them: they wait outside."""
        return [self._listener] if not self._waiting and any(hand.up for hand in hands) else []

    def hand_again(self, connections: Iterable[socket.socket]) -> None:
        """These were handed to somebody who never had them."""
        self._waiting.extend(connections)

    def let_in(self, hands: Iterable[Hand], now: float) -> None:
        """Hand out what comes in, each to the worker with the fewest connections; among equals by turns.

        ``now`` is a moment of the monotonic clock.
        """
        takers = [hand for hand in hands if hand.up]
        for _ in range(AT_ONCE):
            connection = self._next() if takers else None
            if connection is None:
                return
            self._turn += 1
            takers.sort(key=lambda hand: (hand.stalls(now), hand.connections, hand.given_at))
            if not any(hand.give(connection, self._turn, now) for hand in takers):
                self._waiting.appendleft(connection)
                return

    def close(self) -> None:
        """Nobody comes in any more; who waits is turned away."""
        self._listener.close()
        for connection in self._waiting:
            connection.close()
        self._waiting.clear()

    def _next(self) -> socket.socket | None:
        if self._waiting:
            return self._waiting.popleft()
        try:
            return self._listener.accept()[0]
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as error:
            complain(f"cannot accept connections: {error.strerror or error}")
            time.sleep(PAUSE_SECONDS)
            return None


class Receiver:
    """A worker's side: connections come to it one by one."""

    def __init__(self, takes: socket.socket, tells: Connection) -> None:
        takes.setblocking(False)
        self._takes = takes
        self._tells = tells
        self._begin: Callable[[socket.socket], None] | None = None

    def start(self, begin: Callable[[socket.socket], None]) -> None:
        """Take connections from now on, and begin each by this. Whoever does calls :meth:`ended` when it has ended."""
        self._begin = begin
        asyncio.get_running_loop().add_reader(self._takes, self._take)
        self._tell(UP)

    def stop(self) -> None:
        """Take none any more: the parent hands to others what it has handed to this one in vain."""
        if self._begin is not None:
            self._begin = None
            asyncio.get_running_loop().remove_reader(self._takes)
            self._takes.close()
            self._tells.close()

    def ended(self) -> None:
        """A connection has ended."""
        if self._begin is not None:
            self._tell(ENDED)

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            if self._begin is None:
                return
            try:
                said, descriptors, _, _ = socket.recv_fds(self._takes, 1, 1)
            except BlockingIOError:
                return
            except ConnectionError:
                said, descriptors = b"", []
            if not said:  # the parent is gone, and this process about to end
                self.stop()
                return
            self._tell(TAKEN)
            if descriptors:
                connection = socket.socket(fileno=descriptors[0])
                connection.setblocking(False)
                self._begin(connection)
            else:  # this process may open no more files
                self.ended()

    def _tell(self, word: bytes) -> None:
        # Never waits: unread words are at most two for each connection there is, and a pipe has room for 65,536.
        try:
            os.write(self._tells.fileno(), word)
        except BrokenPipeError:
            self.stop()
