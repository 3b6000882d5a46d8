"""Input files on their way to KIE.AI: uploaded where it cannot reach them, and named in their place."""

from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Connection, MediaFile, Refused
from souk.providers.kie import Kie
from souk.words import FailKind
from tests.providers.kie_jobs import Files, accepted, job_at, said
from tests.upstreams.kie import KEY, FakeKie
from tests.upstreams.raw import answer, raw_server, says


def picture(folder: Path, index: int = 0, *, field: str = "image_urls", reachable: bool = False) -> MediaFile:
    path = folder / f"{field[:5]}-{index}"
    path.write_bytes(f"picture {index} of {field}".encode())
    url = f"http://127.0.0.1:8080/files/{field[:5]}-{index}"
    return MediaFile(field, index, path, "image/png", path.stat().st_size, url, reachable)


async def test_unreachable_inputs_are_uploaded_and_named_in_their_place(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    files = [picture(tmp_path, 0), picture(tmp_path, 1)]
    job = job_at(upstream.url, media=Files(*files), input={"image_urls": [file.url for file in files]})
    await accepted(await Kie().prepare(job, http), http)
    sent = upstream.submits[0].input["image_urls"]
    stored = [upstream.uploads[url.removeprefix(f"{upstream.url}/")] for url in sent]
    assert stored == [b"picture 0 of image_urls", b"picture 1 of image_urls"]
    assert all(url.endswith(".png") for url in sent)
    assert job.input["image_urls"] == [file.url for file in files]


async def test_what_nobody_asked_for_is_not_sent(upstream: FakeKie, http: GuardedHttp) -> None:
    """The service has defaults of its own, and knows nothing of the fields that our wire fills in for ourselves."""
    given = {"prompt": "a boat", "quality": "basic"}
    filled = {"aspect_ratio": "1:1", "stems": ["one"]}
    job = job_at(upstream.url, input={**given, **filled}, filled=frozenset(filled))
    await accepted(await Kie().prepare(job, http), http)
    await accepted(job, http)
    assert [submit.input for submit in upstream.submits] == [given, given]


async def test_reachable_input_is_left_where_it_is(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    far, near = picture(tmp_path, 0, reachable=True), picture(tmp_path, 1)
    job = job_at(upstream.url, media=Files(far, near), input={"image_urls": [far.url, near.url]})
    prepared = await Kie().prepare(job, http)
    assert prepared.prepared["input"]["image_urls"][0] == far.url
    assert len(upstream.uploads) == 1


async def test_inline_input_becomes_an_address(upstream: FakeKie, http: GuardedHttp, tmp_path: Path) -> None:
    file = picture(tmp_path, field="image_url")
    job = job_at(upstream.url, media=Files(file), input={"image_url": "data:image/png;base64,AAAA"})
    await accepted(await Kie().prepare(job, http), http)
    assert upstream.submits[0].input["image_url"].startswith(f"{upstream.url}/kieai/")


async def test_input_inside_a_list_of_objects_is_replaced(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    field = "elements[].urls"
    files = [picture(tmp_path, index, field=field) for index in range(3)]
    urls = [file.url for file in files]
    elements = [{"name": "cat", "urls": urls[:2]}, {"name": "dog", "urls": urls[2:]}]
    job = job_at(upstream.url, media=Files(*files), input={"elements": elements})
    placed = (await Kie().prepare(job, http)).prepared["input"]["elements"]
    assert [item["name"] for item in placed] == ["cat", "dog"]
    addresses = [url for item in placed for url in item["urls"]]
    contents = [upstream.uploads[url.removeprefix(f"{upstream.url}/")] for url in addresses]
    assert contents == [f"picture {index} of {field}".encode() for index in range(3)]


async def test_parent_id_is_not_replaced_by_an_address(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path, field="task_id")
    job = job_at(upstream.url, media=Files(file), input={"task_id": "ab" * 16})
    assert (await Kie().prepare(job, http)).prepared["input"]["task_id"] == "ab" * 16


async def test_preparing_twice_uploads_to_the_same_place(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path)
    job = job_at(upstream.url, media=Files(file), input={"image_urls": [file.url]})
    first = await Kie().prepare(job, http)
    second = await Kie().prepare(job, http)
    assert first.prepared == second.prepared
    assert len(upstream.uploads) == 1


async def test_uploads_go_to_their_own_host_if_one_is_set(
    upstream: FakeKie, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path)
    connection = Connection(
        "kie", "kie", base_url="http://127.0.0.1:9", api_key=KEY, options={"upload_url": upstream.url}
    )
    job = job_at("", media=Files(file), input={"image_urls": [file.url]}, connection=connection)
    await Kie().prepare(job, http)
    assert len(upstream.uploads) == 1


async def test_upstream_that_repeats_the_key_is_quoted_without_it(http: GuardedHttp, tmp_path: Path) -> None:
    file = picture(tmp_path)
    async with raw_server(says(said(401, f"no such key: Bearer {KEY}"))) as server:
        job = job_at(server.url(""), media=Files(file), input={"image_urls": [file.url]})
        with pytest.raises(Refused, match="no such key") as refused:
            await Kie().prepare(job, http)
    assert KEY not in refused.value.message + refused.value.upstream


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (said(401, "Authentication failed: Invalid API Key"), FailKind.AUTH),
        (said(500, "Internal server error"), FailKind.TRANSIENT),
        (said(200, "File uploaded successfully", {"downloadUrl": "file:///etc/passwd"}), FailKind.TRANSIENT),
        (answer(b"<html>"), FailKind.TRANSIENT),
        (b"", FailKind.TRANSIENT),
    ],
)
async def test_upload_that_fails_refuses_the_attempt(
    http: GuardedHttp, tmp_path: Path, data: bytes, kind: FailKind
) -> None:
    file = picture(tmp_path)
    async with raw_server(says(data)) as server:
        job = job_at(server.url(""), media=Files(file), input={"image_urls": [file.url]})
        with pytest.raises(Refused, match="image_urls could not be uploaded") as refused:
            await Kie().prepare(job, http)
    assert refused.value.kind is kind
