"""How many processors a process may use: what a container was given counts, not what its machine has."""

import os
from pathlib import Path

import pytest

from souk.providers.children.processors import processors

ALL = len(os.sched_getaffinity(0))


def counted(folder: Path, own: str, limits: dict[str, str]) -> int:
    """With these ``cpu.max`` files by group, for a process in the group that ``own`` tells of."""
    for group, text in limits.items():
        (folder / group).mkdir(parents=True, exist_ok=True)
        (folder / group / "cpu.max").write_text(text)
    (folder / "own").write_text(own)
    return processors(folder, folder / "own")


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [
        ("max 100000\n", ALL),
        ("50000 100000\n", 1),
        ("100000 100000\n", 1),
        ("110000 100000\n", min(ALL, 2)),
        ("6400000 100000\n", ALL),
        ("nonsense", ALL),
        ("1 0", ALL),
    ],
)
def test_share_of_a_container_is_rounded_up_to_whole_processors(
    tmp_path: Path, limit: str, allowed: int
) -> None:
    assert counted(tmp_path, "0::/\n", {".": limit}) == allowed


def test_least_share_of_all_groups_around_counts(tmp_path: Path) -> None:
    limits = {"system.slice": "100000 100000", "system.slice/souk.service": "max 100000"}
    assert counted(tmp_path, "9:name=systemd:/\n0::/system.slice/souk.service\n", limits) == 1


def test_without_groups_those_count_that_it_may_run_on(tmp_path: Path) -> None:
    assert processors(tmp_path, tmp_path / "none") == ALL
