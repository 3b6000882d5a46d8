"""The fake upstream itself: other tests lean on its counts, so they are tested too."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.upstreams.journal import count, read_submits
from tests.upstreams.kie import KEY, FakeKie

ROOT = Path(__file__).parents[2]


def call(url: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {KEY}", **headers})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def create(url: str, prompt: str) -> Any:
    body = {"model": "m", "input": {"prompt": prompt}}
    return call(f"{url}/api/v1/jobs/createTask", body, **{"Content-Type": "application/json"})


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_result_files_are_of_the_kind_asked_for(kind: str) -> None:
    import av

    with FakeKie(queue_seconds=0, run_seconds=0) as upstream:
        task_id = create(upstream.url, f"[up:kind={kind}]")["data"]["taskId"]
        record = call(f"{upstream.url}/api/v1/jobs/recordInfo?taskId={task_id}")["data"]
        (url,) = json.loads(record["resultJson"])["resultUrls"]
        with urllib.request.urlopen(url, timeout=10) as answer, av.open(answer) as container:  # noqa: S310
            assert len(container.streams) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ({"model": "m", "input": {"prompt": "a"}}, "text/plain", 401),
        ({"model": "m", "input": {"prompt": "a"}, "extra": 1}, "application/json", 400),
        ({"model": "m"}, "application/json", 422),
        ({"input": {"prompt": "a"}}, "application/json", 422),
        ({"model": "m", "input": {"image_url": "data:image/png;base64,AA"}}, "application/json", 422),
    ],
)
def test_wrong_create_calls_are_refused_and_not_counted(body: Any, content_type: str, code: int) -> None:
    with FakeKie() as upstream:
        answer = call(f"{upstream.url}/api/v1/jobs/createTask", body, **{"Content-Type": content_type})
        assert answer["code"] == code
        assert upstream.submits == []


def test_wrong_key_is_refused() -> None:
    with FakeKie(key="another-key") as upstream:
        assert create(upstream.url, "a")["code"] == 401


def test_counts_and_tasks_outlive_a_killed_process(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    command = [sys.executable, "-m", "tests.upstreams.kie", "--journal", str(journal)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert first.stdout is not None
    with first.stdout:
        task_id = create(first.stdout.readline().strip(), "marker-one")["data"]["taskId"]
        first.kill()
        first.wait(10)
    assert count(read_submits(journal), "marker-one") == 1

    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert second.stdout is not None
    with second.stdout:
        url = second.stdout.readline().strip()
        assert call(f"{url}/api/v1/jobs/recordInfo?taskId={task_id}")["data"]["taskId"] == task_id
        create(url, "marker-one")
        second.send_signal(signal.SIGTERM)
        assert second.wait(10) == 0
    assert count(read_submits(journal), "marker-one", "m") == 2
