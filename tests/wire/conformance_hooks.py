"""What schemathesis is told about Souk: loaded by the process that ``test_conformance.py`` starts."""

import json
import re
from typing import Any

import schemathesis

from tests.wire.serving import NO_TASK

TASK_ID = re.compile(r"[0-9a-f]{32}")
LONGEST_WAIT = 0.05


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Never wait for a task's end: the server under test runs none."""
    try:
        wait = float(case.query.get("wait", 0))
    except (TypeError, ValueError):
        wait = 0
    if wait > LONGEST_WAIT or ("wait" not in case.query and _waits(case)):
        case.query["wait"] = LONGEST_WAIT
    if TASK_ID.fullmatch(str(case.path_parameters.get("task_id"))):
        case.path_parameters["task_id"] = NO_TASK


def _waits(case: schemathesis.Case) -> bool:
    """Whether the call's answer can be held back; some are without being asked."""
    return any(parameter.name == "wait" for parameter in case.operation.query)


@schemathesis.check
def no_internal_error(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """A fault of Souk's own is told in the envelope, with HTTP 200 around it."""
    try:
        answer = json.loads(response.content)
    except ValueError:
        return
    if isinstance(answer, dict):
        assert answer.get("code") != 500, f"an internal error: {answer}"
