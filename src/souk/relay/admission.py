"""What the relay asks of the meter: room for a request before it leaves, and its cost afterwards."""

from typing import Protocol

from souk.operations.types import Caller
from souk.words import Credits, Mode


class Ticket(Protocol):
    """Room for one request, as large as its bound. Ended exactly once, by settling or cancelling."""

    def settle(self, cost: Credits) -> None:
        """The request cost this much, at most its bound. Never raises and never waits."""
        ...

    def cancel(self) -> None:
        """The request failed and costs nothing. Never raises and never waits."""
        ...


class Admission(Protocol):
    """Who lets requests in: :class:`souk.relay.meter.Meter`."""

    async def admit(self, caller: Caller, mode: Mode, bound: Credits) -> Ticket:
        """Room for a request that costs at most ``bound``.

        Raises Refusal (``INSUFFICIENT_CREDITS``, ``KEY_CAP`` or ``BUSY``).
        """
        ...
