"""``download-url``: a link for twenty minutes, for files of the caller alone, under a signature that must be right."""

import json
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from souk.accounts.secrets import SecretBox
from souk.assets.signed import BadLink, SignedLinks
from souk.words import Millis, Mode
from tests.unit import media_files as media
from tests.wire.serving import Client, Reply, Souk, open_souk
from tests.wire.uploading import send_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURE = media.picture("PNG")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def souk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Souk]:
    # With a connection configured, live keys leave the sandbox and the modes are two worlds.
    connected = {"KIE_API_KEY": "no-such-key", "SOUK_KIE_BASE_URL": "http://127.0.0.1:9"}
    async with open_souk(tmp_path_factory.mktemp("souk"), engine=True, env=connected) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(souk: Souk) -> Client:
    """A sandbox key of the first account."""
    return await souk.another_key("main", mode=Mode.SANDBOX)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def result(owner: Client) -> str:
    """The link of a result of the owner's."""
    record = await owner.record(await owner.create(), wait=60)
    return json.loads(record["resultJson"])["resultUrls"][0]


async def asked(client: Client, url: object) -> Reply:
    return await client.post("/api/v1/common/download-url", {"url": url})


async def got(souk: Souk, url: str) -> tuple[int, bytes, dict[str, str]]:
    async with souk.client.session.get(url) as answer:
        return answer.status, await answer.read(), {k.lower(): v for k, v in answer.headers.items()}


async def test_a_result_can_be_saved_by_a_signed_link(souk: Souk, owner: Client, result: str) -> None:
    reply = await asked(owner, result)
    assert (reply.status, reply.code, reply.body["msg"]) == (200, 200, "success")
    query = parse_qs(urlsplit(reply.data).query)
    assert abs(int(query["expires"][0]) - souk.house.clock.now() / 1000 - 1200) < 30
    status, data, headers = await got(souk, reply.data)
    assert status == 200
    assert data == (await got(souk, result))[1]
    assert headers["content-disposition"].startswith("attachment")
    assert re.fullmatch(r"private, max-age=1[12]\d\d", headers["cache-control"])


async def test_an_upload_can_be_saved_under_its_name(souk: Souk) -> None:
    url = (await send_text(souk, PICTURE, fileName="Kätzchen.png")).data["downloadUrl"]
    status, data, headers = await got(souk, (await asked(souk.client, url)).data)
    assert (status, data) == (200, PICTURE)
    assert headers["content-disposition"].endswith("filename*=UTF-8''K%C3%A4tzchen.png")


async def test_a_part_of_it_can_be_asked_for(souk: Souk, owner: Client, result: str) -> None:
    link = (await asked(owner, result)).data
    async with souk.client.session.get(link, headers={"Range": "bytes=1-3"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"PNG")


async def test_any_other_url_is_wrong(souk: Souk, owner: Client, result: str) -> None:
    other = await souk.another_account("stranger")
    upload = (await send_text(souk, PICTURE, fileName="mine.png")).data["downloadUrl"]
    tries = [
        (owner, "https://tempfile.example.org/s/1.png"),
        (owner, f"{souk.client.url}/f/0123456789ab/none.png"),
        (owner, f"{souk.client.url}/kieai/0123/none.png"),
        (owner, f"{souk.client.url}/f/../../etc/passwd"),
        (owner, "not a url"),
        (owner, ""),
        (owner, None),
        (owner, 7),
        (other, result),
        (other, upload),
        (souk.client, result),  # the same account in the other mode
    ]
    for client, url in tries:
        reply = await asked(client, url)
        assert (reply.status, reply.code, reply.body["msg"]) == (200, 422, "url is wrong"), url
        assert reply.error["field"] == "url"


async def test_a_key_is_needed(souk: Souk, result: str) -> None:
    reply = await asked(Client(souk.client.session, souk.client.url, "wrong"), result)
    assert reply.code == 401


async def test_a_link_that_was_changed_is_refused(souk: Souk, owner: Client, result: str) -> None:
    link = (await asked(owner, result)).data
    expires = parse_qs(urlsplit(link).query)["expires"][0]
    for changed in (
        link.replace(f"expires={expires}", f"expires={int(expires) + 1}"),
        link.replace("/d/", "/d/x"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.partition("&sig")[0],
        link.partition("?")[0],
        f"{link}é",
        link.replace(expires, "9" * 400),
    ):
        status, data, _ = await got(souk, changed)
        assert (status, json.loads(data)["code"]) == (403, 403), changed


async def test_a_link_ends_after_twenty_minutes(souk: Souk, result: str) -> None:
    links = SignedLinks(souk.house.box, souk.client.url)
    path, now = result.partition("/f/")[2], souk.house.clock.now()
    status, data, _ = await got(souk, links.make(path, Millis(now - 20 * 60_000 - 1000)))
    assert (status, json.loads(data)["msg"]) == (403, "The time of this link is over; ask for a new one.")
    assert (await got(souk, links.make(path, Millis(now - 19 * 60_000))))[0] == 200


async def test_another_installation_cannot_sign() -> None:
    ours, theirs = (SignedLinks(SecretBox(f"secret key number {n}"), "") for n in (1, 2))
    query = parse_qs(urlsplit(theirs.make("a/b", Millis(0))).query)
    with pytest.raises(BadLink):
        ours.check("a/b", query["expires"][0], query["sig"][0], Millis(0))
