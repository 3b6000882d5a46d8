"""The child process that makes media: one JSON line in, one JSON line out, until stdin ends.

A request names the engine whose jobs it is one of. Imports are late on purpose: a picture job must not pay
for the video libraries, nor the local engine's jobs for the sandbox's.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from importlib import import_module
from typing import BinaryIO, Protocol, cast

from souk.providers.children.given import CannotUse
from souk.providers.children.results import Made
from souk.words import FailKind, JsonObject

JOBS = {"sandbox": "souk.providers.sandbox.jobs", "local": "souk.providers.local.jobs"}
"""Engine -> the module that does its jobs."""
NICENESS = 5
PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


class Jobs(Protocol):
    """What a module of jobs offers."""

    def make(self, request: JsonObject) -> Made:
        """Do one job. Raises CannotUse."""
        ...


def main() -> None:
    """Serve jobs until the parent closes our stdin or dies."""
    _die_with_parent(int(sys.argv[1]))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    serve(sys.stdin.buffer, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every request line of a stream."""
    for line in requests:
        answers.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def answer(request: JsonObject) -> JsonObject:
    """Do one job; what its inputs do not allow becomes a refusal."""
    jobs = cast(Jobs, import_module(JOBS[request["engine"]]))
    try:
        return jobs.make(request).answer()
    except CannotUse as error:
        return {"refused": {"kind": FailKind.BAD_INPUT.value, "message": str(error)}}


def _die_with_parent(parent: int) -> None:
    """On Linux the kernel ends us when the parent dies, even in the middle of a job; elsewhere stdin's end does."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    main()
