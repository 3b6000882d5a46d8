"""A task's story as people read it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from souk.cli.show import credits, facts, moment, out, size, table

if TYPE_CHECKING:
    from souk.operations.stories import Story
    from souk.store.attempts import Attempt

WIDEST = len("upstream id")


def tell(story: "Story") -> None:
    """Print it: what was asked, what was tried, what was told to whom, what it cost, what came of it."""
    known = _facts(story)
    facts({name: value for name, value in known.items() if value not in ("", None)})
    _attempts(story)
    _callbacks(story)
    rows = ((moment(e.created_at), e.kind, credits(e.amount), credits(e.returned)) for e in story.ledger)
    _section("Ledger", ("At", "Entry", "Credits", "Returned"), list(rows))
    files = ((file.media_type, size(file.size), moment(file.expires_at), file.url) for file in story.files)
    _section("Files", ("Type", "Size", "Kept until", "Link"), list(files))


def _facts(story: "Story") -> dict[str, object]:
    record = story.record
    return {
        "task": record.task_id,
        "model": record.model,
        "mode": record.mode,
        "state": record.state
        if record.state == record.inner_state
        else f"{record.state} ({record.inner_state})",
        "progress": "" if record.progress is None else f"{record.progress} %",
        "created": moment(record.created_at),
        "ended": moment(record.completed_at),
        "why": _why(story),
        "held": credits(story.hold),
        "cost": credits(record.credits),
        "ran on": " ".join(filter(None, (record.connection, record.upstream_model))),
        "callback": record.callback_url or "",
        "kept": story.keep,
        "warnings": "; ".join(record.warnings),
    }


def _why(story: "Story") -> str:
    record = story.record
    if record.fail_kind is None:
        return ""
    again = "; creating it anew may help" if record.retryable else ""
    return f"{record.fail_kind}: {record.fail_message}{again}"


def _attempts(story: "Story") -> None:
    """Each attempt in a few lines: a table of all that may be known of one would be too wide to read."""
    if story.attempts:
        out("\nAttempts")
    for attempt in story.attempts:
        ended = attempt.verdict or "under way"
        out(f"  {attempt.number}. {_place(attempt)} {attempt.upstream_model}: {ended}")
        for name, value in _known_of(attempt).items():
            if value:
                # An upstream's words may hold what a terminal would obey.
                out(f"     {name.ljust(WIDEST)}  {''.join(filter(str.isprintable, value))}")


def _place(attempt: "Attempt") -> str:
    """The connection, and whose it was where its name does not say that."""
    named = attempt.provider in (None, attempt.connection)
    return attempt.connection if named else f"{attempt.connection} ({attempt.provider})"


def _known_of(attempt: "Attempt") -> dict[str, str]:
    return {
        "started": moment(attempt.started_at),
        "submitted": moment(attempt.submitted_at),
        "ended": moment(attempt.ended_at),
        "asked": attempt.request or "",
        "upstream id": attempt.ref or "",
        "why": ": ".join(filter(None, (attempt.kind, attempt.message))),
        "it said": attempt.upstream or "",
        "cost": credits(attempt.cost),
    }


def _callbacks(story: "Story") -> None:
    rows = [
        (
            row.id,
            row.stage,
            row.state,
            row.tries,
            "" if row.state != "pending" else moment(row.next_try_at),
            row.url,
        )
        for row in story.callbacks
    ]
    _section("Callbacks", ("ID", "Stage", "State", "Tries", "Next try", "To"), rows)
    tries = [
        (row.outbox_id, moment(row.at), f"{row.duration_ms} ms", row.status, row.error or "delivered")
        for row in story.deliveries
    ]
    _section("Tries", ("Callback", "At", "Took", "HTTP", "Outcome"), tries)


def _section(title: str, head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        out(f"\n{title}")
        table(head, rows)
