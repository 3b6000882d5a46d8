"""What the sandbox says: it repeats what it understood, calls tools it is told to, and fills in asked-for forms."""

import re
from dataclasses import replace
from typing import Final

from souk.providers.sandbox.triggers import read_triggers, without_triggers
from souk.relay.sandbox.asked import Asked, Tool, Unusable
from souk.relay.sandbox.instance import instance_of
from souk.relay.sandbox.reply import Call, Finish, Marks, Reply
from souk.relay.sandbox.schema import NoInstance, Steps
from souk.relay.sandbox.tokens import LETTERS_PER_TOKEN, written
from souk.relay.sandbox.view import an_object

LONGEST_QUOTE: Final = 600
"""Letters of the user's text, and of a tool's result, that are repeated."""
LONGEST_THOUGHT: Final = 120
LONGEST_SEARCHED: Final = 4_000
"""Letters of the user's text that are searched for the names of tools."""
MOST_TOOLS: Final = 256
"""Tools that may be called; those beyond are only counted."""
REFUSAL: Final = "The sandbox was told to find this conversation against the content rules."
FILE_WORDS: Final = {
    "image": "image",
    "audio": "sound",
    "video": "clip",
    "file": "document",
}
"""What kinds of media are called, for one of them."""


def answers(asked: Asked, marks: Marks) -> tuple[Reply, ...]:
    """As many answers as are wanted. Raises Unusable when a schema cannot be met."""
    if read_triggers({"text": asked.talk.said}).moderated:
        return tuple(Reply(REFUSAL, finish=Finish.REFUSED) for _ in range(asked.choices))
    steps = Steps()
    return tuple(_answer(asked, marks, number, steps) for number in range(asked.choices))


def _answer(asked: Asked, marks: Marks, number: int, steps: Steps) -> Reply:
    thinking = _thinking(asked)
    calls = _calls(asked, marks, number, steps)
    if not calls:
        return _cut(_text(asked, marks, number, steps), asked, thinking)
    reply = Reply(calls=calls, thinking=thinking, finish=Finish.TOOLS)
    if reply.tokens <= asked.limits.max_tokens:
        return reply
    # Not every protocol has such a thing as half a call, so there is none.
    return replace(_cut(_plain(asked, number), asked, thinking), finish=Finish.LENGTH, stop="")


def _cut(text: str, asked: Asked, thinking: str = "") -> Reply:
    """The text up to a stop sequence or the end of its tokens."""
    limits = asked.limits
    found = [(text.find(stop), stop) for stop in limits.stops if stop in text]
    end, stop = min(found, default=(len(text), ""))
    whole = Reply(text[:end], (), thinking, Finish.STOPPED if stop else Finish.DONE, stop)
    room = limits.max_tokens - whole.thinking_tokens
    if whole.tokens <= limits.max_tokens:
        return whole
    return Reply(text[: room * LETTERS_PER_TOKEN], (), thinking, Finish.LENGTH)


def _thinking(asked: Asked) -> str:
    """The thoughts, where they are asked for and leave room for an answer."""
    quote = _quoted(asked.talk.said, LONGEST_THOUGHT)
    thought = f"The user says {quote}. I am a sandbox, so I only repeat what I understood."
    fits = len(thought) // LETTERS_PER_TOKEN < asked.limits.max_tokens // 2
    return thought if asked.thinks and fits else ""


def _text(asked: Asked, marks: Marks, number: int, steps: Steps) -> str:
    structure = asked.structure
    if structure is None:
        return _plain(asked, number)
    if not structure.schema:
        return written({"reply": _plain(asked, number)})
    try:
        value = instance_of(structure.schema, marks.chance(f"form {number}"), steps)
    except NoInstance as error:
        raise Unusable(f"The sandbox cannot make up an answer for this schema: {error}") from error
    return str(value) if structure.bare else written(value)


def _plain(asked: Asked, number: int) -> str:
    talk = asked.talk
    parts = [f"This is the sandbox of Souk, answering for {asked.model}; no model was asked."]
    parts += [f"Tool {result.tool} gave back {_quoted(result.text)}." for result in talk.results]
    parts.append(f"You said {_quoted(talk.said)}.")
    came = ["a system prompt"] if talk.system else []
    came += [_counted(count, FILE_WORDS[kind]) for kind, count in sorted(talk.media.items())]
    if came:
        parts.append(f"With it came {_listed(came)}.")
    if asked.tools:
        parts.append(f"I may use {_listed([tool.name for tool in asked.tools])}.")
    if asked.choices > 1:
        parts.append(f"This is answer {number + 1} of {asked.choices}.")
    return " ".join(parts)


def _calls(asked: Asked, marks: Marks, number: int, steps: Steps) -> tuple[Call, ...]:
    calls: list[Call] = []
    for position, tool in enumerate(_wanted(asked)):
        try:
            chance = marks.chance(f"call {number} {position}")
            made = instance_of({"type": "object", **(tool.parameters or {})}, chance, steps)
        except NoInstance as error:
            message = f"The sandbox cannot make up arguments for tool {tool.name}: {error}"
            raise Unusable(message) from error
        calls.append(Call(position, tool.name, an_object(made)))
    return tuple(calls)


def _wanted(asked: Asked) -> list[Tool]:
    """The tools to call now: those the user names, or one that is not called yet where one must be."""
    choice = asked.choice
    tools = [tool for tool in asked.tools if tool.callable][:MOST_TOOLS]
    if choice.allowed is not None:
        tools = [tool for tool in tools if tool.name in choice.allowed]
    said = without_triggers(asked.talk.said[:LONGEST_SEARCHED])
    named = [tool for tool in tools if _names(said, tool.name)] if not asked.talk.results else []
    if named:
        return named if choice.parallel else named[:1]
    if not choice.forced or not tools:
        return []
    called = set(asked.talk.called.values())
    return [next((tool for tool in tools if tool.name not in called), tools[-1])]


def _names(said: str, tool: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(tool)}(?![\w-])", said, re.IGNORECASE) is not None


def _quoted(text: str, longest: int = LONGEST_QUOTE) -> str:
    plain = without_triggers(text[:LONGEST_SEARCHED])
    return f"“{plain if len(plain) <= longest else plain[: longest - 1] + '…'}”" if plain else "nothing"


def _counted(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count} {word}s"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
