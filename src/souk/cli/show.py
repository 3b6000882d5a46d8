"""What commands print: tables for people, JSON for programs."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from souk.words import CREDIT

WIDE = 200
"""Columns of a table that goes to a file or a pipe."""


def out(line: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(line + "\n")


def out_json(value: Any) -> None:
    """A value as indented JSON on stdout."""
    import msgspec

    out(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show(as_json: bool, data: Any, people: Callable[[], None]) -> None:
    """``data`` as JSON if that was asked for, else whatever ``people`` prints."""
    if as_json:
        out_json(data)
    else:
        people()


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str = "") -> None:
    """A table; or the line ``empty`` when there are no rows."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    if not grid.row_count and empty:
        out(empty)
        return
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    console.print(grid)


def facts(pairs: Mapping[str, Any]) -> None:
    """Names and values, one a line, values aligned."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        out(f"{name.ljust(width)}  {_plain(value)}")


def credits(amount: int | None) -> str:
    """Credits as people read them."""
    return "" if amount is None else f"{amount / CREDIT:,.2f}"


def moment(millis: int | None) -> str:
    """A moment in UTC."""
    if millis is None:
        return ""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def size(count: float) -> str:
    """A number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _cell(value: Any) -> Any:
    from rich.text import Text

    return Text(_plain(value))  # as it is: what looks like markup in a name is not
