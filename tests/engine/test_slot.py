"""A slot's name: the same for the next process in the same place, and for no other however alike its place is."""

import shutil
from pathlib import Path

import pytest

from souk.engine import slot
from souk.engine.slot import SlotLock, any_taken


def test_the_next_process_in_a_slot_has_its_name(tmp_path: Path) -> None:
    first = SlotLock(tmp_path)
    name = first.name
    first.release()
    again = SlotLock(tmp_path)
    assert (again.name, again.first) == (name, True)
    again.release()


def test_processes_of_one_folder_have_slots_of_their_own(tmp_path: Path) -> None:
    one, two = SlotLock(tmp_path), SlotLock(tmp_path)
    assert one.name != two.name
    assert (one.first, two.first) == (True, False)
    one.release()
    assert any_taken(tmp_path)
    two.release()
    assert not any_taken(tmp_path)


def test_two_volumes_at_the_same_path_are_two_places(tmp_path: Path) -> None:
    """As in containers that each know their own data as the same folder."""
    names: list[str] = []
    for _ in range(2):
        lock = SlotLock(tmp_path / "data")
        names.append(lock.name)
        lock.release()
        shutil.rmtree(tmp_path / "data")
    assert names[0] != names[1]


def test_a_copied_folder_is_another_place(tmp_path: Path) -> None:
    first = SlotLock(tmp_path / "data")
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    second = SlotLock(tmp_path / "copy")
    assert first.name != second.name
    first.release()
    second.release()


def test_a_machine_without_a_boot_id_goes_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "_BOOT_ID", tmp_path / "none")
    lock = SlotLock(tmp_path)
    assert slot.socket.gethostname() in lock.name
    lock.release()
