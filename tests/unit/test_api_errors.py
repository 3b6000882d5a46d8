"""What a client hears when something here went wrong, and what it does not."""

import json

from souk.api.errors import failure_of
from souk.store.database import DatabaseError

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
