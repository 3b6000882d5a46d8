"""One chat request from its admission to its end: what it cost, its line in the log, its place in the counts."""

import logging
from typing import Final

from souk.catalog.chat import ChatModel, Usage
from souk.clock import Clock
from souk.measure import Meters
from souk.operations.types import Caller
from souk.relay.admission import Ticket
from souk.relay.bound import estimate
from souk.relay.expenses import Expenses
from souk.relay.protocols.protocol import Ask, ChatProtocol
from souk.relay.roads import SANDBOX
from souk.relay.upstream import Answer
from souk.words import CREDIT, Credits

log = logging.getLogger("souk.relay")

ANSWERED: Final = "answered"
GONE: Final = "gone"
"""The client went away."""
REFUSED: Final = "refused"
"""The upstream said no."""
UNREACHED: Final = "unreached"
CAPPED: Final = "capped"
"""Every connection that could answer is at its daily cap."""
BROKEN: Final = "broken"
"""The upstream's answer broke off, or reported a failure inside."""


class Exchange:
    """What is known of one admitted request. Ended once; a second end changes nothing."""

    def __init__(
        self,
        caller: Caller,
        protocol: ChatProtocol,
        model: ChatModel,
        ask: Ask,
        bound: Credits,
        ticket: Ticket,
        clock: Clock,
        meters: Meters,
        expenses: Expenses,
    ) -> None:
        self.caller = caller
        self.protocol = protocol
        self.model = model
        self.ask = ask
        self.bound = bound
        self.connection = ""
        self.status = 0
        self.produced = self.pieces = 0
        self._told: Credits | None = None
        """What the upstream says it cost there, where that can be believed."""
        self._ticket = ticket
        self._clock = clock
        self._meters = meters
        self._expenses = expenses
        self._started = clock.monotonic()
        self._open = True

    def cost(self, usage: Usage) -> Credits:
        """What a usage costs here; never more than the client was let in for."""
        return Credits(min(self.model.price.cost(usage), self.bound))

    def headed(self) -> None:
        """The upstream's answer has begun."""
        self._meters.chat_upstream(self.connection, self._clock.monotonic() - self._started)

    def hear(self, told: Credits | None, answer: Answer) -> None:
        """The upstream told credits, or none in this part of its answer. Not every upstream counts in ours."""
        if told is not None and answer.tells_credits:
            self._told = told

    def settle(self, usage: Usage | None, outcome: str = ANSWERED) -> Credits:
        """It is to be paid for: as told, or by an estimate of what came back. What the client pays."""
        if not self._open:
            return Credits(0)
        known = usage or estimate(self.ask.body, self.produced, self.pieces)
        cost = self.cost(known)
        self._ticket.settle(cost)
        if self.connection != SANDBOX:
            self._expenses.add(self.connection, cost if self._told is None else self._told)
        if cost < self.model.price.cost(known):
            log.warning("chat cost more than its bound", extra={"model": self.model.id, "bound": self.bound})
        self._end(outcome, known, cost, estimated=usage is None)
        return cost

    def fail(self, outcome: str) -> None:
        """It failed, and costs nothing."""
        if self._open:
            self._ticket.cancel()
            self._end(outcome, Usage(), Credits(0), estimated=False)

    def _end(self, outcome: str, usage: Usage, cost: Credits, *, estimated: bool) -> None:
        self._open = False
        read = usage.input + usage.cached + usage.written
        self._meters.chat(self.protocol.name, outcome, read, usage.output)
        told: dict[str, str | int | float] = {
            "model": self.model.id,
            "protocol": self.protocol.name,
            "connection": self.connection,
            "account": self.caller.account_id,
            "input": read,
            "output": usage.output,
            "credits": cost / CREDIT,
            "seconds": round(self._clock.monotonic() - self._started, 3),
        }
        # A line costs as much as the rest of a request: what is usual is not said.
        if self.ask.stream:
            told["stream"] = True
        if estimated:
            told["estimated"] = True
        if self.status != 200:
            told["status"] = self.status
        log.info("chat %s", outcome, extra=told)
