"""What a client may ask at most: size and depth of bodies, creates per window, caps and addresses of keys."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from souk.operations.admin import KeyRules
from souk.words import Mode, credits_from_number
from tests.unit.media_files import picture
from tests.upstreams.raw import answer, raw_server, says
from tests.wire.serving import CHEAP, CREATE, Reply, Souk, open_souk

ACCOUNT = "main"


@pytest.fixture
def souk_database(database_url: str) -> str:
    """What is stored is tried on each database."""
    return database_url


async def test_a_body_over_the_limit_gets_413(tmp_path: Path) -> None:
    async with open_souk(tmp_path, max_body_bytes=2048) as souk:
        reply = await souk.client.post(CREATE, {**CHEAP, "input": {"prompt": "x" * 4000}})
        assert (reply.status, reply.code, reply.error["code"]) == (413, 413, "body_too_large")
        assert (await souk.client.post(CREATE, CHEAP)).code == 200


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 1024

    async with open_souk(tmp_path, max_body_bytes=2048) as souk:
        reply = await souk.client.call("POST", CREATE, data=endless())
        assert (reply.status, reply.code) == (413, 413)


async def test_an_input_file_over_the_limit_fails_the_task_where_the_model_names_none(tmp_path: Path) -> None:
    async with (
        open_souk(tmp_path, engine=True, max_input_bytes=1024) as souk,
        raw_server(says(answer(picture("PNG").ljust(1025, b"\0")))) as files,
    ):
        given = {"prompt": "A tram", "input_urls": [files.url("/a.png")]}
        task_id = await souk.client.create({"model": "wan/2-7-image", "input": given})
        record = await souk.client.record(task_id, wait=30)
        assert (record["state"], record["failCode"]) == ("fail", "422")
        assert "larger than 1 KB" in record["failMsg"]


async def test_a_body_nested_too_deep_is_malformed(souk: Souk) -> None:
    for opener, closer in (("[", "]"), ('{"a":', "}")):
        for depth in (40, 50_000):
            body = f'{{"model":"m","input":{opener * depth}1{closer * depth}}}'
            reply = await souk.client.post(CREATE, body.encode())
            assert (reply.status, reply.code, reply.error["code"]) == (200, 400, "malformed_body")


async def test_the_21st_create_in_ten_seconds_gets_429_and_is_not_queued(tmp_path: Path) -> None:
    async with open_souk(tmp_path, rate_creates=20) as souk:
        replies = [await souk.client.post(CREATE, CHEAP) for _ in range(21)]
        assert [reply.code for reply in replies] == [200] * 20 + [429]
        refused = replies[-1]
        assert refused.status == 200
        assert refused.body["msg"] == "Your call frequency is too high. Please try again later."
        assert refused.error["retryable"] is True
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert len((await souk.client.get("/api/v1/jobs/list", limit=100)).data["tasks"]) == 20


async def test_unfinished_tasks_past_the_limit_get_429(tmp_path: Path) -> None:
    async with open_souk(tmp_path, max_waiting=2) as souk:
        replies = [await souk.client.post(CREATE, CHEAP) for _ in range(3)]
        assert [reply.code for reply in replies] == [200, 200, 429]
        assert replies[-1].error["code"] == "queue_full"


@pytest.mark.parametrize("cap", ["cap_hourly", "cap_daily", "cap_total"])
async def test_a_key_past_a_cap_gets_433(souk: Souk, cap: str) -> None:
    price = (await souk.client.post("/api/v1/jobs/estimate", CHEAP)).data["credits"]
    rules = structs.replace(KeyRules(), **{cap: credits_from_number(price * 2)})
    client = await souk.another_key(ACCOUNT, rules=rules)
    replies = [await client.post(CREATE, CHEAP) for _ in range(3)]
    assert [reply.code for reply in replies] == [200, 200, 433]
    assert replies[-1].error["code"] == "key_cap"
    assert cap.removeprefix("cap_") in replies[-1].body["msg"]


async def test_a_capped_key_does_not_stop_the_others(souk: Souk) -> None:
    capped = await souk.another_key(ACCOUNT, rules=KeyRules(cap_total=credits_from_number(0)))
    assert (await capped.post(CREATE, CHEAP)).code == 433
    assert (await souk.client.post(CREATE, CHEAP)).code == 200


def is_denied(reply: Reply) -> bool:
    return (reply.code, reply.error["code"]) == (401, "ip_denied")


async def test_a_key_works_only_from_its_addresses(souk: Souk) -> None:
    elsewhere = await souk.another_key(ACCOUNT, rules=KeyRules(allow_ips=("203.0.113.0/24",)))
    here = await souk.another_key(ACCOUNT, rules=KeyRules(allow_ips=("127.0.0.1",)))
    assert is_denied(await elsewhere.post(CREATE, CHEAP))
    assert (await here.post(CREATE, CHEAP)).code == 200


async def test_a_stranger_cannot_forward_itself_into_an_allowlist(souk: Souk) -> None:
    client = await souk.another_key(ACCOUNT, rules=KeyRules(allow_ips=("203.0.113.9",)))
    assert is_denied(await client.post(CREATE, CHEAP, X_Forwarded_For="203.0.113.9"))


async def test_a_trusted_proxy_says_whom_it_serves(tmp_path: Path) -> None:
    async with open_souk(tmp_path, trusted_proxies="127.0.0.0/8") as souk:
        client = await souk.another_key(ACCOUNT, rules=KeyRules(allow_ips=("203.0.113.9",)))
        assert (await client.post(CREATE, CHEAP, X_Forwarded_For="203.0.113.9")).code == 200
        assert is_denied(await client.post(CREATE, CHEAP, X_Forwarded_For="198.51.100.1"))


async def test_a_sandbox_key_spends_sandbox_credits_only(souk: Souk) -> None:
    client = await souk.another_key(ACCOUNT, mode=Mode.SANDBOX)
    before = (await client.get("/api/v1/chat/credit")).data
    await client.create()
    assert (await client.get("/api/v1/chat/credit")).data < before
