"""One try: the message goes out, signed for this moment, and the receiver's answer is judged."""

from collections.abc import Sequence

import msgspec

from souk import __version__
from souk.callbacks.message import Message
from souk.callbacks.signing import signed_headers
from souk.logs import Redactor
from souk.net.http import Blocked, Http, MaybeSent, NetError, Response
from souk.net.policy import query_values, safe_url
from souk.words import Millis

TRY_SECONDS = 15.0
"""How long a receiver has to answer; the compatible API's documents give it as long."""
ANSWER_BYTES = 4096
"""How much of an answer is read."""
ERROR_CHARACTERS = 200
GONE = 410
BUSY = 429


class Answer(msgspec.Struct, frozen=True):
    """How a try went. Delivered means any HTTP 2xx within the time, whatever the answer's body does."""

    status: int | None = None
    error: str | None = None
    """Why the try failed; None when it was delivered."""
    retry_after: float | None = None
    """Seconds the receiver asks us to wait."""

    @property
    def delivered(self) -> bool:
        return self.error is None

    @property
    def trouble(self) -> bool:
        """The receiver as a whole does badly, rather than refusing this one message."""
        return not self.delivered and (self.status is None or self.status >= 500 or self.status == BUSY)

    @property
    def gone(self) -> bool:
        """The receiver says that it never wants this again."""
        return self.status == GONE


async def post(
    http: Http, url: str, message: Message, *, message_id: str, keys: Sequence[str], now: Millis
) -> Answer:
    """Send a message once. Raises BadWebhookKey for a key that cannot sign, and nothing for the network."""
    body = message.body.encode()
    signed = signed_headers(keys, task_id=message.task_id, message_id=message_id, now=now, body=body)
    plain = {"Content-Type": "application/json", "User-Agent": f"Souk/{__version__}"}
    try:
        response = await http.request(
            "POST",
            url,
            headers=_merged(message.headers, plain, signed),
            data=body,
            timeout=TRY_SECONDS,
            max_bytes=ANSWER_BYTES,
        )
    except Blocked as error:
        return Answer(error=f"the address may not be contacted: {error}")
    except NetError as error:
        return _unfinished(error, url)
    return _judged(response, url)


def _merged(*groups: dict[str, str]) -> dict[str, str]:
    """Headers of several sources; the later wins, however the names are spelt."""
    merged: dict[str, tuple[str, str]] = {}
    for group in groups:
        merged.update({name.lower(): (name, value) for name, value in group.items()})
    return dict(merged.values())


def _unfinished(error: NetError, url: str) -> Answer:
    """A status that arrived is the answer, even if the rest of it was too long or never came."""
    status = error.answered if isinstance(error, MaybeSent) else None
    if status is None:
        return Answer(error=str(error).removeprefix(f"{safe_url(url)}: "))
    return Answer(status, None if 200 <= status < 300 else f"HTTP {status}")


def _judged(response: Response, url: str) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(status)
    if 300 <= status < 400:
        return Answer(status, f"HTTP {status}: redirects are not followed; use the final address")
    # Receivers like to repeat the address that they were asked at.
    said = Redactor(query_values(url))(response.text())
    said = " ".join(said[:ERROR_CHARACTERS].split())
    return Answer(status, f"HTTP {status}: {said}" if said else f"HTTP {status}", response.retry_after())
