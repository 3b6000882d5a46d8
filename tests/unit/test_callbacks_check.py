"""`souk callbacks test URL`: one signed try, and what came of it."""

import json
from collections.abc import AsyncIterator
from random import Random

import pytest

from souk.accounts.webhook_keys import BadWebhookKey, make_webhook_key
from souk.callbacks.check import send_test
from souk.callbacks.signing import compatible_signature, standard_signature
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from tests.clock import HandClock
from tests.postgres import free_port
from tests.upstreams.receiver import receiver, statuses

KEYS = [make_webhook_key(), make_webhook_key()]


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.OPEN) as client:
        yield client


async def test_the_receiver_gets_one_signed_callback(http: GuardedHttp) -> None:
    async with receiver() as client:
        result = await send_test(http, client.url(), KEYS, clock=HandClock(), random=Random(1))
        (got,) = client.got
    assert (result.delivered, result.status, result.error, result.signatures) == (True, 200, None, 2)
    assert json.loads(got.body)["data"] == {"taskId": result.task_id, "state": "success", "test": True}
    seconds = got.headers["webhook-timestamp"]
    assert got.headers["x-webhook-signature"] == compatible_signature(KEYS[0], result.task_id, seconds)
    assert got.headers["webhook-signature"] == " ".join(
        standard_signature(key, got.headers["webhook-id"], seconds, got.body) for key in KEYS
    )


async def test_a_refusal_is_told_as_it_was_said(http: GuardedHttp) -> None:
    async with receiver(statuses(403)) as client:
        result = await send_test(http, client.url(), KEYS, clock=HandClock(), random=Random(1))
    assert (result.delivered, result.status) == (False, 403)
    assert result.error == "HTTP 403: said the receiver"


async def test_a_receiver_that_is_not_there_gives_no_status(http: GuardedHttp) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    result = await send_test(http, url, KEYS, clock=HandClock(), random=Random(1))
    assert (result.delivered, result.status) == (False, None)
    assert (result.error or "").startswith("the connection failed")


async def test_a_key_that_cannot_sign_is_told_before_anything_is_sent(http: GuardedHttp) -> None:
    async with receiver() as client:
        with pytest.raises(BadWebhookKey):
            await send_test(http, client.url(), ["whsec_?"], clock=HandClock(), random=Random(1))
        assert client.got == []
