"""Verifying the ledger: balances against entries, entries against tasks and blocks of chat, in one snapshot."""

import msgspec

from souk.store import ledger_rows
from souk.store.database import Connection
from souk.store.snapshot import snapshot
from souk.words import CREDIT


class Verification(msgspec.Struct, frozen=True):
    """What a verification found; ``problems`` is empty when all adds up."""

    purses: int
    problems: list[str]


def verify(connection: Connection) -> Verification:
    """Compare every balance with its ledger entries, every task and every block with its own. Changes nothing."""
    with snapshot(connection):
        purses = ledger_rows.purses(connection)
        crooked = ledger_rows.crooked(connection)
        crooked_blocks = ledger_rows.crooked_blocks(connection)
    problems = [problem for purse in purses for problem in _problems(purse)]
    problems += [f"task {task_id}: its ledger entries do not match it" for task_id in crooked]
    problems += [f"block {block_id}: its ledger entries do not match it" for block_id in crooked_blocks]
    return Verification(len(purses), problems)


def _problems(purse: ledger_rows.PurseSums) -> list[str]:
    name = f"account {purse.account_id} ({purse.mode})"
    found: list[str] = []
    if purse.available < 0 or purse.held < 0:
        found.append(f"{name}: the balance is below zero")
    if purse.available != purse.ledger_available:
        found.append(
            f"{name}: {purse.available / CREDIT:g} credits available, the ledger says "
            f"{purse.ledger_available / CREDIT:g}"
        )
    if purse.held != purse.tasks_held + purse.blocks_held:
        found.append(
            f"{name}: {purse.held / CREDIT:g} credits held, unfinished tasks hold {purse.tasks_held / CREDIT:g} "
            f"and chat {purse.blocks_held / CREDIT:g}"
        )
    if purse.unfinished != purse.tasks_unfinished:
        found.append(
            f"{name}: counts {purse.unfinished} unfinished tasks, there are {purse.tasks_unfinished}"
        )
    return found
