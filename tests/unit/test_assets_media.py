"""The input files of a task: fetched once, held to the model's limits, refused with a reason a person can act on."""

import base64
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from souk.assets.inputs import Sources, is_public
from souk.assets.media import TaskMedia
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.providers.base import MediaFile, Refused
from souk.words import FailKind
from tests.unit import media_files as media
from tests.unit.shelf import SEGMENT, Shelf, open_sqlite_shelf
from tests.upstreams.raw import Exchange, Script, answer, raw_server, says

PUBLIC = "https://souk.example"


@dataclass(frozen=True)
class Rule:
    kinds: tuple[str, ...] = ("image",)
    accept: tuple[str, ...] = ("image/jpeg", "image/png")
    max_bytes: int | None = 1_000_000


@pytest.fixture
async def shelf(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_sqlite_shelf(sqlite_template, tmp_path) as opened:
        yield opened


def media_of(shelf: Shelf, *inputs: tuple[str, str], rule: Rule | None = None) -> TaskMedia:
    sources = Sources(shelf.storage, shelf.http, shelf.reads, PUBLIC, max_bytes=2_000, fetch_seconds=5)
    rule = rule or Rule()
    return TaskMedia([(path, url, rule) for path, url in inputs], {}, shelf.folder / "work", sources)


async def only_file(shelf: Shelf, url: str, rule: Rule | None = None) -> MediaFile:
    (file,) = await media_of(shelf, ("image_url", url), rule=rule).files("image_url")
    return file


async def refusal(shelf: Shelf, url: str, rule: Rule | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        await only_file(shelf, url, rule)
    return refused.value


async def served(shelf: Shelf, data: bytes, rule: Rule | None = None) -> MediaFile:
    async with raw_server(says(answer(data))) as server:
        return await only_file(shelf, server.url("/in?token=secret"), rule)


def data_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def test_input_is_fetched_and_known_by_its_bytes(shelf: Shelf) -> None:
    data = media.picture("PNG")
    file = await served(shelf, data)
    assert (file.field, file.index, file.media_type, file.size) == ("image_url", 0, "image/png", len(data))
    assert (file.path.read_bytes(), file.path.suffix) == (data, ".png")
    assert "secret" in file.url
    assert not file.reachable


async def test_files_come_in_the_order_given(shelf: Shelf) -> None:
    async def sized(exchange: Exchange) -> None:
        head = await exchange.asked()
        await exchange.say(answer(media.picture("PNG", width=int(head.split()[1].removeprefix("/")))))

    async with raw_server(sized) as server:
        given = [("image_urls[]", server.url(f"/{width}")) for width in (30, 10, 20)]
        files = await media_of(shelf, *given, ("mask_url", server.url("/5"))).all()
    assert [(file.field, file.index) for file in files] == [
        ("image_urls", 0),
        ("image_urls", 1),
        ("image_urls", 2),
        ("mask_url", 0),
    ]
    assert [struct.unpack(">I", file.path.read_bytes()[16:20])[0] for file in files] == [30, 10, 20, 5]


async def test_each_address_is_fetched_once(shelf: Shelf) -> None:
    async with raw_server(says(answer(media.picture("PNG")))) as server:
        task = media_of(shelf, ("first_url", server.url()), ("last_url", server.url()))
        await task.all()
        await task.files("first_url")
    assert len(server.heads) == 1


async def test_absent_field_has_no_files(shelf: Shelf) -> None:
    assert await media_of(shelf).files("image_url") == []


async def test_data_uri_is_an_input(shelf: Shelf) -> None:
    file = await only_file(shelf, data_uri(media.picture("PNG")))
    assert (file.media_type, file.url, file.reachable) == ("image/png", "", False)


@pytest.mark.parametrize("spelling", ["url alphabet", "percent", "line breaks", "no padding"])
async def test_data_uri_is_read_as_clients_write_it(shelf: Shelf, spelling: str) -> None:
    data = media.picture("PNG", 61, 7)
    text = base64.b64encode(data).decode()
    body = {
        "url alphabet": base64.urlsafe_b64encode(data).decode(),
        "percent": quote(text, safe=""),
        "line breaks": "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
        "no padding": text.rstrip("="),
    }[spelling]
    file = await only_file(shelf, "data:;base64," + body)
    assert file.path.read_bytes() == data


async def test_own_file_is_read_from_storage_and_never_fetched(shelf: Shelf) -> None:
    data = media.picture("PNG")
    row = await shelf.put("a.png", data)
    file = await only_file(shelf, f"{PUBLIC}/f/{row.path}")
    assert file.path.read_bytes() == data
    assert (file.url, file.reachable) == (f"{PUBLIC}/f/{row.path}", True)


async def test_placeholder_of_an_own_file_is_an_input(shelf: Shelf) -> None:
    row = await shelf.put("a.png", media.picture("PNG"))
    file = await only_file(shelf, f"souk:///{row.path}")
    assert file.url == f"{PUBLIC}/f/{row.path}"


async def test_own_file_that_is_gone_is_unreachable(shelf: Shelf) -> None:
    refused = await refusal(shelf, f"{PUBLIC}/f/{SEGMENT}/gone.png")
    assert (refused.kind, refused.message) == (
        FailKind.INPUT_UNREACHABLE,
        "image_url: there is no such file here; it may have expired",
    )


async def test_parent_gives_its_result_files(shelf: Shelf) -> None:
    rows = [await shelf.put(f"{number}.png", media.picture("PNG"), number=number) for number in range(2)]
    sources = Sources(shelf.storage, shelf.http, shelf.reads, PUBLIC, max_bytes=2_000)
    task = TaskMedia([], {"task_id": rows}, shelf.folder / "work", sources)
    files = await task.files("task_id")
    assert [(file.field, file.index, file.url) for file in files] == [
        ("task_id", number, f"{PUBLIC}/f/{rows[number].path}") for number in range(2)
    ]
    assert await task.all() == files


async def test_parent_whose_bytes_are_gone_is_unreachable(shelf: Shelf) -> None:
    row = await shelf.put("a.png", b"x")
    await shelf.storage.delete([row.path])
    sources = Sources(shelf.storage, shelf.http, shelf.reads, PUBLIC, max_bytes=2_000)
    with pytest.raises(Refused, match="task_id: this file is no longer stored"):
        await TaskMedia([], {"task_id": [row]}, shelf.folder / "work", sources).files("task_id")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (media.picture("GIF"), "the file is image/gif; accepted: image/jpeg, image/png"),
        (media.HTML, "the address gives a web page, not a file; accepted: image/jpeg, image/png"),
        (b"\0\1\2", "the file is of no type that can be recognised; accepted: image/jpeg, image/png"),
        (b"", "the file is empty"),
        (
            media.picture("PNG")[:16] + struct.pack(">II", 20_000, 9_000),
            "the picture has 20000 x 9000 pixels",
        ),
    ],
    ids=["type", "web page", "unknown", "empty", "pixels"],
)
async def test_unfit_file_is_bad_input(shelf: Shelf, data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await served(shelf, data)
    assert refused.value.kind is FailKind.BAD_INPUT
    assert refused.value.message.startswith(f"image_url: {reason}")


async def test_file_past_the_limit_is_not_fetched_whole(shelf: Shelf) -> None:
    with pytest.raises(Refused, match=r"image_url: the file is larger than 2 KB") as refused:
        await served(shelf, bytes(3_000), Rule(max_bytes=2048))
    assert refused.value.kind is FailKind.BAD_INPUT


@pytest.mark.parametrize("size", [2_000, 2_001])
async def test_field_without_a_limit_has_that_of_the_installation(shelf: Shelf, size: int) -> None:
    data = media.picture("PNG").ljust(size, b"\0")
    if size <= 2_000:
        assert (await served(shelf, data, Rule(max_bytes=None))).size == size
    else:
        with pytest.raises(Refused, match=r"image_url: the file is larger than 1\.953 KB"):
            await served(shelf, data, Rule(max_bytes=None))


async def test_data_uri_past_the_limit_is_bad_input(shelf: Shelf) -> None:
    refused = await refusal(shelf, data_uri(media.picture("PNG")), Rule(max_bytes=50))
    assert "this field takes at most" in refused.message


async def test_unreadable_data_uri_is_bad_input(shelf: Shelf) -> None:
    refused = await refusal(shelf, "data:image/png;base64,?!")
    assert (refused.kind, refused.message) == (
        FailKind.BAD_INPUT,
        "image_url: the data: URI is not valid base64",
    )


async def test_kind_decides_where_no_types_are_listed(shelf: Shelf) -> None:
    rule = Rule(kinds=("video", "audio"), accept=())
    assert (await served(shelf, media.film(), rule)).media_type == "video/mp4"
    with pytest.raises(Refused, match="the file is image/png; accepted: video or audio files"):
        await served(shelf, media.picture("PNG"), rule)


async def test_types_under_their_other_names_are_accepted(shelf: Shelf) -> None:
    rule = Rule(kinds=("audio",), accept=("audio/mp3", "audio/x-wav", "audio/m4a"))
    for data, media_type in (
        (media.sound("mp3", "libmp3lame"), "audio/mpeg"),
        (media.sound("wav", "pcm_s16le"), "audio/wav"),
        (media.sound("mp4", "aac"), "audio/mp4"),
    ):
        assert (await served(shelf, data, rule)).media_type == media_type


async def test_refusal_names_the_place_in_the_list(shelf: Shelf) -> None:
    given = [("image_urls[]", data_uri(media.picture("PNG"))), ("image_urls[]", data_uri(b"hello"))]
    with pytest.raises(Refused, match=r"^image_urls\[1\]: the file is text/plain"):
        await media_of(shelf, *given).files("image_urls")


async def test_refusal_is_about_the_first_bad_file(shelf: Shelf) -> None:
    given = [("image_urls[]", data_uri(media.PDF)), ("image_urls[]", data_uri(b"hello"))]
    with pytest.raises(Refused, match=r"^image_urls\[0\]: "):
        await media_of(shelf, *given).all()


async def test_address_that_answers_404_is_unreachable(shelf: Shelf) -> None:
    async with raw_server(says(answer(b"", status="404 Not Found"))) as server:
        refused = await refusal(shelf, server.url("/in?token=secret"))
    assert refused.kind is FailKind.INPUT_UNREACHABLE
    assert refused.message == f"image_url: could not fetch it: HTTP 404 from {server.url('/in')}"
    assert len(server.heads) == 1


def failing_first(*replies: bytes) -> Script:
    left = list(replies)

    async def script(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(left.pop(0) if len(left) > 1 else left[0])

    return script


@pytest.mark.parametrize("first", [b"", answer(b"", status="503 Busy"), answer(b"\x89PNG", length=900)])
async def test_one_dropped_connection_fails_no_task(shelf: Shelf, first: bytes) -> None:
    async with raw_server(failing_first(first, answer(media.picture("PNG")))) as server:
        file = await only_file(shelf, server.url())
    assert file.media_type == "image/png"


async def test_address_that_stays_broken_is_unreachable(shelf: Shelf) -> None:
    async with raw_server(failing_first(b"", b"")) as server:
        refused = await refusal(shelf, server.url("/in?token=secret"))
    assert refused.kind is FailKind.INPUT_UNREACHABLE
    assert "secret" not in refused.message


async def test_blocked_address_is_not_contacted(shelf: Shelf) -> None:
    async with (
        raw_server(says(answer(media.picture("PNG")))) as server,
        GuardedHttp.open(Policy.PRIVATE_DENIED) as strict,
    ):
        shelf.http = strict
        refused = await refusal(shelf, server.url())
    assert refused.kind is FailKind.INPUT_UNREACHABLE
    assert "private address" in refused.message
    assert server.connections == 0


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://cdn.example.com/a.png", True),
        ("http://203.0.113.9/a.png", False),
        ("http://8.8.8.8/a.png", True),
        ("http://10.0.0.1/a.png", False),
        ("http://localhost:8080/f/a", False),
        ("http://nas/a", False),
        ("http://nas.local/a", False),
        ("ftp://example.com/a", False),
    ],
)
def test_address_is_public_if_the_internet_could_reach_it(url: str, public: bool) -> None:
    assert is_public(url) is public
