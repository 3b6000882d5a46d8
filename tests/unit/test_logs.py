"""The log: one line per event, fields first by task, and no secret in it."""

import io
import json
import logging
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


def test_a_text_line_names_the_task_before_other_fields(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.info("task claimed", extra={"connection": "fal", "task_id": "7f3c"})
    assert written.getvalue().endswith(" INFO engine task claimed task_id=7f3c connection=fal\n")


def test_a_json_line_is_one_object(written: io.StringIO) -> None:
    logs.set_up("INFO", "json", stream=written)
    log.info("task claimed", extra={"task_id": "7f3c", "why": 'two\nlines and "quotes"'})
    (line,) = written.getvalue().splitlines()
    record = json.loads(line)
    assert (record["room"], record["event"], record["task_id"]) == ("engine", "task claimed", "7f3c")
    assert record["why"] == 'two\nlines and "quotes"'


def test_an_event_is_one_line_whatever_it_says(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.info("first\nsecond", extra={"note": "third\r\nfourth"})
    assert len(written.getvalue().splitlines()) == 1


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_known_secret_is_never_written(written: io.StringIO, style: str) -> None:
    logs.set_up("INFO", style, secrets=['hunter"22'], stream=written)
    log.info("calling with %s", 'hunter"22', extra={"header": 'X-Key: hunter"22'})
    assert "hunter" not in written.getvalue()
    assert "***" in written.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abcdef0123456789",
        "sk-proj-abcdef0123456789",
        "whsec_YWJjZGVmMDEyMzQ1Njc4OQ==",
        "postgresql://souk:abcdef0123456789@db/souk",
        "https://up.example/x?api_key=abcdef0123456789",
    ],
)
def test_what_looks_like_a_secret_is_never_written(written: io.StringIO, secret: str) -> None:
    logs.set_up("INFO", "text", stream=written)
    log.warning("upstream said", extra={"text": secret})
    line = written.getvalue()
    assert "abcdef0123456789" not in line
    assert "YWJjZGVm" not in line


def test_a_traceback_loses_its_secrets_too(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", secrets=["correct-horse"], stream=written)
    try:
        int("correct-horse")
    except ValueError:
        log.exception("call failed")
    assert "Traceback" in written.getvalue()
    assert "correct-horse" not in written.getvalue()


def test_the_request_at_hand_is_named(written: io.StringIO) -> None:
    logs.set_up("INFO", "text", stream=written)
    token = logs.request_id.set("r-1")
    log.info("task created", extra={"task_id": "7f3c"})
    logs.request_id.reset(token)
    log.info("task ended")
    first, second = written.getvalue().splitlines()
    assert first.endswith("task_id=7f3c request_id=r-1")
    assert "request_id" not in second
