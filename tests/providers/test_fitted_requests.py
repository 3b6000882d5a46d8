"""Each choosy provider with a file that its upstream does not take: what arrives there, and what the caller is told."""

import base64
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from souk.assets.measure import measure
from souk.assets.sniff import sniff
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.providers.base import Job, MediaFile, Provider, Refused
from souk.providers.children.pool import Pool
from souk.providers.fitting import fitted, said_of
from souk.providers.google import Google
from souk.providers.openai import OpenAI
from souk.providers.registry import PROVIDERS
from souk.providers.takes import MB
from souk.words import FailKind
from tests.providers.jobs import CATALOG, job_from
from tests.providers.kling_jobs import job_at as kling_job
from tests.unit import media_files
from tests.upstreams.ark import FakeArk
from tests.upstreams.bfl import FakeBfl
from tests.upstreams.dashscope import FakeDashScope
from tests.upstreams.fal import FakeFal
from tests.upstreams.google_cloud import PROJECT, REGION, FakeCloud
from tests.upstreams.google_media import FakeGoogle
from tests.upstreams.google_omni import FakeOmni
from tests.upstreams.kling import FakeKling
from tests.upstreams.openai_media import FakeOpenAIMedia
from tests.upstreams.service import FakeService
from tests.upstreams.xai import FakeXai

pytestmark = pytest.mark.asyncio(loop_scope="module")

JPEG = ("image/jpeg", (400, 300))
ADDRESS, FACE = "https://files.example/given", "https://files.example/face.png"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[Pool]:
    made = Pool(1)
    yield made
    await made.close()


def picture(form: str, width: int = 400, height: int = 300) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, form)
    return file.getvalue()


@dataclass(frozen=True)
class Case:
    """A model's task with one input file."""

    upstream: type[FakeService]
    provider: str
    model: str
    field: str
    data: bytes
    media_type: str
    arrives: tuple[str, tuple[int, int] | None]
    """Media type and size of what reaches the upstream."""
    said: str
    input: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.provider}-{self.model}"


GIF = (picture("GIF"), "image/gif", JPEG, "converted from image/gif to image/jpeg")
TIFF = (picture("TIFF"), "image/tiff", JPEG, "converted from image/tiff to image/jpeg")
WEBP = (picture("WEBP"), "image/webp", JPEG, "converted from image/webp to image/jpeg")
SMALL = (
    *(picture("PNG", 200, 150), "image/png", ("image/png", (400, 300))),
    "scaled from 200x150 to 400x300",
)
AVIF = (picture("AVIF"), "image/avif", JPEG, "converted from image/avif to image/jpeg")
OPUS = (
    *(media_files.sound("ogg", "libopus", 2.0), "audio/ogg", ("audio/mpeg", None)),
    "converted from audio/ogg to audio/mpeg",
)

CASES = [
    Case(FakeOpenAIMedia, "openai", "gpt-image-2-image-to-image", "input_urls", *GIF),
    Case(FakeGoogle, "google", "google/nano-banana-edit", "image_urls", *GIF),
    Case(FakeOmni, "google", "gemini-omni-video", "image_urls", *TIFF),
    Case(FakeCloud, "google-cloud", "veo3_fast", "imageUrls", *WEBP),
    Case(FakeBfl, "bfl", "flux-2/pro-image-to-image", "input_urls", *TIFF, {"aspect_ratio": "auto"}),
    Case(FakeArk, "ark", "seedream/4.5-edit", "image_urls", *AVIF),
    Case(FakeArk, "ark", "bytedance/seedance-2", "first_frame_url", *SMALL),
    Case(FakeDashScope, "dashscope", "happyhorse/image-to-video", "image_urls", *TIFF),
    Case(FakeKling, "kling", "kling/v2-1-standard", "image_url", *WEBP),
    Case(FakeXai, "xai", "grok-imagine/image-to-image", "image_urls", *GIF),
    Case(FakeFal, "fal", "kling/v2-1-standard", "image_url", *TIFF),
    Case(FakeKling, "kling", "kling/ai-avatar-pro", "audio_url", *OPUS),
]


@pytest.fixture
def upstream(case: Case) -> Iterator[FakeService]:
    """The case's upstream; whatever it had to complain of fails the test."""
    with case.upstream(run_seconds=0, queue_seconds=0) as server:
        yield server
        assert server.complaints == []


def job_of(case: Case, server: FakeService, folder: Path) -> Job:
    path = folder / "given"
    path.write_bytes(case.data)
    told = measure(path, case.media_type)
    entry = CATALOG.models[case.model]
    listed = isinstance(entry.schema["properties"][case.field].get("items"), dict)
    file = MediaFile(
        field=case.field,
        index=0,
        path=path,
        media_type=case.media_type,
        size=len(case.data),
        url=ADDRESS,
        width=told.width,
        height=told.height,
        seconds=told.seconds,
        label=f"{case.field}[0]" if listed else case.field,
    )
    input = {case.field: [ADDRESS] if listed else ADDRESS, **(case.input or {})}
    if isinstance(server, FakeKling):
        face = replace(file, field="image_url", media_type="image/png", url=FACE, width=400, height=300)
        files = (face, file) if case.field == "audio_url" else (file,)
        return kling_job(server.url, case.model, *files, **input)
    if isinstance(server, FakeArk):
        return job_from(case.model, "ark", f"{server.url}/api/v3", files=(file,), **input)
    base = getattr(server, "base", server.url)
    job = job_from(case.model, case.provider, base, files=(file,), **input)
    if isinstance(server, FakeCloud):
        job = replace(job, connection=replace(job.connection, options={"project": PROJECT, "region": REGION}))
    if isinstance(server, FakeFal):
        job = replace(job, connection=replace(job.connection, options={"upload_url": server.url}))
    return job


def provider_of(case: Case) -> Provider:
    factory = PROVIDERS[case.provider].factory
    assert factory is not None
    return factory()


def arrived(server: FakeService) -> list[bytes]:
    """Every file that reached the upstream, inside its one request or uploaded before."""
    (submit,) = server.submits
    uploads: dict[str, bytes] = getattr(server, "uploads", {})
    return [*uploads.values(), *_files_in(submit.input)]


def _files_in(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _files_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files_in(inner)
    elif isinstance(value, str) and len(value) > 300:
        yield base64.b64decode(value.partition(";base64,")[2] or value, validate=True)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_upstream_gets_what_it_takes(
    case: Case, upstream: FakeService, pool: Pool, tmp_path: Path
) -> None:
    provider = provider_of(case)
    async with GuardedHttp.open(Policy.PRIVATE_DENIED) as http:
        job = await fitted(job_of(case, upstream, tmp_path), provider, pool)
        await provider.submit(await provider.prepare(job, http), http)
    (said,) = said_of(job)
    assert said.removeprefix(case.field).removeprefix("[0]") == f": {case.said} for {case.provider}"
    media_type, size = case.arrives
    if isinstance(upstream, FakeOpenAIMedia):  # which writes down types and sizes
        assert upstream.submits[0].input["files"] == [["image", "image-0.jpg", media_type, list(size or ())]]
        return
    found = [data for data in arrived(upstream) if sniff(data) == media_type]
    assert len(found) == 1
    if size:
        with Image.open(io.BytesIO(found[0])) as seen:
            assert seen.size == size
    assert ADDRESS not in str(upstream.submits[0].input)


@pytest.mark.parametrize(
    ("provider", "media_type", "why"),
    [
        ("dashscope", "video/webm", "video/mp4, video/quicktime, video/x-msvideo, not video/webm"),
        ("kling", "video/webm", "video/mp4, video/quicktime, not video/webm"),
        ("fal", "video/x-matroska", "video/mp4, video/quicktime, video/webm, not video/x-matroska"),
    ],
)
async def test_a_clip_in_a_form_the_upstream_does_not_read_goes_to_the_next_route(
    pool: Pool, tmp_path: Path, provider: str, media_type: str, why: str
) -> None:
    clip = MediaFile("video_urls", 0, tmp_path / "clip", media_type, 10, ADDRESS, label="video_urls[0]")
    job = job_from("wan/2-6-video-to-video", "dashscope", "https://upstream.example", files=(clip,))
    factory = PROVIDERS[provider].factory
    assert factory is not None
    with pytest.raises(Refused) as refused:
        await fitted(job, factory(), pool)
    assert (refused.value.kind, refused.value.message) == (
        FailKind.UNSUPPORTED,
        f"video_urls[0]: the upstream takes {why}",
    )


async def test_more_pictures_share_the_room_of_a_request() -> None:
    given = [ADDRESS] * 10
    one, ten = (
        job_from("google/nano-banana-edit", "google", "https://google.example", image_urls=urls)
        for urls in (given[:1], given)
    )
    limits = [Google().takes(job)["image"].max_bytes for job in (one, ten)]
    assert limits == [70 * MB, 7 * MB]


async def test_masks_are_left_to_the_adapter(pool: Pool, tmp_path: Path) -> None:
    """They are brought into a form of their own, together with the picture they belong to."""
    path = tmp_path / "mask.gif"
    path.write_bytes(picture("GIF"))
    mask = MediaFile("maskUrl", 0, path, "image/gif", path.stat().st_size, ADDRESS)
    job = job_from("gpt4o-image", "openai", "https://openai.example", files=(mask,))
    assert list(await (await fitted(job, OpenAI(), pool)).media.all()) == [mask]
