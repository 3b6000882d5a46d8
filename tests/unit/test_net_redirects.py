"""Redirects are new addresses: checked again, and never given what was meant for another origin."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import BadStatus, Blocked, MaybeSent
from souk.net.policy import Policy
from tests.upstreams.raw import Exchange, Script, answer, raw_server, redirect, says

KEYS = {"Authorization": "Bearer secret", "X-Api-Key": "secret", "Cookie": "a=secret", "Accept": "image/*"}


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.OPEN) as client:
        yield client


@pytest.fixture
async def guarded() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.PRIVATE_DENIED) as client:
        yield client


def paths(**answers: bytes) -> Script:
    """Answers by path: ``a=...`` serves ``/a``."""

    async def script(exchange: Exchange) -> None:
        path = (await exchange.asked()).split()[1].partition("?")[0].removeprefix("/")
        await exchange.say(answers[path])

    return script


async def test_redirect_is_followed_relative_to_where_it_came_from(http: GuardedHttp) -> None:
    async with raw_server(paths(a=redirect("/b?sig=x%2Fy"), b=answer(b"here"))) as server:
        response = await http.request("GET", server.url("/a"), timeout=5, max_bytes=100, follow=1)
        assert response.body == b"here"
        assert "GET /b?sig=x%2Fy HTTP/1.1" in server.heads[1]


async def test_fresh_request_follows_redirects_too(http: GuardedHttp) -> None:
    async with raw_server(paths(a=redirect("/b"), b=answer(b"here"))) as server:
        response = await http.request("GET", server.url("/a"), timeout=5, max_bytes=100, follow=1, fresh=True)
        assert response.body == b"here"


async def test_redirect_is_an_answer_when_none_are_followed(http: GuardedHttp) -> None:
    async with raw_server(says(redirect("/b"))) as server:
        response = await http.request("GET", server.url("/a"), timeout=5, max_bytes=100)
        assert (response.status, response.headers["location"]) == (302, "/b")


async def test_post_is_never_redirected(http: GuardedHttp) -> None:
    async with raw_server(says(redirect("/b", "307 Temporary Redirect"))) as server:
        response = await http.request("POST", server.url("/a"), timeout=5, max_bytes=100, follow=5)
        assert (response.status, len(server.heads)) == (307, 1)


async def test_endless_redirects_end(http: GuardedHttp) -> None:
    async with raw_server(says(redirect("/a"))) as server:
        with pytest.raises(MaybeSent, match="more than 3 redirects"):
            await http.request("GET", server.url("/a"), timeout=5, max_bytes=100, follow=3)
        assert len(server.heads) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://user:pw@example.com/",
    ],
)
async def test_redirect_to_a_forbidden_address_is_blocked(http: GuardedHttp, location: str) -> None:
    async with raw_server(says(redirect(location))) as server:
        with pytest.raises(Blocked):
            await http.request("GET", server.url(), timeout=5, max_bytes=100, follow=5)


async def test_trusted_address_does_not_lend_its_trust_to_a_redirect(guarded: GuardedHttp) -> None:
    async with raw_server(says(answer())) as inside, raw_server(says(redirect(inside.url()))) as trusted:
        with pytest.raises(Blocked, match="private"):
            await guarded.request("GET", trusted.url(), timeout=5, max_bytes=100, follow=5, trusted=True)
        assert inside.heads == []


async def test_trust_stays_within_the_origin(guarded: GuardedHttp) -> None:
    async with raw_server(paths(a=redirect("/b"), b=answer(b"here"))) as server:
        response = await guarded.request(
            "GET", server.url("/a"), timeout=5, max_bytes=100, follow=1, trusted=True
        )
        assert response.body == b"here"


async def test_keys_are_not_forwarded_to_another_origin(http: GuardedHttp, tmp_path: Path) -> None:
    async with raw_server(says(answer(b"file"))) as other, raw_server(says(redirect(other.url()))) as first:
        await http.download(first.url(), tmp_path / "f", headers=KEYS, timeout=5, max_bytes=100)
        assert "secret" in first.heads[0]
        assert "secret" not in other.heads[0]
        assert "Accept: image/*" in other.heads[0]


async def test_keys_do_not_come_back_with_a_second_redirect(http: GuardedHttp) -> None:
    async def script(exchange: Exchange) -> None:
        head = await exchange.asked()
        await exchange.say(answer(b"end") if head.startswith("GET /end") else redirect(bounce))

    async with raw_server(script) as first, raw_server(says(redirect(first.url("/end")))) as other:
        bounce = other.url()
        await http.request("GET", first.url(), headers=KEYS, timeout=5, max_bytes=100, follow=5)
        assert "secret" not in first.heads[1]


async def test_keys_stay_within_the_origin(http: GuardedHttp) -> None:
    async with raw_server(paths(a=redirect("/b"), b=answer())) as server:
        await http.request("GET", server.url("/a"), headers=KEYS, timeout=5, max_bytes=100, follow=1)
        assert "Bearer secret" in server.heads[1]


async def test_cookies_set_by_a_server_are_never_sent_back(http: GuardedHttp) -> None:
    async with raw_server(says(answer(b"", "Set-Cookie: id=1"))) as server:
        for _ in range(2):
            await http.request("GET", server.url(), timeout=5, max_bytes=100)
        assert "Cookie" not in server.heads[1]


async def test_redirect_of_a_download_that_ends_badly_tells_its_status(
    http: GuardedHttp, tmp_path: Path
) -> None:
    async with raw_server(paths(a=redirect("/b"), b=answer(b"", status="404 Not Found"))) as server:
        with pytest.raises(BadStatus) as raised:
            await http.download(server.url("/a"), tmp_path / "f", timeout=5, max_bytes=100)
    assert raised.value.status == 404
