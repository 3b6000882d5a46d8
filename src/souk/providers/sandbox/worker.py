"""The child process that makes the sandbox's media: one JSON line in, one JSON line out, until stdin ends.

Imports are late on purpose: a picture job must not pay for the video libraries.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import BinaryIO

from souk.providers.sandbox.ask import Ask, CannotUse
from souk.providers.sandbox.results import Made
from souk.words import FailKind, JsonObject

NICENESS = 5
PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


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
    try:
        return make(Ask.read(request)).answer()
    except CannotUse as error:
        return {"refused": {"kind": FailKind.BAD_INPUT.value, "message": str(error)}}


def make(ask: Ask) -> Made:
    """Make what a job asks for. Raises CannotUse."""
    kind = kind_of(ask)
    if kind == "image":
        from souk.providers.sandbox import stills

        layered = ask.task == "layer-decomposition" and ask.of_kind("image")
        return stills.make_layers(ask) if layered else stills.make_pictures(ask)
    if kind == "video":
        from souk.providers.sandbox import clip

        return clip.make_clips(ask)
    if kind == "audio":
        from souk.providers.sandbox import soundtrack

        return soundtrack.make_sounds(ask)
    from souk.providers.sandbox import reading

    return reading.make_reading(ask)


def kind_of(ask: Ask) -> str:
    """What the job makes: as asked, but an upscale gives back the kind of file it was given."""
    kind = str(ask.output.get("kind") or "image")
    if ask.task == "upscale" and kind in ("image", "video"):
        kinds = {given.kind for given in ask.media}
        if kind not in kinds and kinds & {"image", "video"}:
            return "video" if kind == "image" else "image"
    return kind


def _die_with_parent(parent: int) -> None:
    """On Linux the kernel ends us when the parent dies, even in the middle of a job; elsewhere stdin's end does."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    main()
