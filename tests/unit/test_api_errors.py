"""What a client hears when something here went wrong, and what it does not."""

import json
import logging

import pytest

from souk.api.errors import failure_of
from souk.store.database import DatabaseError, Lost

CREATE = "/api/v1/jobs/createTask"


def test_who_meets_a_database_that_cannot_be_used_is_told_how_to_go_on() -> None:
    failure = failure_of(DatabaseError("disk of db.internal is full"), "r1", CREATE)
    told = json.loads(failure.body)
    assert (failure.status, told["code"], told["error"]["retryable"]) == (200, 500, True)
    assert "database" in told["error"]["message"]
    assert "Idempotency-Key" in told["error"]["message"]
    assert "db.internal" not in failure.body.decode()


def test_any_other_fault_of_ours_is_told_by_its_request_id_only() -> None:
    told = json.loads(failure_of(KeyError("secret"), "r1", CREATE).body)
    assert told["error"] == {"code": "internal", "field": None, "retryable": True, "requestId": "r1"}


def test_database_that_is_away_is_logged_in_one_line_a_request(caplog: pytest.LogCaptureFixture) -> None:
    """Each request meets it until it is back: tracebacks would fill the disk and accuse Souk."""
    failure_of(Lost("cannot reach the database postgresql://db:5432/souk"), "r1", CREATE)
    (line,) = caplog.records
    assert (line.levelno, line.message) == (logging.WARNING, "database unreachable, request failed")
    assert (line.exc_info, line.__dict__["request_id"]) == (None, "r1")
    assert "cannot reach" in line.__dict__["reason"]


def test_database_that_refuses_a_statement_is_logged_with_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failure_of(DatabaseError("no such column"), "r1", CREATE)
    (line,) = caplog.records
    assert (line.levelno, line.message, line.exc_info is None) == (logging.ERROR, "request failed", False)
