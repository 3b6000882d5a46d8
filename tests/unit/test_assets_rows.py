"""Rows of stored files, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from souk.store import assets, pins
from souk.store.database import Conflict
from souk.store.statement import Dialect, Statement
from souk.words import Millis
from tests.unit.shelf import DAY_MS, Shelf, asset, open_shelf, path_to


@pytest.fixture
async def shelf(migrated_url: str, tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_shelf(migrated_url, tmp_path) as opened:
        yield opened


def dropped(shelf: Shelf, before: int, most: int = 100) -> list[str]:
    found = assets.expired(shelf.connection, Millis(0), Millis(before), most)
    everything = assets.drop_expired(shelf.connection, [file.id for file in found], Millis(before))
    assert len(everything) == len([file for file in found if not file.spared])
    return everything


def test_row_reads_back_as_it_was_written(shelf: Shelf) -> None:
    facts = {"width": 7, "height": 8, "seconds_ms": 3_000_000_000, "size": 5_000_000_000, "expires_at": 9}
    row = asset("seg/ü.png", b"x", task_id="1" * 32, **facts)
    bare = asset("seg/bare.png", b"y")
    assets.insert(shelf.connection, [row, bare])
    assert assets.find(shelf.connection, [row.path, bare.path, "seg/none"]) == {
        row.path: row,
        bare.path: bare,
    }


def test_two_files_cannot_share_a_path(shelf: Shelf) -> None:
    assets.insert(shelf.connection, [asset("seg/a", b"x")])
    with pytest.raises(Conflict):
        assets.insert(shelf.connection, [asset("seg/a", b"y")])


def test_a_file_answers_to_its_whole_path_only(shelf: Shelf) -> None:
    row = asset("seg/a.png", b"x")
    assets.insert(shelf.connection, [row])
    others = [f"other/{row.id}-a.png", f"seg/{row.id}", f"{row.path}.png", f"seg/{row.path}", row.id]
    assert assets.find(shelf.connection, [row.path, *others]) == {row.path: row}
    assert assets.living(shelf.connection, [row.path, *others], Millis(0)) == {row.path: row}
    assert [assets.served(shelf.connection, path, Millis(0)) for path in [row.path, *others]] == [
        row,
        *[None] * 5,
    ]


def test_no_look_up_by_path_reads_every_file(shelf: Shelf) -> None:
    explain = "EXPLAIN QUERY PLAN" if shelf.connection.dialect is Dialect.SQLITE else "EXPLAIN"
    if shelf.connection.dialect is Dialect.POSTGRESQL:
        shelf.connection.run(Statement("SET enable_seqscan = off"))  # there is next to nothing to read
    for name in ("_FIND", "_SERVED", "_LIVING"):
        statement = Statement(f"{explain} {vars(assets)[name].text}")
        params = {"wanted": "[]", "id": "", "path": "", "now": 0}
        given = {key: value for key, value in params.items() if f":{key}" in statement.sql(Dialect.SQLITE)}
        plan = str(shelf.connection.run(statement, given))
        assert "SCAN a" not in plan, name
        assert "Seq Scan on assets" not in plan, name


def test_files_of_a_task_come_in_order(shelf: Shelf) -> None:
    task, other = shelf.add_task(1), shelf.add_task(2)
    rows = [asset(f"seg/{number}", b"x", task_id=task, number=number) for number in (2, 0, 1)]
    assets.insert(shelf.connection, [*rows, asset("seg/other", b"x", task_id=other)])
    found = assets.of_tasks(shelf.connection, [task])
    assert [row.number for row in found[task]] == [0, 1, 2]
    assert set(found) == {task}


def test_file_is_served_until_it_expires(shelf: Shelf) -> None:
    assets.insert(shelf.connection, [asset("seg/a", b"x", expires_at=1000), asset("seg/kept", b"x")])
    assert assets.served(shelf.connection, path_to("seg/a"), Millis(999)) is not None
    assert assets.served(shelf.connection, path_to("seg/a"), Millis(1000)) is None
    assert assets.served(shelf.connection, path_to("seg/kept"), Millis(DAY_MS)) is not None
    assert assets.served(shelf.connection, path_to("seg/none"), Millis(0)) is None


def test_file_of_a_kept_task_is_served_and_stays_past_its_end(shelf: Shelf) -> None:
    task = shelf.add_task(1, keep=True)
    assets.insert(shelf.connection, [asset("seg/a", b"x", task_id=task, expires_at=1000)])
    assert assets.served(shelf.connection, path_to("seg/a"), Millis(2000)) is not None
    assert dropped(shelf, 2000) == []


def test_what_has_expired_is_not_among_the_living_though_its_row_stays(shelf: Shelf) -> None:
    task = shelf.add_task(1, keep=True)
    rows = [
        asset("seg/old", b"x", expires_at=1000),
        asset("seg/new", b"x", expires_at=1001),
        asset("seg/for-ever", b"x"),
        asset("seg/kept", b"x", task_id=task, expires_at=1000),
    ]
    assets.insert(shelf.connection, rows)
    paths = [row.path for row in rows]
    assert set(assets.living(shelf.connection, paths, Millis(1000))) == set(paths[1:])
    assert pins.missing(shelf.connection, [row.id for row in rows], Millis(1000)) == {rows[0].id}


def test_a_task_that_exists_is_not_missing(shelf: Shelf) -> None:
    task = shelf.add_task(1)
    assert pins.missing(shelf.connection, [task, "0" * 32], Millis(0)) == {"0" * 32}


def test_expired_rows_are_dropped_oldest_first(shelf: Shelf) -> None:
    assets.insert(shelf.connection, [asset(f"seg/{at}", b"x", expires_at=at) for at in (300, 100, 200, 900)])
    assert set(dropped(shelf, 300, most=2)) == {path_to("seg/100"), path_to("seg/200")}
    assert dropped(shelf, 300, most=2) == [path_to("seg/300")]
    left = path_to("seg/900")
    assert list(assets.find(shelf.connection, [path_to("seg/300"), left])) == [left]


def test_file_an_unfinished_task_uses_is_spared(shelf: Shelf) -> None:
    row = asset("seg/input", b"x", expires_at=100)
    assets.insert(shelf.connection, [row])
    shelf.add_task(1, finished=False, pin=row.id)
    assert dropped(shelf, 1000) == []


def test_files_of_a_parent_are_spared_while_its_child_runs(shelf: Shelf) -> None:
    parent = shelf.add_task(1)
    assets.insert(shelf.connection, [asset("seg/parent", b"x", task_id=parent, expires_at=100)])
    shelf.add_task(2, finished=False, pin=parent)
    assert dropped(shelf, 1000) == []


def test_pin_of_a_finished_task_protects_nothing(shelf: Shelf) -> None:
    row = asset("seg/input", b"x", expires_at=100)
    assets.insert(shelf.connection, [row])
    shelf.add_task(1, finished=True, pin=row.id)
    assert dropped(shelf, 1000) == [row.path]
