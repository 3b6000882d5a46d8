"""How a run hands out its tests to its workers."""

from pathlib import Path

from tests.schedule import LONGEST_FIRST, unit

SHARING = 'import pytest\n\n@pytest.fixture(scope="module")\ndef costly() -> int: ...\n'
ALONE = "import pytest\n\n@pytest.fixture\ndef cheap() -> int: ...\n"
ROOT = Path(__file__).parent.parent.parent


def test_tests_that_share_a_fixture_are_handed_out_together(tmp_path: Path) -> None:
    (tmp_path / "test_sharing.py").write_text(SHARING)
    assert unit("test_sharing.py::test_one[a::b]", tmp_path) == unit("test_sharing.py::test_two", tmp_path)


def test_tests_that_share_nothing_are_handed_out_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "test_alone.py").write_text(ALONE)
    assert unit("test_alone.py::test_one", tmp_path) != unit("test_alone.py::test_two", tmp_path)


def test_what_is_named_as_taking_longest_exists() -> None:
    assert [start for start in LONGEST_FIRST if not list(ROOT.glob(f"{start}*"))] == []
