"""The one way of every chat request: read, priced, let in, sent on, its answer copied back, and settled."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final, Protocol

from souk.clock import Clock
from souk.measure import Meters
from souk.operations.drafts import MOST_HOPS
from souk.operations.types import Caller, Reason, Refusal
from souk.relay.admission import Admission
from souk.relay.bound import bound_of
from souk.relay.credits import events_without_credits, with_credits, without_credits
from souk.relay.events import WholeEvents
from souk.relay.exchange import ANSWERED, BROKEN, CAPPED, GONE, REFUSED, UNREACHED, Exchange
from souk.relay.expenses import Expenses
from souk.relay.faults import upstream_error
from souk.relay.protocols.protocol import BadAsk, ChatProtocol, Fault, StreamReader
from souk.relay.rate import Rate
from souk.relay.roads import SANDBOX, Road, Roads
from souk.relay.upstream import Answer, Broken, Unreached
from souk.words import CREDIT, Mode

TRY_NEXT: Final = frozenset({401, 402, 403, 404, 429, 503, 529})
"""Answers that prove the model did not run, and not for the request's sake: the next route may do better."""
_UNREACHABLE: Final = "upstream_unreachable"
_BROKEN: Final = "upstream_broken"
_CAPPED: Final = "daily_cap"
_OUTCOMES: Final = {_UNREACHABLE: UNREACHED, _BROKEN: BROKEN, _CAPPED: CAPPED}


class Client(Protocol):
    """Who asked, as far as an answer can be written to it."""

    async def whole(self, status: int, body: bytes, retry_after: str = "") -> None:
        """A whole answer."""
        ...

    async def begin(self) -> None:
        """The head of a stream of events."""
        ...

    async def write(self, events: bytes) -> None:
        """More of the stream."""
        ...

    async def end(self) -> None:
        """The end of the stream."""
        ...


class Relay:
    """Answers chat requests."""

    def __init__(
        self,
        roads: Roads,
        admission: Admission,
        mode_of: Callable[[Caller], Mode],
        rate: Rate,
        clock: Clock,
        meters: Meters,
        expenses: Expenses,
    ) -> None:
        self._roads = roads
        self._admission = admission
        self._mode_of = mode_of
        self._rate = rate
        self._clock = clock
        self._meters = meters
        self._expenses = expenses

    async def answer(
        self,
        caller: Caller,
        protocol: ChatProtocol,
        path_model: str,
        body: bytes,
        client: Client,
        *,
        default_stream: bool | None,
        headers: Mapping[str, str],
    ) -> None:
        """Answer a request, whatever the upstream says.

        ``default_stream`` holds where the request does not say; None leaves it to the model that ``path_model`` names.
        Cancelled when the client goes away: the upstream is let go at once, and what it produced is paid for.
        Raises Refusal, before anything was sent anywhere.
        """
        try:
            exchange, roads = await self._admitted(caller, protocol, path_model, body, default_stream)
        except Refusal as refusal:
            self._meters.chat(protocol.name, refusal.reason.value, 0, 0)
            raise
        exchange.ask.headers = headers
        try:
            await self._carry(exchange, roads, client)
        except asyncio.CancelledError:
            exchange.fail(GONE)
            raise
        finally:
            exchange.fail(BROKEN)  # changes nothing unless something unforeseen happened

    async def _admitted(
        self,
        caller: Caller,
        protocol: ChatProtocol,
        path_model: str,
        body: bytes,
        default_stream: bool | None,
    ) -> tuple[Exchange, tuple[Road, ...]]:
        _check_hops(caller)
        await self._rate.count(caller)
        if default_stream is None:
            default_stream = self._roads.model(path_model, protocol).streams
        try:
            ask = protocol.read(body, path_model, default_stream)
        except BadAsk as bad:
            raise Refusal(Reason.INVALID_INPUT, bad.message, field=bad.field or None) from None
        model = self._roads.model(ask.model, protocol)
        mode = self._mode_of(caller)
        roads = self._roads.of(model, protocol, mode)
        ask.model, ask.hops = model.id, caller.hops
        bound = bound_of(model, ask)
        ticket = await self._admission.admit(caller, mode, bound)
        made = Exchange(
            caller, protocol, model, ask, bound, ticket, self._clock, self._meters, self._expenses
        )
        return made, roads

    async def _carry(self, exchange: Exchange, roads: tuple[Road, ...], client: Client) -> None:
        """Ask one route after the other until one answers, and pass its answer on."""
        answer = await self._first_answer(exchange, roads)
        if isinstance(answer, Fault):
            exchange.status = answer.status
            exchange.fail(_OUTCOMES[answer.code])
            wait = str(math.ceil(answer.retry_after)) if answer.retry_after else ""
            await client.whole(answer.status, exchange.protocol.error(answer), wait)
            return
        try:
            if not isinstance(answer.body, bytes):
                await self._pass_stream(exchange, answer, answer.body, client)
            elif answer.status == 200:
                await self._pass_whole(exchange, answer, answer.body, client)
            else:
                await self._pass_error(exchange, answer, answer.body, client)
        finally:
            answer.end()

    async def _first_answer(self, exchange: Exchange, roads: tuple[Road, ...]) -> Answer | Fault:
        waits = [await self._expenses.capped(road.connection) for road in roads]
        if all(waits):
            exchange.connection = roads[0].name
            return _capped(roads, waits)
        if any(waits):
            roads = tuple(road for road, wait in zip(roads, waits, strict=True) if not wait)
        last = len(roads) - 1
        for number, road in enumerate(roads):
            exchange.connection = road.name
            try:
                answer = await road.upstream.send(exchange.protocol, exchange.ask, exchange.ask.stream)
            except Unreached as error:
                fault = Fault(502, f"{road.name} cannot be reached: {error}", code=_UNREACHABLE)
                if number == last:
                    return fault
            except Broken as error:
                return Fault(502, f"{road.name} gave no whole answer: {error}", code=_BROKEN)
            else:
                exchange.headed()
                if answer.status not in TRY_NEXT or number == last:
                    return answer
                answer.end()
        raise AssertionError("a model without a route is refused before")

    async def _pass_whole(self, exchange: Exchange, answer: Answer, body: bytes, client: Client) -> None:
        usage = exchange.protocol.usage_of(body)
        exchange.status = 200
        exchange.produced = len(body)
        body, told = without_credits(body)
        exchange.hear(told, answer)
        cost = exchange.settle(usage)
        if usage is not None or body.lstrip().startswith(b"{"):
            body = with_credits(body, cost)
        await client.whole(200, body)

    async def _pass_error(self, exchange: Exchange, answer: Answer, body: bytes, client: Client) -> None:
        status = answer.status
        body, _ = without_credits(body)
        if exchange.connection != SANDBOX:
            status, body = upstream_error(exchange.protocol, status, body, exchange.connection)
        exchange.status = answer.status
        exchange.fail(REFUSED)
        await client.whole(status, body, answer.headers.get("retry-after", ""))

    async def _pass_stream(
        self, exchange: Exchange, answer: Answer, body: AsyncGenerator[bytes], client: Client
    ) -> None:
        """Copy events as they come. What was produced is paid for unless the upstream failed."""
        protocol = exchange.protocol
        reader = protocol.reader(exchange.ask, exchange.cost)
        whole = WholeEvents()
        exchange.status = 200
        try:
            async with aclosing(body):
                await client.begin()
                async for piece in body:
                    exchange.produced += len(piece)
                    exchange.pieces += 1
                    if events := whole.push(piece):
                        await _pass_on(exchange, answer, reader, events, client)
            if rest := whole.rest():
                await _pass_on(exchange, answer, reader, rest, client)
            _check_end(reader)
        except asyncio.CancelledError:
            _end(exchange, reader, GONE)
            raise
        except Broken as error:
            exchange.fail(BROKEN)
            fault = Fault(502, f"{exchange.connection} broke off: {error}", code=_BROKEN)
            await client.write(protocol.error_event(fault))
        _end(exchange, reader, ANSWERED)
        await client.end()


async def _pass_on(
    exchange: Exchange, answer: Answer, reader: StreamReader, events: bytes, client: Client
) -> None:
    events, told = events_without_credits(events)
    exchange.hear(told, answer)
    if passed := reader.feed(events):
        await client.write(passed)


def _end(exchange: Exchange, reader: StreamReader, outcome: str) -> None:
    """What came is paid for, whether or not the client is still there; what told of its failure is not."""
    if reader.failed:
        exchange.fail(BROKEN)
    else:
        exchange.settle(reader.usage, outcome)


def _capped(roads: tuple[Road, ...], waits: Sequence[float]) -> Fault:
    caps = ", ".join(f"{road.connection.daily_cap / CREDIT:g} credits on {road.name}" for road in roads)
    message = f"no connection takes requests for this model until 00:00 UTC; daily caps are reached: {caps}"
    return Fault(503, message, code=_CAPPED, retry_after=min(waits))


def _check_end(reader: StreamReader) -> None:
    if not reader.finished and not reader.failed:
        raise Broken("the stream ended before the answer did")


def _check_hops(caller: Caller) -> None:
    if caller.hops > MOST_HOPS:
        raise Refusal(
            Reason.LOOP,
            f"this request has passed {caller.hops} Souks already: one of them has itself, or one that leads back "
            "to it, as its upstream; correct the base URL of its connections",
        )
