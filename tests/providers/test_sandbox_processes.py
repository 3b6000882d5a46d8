"""The sandbox's child processes and triggers: rehearsed failures, crashes, limits, and nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from souk.providers.base import Refused
from souk.providers.children.pool import Pool
from souk.providers.sandbox import Sandbox
from souk.providers.sandbox.triggers import read_triggers, without_triggers
from souk.words import FailKind, JsonObject
from tests.providers.sandbox_jobs import CLIP, PICTURE, content, folder, job, nothing_told

SMALL = {**PICTURE, "width": 128, "height": 128}
ROOT = Path(__file__).parents[2]
LONG_CLIP = {**CLIP, "width": 1280, "height": 720, "seconds": 20.0}


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not collected yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def until(fact: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not fact():  # type: ignore[operator]  # a callable
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("422", FailKind.BAD_INPUT),
        ("500", FailKind.INTERNAL),
        ("429", FailKind.RATE_LIMIT),
        ("451", FailKind.INPUT_UNREACHABLE),
    ],
)
async def test_fail_trigger_fails_with_its_code(
    sandbox: Sandbox, tmp_path: Path, code: str, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refusal:
        await sandbox.run(
            job("text-to-image", {"prompt": f"a cat [souk:fail={code}]"}, SMALL), tmp_path, nothing_told
        )
    assert (refusal.value.kind, refusal.value.upstream) == (kind, code)


async def test_moderated_trigger_in_a_dialogue_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        await sandbox.run(
            job("dialogue", {"dialogue": [{"text": "hm [souk:moderated]"}]}, SMALL), tmp_path, nothing_told
        )
    assert refusal.value.kind is FailKind.MODERATION


async def test_delay_trigger_and_setting_add_up(tmp_path: Path) -> None:
    sandbox = Sandbox(Pool(1), delay=0.2)
    begun = time.monotonic()
    await sandbox.run(
        job("text-to-image", {"prompt": "[souk:delay=0.3] hills"}, SMALL), tmp_path, nothing_told
    )
    await sandbox.close()
    assert time.monotonic() - begun >= 0.5


async def test_stall_trigger_never_finishes_but_can_be_cancelled(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(
            sandbox.run(job("text-to-image", {"prompt": "[souk:stall]"}, SMALL), tmp_path, nothing_told), 0.3
        )
    assert sandbox.pids == []


@pytest.mark.parametrize(
    "input", [{"negative_prompt": "[souk:fail=500]"}, {"prompt": "[souk:fall=500]"}, {"prompt": 5}]
)
def test_other_fields_and_words_trigger_nothing(input: JsonObject) -> None:
    found = read_triggers(input)
    assert (found.fail, found.delay, found.moderated, found.stall) == ("", 0.0, False, False)


def test_caption_does_not_show_triggers() -> None:
    assert without_triggers("a cat [souk:delay=1] at dusk") == "a cat at dusk"


async def test_worker_killed_in_a_job_is_replaced_and_the_job_done(sandbox: Sandbox, tmp_path: Path) -> None:
    running = asyncio.create_task(
        sandbox.run(
            job("text-to-video", {"prompt": "sea"}, {**LONG_CLIP, "seconds": 3.0}), tmp_path, nothing_told
        )
    )
    await until(lambda: any(tmp_path.iterdir()))
    (first,) = sandbox.pids
    os.kill(first, signal.SIGKILL)
    done = await running
    assert content(done)
    assert sandbox.pids != [first]


async def test_worker_that_dies_again_refuses_as_transient(sandbox: Sandbox, tmp_path: Path) -> None:
    running = asyncio.create_task(
        sandbox.run(job("text-to-video", {"prompt": "sea"}, LONG_CLIP), tmp_path, nothing_told)
    )
    killed: set[int] = set()
    while not running.done():
        for pid in set(sandbox.pids) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        await asyncio.sleep(0.02)
    with pytest.raises(Refused) as refusal:
        running.result()
    assert refusal.value.kind is FailKind.TRANSIENT
    assert len(killed) == 2


async def test_job_past_its_time_is_refused_and_its_worker_killed(tmp_path: Path) -> None:
    sandbox = Sandbox(Pool(1), job_seconds=0.5)
    with pytest.raises(Refused) as refusal:
        await sandbox.run(job("text-to-video", {"prompt": "sea"}, LONG_CLIP), tmp_path, nothing_told)
    assert refusal.value.kind is FailKind.TIMEOUT
    assert sandbox.pids == []
    await sandbox.close()


async def test_cancelled_job_leaves_no_worker_at_work(sandbox: Sandbox, tmp_path: Path) -> None:
    running = asyncio.create_task(
        sandbox.run(job("text-to-video", {"prompt": "sea"}, LONG_CLIP), tmp_path, nothing_told)
    )
    await until(lambda: any(tmp_path.iterdir()))
    (pid,) = sandbox.pids
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(pid)


async def test_workers_are_few_kept_and_gone_after_close(tmp_path: Path) -> None:
    sandbox = Sandbox(Pool(2))
    jobs = [job("text-to-image", {"prompt": "hills", "seed": n}, SMALL) for n in range(6)]
    runs = (
        sandbox.run(each, folder(tmp_path / str(number)), nothing_told) for number, each in enumerate(jobs)
    )
    await asyncio.gather(*runs)
    pids = sandbox.pids
    assert 1 <= len(pids) <= 2
    await sandbox.close()
    assert not any(alive(pid) for pid in pids)


async def test_idle_worker_ends_by_itself() -> None:
    pool = Pool(1, idle_seconds=0.2)
    request = {"task_id": "t", "model": "m", "task": "character", "input": {}, "output": {"kind": "json"}}
    await pool.run({**request, "engine": "sandbox", "media": [], "parents": [], "workdir": ""}, 20)
    (pid,) = pool.pids
    await until(lambda: not alive(pid))
    assert pool.pids == []
    await pool.close()


ORPHANING = """
import asyncio, sys
from pathlib import Path
from souk.providers.children.pool import Pool
from souk.providers.sandbox import Sandbox
from tests.providers.sandbox_jobs import CLIP, job, nothing_told

async def main():
    sandbox, folder = Sandbox(Pool(1)), Path(sys.argv[1])
    big = {**CLIP, "width": 1280, "height": 720, "seconds": 60.0}
    running = asyncio.create_task(sandbox.run(job("text-to-video", {"prompt": "sea"}, big), folder, nothing_told))
    while not any(folder.iterdir()):
        await asyncio.sleep(0.02)
    print(*sandbox.pids, flush=True)
    await running

asyncio.run(main())
"""


def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHANING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        parent.wait()
        end = time.monotonic() + 5
        while alive(pid) and time.monotonic() < end:
            time.sleep(0.02)
        assert not alive(pid)


def test_the_main_process_loads_no_media_library() -> None:
    script = (
        "import sys; from souk.providers.children.pool import Pool; from souk.providers.sandbox import Sandbox; "
        "Sandbox(Pool(1)); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not {"numpy", "PIL", "av"} & set(loaded.stdout.split())


def test_a_picture_worker_does_not_load_the_video_library() -> None:
    script = (
        "import sys, souk.providers.children.worker, souk.providers.sandbox.jobs, souk.providers.sandbox.stills; "
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    names = set(loaded.stdout.split())
    assert "PIL" in names
    assert not {"av", "aiohttp"} & names
