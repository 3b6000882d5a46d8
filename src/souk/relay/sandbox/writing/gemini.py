"""Answers as Gemini's generateContent. Source: the Gemini API reference, "GenerateContentResponse"."""

import base64
from collections.abc import Iterator
from typing import Final

from souk.relay.sandbox.answered import Answered, event
from souk.relay.sandbox.reply import Finish, Reply, pieces_of
from souk.words import JsonObject

FINISH: Final = {
    Finish.DONE: "STOP",
    Finish.STOPPED: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOLS: "STOP",
}


def whole(answered: Answered) -> JsonObject:
    """A whole answer. One that is refused has no candidates."""
    if answered.only.finish is Finish.REFUSED:
        return _refusal(answered)
    candidates: list[JsonObject] = []
    for number, reply in enumerate(answered.replies):
        thought = [{"text": reply.thinking, "thought": True}] if reply.thinking else []
        text = [{"text": reply.text}] if reply.text else []
        parts = [*thought, *text, *_calls(answered, reply, number)]
        candidates.append(_candidate(number, parts, FINISH[reply.finish]))
    return {"candidates": candidates, **_tail(answered, answered.used.output)}


def events(answered: Answered) -> Iterator[bytes]:
    """The same in pieces; the counters grow, and the last piece has them all."""
    if answered.only.finish is Finish.REFUSED:
        yield event(_refusal(answered))
        return
    told = 0
    for number, reply in enumerate(answered.replies):
        pieces = list(_pieces(answered, reply, number))
        for position, part in enumerate(pieces):
            last = position == len(pieces) - 1
            told = min(answered.used.output, told + 1)
            ended = last and number == len(answered.replies) - 1
            candidate = _candidate(number, [part], FINISH[reply.finish] if last else "")
            tail = _tail(answered, answered.used.output if ended else told)
            yield event({"candidates": [candidate], **tail})


def _pieces(answered: Answered, reply: Reply, number: int) -> Iterator[JsonObject]:
    for piece in pieces_of(reply.thinking):
        yield {"text": piece, "thought": True}
    for piece in pieces_of(reply.text):
        yield {"text": piece}
    yield from _calls(answered, reply, number)
    if not reply.text and not reply.calls:
        yield {"text": ""}


def _calls(answered: Answered, reply: Reply, number: int) -> list[JsonObject]:
    return [
        {
            "functionCall": {
                "id": answered.call_id("", call, number),
                "name": call.tool,
                "args": call.arguments,
            },
            "thoughtSignature": base64.b64encode(answered.marks.id("signature", 48).encode()).decode(),
        }
        for call in reply.calls
    ]


def _candidate(number: int, parts: list[JsonObject], finish: str) -> JsonObject:
    candidate: JsonObject = {"content": {"role": "model", "parts": parts}, "index": number}
    return {**candidate, "finishReason": finish} if finish else candidate


def _refusal(answered: Answered) -> JsonObject:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": answered.only.text}
    return {"promptFeedback": feedback, **_tail(answered, 0)}


def _tail(answered: Answered, output: int) -> JsonObject:
    used = answered.used
    thoughts = min(used.thinking, output)
    usage = {
        "promptTokenCount": used.input,
        "candidatesTokenCount": output - thoughts,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": used.input + output,
    }
    return {
        "usageMetadata": usage,
        "modelVersion": answered.asked.model,
        "responseId": answered.marks.id("answer"),
    }
