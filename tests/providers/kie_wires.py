"""Jobs, answers and verdicts of KIE.AI's dedicated APIs, for the tests of what they mean."""

from dataclasses import replace
from typing import Any

from souk.providers.base import Done, Failed, Job, Running
from souk.providers.kie.envelope import Answer
from souk.providers.kie.wire import AtOnce, Lasting
from souk.providers.kie.wires import wire_of
from souk.words import JsonObject
from tests.providers.kie_jobs import job_at

REF = "7f3c0a91e2d84b6fa5c1390d4e8b2716"
FILE = "https://files.example/a.bin"
OTHER = "https://files.example/b.bin"
NO_RECORD = {"taskId": REF, "successFlag": 0, "response": None}


def job_of(model: str, input: JsonObject | None = None, **changes: Any) -> Job:
    kind = "json" if model in TEXTS else "video"
    return replace(
        job_at("http://upstream.example", upstream_model=model),
        input=input or {},
        output={"kind": kind, "count": 1, "pieces": [PIECES[model]] if model in PIECES else []},
        **changes,
    )


TEXTS = {"suno-lyrics", "suno-midi", "suno-voice-validate", "suno-style"}
PIECES = {
    "suno-persona": "persona",
    "gemini-omni-audio": "omni-voice",
    "gemini-omni-character": "omni-character",
}


def answer(data: Any, code: int = 200, message: str = "success", status: int = 200) -> Answer:
    return Answer(status, code, message, data, None)


def lasting(model: str) -> Lasting:
    wire = wire_of(model)
    assert not isinstance(wire, AtOnce)
    return wire


def verdict(model: str, record: JsonObject, ref: str = REF) -> Running | Done | Failed:
    return lasting(model).verdict(answer({"taskId": REF, **record}), job_of(model), ref)
