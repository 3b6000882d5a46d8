"""What a callback says: rendered once by the task's dialect, then sent the same way at every try."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from souk.store.outbox import OutboxRow
from souk.words import AccountId


class Message(msgspec.Struct, frozen=True):
    """A rendered callback. The outbox keeps it as JSON until it is delivered."""

    task_id: str
    """The task's id as this dialect writes it: what the compatible signature covers."""
    body: str
    """The JSON text that is sent, encoded as UTF-8."""
    headers: dict[str, str] = {}
    """The dialect's own headers. They cannot replace those that every callback has."""


Render = Callable[[OutboxRow], Awaitable[Message | None]]
"""Makes a row's message; None when its task is gone and there is nothing left to tell."""

KeysOf = Callable[[AccountId], Awaitable[Sequence[str]]]
"""An account's webhook keys, newest first."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Message)


def pack(message: Message) -> str:
    """The message as the outbox keeps it."""
    return _encoder.encode(message).decode()


def unpack(text: str) -> Message:
    return _decoder.decode(text)
