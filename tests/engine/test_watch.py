"""Edits of souk.yaml while processes run: what they change, and what they leave as it was."""

import asyncio
import logging
import os
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from souk.app import asgi
from souk.operations.types import Draft, Refusal
from souk.words import CREDIT
from tests.engine.edited import LIVE, LONG, watching, write
from tests.engine.running import API_KEY, MODEL, Running, until
from tests.upstreams.kie import KEY, FakeKie
from tests.wire.serving import served

KEYED = {"Authorization": f"Bearer {API_KEY}"}


def priced(amount: float, upstream: FakeKie | None = None, key: str = KEY) -> dict[str, Any]:
    document: dict[str, Any] = {"models": {MODEL: {"price": amount, "usual_seconds": 0.2}}}
    if upstream is not None:
        document["connections"] = [
            {"name": "one", "provider": "kie", "api_key": key, "base_url": upstream.url, "concurrency": 5}
        ]
    return document


async def hold(souk: Running) -> float:
    draft = Draft(MODEL, {"prompt": "a tram", "aspect_ratio": "1:1"}, "jobs")
    return (await souk.house.operations.estimate(souk.caller, draft)).hold / CREDIT


async def until_hold(souk: Running, amount: float) -> None:
    async with asyncio.timeout(LONG):
        while await hold(souk) != amount:  # noqa: ASYNC110 - a file is waited for
            await asyncio.sleep(0.02)


async def test_a_new_price_holds_in_every_process_and_not_for_tasks_that_exist(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    folder, url = tmp_path / "data", migrated_postgres_url
    write(folder, priced(2, upstream))
    async with (
        watching(folder, url, engine=True, initial_credits=100) as one,
        watching(folder, url) as two,
    ):
        before = await one.create("[up:slow=2]")
        await one.reached(before, "generating")
        write(folder, priced(3, upstream))
        await until_hold(one, 3)
        await until_hold(two, 3)
        after = await two.create()
        assert [(await one.ended(task)).state for task in (before, after)] == ["success"] * 2
        assert await one.sql("SELECT captured FROM tasks ORDER BY id") == [(2 * CREDIT,), (3 * CREDIT,)]
        assert await one.problems() == []


async def test_what_the_server_says_of_itself_follows(tmp_path: Path, sqlite: str) -> None:
    folder = tmp_path / "data"
    async with watching(folder, sqlite) as souk:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            async with (
                served(asgi(souk.house), listening),
                aiohttp.ClientSession(url, headers=KEYED) as session,
            ):

                async def text(path: str) -> str:
                    async with session.get(path) as answer:
                        return await answer.text()

                assert "acme/poster" not in await text("/openapi.json")
                write(folder, {"models": {"acme/poster": POSTER}})
                async with asyncio.timeout(LONG):
                    while "acme/poster" not in await text("/openapi.json"):  # noqa: ASYNC110 - as above
                        await asyncio.sleep(0.05)
                assert "acme/poster" in await text("/llms.txt")
                assert "Acme Poster" in await text("/api/v1/models/acme/poster")
                (folder / "souk.yaml").unlink()
                async with asyncio.timeout(LONG):
                    while "acme/poster" in await text("/openapi.json"):  # noqa: ASYNC110 - as above
                        await asyncio.sleep(0.05)


WRONG: dict[str, Any] = {
    "YAML": "models: {",
    "did you mean models": {"modles": {}},
    MODEL: {"models": {MODEL: {"price": "dear"}}},
    "nobody": {"connections": [{"provider": "nobody"}]},
}
"""Files that cannot be right, by a word that the complaint has."""


async def test_a_wrong_file_changes_nothing_and_is_complained_of_once(
    tmp_path: Path, sqlite: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    write(folder, priced(2))
    async with watching(folder, sqlite) as souk:
        for number, (told, wrong) in enumerate(WRONG.items(), 1):
            write(folder, wrong)
            await until(lambda number=number: len(complaints(caplog)) == number)
            assert told in complaints(caplog)[-1]
        await asyncio.sleep(1.2)
        assert len(complaints(caplog)) == len(WRONG)
        assert await hold(souk) == 2
        write(folder, priced(4))
        await until_hold(souk, 4)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(each)["reason"] for each in caplog.records if each.levelno == logging.ERROR]


async def test_a_new_key_of_a_connection_is_used_at_once_and_settings_wait_for_a_restart(
    tmp_path: Path, sqlite: str, upstream: FakeKie, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    write(folder, priced(2, upstream, key="an old key"))
    async with watching(folder, sqlite, **LIVE) as souk:
        assert (await souk.ended(await souk.create())).state == "fail"
        changed = priced(3, upstream)
        changed["connections"][0]["concurrency"] = 7
        write(folder, changed | {"rate_creates": 5})
        await until_hold(souk, 3)
        assert (await souk.ended(await souk.create())).state == "success"
        later = [vars(each)["parts"] for each in caplog.records if "needs a restart" in each.message]
        assert later == ["settings"]


def limited(upstream: FakeKie, **limits: float) -> dict[str, Any]:
    """One connection with these limits."""
    document = priced(2, upstream)
    document["connections"][0] |= limits
    return document


@pytest.mark.parametrize("more", [2, 0])
async def test_more_room_on_a_connection_is_given_to_those_who_wait(
    more: int, tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, limited(upstream, concurrency=1))
    async with watching(folder, migrated_url, **LIVE) as souk:
        running = await souk.create("[up:slow=60]")
        await souk.reached(running, "generating")
        waiting = await souk.create()
        await souk.reached(waiting, "queuing")
        write(folder, limited(upstream, concurrency=more))
        assert (await souk.ended(waiting)).state == "success"
        assert (await souk.record(running)).inner_state == "generating"


async def test_a_higher_rate_of_submits_holds_for_whose_turn_is_next(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, limited(upstream, submits_per_minute=0.01))
    async with watching(folder, sqlite, **LIVE) as souk:
        assert (await souk.ended(await souk.create())).state == "success"
        waiting = await souk.create()
        await souk.reached(waiting, "queuing")
        write(folder, limited(upstream, submits_per_minute=6000))
        assert (await souk.ended(waiting)).state == "success"


async def test_a_higher_daily_cap_frees_those_who_wait_and_a_lower_one_holds_at_once(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, limited(upstream, daily_cap=0.01))
    async with watching(folder, sqlite, **LIVE) as souk:
        assert (await souk.ended(await souk.create())).state == "success"
        await asyncio.sleep(1.1)  # what is known of a connection is a second old at most
        waiting = await souk.create()
        await souk.reached(waiting, "queuing")
        write(folder, limited(upstream, daily_cap=1000))
        assert (await souk.ended(waiting)).state == "success"
        write(folder, limited(upstream, daily_cap=0.01))
        await until(lambda: souk.house.connections["one"].daily_cap == CREDIT // 100)
        sent = len(upstream.submits)
        await souk.reached(await souk.create(), "queuing")
        await asyncio.sleep(0.5)
        assert len(upstream.submits) == sent


async def test_a_task_that_waits_goes_with_the_new_key(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    write(folder, limited(upstream, daily_cap=0.01))
    async with watching(folder, sqlite, **LIVE) as souk:
        assert (await souk.ended(await souk.create())).state == "success"
        await asyncio.sleep(1.1)  # what is known of a connection is a second old at most
        waiting = await souk.create()
        await souk.reached(waiting, "queuing")
        write(folder, priced(2, upstream, key="one that the upstream does not know"))
        assert (await souk.ended(waiting)).state == "fail"


async def test_a_key_in_a_file_is_read_again_when_asked(
    tmp_path: Path, sqlite: str, upstream: FakeKie
) -> None:
    folder = tmp_path / "data"
    document = priced(2, upstream)
    secret = tmp_path / "key"
    secret.write_text("an old key")
    del document["connections"][0]["api_key"]
    document["connections"][0]["api_key_file"] = str(secret)
    write(folder, document)
    async with watching(folder, sqlite, **LIVE) as souk:
        assert (await souk.ended(await souk.create())).state == "fail"
        secret.write_text(KEY)
        souk.house.watch.read_again()
        await until(lambda: souk.house.connections["one"].api_key == KEY)
        assert (await souk.ended(await souk.create())).state == "success"


async def test_a_model_that_is_paused_is_refused(tmp_path: Path, sqlite: str) -> None:
    folder = tmp_path / "data"
    async with watching(folder, sqlite) as souk:
        await hold(souk)
        write(folder, {"models": {MODEL: {"paused": True}}})
        async with asyncio.timeout(LONG):
            with pytest.raises(Refusal, match="paused"):
                while True:
                    await hold(souk)
                    await asyncio.sleep(0.02)


async def test_a_file_that_is_only_touched_is_not_taken_for_a_change(tmp_path: Path, sqlite: str) -> None:
    folder = tmp_path / "data"
    path = write(folder, priced(2))
    async with watching(folder, sqlite) as souk:
        os.utime(path)
        await asyncio.sleep(1.5)
        assert souk.house.catalog.edition == 0


POSTER = {
    "title": "Acme Poster",
    "vendor": "Acme",
    "category": "image",
    "task": "text-to-image",
    "input": {
        "type": "object",
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string", "maxLength": 2000, "description": "What to print."},
            "format": {"type": "string", "enum": ["2:3"], "default": "2:3", "description": "Its shape."},
        },
    },
    "example": {"prompt": "A travel poster for the moon"},
    "output": {"kind": "image", "size": {"ratio": {"field": "format"}, "tier": "2K"}},
    "price": {"unit": "per_image", "amount": 2},
    "routes": [{"provider": "kie", "model": "poster-1"}],
}
