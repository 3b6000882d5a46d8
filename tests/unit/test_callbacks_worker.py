"""The outbox worker against real receivers: at once, at least once, in order, and no receiver delays another."""

import asyncio
import base64
import hashlib
import hmac
import logging
from random import Random

import pytest
from aiohttp import web

from souk import __version__
from souk.accounts.secrets import SecretKeyError
from souk.accounts.webhook_keys import make_webhook_key
from souk.callbacks.delivery import LEASE_SECONDS, Deliverer, Outcome
from souk.callbacks.message import Message
from souk.callbacks.schedule import DELAYS
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.store import outbox, sending
from souk.store.outbox import OutboxRow
from souk.words import Millis, TaskId
from tests.callback_house import House, house, new_row, plain_render, put, until
from tests.clock import HandClock
from tests.upstreams.receiver import Received, receiver, silent, statuses

TASK = "0199c0de0000700080000000000000aa"
DAY = 86_400


def compatible(key: str, task: str, seconds: str) -> str:
    return base64.b64encode(
        hmac.new(key.encode(), f"{task}.{seconds}".encode(), hashlib.sha256).digest()
    ).decode()


def standard(key: str, got: Received) -> str:
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    secret = base64.b64decode(key.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


async def test_a_callback_goes_out_at_once(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:
        souk.end(TASK, client.url("/hook?a=1"))
        (got,) = await client.wait(1)
        assert got.path == "/hook?a=1"
        assert got.body == b'{"taskId":"%s","stage":"end"}' % TASK.encode()
        assert (await souk.settled(TASK, 1)).state == "delivered"
        await until(lambda: souk.counted == ["delivered"])


async def test_waking_for_an_endpoint_needs_no_look_at_the_others(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:
        await asyncio.sleep(0.1)  # the first look found nothing, and the clock stands still
        put(souk.connection, new_row(TASK, client.url(), souk.clock.now()))
        souk.worker.wake([client.endpoint])
        await client.wait(1)


async def test_what_another_process_enqueued_is_found_by_looking(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:
        await asyncio.sleep(0.1)
        put(souk.connection, new_row(TASK, client.url(), souk.clock.now()))
        await asyncio.sleep(0.1)
        assert client.got == []
        souk.clock.advance(10)
        await client.wait(1)


async def test_a_process_that_stood_still_sends_nothing_that_others_took_over(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client, GuardedHttp.open(Policy.OPEN) as http:
        await asyncio.sleep(0.1)  # the worker's first look found nothing, and the clock stands still
        now = souk.clock.now()
        put(souk.connection, new_row(TASK, client.url(), now))
        claim = sending.Claim(client.endpoint, 1, "sleeper", now, Millis(now + int(LEASE_SECONDS * 1000)))
        (row,) = (await souk.lane.write(sending.CLAIM, claim)).rows

        async def stand_still(_account: int) -> list[str]:
            souk.clock.advance(20)
            souk.connection.begin()
            sending.take_back(souk.connection, ["sleeper"], souk.clock.now())
            souk.connection.commit()
            return souk.keys

        log = logging.getLogger("souk.callbacks.test")
        sleeper = Deliverer(
            souk.lane, http, souk.clock, Random(0), plain_render, stand_still, log, souk.counted.append
        )
        assert await sleeper.deliver(row, asyncio.Semaphore(1)) == Outcome()
        souk.worker.wake()
        assert (await souk.settled(TASK, 1)).state == "delivered"
        assert len(client.got) == 1


async def test_what_is_due_later_is_sent_on_time(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:
        now = souk.clock.now()
        souk.put(new_row(TASK, client.url(), now), new_row("later", client.url(), now + 3_000))
        await souk.settled(TASK, 1)
        souk.clock.advance(3)  # sooner than the next look at all receivers
        await client.wait(2)


async def test_both_signatures_are_those_of_the_bytes_sent(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:
        souk.end(TASK, client.url())
        (got,) = await client.wait(1)
    seconds = str(souk.clock.now() // 1000)
    assert got.headers["x-webhook-timestamp"] == got.headers["webhook-timestamp"] == seconds
    assert got.headers["x-webhook-signature"] == compatible(souk.keys[0], TASK, seconds)
    assert got.headers["webhook-signature"] == standard(souk.keys[0], got)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == f"Souk/{__version__}"


async def test_every_try_says_the_same_but_is_signed_anew(database_url: str) -> None:
    async with house(database_url) as souk, receiver(statuses(500, 200)) as client:
        souk.end(TASK, client.url())
        await souk.settled(TASK, 1)
        old = souk.keys[0]
        souk.keys.insert(0, make_webhook_key())
        souk.clock.advance(6)
        first, second = await client.wait(2)
        await souk.settled(TASK, 2)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 6
    assert second.headers["webhook-signature"].split(" ") == [
        standard(souk.keys[0], second),
        standard(old, second),
    ]
    seconds = second.headers["x-webhook-timestamp"]
    assert second.headers["x-webhook-signature"] == compatible(souk.keys[0], TASK, seconds)
    assert len(souk.rendered) == 1


async def test_the_dialects_own_id_is_signed_and_its_headers_sent(database_url: str) -> None:
    def render(row: OutboxRow) -> Message:
        return Message("veo_task_1", "{}", {"X-Own": "yes", "USER-AGENT": "no", "Webhook-Id": "no"})

    async with house(database_url, render=render) as souk, receiver() as client:
        souk.end(TASK, client.url())
        (got,) = await client.wait(1)
    assert got.headers["x-webhook-signature"] == compatible(
        souk.keys[0], "veo_task_1", got.headers["x-webhook-timestamp"]
    )
    assert got.headers["x-own"] == "yes"
    assert got.headers["webhook-id"] == f"msg_{TASK}_end"
    assert got.headers["user-agent"] == f"Souk/{__version__}"


async def test_tries_go_on_for_three_days_and_then_end(database_url: str) -> None:
    async with house(database_url) as souk, receiver(statuses(500)) as client:
        began = souk.clock.now()
        souk.end(TASK, client.url())
        for tries in range(1, len(DELAYS) + 1):
            row = await souk.settled(TASK, tries)
            assert row.state == "pending"
            souk.clock.advance((row.next_try_at - souk.clock.now() - 1) / 1000)
            await asyncio.sleep(0.05)
            assert len(client.got) == tries, "tried before its time"
            souk.clock.advance(0.001)
            await client.wait(tries + 1)
        row = await souk.settled(TASK, len(DELAYS) + 1)
        assert row.state == "dead"
        assert 2.6 * DAY < (souk.clock.now() - began) / 1000 < 3.3 * DAY
        assert (
            len({got.body for got in client.got})
            == len({got.headers["webhook-id"] for got in client.got})
            == 1
        )
        await until(lambda: souk.counted == ["failed"] * len(DELAYS) + ["dead"])


async def test_a_dead_callback_can_be_sent_again(database_url: str) -> None:
    async with house(database_url) as souk, receiver(statuses(410, 200)) as client:
        souk.end(TASK, client.url())
        await souk.settled(TASK, 1)
        assert outbox.redeliver(souk.connection, TaskId(TASK), souk.clock.now()) == 1
        souk.worker.wake()
        first, second = await client.wait(2)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert (await souk.settled(TASK, 2)).state == "delivered"


async def test_stages_of_a_task_arrive_in_order(database_url: str) -> None:
    async def slowly(received: Received) -> web.Response:
        await asyncio.sleep(0.2 if b'"text"' in received.body else 0)
        return web.Response()

    async with house(database_url) as souk, receiver(slowly) as client:
        now = souk.clock.now()
        for number, stage in enumerate(("text", "first"), 1):
            souk.put(new_row(TASK, client.url(), now, stage, number))
        got = await client.wait(2)
        assert [b'"text"' in got[0].body, b'"first"' in got[1].body] == [True, True]
        assert client.most_at_once == 1
        await souk.settled(TASK, 2)


async def test_the_end_follows_a_failing_stage_at_once(database_url: str) -> None:
    release = asyncio.Event()

    async def fail_text(received: Received) -> web.Response:
        if b'"text"' not in received.body:
            return web.Response()
        await release.wait()
        return web.Response(status=500)

    async with house(database_url) as souk, receiver(fail_text) as client:
        souk.put(new_row(TASK, client.url(), souk.clock.now(), "text", 1))
        await client.wait(1)
        outbox.drop_earlier(souk.connection, [TASK])
        souk.end(TASK, client.url())
        await asyncio.sleep(0.1)
        assert len(client.got) == 1
        release.set()
        assert b'"end"' in (await client.wait(2))[1].body
        await souk.settled(TASK, 2)


async def fill(souk: House, url: str, count: int) -> None:
    now = souk.clock.now()
    put(souk.connection, *[new_row(f"dead{index:028x}", url, now) for index in range(count)])
    souk.worker.wake()


async def test_a_silent_receiver_with_a_backlog_delays_no_other(database_url: str) -> None:
    async with house(database_url) as souk, receiver(silent) as dead, receiver() as client:
        await fill(souk, dead.url(), 1000)
        await dead.wait(4)
        souk.end(TASK, client.url())
        await client.wait(1)
        assert len(dead.got) == 4, "the live one was served while the dead one had had its first four tries"
        assert (await souk.settled(TASK, 1)).state == "delivered"


async def test_many_silent_receivers_delay_no_other(database_url: str) -> None:
    async with (
        house(database_url) as souk,
        receiver(silent, host="0.0.0.0") as dead,
        receiver() as client,
    ):
        now = souk.clock.now()
        urls = [f"http://127.0.1.{number}:{dead.port}/" for number in range(1, 101)]
        put(souk.connection, *[new_row(f"{url}{index}", url, now) for url in urls for index in range(4)])
        souk.worker.wake()
        await dead.wait(400)
        souk.end(TASK, client.url())
        await client.wait(1)


async def test_a_receiver_in_trouble_is_tried_one_at_a_time(database_url: str) -> None:
    release = asyncio.Event()

    async def slow_failure(_received: Received) -> web.Response:
        await asyncio.sleep(0.02)
        return web.Response(status=200 if release.is_set() else 500)

    async with house(database_url) as souk, receiver(slow_failure) as client:
        await fill(souk, client.url(), 20)
        await client.wait(8)
        assert client.most_at_once == 4
        client.most_at_once = 0
        await client.wait(14)
        assert client.most_at_once <= 1
        release.set()
        await client.wait(20)
        await until(lambda: len(souk.counted) == 20)


async def test_a_backlog_of_one_receiver_is_sent_four_at_a_time(database_url: str) -> None:
    async def slow(_received: Received) -> web.Response:
        await asyncio.sleep(0.02)
        return web.Response()

    async with house(database_url) as souk, receiver(slow) as client:
        await fill(souk, client.url(), 50)
        await client.wait(50)
        await until(lambda: len(souk.counted) == 50)
        assert client.most_at_once == 4
        assert len({got.headers["webhook-id"] for got in client.got}) == 50


async def test_a_callback_of_a_task_that_is_gone_is_dropped(database_url: str) -> None:
    async with house(database_url, render=lambda _row: None) as souk, receiver() as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "dropped"
        assert client.got == []


async def test_a_fault_of_our_own_is_a_failed_try(database_url: str) -> None:
    def broken(_row: OutboxRow) -> Message:
        raise LookupError("no such dialect")

    async with house(database_url, render=broken) as souk, receiver() as client:
        souk.end(TASK, client.url())
        row = await souk.settled(TASK, 1)
        assert (row.state, row.tries) == ("pending", 1)
        assert souk.tries(TASK)[0].error == "the callback cannot be made (LookupError); see the log"


async def test_nothing_is_sent_with_an_empty_key(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:
        souk.keys[:] = [""]
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "pending"
        assert "cannot be signed" in (souk.tries(TASK)[0].error or "")
        assert client.got == []


async def test_a_key_that_cannot_be_opened_is_a_try_that_failed(database_url: str) -> None:
    def lost() -> list[str]:
        raise SecretKeyError("the secret key does not open them")

    async with house(database_url, opened=lost) as souk, receiver() as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "pending"
        assert "the secret key does not open" in (souk.tries(TASK)[0].error or "")
        assert client.got == []


async def test_closing_gives_up_what_it_cannot_finish(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("souk.callbacks.worker.CLOSE_SECONDS", 0.2)
    clock = HandClock()
    async with receiver(silent) as client:
        async with house(database_url, clock=clock) as souk:
            souk.end(TASK, client.url())
            await client.wait(1)
        client.answer = statuses(200)
        async with house(database_url, clock=clock, owner="worker-2") as other:
            first, second = await client.wait(2)
            assert first.body == second.body
            assert (await other.settled(TASK, 1)).state == "delivered"


async def test_closing_finishes_what_is_being_sent(database_url: str) -> None:
    async def slow(_received: Received) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    async with house(database_url) as souk, receiver(slow) as client:
        souk.end(TASK, client.url())
        await client.wait(1)
        await souk.worker.close()
        assert souk.row(TASK).state == "delivered"


async def test_a_try_is_logged_without_the_rest_of_the_address(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "souk.callbacks")
    async with house(database_url) as souk, receiver(statuses(500)) as client:
        souk.end(TASK, client.url("/secret-path?token=secret-query"))
        await souk.settled(TASK, 1)
        await until(lambda: bool(souk.counted))
    (record,) = [record for record in caplog.records if record.name == "souk.callbacks.test"]
    fields = vars(record)
    assert record.getMessage() == "callback failed"
    assert {name: fields[name] for name in ("task_id", "host", "status", "attempt", "state")} == {
        "task_id": TASK,
        "host": "127.0.0.1",
        "status": 500,
        "attempt": 1,
        "state": "pending",
    }
    assert "secret" not in str(fields)
