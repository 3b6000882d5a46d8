"""``souk`` as a process of its own: serving, stopping, and commands beside a server that runs."""
# ruff: noqa: S310 - the addresses are those of servers these tests started

import base64
import hmac
import http.server
import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.wire.souk_process import (
    GIVEN_KEY,
    MODEL,
    SOUK,
    START_SECONDS,
    code_of,
    environment,
    made_key,
    serving,
    souk,
)


def test_printed_curl_line_makes_a_task(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        line = served.said.partition("Try it:\n")[2]
        words = shlex.split(line.replace("\\\n", ""))
        answer = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
        assert json.loads(answer.stdout)["code"] == 200


def test_made_key_is_printed_once_and_works(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        key = made_key(served)
        assert served.get("/api/v1/chat/credit", key)["code"] == 200
        assert served.stop() == 0
    with serving(tmp_path) as again:
        assert "sk-souk-" not in again.said
        assert again.get("/api/v1/chat/credit", key)["code"] == 200


def test_given_key_is_named_and_not_printed(tmp_path: Path) -> None:
    with serving(tmp_path, SOUK_API_KEY=GIVEN_KEY) as served:
        assert GIVEN_KEY not in served.said
        assert "SOUK_API_KEY" in served.said
        assert served.get("/api/v1/chat/credit", GIVEN_KEY)["code"] == 200


def test_live_connection_is_told_with_its_variable(tmp_path: Path) -> None:
    with serving(tmp_path, KIE_API_KEY="canary-upstream-key") as served:
        assert "KIE_API_KEY" in served.said
        assert "canary-upstream-key" not in served.said


def test_public_url_does_not_hide_where_it_listens(tmp_path: Path) -> None:
    with serving(tmp_path, SOUK_PUBLIC_URL="https://souk.example") as served:
        assert served.url == "https://souk.example"
        (served.url,) = re.findall(r"^  listens at +(\S+)$", served.said, re.MULTILINE)
        assert served.get("/health")["status"] == "ok"


def test_server_on_sqlite_without_engine_says_that_nobody_runs_the_tasks(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-engine") as served:
        assert "on SQLite no other process can run the tasks" in served.said
        assert "`souk engine`" not in served.said


def test_server_answers_without_naming_its_software(tmp_path: Path) -> None:
    with serving(tmp_path) as served, urllib.request.urlopen(served.url + "/health", timeout=10) as answer:
        assert "server" not in {name.lower() for name in answer.headers}


def test_taken_port_is_a_configuration_error(tmp_path: Path) -> None:
    with serving(tmp_path / "one") as served:
        port = served.url.rpartition(":")[2]
        (tmp_path / "two").mkdir()
        answer = souk(tmp_path / "two", "serve", "--port", port)
        assert answer.returncode == 3
        assert "--port" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_second_server_on_the_same_sqlite_data_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path):
        answer = souk(tmp_path, "serve", "--port", "0")
        assert answer.returncode == 3
        assert "SOUK_DATABASE_URL" in answer.stderr


def test_interrupt_stops_as_well(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(timeout=30) == 0


def test_task_made_beside_a_server_is_run_by_it(tmp_path: Path) -> None:
    with serving(tmp_path):
        answer = souk(tmp_path, "run", MODEL, "prompt=a cat", "-o", "cat.png")
        assert answer.returncode == 0, answer.stderr
        assert (tmp_path / "cat.png").exists()


def test_a_songs_cover_is_not_called_a_sound(tmp_path: Path) -> None:
    answer = souk(tmp_path, "run", "suno-sounds", "prompt=a bell", "-o", "bell.mp3")
    assert answer.returncode == 0, answer.stderr
    saved = sorted(path.name for path in tmp_path.glob("bell*"))
    assert saved == ["bell-2.jpg", "bell-3.mp3", "bell-4.jpg", "bell.mp3"]


def test_links_printed_beside_a_server_lead_to_it(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with serving(tmp_path) as served:
        link = souk(tmp_path, "files", "put", "note.txt").stdout.strip()
        with urllib.request.urlopen(link, timeout=10) as answer:
            assert answer.read() == b"hello"
        assert link.startswith(f"{served.url}/")
    stopped = souk(tmp_path, "files", "put", "note.txt").stdout
    assert stopped.startswith(f"{served.url}/")


@pytest.mark.parametrize(
    ("setting", "value", "start"),
    [
        ("SOUK_PUBLIC_URL", "https://souk.example", "https://souk.example/"),
        ("SOUK_PORT", "9123", "http://127.0.0.1:9123/"),
    ],
)
def test_links_follow_a_setting_before_the_server_that_was(
    tmp_path: Path, setting: str, value: str, start: str
) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with serving(tmp_path):
        pass
    assert souk(tmp_path, "files", "put", "note.txt", **{setting: value}).stdout.startswith(start)


def test_key_made_and_revoked_beside_a_server_counts_within_two_seconds(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        made = json.loads(souk(tmp_path, "keys", "create", "--json").stdout)
        assert served.get("/api/v1/chat/credit", made["key"])["code"] == 200
        souk(tmp_path, "keys", "revoke", str(made["id"]))
        time.sleep(2)
        assert code_of(served, made["key"]) == 401


def test_backup_is_taken_while_the_server_runs(tmp_path: Path) -> None:
    with serving(tmp_path):
        assert souk(tmp_path, "run", MODEL, "prompt=a cat", "-o", "cat.png").returncode == 0
        answer = souk(tmp_path, "backup", "copy", "--json")
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["files"] == 1
        assert souk(tmp_path, "restore", "copy").returncode == 3  # not over data in use


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent and answers with its server's status."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def receiver(status: int) -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Receiver)
    server.got, server.status = [], status  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_test_callback_arrives_signed_with_the_accounts_key(tmp_path: Path) -> None:
    assert souk(tmp_path, "migrate", SOUK_WEBHOOK_KEY="hook-key").returncode == 0
    with receiver(200) as server:
        answer = souk(tmp_path, "callbacks", "test", f"http://127.0.0.1:{server.server_port}/hook", "--json")
        assert (answer.returncode, json.loads(answer.stdout)["delivered"]) == (0, True)
        ((headers, body),) = server.got  # type: ignore[attr-defined]
    signed = f"{json.loads(body)['data']['taskId']}.{headers['X-Webhook-Timestamp']}"
    expected = base64.b64encode(hmac.digest(b"hook-key", signed.encode(), "sha256")).decode()
    assert headers["X-Webhook-Signature"] == expected


def test_receiver_that_refuses_is_told(tmp_path: Path) -> None:
    assert souk(tmp_path, "migrate").returncode == 0
    with receiver(500) as server:
        answer = souk(tmp_path, "callbacks", "test", f"http://127.0.0.1:{server.server_port}/hook")
    assert answer.returncode == 1
    assert "500" in answer.stderr


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from souk.cli.main import main; main(['--help']); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "serve" in loaded.stdout
    heavy = {"pydantic", "rich", "sqlalchemy", "alembic", "cryptography", "aiohttp", "uvicorn", "yaml"}
    assert heavy & set(loaded.stderr.split()) == set()


def test_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    command = f"{shlex.join(SOUK)} models --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[\n", "")


def test_interrupted_run_cancels_its_task(tmp_path: Path) -> None:
    assert souk(tmp_path, "migrate").returncode == 0
    with subprocess.Popen(
        [*SOUK, "run", MODEL, "prompt=[souk:stall] a cat"],
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + START_SECONDS
        while not (tasks := json.loads(souk(tmp_path, "tasks", "list", "--json").stdout)):
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    story = json.loads(souk(tmp_path, "tasks", "show", tasks[0]["task_id"], "--json").stdout)
    assert story["record"]["fail_kind"] == "cancelled"
    assert souk(tmp_path, "ledger", "verify").returncode == 0
