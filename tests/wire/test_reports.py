"""Upstreams that report, each with its own words: before they answer, after their answer was lost, late and again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from souk.store import attempts
from tests.postgres import free_port
from tests.upstreams.ark import FakeArk
from tests.upstreams.bfl import FakeBfl
from tests.upstreams.fal import FakeFal
from tests.upstreams.kie import FakeKie
from tests.upstreams.kling import SECRET, FakeKling
from tests.upstreams.service import FakeService
from tests.wire.serving import Souk, open_souk

CREDIT = "/api/v1/chat/credit"
SLOWLY = 600
"""Seconds a model usually takes: polled once, and then not for minutes. What ends a task sooner is a report."""


@dataclass(frozen=True)
class Maker:
    """A provider that reports, and a model of ours that it runs."""

    name: str
    fake: Callable[..., FakeService]
    model: str
    env: Callable[[FakeService], dict[str, str]]
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    signed: bool = False
    """Its reports are verdicts."""

    def __str__(self) -> str:
        return self.name


MAKERS = [
    Maker(
        "kie",
        FakeKie,
        "z-image",
        lambda fake: {"KIE_API_KEY": fake.key, "SOUK_KIE_BASE_URL": fake.url},
        {"aspect_ratio": "1:1"},
    ),
    Maker(
        "fal",
        FakeFal,
        "qwen/text-to-image",
        lambda fake: {
            "FAL_KEY": fake.key,
            "SOUK_FAL_BASE_URL": fake.url,
            "SOUK_FAL_KEYS_URL": f"{fake.url}/keys",
        },
        signed=True,
    ),
    Maker(
        "bfl",
        FakeBfl,
        "flux-2/pro-text-to-image",
        lambda fake: {
            "BFL_API_KEY": fake.key,
            "SOUK_BFL_BASE_URL": fake.url,
            "SOUK_BFL_WEBHOOKS": "true",
        },
        {"aspect_ratio": "1:1", "resolution": "1K"},
        signed=True,
    ),
    Maker(
        "ark",
        FakeArk,
        "bytedance/seedance-2-fast",
        lambda fake: {"ARK_API_KEY": fake.key, "SOUK_ARK_BASE_URL": f"{fake.url}/api/v3"},
        {"duration": 4, "resolution": "480p"},
    ),
    Maker(
        "kling",
        FakeKling,
        "kling/v2-5-turbo-text-to-video-pro",
        lambda fake: {
            "KLING_ACCESS_KEY": fake.key,
            "KLING_SECRET_KEY": SECRET,
            "SOUK_KLING_BASE_URL": fake.url,
        },
    ),
]
EVERY = pytest.mark.parametrize("maker", MAKERS, ids=str)


@asynccontextmanager
async def asked(
    folder: Path, maker: Maker, prompt: str, *, usual: float = SLOWLY
) -> AsyncIterator[tuple[Souk, FakeService, str]]:
    """A Souk on this maker alone, the maker, and a new task there."""
    port = free_port()
    settings = {
        "models": {maker.model: {"usual_seconds": usual}},
        "public_url": f"http://127.0.0.1:{port}",
        "network_policy": "open",  # results lie on loopback
        "sandbox_workers": 0,
    }
    with maker.fake(queue_seconds=0, run_seconds=0) as fake:
        async with open_souk(folder, engine=True, env=maker.env(fake), port=port, **settings) as souk:
            body = {"model": maker.model, "input": {"prompt": prompt, **maker.input}}
            yield souk, fake, await souk.client.create(body)
            assert fake.complaints == []
            assert fake.count(prompt) == 1, "it was submitted once"


@EVERY
async def test_report_before_the_answer_to_the_submit_is_heard_once_the_answer_is_there(
    tmp_path: Path, maker: Maker
) -> None:
    async with asked(tmp_path, maker, "A tram [up:webhook-first]") as (souk, fake, task):
        record = await souk.client.record(task, wait=30)
        assert record["state"] == "success", record
        assert fake.polls[fake.submits[0].task_id] <= (0 if maker.signed else 1)


@EVERY
async def test_report_of_a_task_whose_acceptance_was_not_heard_of_saves_it(
    tmp_path: Path, maker: Maker
) -> None:
    prompt = "A tram [up:webhook-first] [up:drop-after-accept]"
    async with asked(tmp_path, maker, prompt) as (souk, _, task):
        record = await souk.client.record(task, wait=30)
        assert record["state"] == "success", record
        told = await souk.house.reads.run(lambda db: attempts.of_task(db, task))
        assert [attempt.verdict for attempt in told] == ["done"]


@EVERY
async def test_late_and_repeated_reports_change_nothing(tmp_path: Path, maker: Maker) -> None:
    async with asked(tmp_path, maker, "A tram", usual=0.2) as (souk, fake, task):
        before = await souk.client.record(task, wait=30)
        assert before["state"] == "success", before
        credit = (await souk.client.get(CREDIT)).data
        for _ in range(2):
            await fake.report_all_again()
        assert fake.reports.answers == [200, 200]
        assert await souk.client.record(task) == before
        assert (await souk.client.get(CREDIT)).data == credit
