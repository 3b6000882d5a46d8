"""What befalls the simulated processes and their world while tasks run, drawn from the seed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation.outside import Receiver
from tests.simulation.process import Process, Town
from tests.simulation.services import Service

TRIP = 0.004
"""The chance to be stopped at a point where it hurts most: between a commit and its answers, or as bytes leave."""


@dataclass
class Fate:
    """Draws faults until :meth:`relent`. Afterwards everything works and everybody is back."""

    town: Town
    chance: Random
    processes: list[Process]
    services: list[Service]
    receivers: list[Receiver]
    start: Callable[[str], None]
    """Starts a process in a slot."""
    slots: list[str]
    harsh: bool = True

    async def strike(self, seconds: float, gap: float) -> None:
        """Faults for so long, about so many seconds apart."""
        until = self.town.loop.time() + seconds
        acts = [
            *(self._kill, self._kill, self._kill, self._stall, self._stall, self._retire, self._skew),
            *(self._database_away, self._database_busy, self._database_breaks, self._database_breaks),
            *(self._cut, self._cut),
            *(self._mood, self._mood, self._receiver_away, self._storage_away, self._storage_slow),
        ]
        while (left := until - self.town.loop.time()) > 0:
            await asyncio.sleep(min(left, self.chance.expovariate(1 / gap)))
            self.chance.choice(acts)()

    def relent(self) -> None:
        """From now on nothing goes wrong any more."""
        self.harsh = False
        self.town.note("fate", "relents")
        self.town.network.cuts.clear()
        self.town.network.loss = 0.0
        self.town.shelves.away, self.town.shelves.slow = False, 0.0
        for service in self.services:
            service.mood, service.trouble = "", 0.0
        for receiver in self.receivers:
            receiver.away, receiver.trouble = False, 0.0
        for process in self._living():
            process.clock.ahead = 0.0
            process.weather.busy, process.weather.breaks, process.weather.away_until = False, 0.0, 0.0
            self.town.loop.resume(process.strand)

    async def watch(self) -> None:
        """Start a process again some time after it died: in its own slot, or in another."""
        while True:
            await asyncio.sleep(1 + self.chance.random() * 4)
            for process in [process for process in self.processes if process.failed and process.alive]:
                self.town.loop.kill(process.strand)
            self.processes[:] = self._living()
            taken = {process.slot for process in self.processes}
            free = [slot for slot in self.slots if slot not in taken]
            if free and len(self.processes) < len(self.slots) - 1:
                slot = self.chance.choice(free)
                self.town.note("fate", "starts", slot)
                self.start(slot)

    def trip(self, process: Process, where: str) -> None:
        """A process is at a point where a fault may hurt."""
        if not self.harsh or self.chance.random() > TRIP:
            return
        if self.chance.random() < 0.5:
            self._end(process, where)
        else:
            self._hold(process, where)

    # --- acts ------------------------------------------------------------------------------------

    def _living(self) -> list[Process]:
        return [process for process in self.processes if process.alive]

    def _one(self) -> Process | None:
        living = self._living()
        return self.chance.choice(living) if living else None

    def _for(self, seconds: float, undo: Callable[[], None]) -> None:
        self.town.loop.call_outside(self.chance.random() * seconds, undo)

    def _end(self, process: Process, where: str) -> None:
        self.town.note("fate", "kills", process.name, where)
        self.town.loop.kill(process.strand)

    def _hold(self, process: Process, where: str) -> None:
        seconds = 90 * self.chance.random() ** 2
        self.town.note("fate", "stalls", process.name, where, round(seconds, 3))
        self.town.loop.pause(process.strand)
        self.town.loop.call_outside(seconds, self.town.loop.resume, process.strand)

    def _kill(self) -> None:
        if process := self._one():
            self._end(process, "anywhere")

    def _stall(self) -> None:
        if process := self._one():
            self._hold(process, "anywhere")

    def _retire(self) -> None:
        """As an upgrade does: stop in good order."""
        process = self._one()
        if process is None or not process.serving:
            return
        self.town.note("fate", "retires", process.name)

        async def close() -> None:
            await process.close()
            self.town.loop.call_outside(0, self._end, process, "retired")

        process.spawn(close)

    def _skew(self) -> None:
        if process := self._one():
            process.clock.ahead = self.chance.choice([0.5, 5, 20, 300, 8000]) * (self.chance.random() * 2 - 1)
            self.town.note("fate", "sets the clock of", process.name, round(process.clock.ahead, 3))
            self._for(30, lambda: setattr(process.clock, "ahead", 0.0))

    def _database_away(self) -> None:
        hit = self._living() if self.chance.random() < 0.5 else self._living()[:1]
        until = self.town.loop.time() + self.chance.random() * 20
        self.town.note("fate", "takes the database from", *(process.name for process in hit))
        for process in hit:
            process.weather.away_until = until

    def _database_busy(self) -> None:
        if process := self._one():
            self.town.note("fate", "keeps the database busy for", process.name)
            process.weather.busy = True
            self._for(10, lambda: setattr(process.weather, "busy", False))

    def _database_breaks(self) -> None:
        for process in self._living():
            process.weather.breaks = 0.2
            self._for(20, lambda process=process: setattr(process.weather, "breaks", 0.0))

    def _cut(self) -> None:
        if process := self._one():
            host = self.chance.choice(sorted(self.town.network.hosts))
            self.town.note("fate", "cuts", process.name, "from", host)
            self.town.network.cuts.add((process.name, host))
            self._for(40, lambda: self.town.network.cuts.discard((process.name, host)))

    def _mood(self) -> None:
        service = self.chance.choice(self.services)
        service.mood = self.chance.choice(["down", "locked", "crowded"])
        self.town.note("fate", "turns", service.name, service.mood)
        self._for(30, lambda: setattr(service, "mood", ""))

    def _receiver_away(self) -> None:
        receiver = self.chance.choice(self.receivers)
        receiver.away = True
        self._for(60, lambda: setattr(receiver, "away", False))

    def _storage_away(self) -> None:
        self.town.shelves.away = True
        self.town.note("fate", "takes the storage")
        self._for(15, lambda: setattr(self.town.shelves, "away", False))

    def _storage_slow(self) -> None:
        self.town.shelves.slow = 3.0
        self._for(30, lambda: setattr(self.town.shelves, "slow", 0.0))
