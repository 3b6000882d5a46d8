"""Options that many commands share, and how their values are read."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from souk.words import Credits, credits_from_number

MOST_CREDITS = 10**11
"""Credits one number may name; more would not fit the ledger."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Folder of the data (SOUK_DATA_DIR).", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AccountName = Annotated[
    str, typer.Option("--account", metavar="NAME", help="The account; the first one if not named.")
]
InSandbox = Annotated[
    bool, typer.Option("--sandbox", help="In the sandbox's books instead of the live ones.")
]


def credits(text: str) -> Credits:
    """A number of credits as people write it, such as ``12.5``."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a number of credits, such as 12.5") from None
    if not number.is_finite() or abs(number) > MOST_CREDITS:
        raise typer.BadParameter(f"{text!r} is too much")
    return credits_from_number(text)


def cap(text: str) -> Credits | None:
    """A cap in credits, or ``none`` for no cap."""
    return None if text.lower() == "none" else _not_negative(credits(text))


def limit(text: str) -> int | None:
    """A whole number, or ``default`` for what the setting says."""
    if text.lower() == "default":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise typer.BadParameter(f"{text!r} is not a whole number (0 = no limit) or the word default")
    return int(text)


def _not_negative(amount: Credits) -> Credits:
    if amount < 0:
        raise typer.BadParameter("a cap is 0 or more")
    return amount
