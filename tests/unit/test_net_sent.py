"""Whether a failed request may have reached the server: the line between repeating and looking up."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from souk.net.client import FRESH_SECONDS, GuardedHttp
from souk.net.http import Blocked, FilePart, Form, MaybeSent, NeverSent, Response, TooLarge
from souk.net.policy import Policy
from tests.upstreams.raw import Exchange, answer, raw_server, says

SECRET_URL = "http://nowhere.invalid/create?key=hunter2"


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.OPEN, connect_timeout=1) as client:
        yield client


async def submit(http: GuardedHttp, url: str, seconds: float = 5, max_bytes: int = 10_000) -> Response:
    return await http.submit("POST", url, json={"prompt": "a"}, timeout=seconds, max_bytes=max_bytes)


async def test_unknown_name_is_never_sent(http: GuardedHttp) -> None:
    with pytest.raises(NeverSent, match="cannot be resolved"):
        await submit(http, SECRET_URL)


async def test_refused_connection_is_never_sent(http: GuardedHttp) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NeverSent, match="connection failed"):
            await submit(http, f"http://127.0.0.1:{unused.getsockname()[1]}/")


async def test_plain_server_on_an_https_address_is_never_sent(http: GuardedHttp) -> None:
    async def not_tls(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(not_tls) as server:
        with pytest.raises(NeverSent, match="TLS"):
            await submit(http, f"https://127.0.0.1:{server.port}/")


async def test_untrusted_certificate_is_never_sent(http: GuardedHttp, tmp_path: Path) -> None:
    context = self_signed(tmp_path)
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0, ssl=context)
    async with server:
        with pytest.raises(NeverSent, match="certificate"):
            await submit(http, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_tls_that_never_answers_is_never_sent(http: GuardedHttp) -> None:
    async def mute(exchange: Exchange) -> None:
        await asyncio.sleep(30)

    async with raw_server(mute) as server:
        with pytest.raises(NeverSent):
            await submit(http, f"https://127.0.0.1:{server.port}/", seconds=0.3)


async def test_slow_name_server_is_never_sent() -> None:
    async def stuck(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(30)
        return []

    async with GuardedHttp.open(Policy.OPEN, lookup=stuck) as http:
        with pytest.raises(NeverSent, match=r"within 0.2 s"):
            await submit(http, SECRET_URL, seconds=0.2)


async def test_waiting_for_a_free_connection_is_never_sent() -> None:
    async def mute(exchange: Exchange) -> None:
        await asyncio.sleep(30)

    async with raw_server(mute) as server, GuardedHttp.open(Policy.OPEN, connections=1) as http:
        first = asyncio.ensure_future(submit(http, server.url(), seconds=2))
        await asyncio.sleep(0.1)
        with pytest.raises(NeverSent):
            await submit(http, server.url(), seconds=0.2)
        with pytest.raises(MaybeSent):
            await first
        assert server.connections == 1


async def test_blocked_address_is_never_sent(http: GuardedHttp) -> None:
    with pytest.raises(Blocked):
        await submit(http, "http://169.254.169.254/")


async def test_header_that_cannot_be_spelt_is_never_sent(http: GuardedHttp) -> None:
    async with raw_server(says(answer())) as server:
        with pytest.raises(NeverSent):
            await http.submit(
                "POST", server.url(), headers={"X-Key": "a\r\nX-Evil: 1"}, timeout=5, max_bytes=100
            )
        assert server.heads == []


async def test_missing_form_file_is_never_sent(http: GuardedHttp, tmp_path: Path) -> None:
    form = Form(files=[FilePart("file", tmp_path / "gone.png", "gone.png", "image/png")])
    async with raw_server(says(answer())) as server:
        with pytest.raises(NeverSent):
            await http.submit("POST", server.url(), data=form, timeout=5, max_bytes=100)
        assert server.connections == 0


async def test_closed_network_is_never_sent(http: GuardedHttp) -> None:
    await http.aclose()
    with pytest.raises(NeverSent, match="closed"):
        await submit(http, "http://127.0.0.1:9/")


async def test_connection_closed_without_an_answer_may_be_sent(http: GuardedHttp) -> None:
    async def hang_up(exchange: Exchange) -> None:
        await exchange.asked()

    async with raw_server(hang_up) as server:
        with pytest.raises(MaybeSent, match="without an answer"):
            await submit(http, server.url())
        assert len(server.heads) == 1


async def test_connection_closed_before_the_request_was_read_may_be_sent(http: GuardedHttp) -> None:
    async def slam(exchange: Exchange) -> None:
        exchange.reset()

    async with raw_server(slam) as server:
        with pytest.raises(MaybeSent):
            await submit(http, server.url())
        assert server.connections == 1


async def test_reset_after_the_request_may_be_sent(http: GuardedHttp) -> None:
    async def reset(exchange: Exchange) -> None:
        await exchange.asked()
        exchange.reset()

    async with raw_server(reset) as server:
        with pytest.raises(MaybeSent):
            await submit(http, server.url())


async def test_silence_after_the_request_may_be_sent(http: GuardedHttp) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.asked()
        await asyncio.sleep(30)

    async with raw_server(silent) as server:
        with pytest.raises(MaybeSent, match=r"within 0.3 s"):
            await submit(http, server.url(), seconds=0.3)


async def test_trickled_answer_is_ended_by_the_whole_timeout(http: GuardedHttp) -> None:
    async def trickle(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            await exchange.say(b"x")
            await asyncio.sleep(0.02)

    async with raw_server(trickle) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(MaybeSent, match=r"within 0.4 s"):
            await submit(http, server.url(), seconds=0.4)
        assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        answer(b'{"code":20', length=40),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"this is not HTTP\r\n\r\n",
        answer(b"\x1f\x8b\x08", "Content-Encoding: gzip"),
        answer(b"plainly not gzip", "Content-Encoding: gzip"),
        answer(b"?", "Content-Encoding: br"),
    ],
)
async def test_answer_that_is_cut_or_damaged_may_be_sent(http: GuardedHttp, data: bytes) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(MaybeSent):
            await submit(http, server.url())


async def test_answer_that_is_too_large_may_be_sent(http: GuardedHttp) -> None:
    async with raw_server(says(answer(b"x" * 101))) as server:
        with pytest.raises(TooLarge, match="100 bytes") as raised:
            await submit(http, server.url(), max_bytes=100)
    assert isinstance(raised.value, MaybeSent)


async def keep_alive_once(exchange: Exchange) -> None:
    """Promises to keep the connection, then closes it when the next request has come."""
    await exchange.asked()
    await exchange.say(answer())
    await exchange.asked()


async def patient(exchange: Exchange) -> None:
    """Answers whatever comes."""
    while True:
        head = await exchange.asked()
        await exchange.rest_of(head)
        await exchange.say(answer())


async def test_submits_in_a_row_share_a_connection(http: GuardedHttp) -> None:
    async with raw_server(patient) as server:
        for _ in range(3):
            assert (await submit(http, server.url())).status == 200
        assert (server.connections, len(server.heads)) == (1, 3)


async def test_submit_never_rides_a_connection_that_rested(http: GuardedHttp) -> None:
    async with raw_server(keep_alive_once) as server:
        assert (await submit(http, server.url())).status == 200
        await asyncio.sleep(FRESH_SECONDS * 1.1)
        assert (await submit(http, server.url())).status == 200
        assert server.connections == 2


async def test_submit_never_rides_a_connection_of_other_requests(http: GuardedHttp) -> None:
    async with raw_server(keep_alive_once) as server:
        await http.request("GET", server.url(), timeout=5, max_bytes=100)
        assert (await submit(http, server.url())).status == 200
        assert server.connections == 2


async def test_submit_never_rides_a_connection_that_ended_while_nobody_looked(http: GuardedHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_one() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer())
                closing.wait()

        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        closing = threading.Event()
        first = threading.Thread(target=answer_one)
        first.start()
        assert (await submit(http, url)).status == 200
        closing.set()
        first.join()  # the event loop stands still meanwhile, so it cannot have seen the end
        second = threading.Thread(target=answer_one)
        second.start()
        assert (await submit(http, url)).status == 200
        second.join()


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE"])
async def test_dropped_submit_is_not_repeated_whatever_its_method(http: GuardedHttp, method: str) -> None:
    async def hang_up(exchange: Exchange) -> None:
        await exchange.asked()

    async with raw_server(hang_up) as server:
        with pytest.raises(MaybeSent):
            await http.submit(method, server.url(), timeout=5, max_bytes=100)
        assert (server.connections, len(server.heads)) == (1, 1)


async def test_request_keeps_its_connection(http: GuardedHttp) -> None:
    async with raw_server(patient) as server:
        for _ in range(3):
            await http.request("GET", server.url(), timeout=5, max_bytes=100)
        assert (server.connections, len(server.heads)) == (1, 3)


async def test_post_on_a_stale_connection_is_not_repeated(http: GuardedHttp) -> None:
    async with raw_server(keep_alive_once) as server:
        await http.request("GET", server.url(), timeout=5, max_bytes=100)
        with pytest.raises(MaybeSent):
            await http.request("POST", server.url(), data=b"x", timeout=5, max_bytes=100)
        assert len(server.heads) == 2


async def test_messages_hold_no_query_and_no_cause(http: GuardedHttp) -> None:
    with pytest.raises(NeverSent) as raised:
        await submit(http, SECRET_URL)
    assert "http://nowhere.invalid/create" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
