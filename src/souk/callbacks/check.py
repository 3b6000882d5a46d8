"""Trying out a receiver before any task depends on it: `souk callbacks test URL`."""

from collections.abc import Sequence

import msgspec

from souk.callbacks.message import Message
from souk.callbacks.post import post
from souk.clock import Clock
from souk.ids import RandomBits, new_task_id
from souk.net.http import Http


class TestResult(msgspec.Struct, frozen=True):
    """What the receiver made of a test callback."""

    __test__ = False  # it is no test of ours, whatever its name says to a test runner

    task_id: str
    """The made-up task the callback told of."""
    delivered: bool
    status: int | None
    error: str | None
    milliseconds: int
    signatures: int
    """How many of the account's keys signed it."""


async def send_test(
    http: Http, url: str, keys: Sequence[str], *, clock: Clock, random: RandomBits
) -> TestResult:
    """Send one signed callback of a task that does not exist, once. Raises BadWebhookKey."""
    task_id = new_task_id(clock.now(), random)
    body = {
        "code": 200,
        "msg": "This is a test callback from Souk.",
        "data": {"taskId": task_id, "state": "success", "test": True},
    }
    message = Message(task_id, msgspec.json.encode(body).decode())
    began = clock.monotonic()
    answer = await post(http, url, message, message_id=f"msg_{task_id}_test", keys=keys, now=clock.now())
    milliseconds = round((clock.monotonic() - began) * 1000)
    return TestResult(task_id, answer.delivered, answer.status, answer.error, milliseconds, len(keys))
