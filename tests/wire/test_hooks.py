"""The address an upstream reports to, over HTTP."""

from dataclasses import replace

from souk.store import attempts
from tests.wire.serving import Souk


async def test_an_unknown_address_is_not_found_whatever_it_is_told(souk: Souk) -> None:
    real = souk.house.hooks
    for path in ("/hooks/abc/def", f"/hooks/{'0' * 32}/{real._secret('0' * 32)}"):
        reply = await souk.client.call("POST", path, data=b"\xff{")
        assert (reply.status, reply.body["code"]) == (404, 404)


async def test_a_known_address_needs_no_key(running: Souk) -> None:
    souk = running
    task = await souk.client.create(
        {"model": "z-image", "input": {"prompt": "a tram", "aspect_ratio": "1:1"}}
    )
    await souk.client.record(task, wait=60)
    attempt = await souk.house.reads.run(lambda db: attempts.of_task(db, task)[0].id)
    address = f"/hooks/{attempt}/{souk.house.hooks._secret(attempt)}"
    reply = await replace(souk.client, key="").call("POST", address, data=b"{}")
    assert (reply.status, reply.body["code"]) == (200, 200)
