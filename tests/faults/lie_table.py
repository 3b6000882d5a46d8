"""Which lies there are, to which shapes of protocol each can be told, and how a task ends that was lied to."""

from dataclasses import dataclass
from enum import StrEnum


class Trait(StrEnum):
    """What the protocol of an upstream is like, as far as a lie needs it to be so."""

    ANSWERED = "answered"
    """The answer to the submit is the result."""
    POLLED = "polled"
    """The submit is answered with an id, and the task is asked for until it has ended."""
    FETCHED = "fetched"
    """The files of a result lie at addresses."""
    STATED = "stated"
    """A record says in a word how the task stands."""
    NAMED = "named"
    """A record says which task it is of."""
    QUEUED = "queued"
    """There is a state before running."""
    PATIENT = "patient"
    """A success without its file may yet become one with it."""
    FINAL = "final"
    """A success without its file is the last that is heard of a task."""
    FOUND = "found"
    """A task whose acceptance was not heard of can be looked up."""
    REPORTS = "reports"
    """The upstream tells by webhook."""


@dataclass(frozen=True)
class End:
    """How a task ends."""

    state: str
    verdict: str
    """Of its last attempt."""
    kind: str | None = None
    code: int | None = None
    """On the wire."""


SUCCESS = End("success", "done")
UNCLEAR = End("fail", "unclear", "unclear", 408)
LATE = End("fail", "timeout", "timeout", 408)
REFUSED = End("fail", "refused", "auth", 500)
FAILED = End("fail", "failed", "transient", 501)
UNSTORABLE = End("fail", "failed", "internal", 500)


@dataclass(frozen=True)
class Lie:
    """One lie: what it is called, what makes a fake upstream tell it, and what comes of it."""

    name: str
    words: str
    end: End
    accepted: int = 1
    """How often the upstream takes the task: once, or never."""
    needs: frozenset[Trait] = frozenset()
    found: End | None = None
    """The end where a look-up finds the task."""
    again: str = ""
    """What cannot but be done more than once, if the lie was really told: ``submit``, ``poll`` or ``fetch``."""

    def fits(self, traits: frozenset[Trait]) -> bool:
        return self.needs <= traits

    def end_for(self, traits: frozenset[Trait]) -> End:
        return self.found if self.found and Trait.FOUND in traits else self.end


def _lost(name: str, words: str) -> Lie:
    """The upstream takes the task and does not say so, but reports it where it reports at all."""
    return Lie(name, f"{words}[up:webhooks=1]", UNCLEAR, found=SUCCESS)


def _untaken(name: str, words: str) -> Lie:
    """The upstream does not take the task, and nobody can know."""
    return Lie(name, words, UNCLEAR, accepted=0)


def _polled(name: str, words: str, *needs: Trait, end: End = SUCCESS) -> Lie:
    """While the task is asked for, some time after."""
    again = "poll" if end is SUCCESS else ""
    return Lie(name, words, end, needs=frozenset({Trait.POLLED, *needs}), again=again)


def _while_polling(what: str) -> Lie:
    needs = (Trait.NAMED,) if what == "other" else ()
    return _polled(f"{what} while polling", f"[up:{what}-while-polling=1]", *needs)


def _file(name: str, words: str) -> Lie:
    return Lie(name, words, SUCCESS, needs=frozenset({Trait.FETCHED}), again="fetch")


def _report(name: str, words: str) -> Lie:
    return Lie(name, words, SUCCESS, needs=frozenset({Trait.REPORTS}))


TRUTH = Lie("nothing but the truth", "", SUCCESS)
"""Told to every shape beside the lies, so that those prove something."""

LIES = (
    _lost("accepts, then drops the connection", "[up:drop-after-accept]"),
    _lost("accepts, then answers 500", "[up:500-after-accept]"),
    _lost("accepts, then answers 503", "[up:503-after-accept]"),
    _lost("accepts, then answers 408", "[up:408-after-accept]"),
    _lost("accepts, then breaks off its answer", "[up:truncated]"),
    _lost("accepts with a web page", "[up:html]"),
    _lost("accepts with null", "[up:null]"),
    _lost("accepts with nothing in it", "[up:no-id]"),
    _untaken("drops the connection without accepting", "[up:drop-before-accept]"),
    _untaken("answers 500 without accepting", "[up:refuse=500]"),
    _untaken("answers 502 without accepting", "[up:refuse=502]"),
    Lie("is asked too often at first", "[up:429=1]", SUCCESS, again="submit"),
    Lie("refuses the right key", "[up:refuse=401]", REFUSED, accepted=0),
    Lie(
        "answers success without a file",
        "[up:no-file][up:end=STOP][up:empty]",
        UNCLEAR,
        needs=frozenset({Trait.ANSWERED}),
    ),
    *(_while_polling(code) for code in ("401", "403", "404", "429", "500", "503")),
    *(_while_polling(broken) for broken in ("html", "drop", "truncated", "null", "other")),
    _polled("an unknown state", "[up:unknown-state=2]", Trait.STATED),
    _polled("runs, waits, runs", "[up:backwards]", Trait.QUEUED),
    _polled("is done, runs, is done", "[up:undone][up:file-404-once]", Trait.FETCHED),
    _polled("is done without a file, runs, is done", "[up:undone][up:no-file=1]", Trait.PATIENT),
    _polled("success without a file at first", "[up:no-file=1]", Trait.PATIENT),
    _polled("success without a file for ever", "[up:no-file]", Trait.PATIENT, end=LATE),
    _polled("success without a file as the last word", "[up:no-file]", Trait.FINAL, end=FAILED),
    _polled("never ends", "[up:never]", end=LATE),
    _file("a file that is not there at first", "[up:file-404-once]"),
    _file("a web page for a file at first", "[up:file-html=1]"),
    _file("a file that breaks off at first", "[up:file-truncated=1]"),
    _file("an empty file at first", "[up:file-empty=1]"),
    Lie(
        "a file in the operator's own network",
        "[up:file-private]",
        UNSTORABLE,
        needs=frozenset({Trait.FETCHED}),
    ),
    _report("reports three times", "[up:webhooks=3]"),
    _report("reports before it answers the submit", "[up:webhook-first]"),
    _report("reports a failure that is none", "[up:webhook-forged][up:webhooks=1]"),
)
"""Every lie. Ends are those of a task that nobody killed the server under."""


def lies_for(traits: frozenset[Trait]) -> list[Lie]:
    """The lies that can be told in a protocol like this."""
    return [lie for lie in LIES if lie.fits(traits)]
