"""A restored copy in the storage of the installation it was taken of: neither deletes what the other may need."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from souk.assets.retention import SweepCounts, sweep
from souk.assets.storage import Storage
from souk.clock import SystemClock
from souk.premises import storage_of
from souk.settings import load_settings
from souk.store.lane import Lane
from souk.store.place import database_of
from souk.store.reads import Reads
from souk.store.statement import Statement
from souk.words import Millis
from tests.clock import HandClock
from tests.objectstore import settings_of
from tests.unit.command import Answer, Command, souk_on

DAY = 86_400
EXPIRED = 4
"""Days after which an upload's time is over."""
HOURS = 0.1
"""So many days make hours enough for bytes without a row to be nobody's."""
_EVER = Millis(1 << 52)
_PATH = Statement("SELECT path FROM assets WHERE name = :name")


class Place:
    """An installation, wherever its files are."""

    def __init__(self, souk: Command, data: Path) -> None:
        self.data = data
        self._souk = souk
        data.mkdir()

    def __call__(self, *words: object) -> Answer:
        return self._souk(*words, "--data-dir", self.data)

    def good(self, *words: object) -> Answer:
        return self._souk.good(*words, "--data-dir", self.data)

    def put(self, text: str) -> None:
        """Store a file of this name and content."""
        (self.data / text).write_text(text)
        self.good("files", "put", self.data / text)

    def standing(self) -> tuple[str, str]:
        """How the files stand by the doctor's word, and what to do."""
        (found,) = [item for item in self("doctor", "--json").json if item["subject"] == "files"]
        return found["standing"], found["remedy"]

    def swept(self, days: float) -> SweepCounts:
        """Clean up as this installation would so many days from now."""
        return asyncio.run(self._swept(days))

    async def _swept(self, days: float) -> SweepCounts:
        settings = load_settings({"data_dir": self.data})
        database, storage = database_of(settings), storage_of(settings)
        lane, reads = Lane(database, f"sweep of {self.data.name}"), Reads(database)
        lane.start()
        try:
            clock = HandClock(SystemClock().now())
            clock.advance(days * DAY)
            return await sweep(lane, reads, storage, clock)
        finally:
            lane.close()
            reads.close()
            await storage.close()

    def stored(self) -> set[str]:
        """The texts of all files in the storage."""

        async def texts(storage: Storage) -> set[str]:
            return {
                b"".join([piece async for piece in storage.open_range(key)]).decode()
                async for keys in storage.list_older_than(_EVER)
                for key in keys
            }

        return self._with_storage(texts)

    def lose(self, text: str) -> None:
        """Delete a file's bytes behind the database's back."""
        connection = database_of(load_settings({"data_dir": self.data})).connect()
        ((path,),) = connection.run(_PATH, {"name": text})
        connection.close()
        self._with_storage(lambda storage: storage.delete([str(path)]))

    def _with_storage(self, work: Any) -> Any:
        async def whole() -> Any:
            storage = storage_of(load_settings({"data_dir": self.data}))
            try:
                return await work(storage)
            finally:
                await storage.close()

        return asyncio.run(whole())


@pytest.fixture(params=["disk", "bucket"])
def living(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Place:
    """An installation that stored a file, was copied, and stored another."""
    if request.param == "bucket":
        for name, value in settings_of(request.getfixturevalue("rclone").bucket()).items():
            monkeypatch.setenv(f"SOUK_{name.upper()}", value)
    else:
        monkeypatch.setenv("SOUK_STORAGE_URL", f"file://{tmp_path / 'files'}")
    place = Place(souk_on(tmp_path, "sqlite:", monkeypatch, capsys), tmp_path / "living")
    place.good("migrate")
    place.put("before")
    place.good("backup", tmp_path / "copy", "--with-secret-key", "--leave-files")
    place.put("after")
    return place


@pytest.fixture
def restored(living: Place, tmp_path: Path) -> Place:
    place = Place(living._souk, tmp_path / "restored")  # pyright: ignore[reportPrivateUsage]  # the same command
    told = place.good("restore", tmp_path / "copy").err
    assert "deletes nothing there until you run `souk files adopt`" in told
    return place


def test_what_a_living_installation_stored_outlives_every_sweep_of_its_copy(
    living: Place, restored: Place
) -> None:
    for days in (HOURS, EXPIRED, 400):
        assert restored.swept(days) == SweepCounts(expired=0, orphans=0, scratch=0)
    assert restored.stored() == {"before", "after"}
    assert living.standing()[0] == "good"
    assert living.swept(EXPIRED).expired == 2


def test_the_doctor_says_whose_the_files_are(living: Place, restored: Place) -> None:
    standing, remedy = restored.standing()
    assert (standing, "gone for good" in remedy) == ("bad", True)


def test_after_a_disaster_one_command_has_all_cleaned_up(living: Place, restored: Place) -> None:
    restored.put("new")
    restored.good("files", "adopt", "--take-over", "--with-unknown")
    assert restored.standing()[0] == "good"
    assert restored.swept(HOURS).orphans == 1
    assert restored.stored() == {"before", "new"}
    assert restored.swept(EXPIRED).expired == 2
    assert restored.stored() == set()


def test_an_installation_that_comes_back_deletes_nothing_of_its_successor(
    living: Place, restored: Place
) -> None:
    restored.good("files", "adopt", "--take-over", "--with-unknown")
    restored.put("new")
    for days in (HOURS, EXPIRED, 400):
        assert living.swept(days) == SweepCounts(expired=0, orphans=0, scratch=0)
    assert living.stored() == {"before", "after", "new"}


def test_a_copy_taken_before_others_took_over_is_restored_all_the_same(
    living: Place, restored: Place, tmp_path: Path
) -> None:
    restored.good("files", "adopt", "--take-over", "--with-unknown")
    again = Place(living._souk, tmp_path / "again")  # pyright: ignore[reportPrivateUsage]  # the same command
    again.good("restore", tmp_path / "copy")
    assert again.swept(EXPIRED) == SweepCounts(expired=0, orphans=0, scratch=0)


def test_a_copy_by_other_tools_deletes_nothing_once_it_is_told_what_it_is(
    living: Place, tmp_path: Path
) -> None:
    copy = Place(living._souk, tmp_path / "by-hand")  # pyright: ignore[reportPrivateUsage]  # the same command
    for name in ("souk.db", "secret.key"):
        shutil.copyfile(living.data / name, copy.data / name)
    living.put("later")
    copy.good("files", "disown")
    assert copy.swept(EXPIRED) == SweepCounts(expired=0, orphans=0, scratch=0)
    assert living.stored() == {"before", "after", "later"}
    assert (living.standing()[0], copy.standing()[0]) == ("good", "bad")


def test_a_file_deleted_since_stops_a_restore_unless_it_may_lack(living: Place, tmp_path: Path) -> None:
    living.lose("before")
    place = Place(living._souk, tmp_path / "third")  # pyright: ignore[reportPrivateUsage]  # the same command
    refused = place("restore", tmp_path / "copy")
    assert (refused.code, "1 of 1 are not in this one" in refused.err) == (3, True)
    assert "--without-missing" in refused.err
    restored = place.good("restore", tmp_path / "copy", "--without-missing", "--json").json
    assert [path.rpartition("_")[2] for path in restored["gone"]] != []
