"""The fake of OpenAI's media APIs is held to the maker's own client, and our requests to what that client sends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from souk.net.client import GuardedHttp
from tests.providers.jobs import job_from
from tests.providers.openai_jobs import drawn, submitted, taken
from tests.providers.test_openai_pictures import stored_mask, substituted
from tests.upstreams.openai_media import FakeOpenAIMedia

PROMPT = "a fox"
# The client warns that Sora is gone; servers of other makers are not.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAIMedia]:
    with FakeOpenAIMedia(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
async def sdk(fake: FakeOpenAIMedia) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{fake.url}/v1", api_key=fake.key, max_retries=0) as made:
        yield made


def same(fake: FakeOpenAIMedia) -> None:
    """Both submits asked for the same; only file names may differ."""
    theirs, ours = ([(name, value) for name, value in sorted(s.input.items())] for s in fake.submits)
    assert _without_names(ours) == _without_names(theirs)


def _without_names(fields: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [
        (name, [[part, kind, size] for part, _, kind, size in value] if name == "files" else value)
        for name, value in fields
    ]


async def test_our_generation_is_the_clients(
    fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI, http: GuardedHttp
) -> None:
    made = await sdk.images.generate(
        model="gpt-image-1.5", prompt=PROMPT, size="1024x1536", quality="high", output_format="png"
    )
    assert [bool(picture.b64_json) for picture in made.data or []] == [True]
    job = job_from(
        "gpt-image/1.5-text-to-image", "openai", fake.url, prompt=PROMPT, aspect_ratio="2:3", quality="high"
    )
    await submitted(job, http)
    same(fake)


async def test_our_edit_of_several_pictures_is_the_clients(
    fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (
        drawn(tmp_path, "input_urls"),
        drawn(tmp_path, "input_urls", 1, size=(30, 20), media_type="image/webp"),
    )
    await sdk.images.edit(
        model="gpt-image-1.5",
        prompt=PROMPT,
        image=[file.path for file in files],
        size="1536x1024",
        quality="medium",
        output_format="png",
    )
    job = job_from("gpt-image/1.5-image-to-image", "openai", fake.url, files=files, prompt=PROMPT)
    await submitted(job, http)
    same(fake)


async def test_our_masked_edit_is_the_clients(
    fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI, http: GuardedHttp, tmp_path: Path
) -> None:
    picture, mask = drawn(tmp_path, "filesUrl"), stored_mask(tmp_path)
    await sdk.images.edit(
        model="gpt-image-2.5-sunburst",
        prompt=PROMPT,
        image=picture.path,
        mask=mask.path,
        n=2,
        size="1024x1024",
        output_format="png",
    )
    black_and_white = drawn(tmp_path, "maskUrl", colour=(0, 0, 0))
    job = job_from(
        "gpt4o-image", "openai", fake.url, files=(picture, black_and_white), prompt=PROMPT, nVariants=2
    )
    await submitted(substituted(job), http)
    same(fake)


async def test_our_clip_is_the_clients(
    fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI, http: GuardedHttp, tmp_path: Path
) -> None:
    exact = drawn(tmp_path, "exact", size=(1280, 720))
    made = await sdk.videos.create(
        model="sora-2", prompt=PROMPT, seconds="8", size="1280x720", input_reference=exact.path
    )
    assert (made.status, made.seconds, made.size) == ("completed", "8", "1280x720")
    file = drawn(tmp_path, "image_urls", size=(64, 64))
    job = job_from("sora-2-image-to-video", "openai", fake.url, files=(file,), prompt=PROMPT)
    await taken(replace(job, output=job.output | {"seconds": 8.0}), http)
    same(fake)


async def test_client_reads_the_fakes_clip(fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.videos.create(model="sora-2", prompt=PROMPT)
    known = await sdk.videos.retrieve(made.id)
    assert (known.status, known.progress, known.error) == ("completed", 100, None)
    content = await sdk.videos.download_content(made.id)
    assert content.content[4:8] == b"ftyp"


async def test_client_reads_the_fakes_failure(fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.videos.create(model="sora-2", prompt="[up:moderated]")
    error = (await sdk.videos.retrieve(made.id)).error
    assert error is not None
    assert error.code == "moderation_blocked"


@pytest.mark.parametrize(
    ("prompt", "error", "code"),
    [
        ("[up:refuse=400] [up:code=moderation_blocked]", openai.BadRequestError, "moderation_blocked"),
        ("[up:refuse=429] [up:code=insufficient_quota]", openai.RateLimitError, "insufficient_quota"),
        ("[up:429]", openai.RateLimitError, "rate_limit_exceeded"),
    ],
)
async def test_client_reads_the_fakes_errors(
    fake: FakeOpenAIMedia, sdk: openai.AsyncOpenAI, prompt: str, error: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(error) as raised:
        await sdk.images.generate(model="gpt-image-1.5", prompt=prompt)
    assert raised.value.code == code
    assert fake.submits == []


async def test_model_that_is_gone_is_gone_for_the_client_too(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await sdk.images.generate(model="gpt-image-1", prompt=PROMPT)
    assert raised.value.code == "model_not_found"
