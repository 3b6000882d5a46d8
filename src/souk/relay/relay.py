"""The one way of every chat request: read, priced, let in, sent on, its answer copied back, and settled."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Final, Protocol

from souk.clock import Clock
from souk.measure import Meters
from souk.operations.drafts import MOST_HOPS
from souk.operations.types import Caller, Reason, Refusal
from souk.relay.admission import Admission
from souk.relay.bound import bound_of
from souk.relay.events import WholeEvents
from souk.relay.exchange import BROKEN, GONE, REFUSED, UNREACHED, Exchange
from souk.relay.faults import upstream_error
from souk.relay.protocols.protocol import BadAsk, ChatProtocol, Fault, StreamReader
from souk.relay.rate import Rate
from souk.relay.roads import SANDBOX, Road, Roads
from souk.relay.upstream import Answer, Broken, Unreached
from souk.words import Mode

TRY_NEXT: Final = frozenset({401, 402, 403, 404, 429, 503, 529})
"""Answers that prove the model did not run, and not for the request's sake: the next route may do better."""


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
    ) -> None:
        self._roads = roads
        self._admission = admission
        self._mode_of = mode_of
        self._rate = rate
        self._clock = clock
        self._meters = meters

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
        made = Exchange(caller, protocol, model, ask, bound, ticket, self._clock, self._meters)
        return made, roads

    async def _carry(self, exchange: Exchange, roads: tuple[Road, ...], client: Client) -> None:
        """Ask one route after the other until one answers, and pass its answer on."""
        answer = await self._first_answer(exchange, roads)
        if isinstance(answer, Fault):
            exchange.status = answer.status
            exchange.fail(UNREACHED if answer.code == "upstream_unreachable" else BROKEN)
            await client.whole(answer.status, exchange.protocol.error(answer))
            return
        try:
            if not isinstance(answer.body, bytes):
                await self._pass_stream(exchange, answer.body, client)
            elif answer.status == 200:
                await self._pass_whole(exchange, answer.body, client)
            else:
                await self._pass_error(exchange, answer, answer.body, client)
        finally:
            answer.end()

    async def _first_answer(self, exchange: Exchange, roads: tuple[Road, ...]) -> Answer | Fault:
        last = len(roads) - 1
        for number, road in enumerate(roads):
            exchange.connection = road.connection
            try:
                answer = await road.upstream.send(exchange.protocol, exchange.ask, exchange.ask.stream)
            except Unreached as error:
                fault = Fault(
                    502, f"{road.connection} cannot be reached: {error}", code="upstream_unreachable"
                )
                if number == last:
                    return fault
            except Broken as error:
                return Fault(502, f"{road.connection} gave no whole answer: {error}", code="upstream_broken")
            else:
                exchange.headed()
                if answer.status not in TRY_NEXT or number == last:
                    return answer
                answer.end()
        raise AssertionError("a model without a route is refused before")

    async def _pass_whole(self, exchange: Exchange, body: bytes, client: Client) -> None:
        protocol = exchange.protocol
        usage = protocol.usage_of(body)
        exchange.status = 200
        exchange.produced = len(body)
        if usage is not None:
            body = protocol.with_credits(body, exchange.cost(usage))
        exchange.settle(usage)
        await client.whole(200, body)

    async def _pass_error(self, exchange: Exchange, answer: Answer, body: bytes, client: Client) -> None:
        status, told = answer.status, body
        if exchange.connection != SANDBOX:
            status, told = upstream_error(exchange.protocol, answer.status, body, exchange.connection)
        exchange.status = answer.status
        exchange.fail(REFUSED)
        await client.whole(status, told, answer.headers.get("retry-after", ""))

    async def _pass_stream(self, exchange: Exchange, body: AsyncGenerator[bytes], client: Client) -> None:
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
                    if (events := whole.push(piece)) and (told := reader.feed(events)):
                        await client.write(told)
            if (rest := whole.rest()) and (told := reader.feed(rest)):
                await client.write(told)
            _check_end(reader)
        except asyncio.CancelledError:
            exchange.settle(reader.usage, GONE)
            raise
        except Broken as error:
            exchange.fail(BROKEN)
            fault = Fault(502, f"{exchange.connection} broke off: {error}", code="upstream_broken")
            await client.write(protocol.error_event(fault))
        if reader.failed:
            exchange.fail(BROKEN)
        else:
            exchange.settle(reader.usage)
        await client.end()


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
