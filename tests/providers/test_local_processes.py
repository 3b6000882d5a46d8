"""The local engine's child processes: shared with the sandbox, held to a time, light where they can be."""

import subprocess
import sys
from pathlib import Path

import pytest

from souk.catalog import load_catalog
from souk.providers.base import Refused
from souk.providers.children.pool import Pool
from souk.providers.local import LocalEngine
from souk.providers.local.provider import JOB_SECONDS
from souk.providers.sandbox import Sandbox
from souk.words import FailKind
from tests.providers.local_jobs import done, tone, work, write_clip, write_sound
from tests.providers.sandbox_jobs import PICTURE, folder, given, job, nothing_told

ROOT = Path(__file__).parents[2]
SMALL = {**PICTURE, "width": 64, "height": 64}


async def test_one_child_works_for_both_engines(tmp_path: Path) -> None:
    pool = Pool(1)
    await Sandbox(pool).run(job("text-to-image", {"prompt": "hills"}, SMALL), tmp_path, nothing_told)
    before = pool.pids
    source = write_sound(tmp_path / "in.wav", tone(0.2))
    await done(LocalEngine(pool), tmp_path, work("wav", [given("audioId", source, "audio/wav")]))
    assert pool.pids == before
    assert len(before) == 1
    await pool.close()


async def test_work_past_its_time_is_refused_and_its_child_killed(tmp_path: Path) -> None:
    pool = Pool(1)
    source = write_clip(tmp_path / "in.mp4", (320, 180), range(240))
    files = [given("video_url", source, "video/mp4")]
    with pytest.raises(Refused, match=r"did not finish within 0\.5 seconds") as refusal:
        await done(LocalEngine(pool, {"upscale-4k": 0.5}), tmp_path, work("upscale-4k", files))
    assert refusal.value.kind is FailKind.TIMEOUT
    assert pool.pids == []
    await pool.close()


async def test_a_route_to_unknown_work_is_refused_with_what_there_is(
    local: LocalEngine, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=r"'sing'.* resize-image") as refusal:
        await done(local, tmp_path, work("sing", []))
    assert refusal.value.kind is FailKind.UNSUPPORTED


async def test_triggers_of_the_sandbox_mean_nothing_here(local: LocalEngine, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", tone(0.2))
    files = [given("audioId", source, "audio/wav")]
    made = await done(local, folder(tmp_path), work("wav", files, {"prompt": "[souk:fail=500]"}))
    assert len(made.files) == 1


def test_every_local_route_names_work_there_is() -> None:
    named = {
        route.model
        for model in load_catalog().models.values()
        for route in model.routes
        if route.provider == "local"
    }
    assert named == set(JOB_SECONDS)


def test_the_main_process_loads_no_media_library() -> None:
    script = "import sys; from souk.providers.local import LocalEngine; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"numpy", "PIL", "av"} & set(loaded.stdout.split())


def test_a_picture_job_does_not_load_the_video_library() -> None:
    script = (
        "import sys, souk.providers.children.worker, souk.providers.local.jobs, souk.providers.local.resize; "
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    names = set(loaded.stdout.split())
    assert "PIL" in names
    assert not {"av", "aiohttp"} & names
