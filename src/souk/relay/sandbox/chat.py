"""The sandbox as whoever answers a chat: reads the request, rehearses what it is told to, and writes the answer."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from souk.clock import Clock
from souk.providers.sandbox.triggers import Triggers, read_triggers
from souk.relay.protocols.protocol import Ask, ChatProtocol, Fault
from souk.relay.sandbox.answer import answers
from souk.relay.sandbox.answered import Answered, Writing
from souk.relay.sandbox.asked import Asked, Unusable
from souk.relay.sandbox.reading.chat import read_chat
from souk.relay.sandbox.reading.gemini import read_gemini
from souk.relay.sandbox.reading.messages import read_messages
from souk.relay.sandbox.reading.responses import read_responses
from souk.relay.sandbox.reply import Marks
from souk.relay.sandbox.writing import chat, gemini, messages, responses
from souk.relay.upstream import Answer
from souk.words import JsonObject

PACE_SECONDS: Final = 0.005
"""Between two pieces of a stream, so that they arrive one by one."""
FIRST_SHARE: Final = 0.3
"""The part of a set delay that passes before a stream's first piece."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How the sandbox speaks one protocol."""

    read: Callable[[Ask, JsonObject], Asked]
    writing: Writing


WIRES: Final[Mapping[str, Wire]] = {
    "chat": Wire(read_chat, chat),
    "responses": Wire(read_responses, responses),
    "messages": Wire(read_messages, messages),
    "gemini": Wire(read_gemini, gemini),
}
"""By the protocol's name."""


class SandboxChat:
    """Answers chats without a model; a :class:`souk.relay.upstream.Upstream`.

    ``delay``: seconds every answer takes at least; streams spread it over their pieces.
    """

    def __init__(self, clock: Clock, delay: float = 0.0) -> None:
        self._clock = clock
        self._delay = delay

    async def send(self, protocol: ChatProtocol, ask: Ask, stream: bool) -> Answer:
        """The answer, made up. Neither raises Unreached nor Broken."""
        wire = WIRES[protocol.name]
        marks = Marks(ask.model, ask.body)
        try:
            asked = wire.read(ask, _object(ask.body))
            triggers = read_triggers({"text": asked.talk.said})
            replies = answers(asked, marks)
        except Unusable as error:
            return Answer(400, protocol.error(Fault(400, str(error))))
        if triggers.fail:
            return await self._failed(protocol, triggers)
        answered = Answered(asked, replies, marks, self._clock.now() // 1000)
        if stream:
            return Answer(200, self._streamed(wire.writing, answered, triggers))
        await self._wait(triggers)
        return Answer(200, msgspec.json.encode(wire.writing.whole(answered)))

    async def _failed(self, protocol: ChatProtocol, triggers: Triggers) -> Answer:
        await self._wait(triggers)
        status = int(triggers.fail) if triggers.fail.isdecimal() and len(triggers.fail) == 3 else 500
        status = status if 400 <= status <= 599 else 500
        message = f"The sandbox was told to fail with code {triggers.fail}."
        headers = {"retry-after": "1"} if status == 429 else {}
        return Answer(status, protocol.error(Fault(status, message)), headers)

    async def _wait(self, triggers: Triggers) -> None:
        if triggers.stall:
            await asyncio.Event().wait()
        await asyncio.sleep(self._delay + triggers.delay)

    async def _streamed(
        self, writing: Writing, answered: Answered, triggers: Triggers
    ) -> AsyncGenerator[bytes]:
        pieces = list(writing.events(answered))
        await asyncio.sleep(triggers.delay + self._delay * FIRST_SHARE)
        pace = PACE_SECONDS + self._delay * (1 - FIRST_SHARE) / len(pieces)
        for piece in pieces:
            yield piece
            if triggers.stall:
                await asyncio.Event().wait()
            await asyncio.sleep(pace)


def _object(body: bytes) -> JsonObject:
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Unusable("the body must be a JSON object")
    return cast(JsonObject, value)
