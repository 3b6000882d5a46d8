"""A progress bar for one task: on a terminal it moves, anywhere else there is none."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from souk.operations.records import Record


class Progress:
    """Shows a task's state, and how far it is once that is known."""

    def __init__(self, stream: TextIO) -> None:
        self._bar: Any = None
        self._task: Any = None
        if not stream.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=Console(file=stream), transient=True)
        self._task = self._bar.add_task("waiting", total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, record: "Record") -> None:
        """How the task stands now."""
        if self._bar is None:
            return
        known = {} if record.progress is None else {"total": 100, "completed": record.progress}
        self._bar.update(self._task, description=record.state, **known)
