"""What all tasks of a process share on a connection: its slots, gate, rates and door, as long as somebody needs them.

Connections come and go while the process runs. One that is gone takes no more tasks: whoever waits there is told to
leave. What an upstream has taken runs on, and is counted here until it has ended.
"""

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from souk.engine.door import Door
from souk.engine.gate import Gate
from souk.engine.health import HealthBook
from souk.engine.pace import Pace, Throttle, Turns
from souk.engine.slots import Slots
from souk.engine.wish import Wish
from souk.engine.world import World
from souk.providers.base import Connection

log = logging.getLogger("souk.engine")


class Traffic:
    """What all tasks of this process share on one connection."""

    def __init__(self, connection: Connection, world: World, book: HealthBook) -> None:
        self.slots = Slots(connection.concurrency)
        self.gate = Gate(world.clock)
        self.throttle = Throttle(world.clock, connection.polls_per_second)
        self.turns = Turns(world.clock, connection.submits_per_minute)
        self.door = Door(connection, book, world.limits.breaker_seconds)
        self.paces: dict[str, Pace] = {}
        """By model there."""
        self.telling = False
        """Whether the upstream has reported to us."""
        self.gone = False
        """Whether the connection was taken out of the configuration, or became another provider's."""
        self._offers: dict[Wish, None] = {}

    def share(self, processes: int) -> None:
        """The connection's rates are those of so many processes together."""
        self.throttle.share(processes)
        self.turns.share(processes)

    def follow(self, connection: Connection) -> None:
        """The connection is like this from now on. What runs is not interrupted."""
        self.gone = False
        self.slots.resize(connection.concurrency)
        self.throttle.resize(connection.polls_per_second)
        self.turns.resize(connection.submits_per_minute)
        self.door.follow(connection)

    def go(self) -> None:
        """No task is submitted here any more; those who are about to hear of it, in the order they came."""
        self.gone = True
        for leave in list(self._offers):
            leave.set()

    @contextmanager
    def offer(self) -> Generator[Wish]:
        """What a task that is about to be submitted listens to: it is set when the connection goes."""
        leave = Wish()
        if self.gone:
            leave.set()
        self._offers[leave] = None
        try:
            yield leave
        finally:
            del self._offers[leave]


class Roads:
    """The traffic of every connection, and news of those that come or go."""

    def __init__(self, world: World, book: HealthBook) -> None:
        self.book = book
        self.edition = 0
        """Grows whenever routes may be others than before."""
        self.shape = 0
        """Grows whenever a connection has come or gone."""
        self._world = world
        self._traffic: dict[tuple[str, str], Traffic] = {}
        self._processes = 1
        self._known = _places(world)
        self._changed_at = world.clock.monotonic()
        self._resting: dict[Wish, None] = {}

    def of(self, connection: Connection) -> Traffic:
        """The traffic of a connection, made when it is first needed."""
        place = (connection.name, connection.provider)
        traffic = self._traffic.get(place)
        if traffic is None:
            traffic = self._traffic[place] = Traffic(connection, self._world, self.book)
            traffic.share(self._processes)
            # A task whose submit was unclear may outlast its connection, and find then that it was taken.
            traffic.gone = place not in self._known
        return traffic

    def all(self) -> Iterator[tuple[str, Traffic]]:
        """Every connection that has had traffic, by name. Those that are gone are among them while something runs."""
        return ((name, traffic) for (name, _), traffic in self._traffic.items())

    @property
    def settled_for(self) -> float:
        """Seconds since a connection came or went, or since the process began."""
        return self._world.clock.monotonic() - self._changed_at

    def share(self, processes: int) -> None:
        """The rates of connections are those of so many processes together."""
        self._processes = processes
        for traffic in self._traffic.values():
            traffic.share(processes)

    def follow(self) -> None:
        """Connections may be others now, or have other limits. Nothing is kept of one that is gone and idle."""
        self.edition += 1
        before, self._known = self._known, _places(self._world)
        for place, traffic in list(self._traffic.items()):
            if place in self._known:
                traffic.follow(self._world.connections[place[0]])
            else:
                self._let_go(place, traffic)
        if self._known != before:
            self.shape += 1
            self._changed_at = self._world.clock.monotonic()
        # At the end: those who are woken find everything as it is now.
        self.book.ring()
        if self._known != before:
            for news in list(self._resting):
                news.set()

    @contextmanager
    def listening(self) -> Generator[Wish]:
        """What a task that waits for better times listens to: it is set when a connection comes or goes."""
        news = Wish()
        self._resting[news] = None
        try:
            yield news
        finally:
            del self._resting[news]

    def _let_go(self, place: tuple[str, str], traffic: Traffic) -> None:
        running = traffic.slots.used
        if not traffic.gone:
            traffic.go()
            log.info("connection gone", extra={"connection": place[0], "running": running})
        if not running:
            del self._traffic[place]


def _places(world: World) -> set[tuple[str, str]]:
    return {(connection.name, connection.provider) for connection in world.connections.values()}
