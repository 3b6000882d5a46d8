"""Lists of an account's tasks: as cheap and as complete with everybody's history around them as without."""

import pytest

from souk.operations.listing import Wanted, newest
from souk.store import history
from souk.store.statement import Dialect, Statement
from tests.engine.shelf import Shelf, shelf

_SETTLE = Statement("ANALYZE")


def wanted(
    *, account: int = 1, limit: int = 3, before: str | None = None, state: str | None = None
) -> Wanted:
    return Wanted(account, "live", limit, before, state, None)


def every(store: Shelf, state: str) -> tuple[list[str], int]:
    """The ids on all pages, and how many pages there are."""
    ids: list[str] = []
    pages, after = 0, None
    while pages == 0 or after:
        rows, after = newest(store.connection, wanted(state=state, before=after))
        ids += [row.id for row in rows]
        pages += 1
    return ids, pages


def test_a_rare_state_is_found_page_by_page(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LOOKED_AT", 4)
    with shelf(migrated_url) as store:
        store.add(1, 1, state="fail")
        store.add(1, 9, state="success")
        store.add(1, 2, state="fail")
        ids, pages = every(store, "fail")
        assert (len(ids), pages) == (3, 4)
        assert ids == sorted(ids, reverse=True)


def test_an_end_is_told_where_nothing_fits(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LOOKED_AT", 4)
    with shelf(migrated_url) as store:
        store.add(1, 9, state="success")
        assert every(store, "fail") == ([], 3)
        assert newest(store.connection, wanted(account=2)) == ([], None)


def test_a_list_is_of_one_account_and_mode(migrated_url: str) -> None:
    with shelf(migrated_url) as store:
        for _ in range(3):
            store.add(1, 1)
            store.add(2, 1)
            store.add(3, 1)
        store.connection.run(Statement("UPDATE tasks SET mode = 'sandbox' WHERE account_id = 2"))
        assert len(newest(store.connection, wanted(account=1, limit=9))[0]) == 3
        assert newest(store.connection, wanted(account=2, limit=9)) == ([], None)


def test_a_small_accounts_list_never_goes_through_everybodys_tasks(migrated_postgres_url: str) -> None:
    with shelf(migrated_postgres_url) as store:
        store.add(1, 3_000, state="success")
        store.add(2, 3, state="success")
        store.connection.run(_SETTLE)
        text, values = _numbered(history._NEWEST)
        store.connection.run(Statement(f"PREPARE listing AS {text}"))
        # As a connection comes to plan what it has asked often: without looking at the account.
        store.connection.run(Statement("SET plan_cache_mode = force_generic_plan"))
        told = store.connection.run(
            Statement(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) EXECUTE listing({values})")
        )
        assert told[0][0][0]["Plan"]["Shared Hit Blocks"] < 12


def _numbered(statement: Statement) -> tuple[str, str]:
    """A list of account 2, as PostgreSQL's own PREPARE takes it, and the values for its numbers."""
    values = {
        "account_id": "2",
        "mode": "'live'",
        "before": "'g'",
        "look": "20",
        "model": "''",
        "any_state": "1",
    }
    values |= {"wanted": "'[]'", "limit": "20"}
    text = statement.sql(Dialect.POSTGRESQL)
    for number, name in enumerate(values, 1):
        text = text.replace(f"%({name})s", f"${number}")
    return text, ", ".join(values.values())
