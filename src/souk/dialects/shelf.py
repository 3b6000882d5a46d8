"""How long results are kept, for records that say when theirs have lapsed."""

from collections.abc import Callable
from dataclasses import dataclass

from souk.operations.records import Record


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rule of retention, as far as a record can tell."""

    now: Callable[[], int]
    """Milliseconds since the Unix epoch."""
    keep_ms: int

    def lapsed(self, record: Record) -> bool:
        """Whether the files of a finished task are gone by age."""
        if record.kept or record.completed_at is None:
            return False
        return record.completed_at + self.keep_ms <= self.now()
