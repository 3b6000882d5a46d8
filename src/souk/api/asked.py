"""What create and record calls of every dialect may ask beside their own fields: to be made once, and to wait."""

import asyncio
import math
import re
from collections.abc import Awaitable, Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from souk.api.body import Disconnected
from souk.api.site import HeaderMap
from souk.operations.records import Record
from souk.operations.types import Reason, Refusal

LONGEST_WAIT: Final = 60.0

_IDEMPOTENCY_KEY: Final = re.compile(rb"[\x20-\x7e]{1,255}")


def query_of(scope: Scope) -> dict[str, str]:
    """The parameters of a request's address; of one given twice the last counts."""
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


def idempotency_key(headers: HeaderMap) -> str | None:
    """The caller's own key for this create. Raises Refusal."""
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Refusal(
            Reason.INVALID_INPUT,
            "Idempotency-Key must be 1 to 255 printable ASCII characters",
            field="Idempotency-Key",
        )
    return key.decode("ascii")


def wait_of(query: Mapping[str, str], otherwise: float = 0.0) -> float:
    """How many seconds the answer may be held back; ``otherwise`` where nothing is said. Raises Refusal."""
    given = query.get("wait")
    if not given:
        return otherwise
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise Refusal(
            Reason.INVALID_INPUT, f"wait must be a number of seconds from 0 to {LONGEST_WAIT:g}", field="wait"
        )
    return min(seconds, LONGEST_WAIT)


async def while_connected(asked: Awaitable[Record | None], receive: Receive) -> Record | None:
    """The answer of a long wait, given up when the client has gone."""
    answer = asyncio.ensure_future(asked)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise Disconnected
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
