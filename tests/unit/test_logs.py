"""The log: one line per event, fields first by task, and no secret in it."""

import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from souk import logs

log = logging.getLogger("souk.engine")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers, root.level
    stream = io.StringIO()
    yield stream
    root.handlers, root.level = before


def read(stream: io.StringIO) -> str:
    """What was written, without waiting for the gathering to end."""
    logging.getLogger().handlers[0].flush()
    return stream.getvalue()


def test_a_text_line_names_the_task_before_other_fields(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.info("task claimed", extra={"connection": "fal", "task_id": "7f3c"})
    assert read(written).endswith(" INFO engine task claimed task_id=7f3c connection=fal\n")


def test_a_json_line_is_one_object(written: io.StringIO) -> None:
    logs.set_up("INFO", "json", stream=written)
    log.info("task claimed", extra={"task_id": "7f3c", "why": 'two\nlines and "quotes"'})
    (line,) = read(written).splitlines()
    record = json.loads(line)
    assert (record["room"], record["event"], record["task_id"]) == ("engine", "task claimed", "7f3c")
    assert record["why"] == 'two\nlines and "quotes"'


def test_a_line_of_the_http_server_does_not_look_like_an_error(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    logging.getLogger("uvicorn.error").info("Shutting down")
    assert read(written).endswith(" INFO http Shutting down\n")


def test_an_event_is_one_line_whatever_it_says(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.info("first\nsecond", extra={"note": "third\r\nfourth"})
    assert len(read(written).splitlines()) == 1


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_known_secret_is_never_written(written: io.StringIO, style: str) -> None:
    logs.set_up("INFO", style, secrets=['hunter"22'], stream=written)
    log.info("calling with %s", 'hunter"22', extra={"header": 'X-Key: hunter"22'})
    assert "hunter" not in read(written)
    assert "***" in read(written)


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abcdef0123456789",
        "sk-proj-abcdef0123456789",
        "whsec_YWJjZGVmMDEyMzQ1Njc4OQ==",
        "postgresql://souk:abcdef0123456789@db/souk",
        "https://up.example/x?api_key=abcdef0123456789",
        "https://up.example/x?v=1&sig=abcdef0123456789",
        "https://someone:abcdef0123456789@up.example/x?sig=abcdef0123456789",
    ],
)
def test_what_looks_like_a_secret_is_never_written(written: io.StringIO, secret: str) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.warning("upstream said", extra={"text": secret})
    line = read(written)
    assert "abcdef0123456789" not in line
    assert "YWJjZGVm" not in line


def test_an_option_in_an_advice_is_no_secret(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.warning("run `souk accounts rotate-webhook-key --lost`")
    assert "rotate-webhook-key --lost" in read(written)


def test_a_traceback_loses_its_secrets_too(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", secrets=["correct-horse"], stream=written)
    try:
        int("correct-horse")
    except ValueError:
        log.exception("call failed")
    assert "Traceback" in read(written)
    assert "correct-horse" not in read(written)


def test_the_request_at_hand_is_named(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    token = logs.request_id.set("r-1")
    log.info("task created", extra={"task_id": "7f3c"})
    logs.request_id.reset(token)
    log.info("task ended")
    first, second = read(written).splitlines()
    assert first.endswith("task_id=7f3c request_id=r-1")
    assert "request_id" not in second


def test_lines_are_written_within_a_moment(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    for number in range(2):  # the writer must not fall asleep after its first piece
        log.info("step %s", number)
        deadline = time.monotonic() + 5
        while f"step {number}" not in written.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert f"step {number}" in written.getvalue()


def test_a_warning_is_written_at_once_and_in_order(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.info("first")
    log.warning("second")
    first, second = written.getvalue().splitlines()
    assert (first.split()[-1], second.split()[-1]) == ("first", "second")


def test_the_last_lines_of_a_process_are_written() -> None:
    script = "import logging; from souk import logs; logs.set_up('INFO', 'text'); logging.info('goodbye')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stderr.endswith("goodbye\n")
