"""What became of tasks that were lied to: how each ended, what its upstream took, and what of that is wrong."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from souk.store.database import Database
from souk.store.statement import Statement
from tests.faults.liars import Liars, Shape, digest_of
from tests.faults.lie_table import UNCLEAR, End, Lie
from tests.faults.load import Load, Made
from tests.faults.truth import Evidence, broken
from tests.upstreams.journal import Submit

_ENDS = Statement(
    "SELECT tasks.id, tasks.state, tasks.fail_kind, attempts.verdict FROM tasks "
    "LEFT JOIN attempts ON attempts.task_id = tasks.id ORDER BY attempts.number"
)
_FIRST_FILES = Statement("SELECT task_id, sha256 FROM assets WHERE task_id IS NOT NULL AND number = 0")


@dataclass(frozen=True)
class Told:
    """A task whose upstream was asked to tell a lie."""

    made: Made
    shape: Shape
    lie: Lie

    def __str__(self) -> str:
        return f"{self.shape.name}: {self.lie.name} (task {self.made.task_id})"


async def tell(load: Load, shape: Shape, lie: Lie, more: str = "") -> Told:
    """Create the task. ``more`` are words beside those of the lie."""
    marker = uuid4().hex
    path, body = shape.request(f"{marker} {lie.words} {more}".strip())
    made = Made(await load.sent(path, body, marker), marker, lie.words, sandbox=False)
    load.made.append(made)
    return Told(made, shape, lie)


class Aftermath:
    """What the database, the receiver of callbacks and the fake services say when all is over."""

    def __init__(self, evidence: Evidence, fakes: Liars) -> None:
        self.fakes = fakes
        self._evidence = evidence
        self._verdicts: dict[str, list[str]] = {}
        self._rows: dict[str, tuple[str, str | None]] = {}
        connection = Database(evidence.database_url).connect(read_only=True)
        try:
            for id, state, kind, verdict in connection.run(_ENDS):
                self._rows[id] = (state, kind)
                self._verdicts.setdefault(id, []).append(verdict)
            self._files: dict[str, str] = dict(connection.run(_FIRST_FILES))  # type: ignore[arg-type]
        finally:
            connection.close()
        self._codes = dict(_code(json.loads(received.body)) for received in evidence.callbacks)

    def end(self, told: Told) -> End:
        """How a task ended."""
        id = told.made.task_id
        state, kind = self._rows[id]
        return End(state, self._verdicts[id][-1], kind, self._codes.get(id))

    def broken_promises(self) -> list[str]:
        """What is wrong with all tasks together."""
        return broken(self._evidence) + self.fakes.complaints()

    def wrong(self, told: Told, *, killed: bool = False) -> list[str]:
        """What is wrong with one task. Under a server that was killed, any submit may have become unclear."""
        end, right = self.end(told), told.lie.end_for(told.shape.traits)
        accepted = self.fakes.accepted(told.shape, told.made.marker)
        tries, attempts = self._tries(told), len(self._verdicts[told.made.task_id])
        unclear = killed and end == UNCLEAR
        times_right = len(accepted) <= 1 if unclear else len(accepted) == told.lie.accepted
        found: list[str] = []
        if end != right and not unclear:
            found.append(f"{told} ended with {end}, not {right}")
        if not times_right:
            found.append(f"{told} was accepted {len(accepted)} times, not {told.lie.accepted}")
        if tries > attempts or (tries < attempts and not killed):
            found.append(f"{told} was submitted {tries} times and has {attempts} attempts")
        if end.state == "success" and accepted and not self._has_its_file(told, accepted[0]):
            found.append(f"{told} has not the file that was made for it")
        return found

    def _has_its_file(self, told: Told, submit: Submit) -> bool:
        return not told.shape.kind or self._files.get(told.made.task_id) == digest_of(told.shape, submit)

    def cut_off(self, told: Told) -> bool:
        """Whether a submit became unclear that no lie made so."""
        return self.end(told) == UNCLEAR != told.lie.end_for(told.shape.traits)

    def told_again(self, told: Told) -> int:
        """How often was done what the lie makes necessary to do again."""
        fake = self.fakes.of(told.shape)
        counts: dict[str, Counter[str]] = {"submit": fake.tries, "poll": fake.polls, "fetch": fake.fetches}
        ids = [
            told.made.marker,
            *(submit.task_id for submit in self.fakes.accepted(told.shape, told.made.marker)),
        ]
        return sum(
            times for name, times in counts[told.lie.again].items() if any(each in name for each in ids)
        )

    def _tries(self, told: Told) -> int:
        tries = self.fakes.of(told.shape).tries
        return sum(times for prompt, times in tries.items() if told.made.marker in prompt)


def _code(body: dict[str, object]) -> tuple[str, int | None]:
    """A task's id and wire code, as a callback tells them."""
    data = body["data"]
    assert isinstance(data, dict)
    code = int(data.get("failCode") or body["code"])  # type: ignore[call-overload]
    return data["taskId"], None if code == 200 else code


def wrong(aftermath: Aftermath, all_told: Sequence[Told], *, killed: bool) -> list[str]:
    """Everything that is wrong."""
    each = [problem for told in all_told for problem in aftermath.wrong(told, killed=killed)]
    return each + aftermath.broken_promises()
