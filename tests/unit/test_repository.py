"""The repository keeps its own rules: nothing left undone or private, locks that match, a light start."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

CODE = ("src", "tests", "scripts", "bench")
LONGEST_FILE = 400
MOST_DEPENDENCIES = 20
HEAVY = {"alembic", "av", "cryptography", "numpy", "obstore", "PIL", "rich", "sqlalchemy", "typer"}
"""What the server loads only when needed, or only in child processes."""

# Written in two parts so that this file does not match itself.
UNDONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + r"Error")
PRIVATE = re.compile(r"\.\./sha" + r"red|/wo" + r"rk/|\bissue " + r"#?[0-9]+\b", re.IGNORECASE)
INDEX_HOST = re.compile(r"https?://|--(extra-)?index-url|--find-links|--trusted-host")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def text_of(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode(errors="replace")


def lines_matching(pattern: re.Pattern[str], allowed: set[str] | None = None) -> list[str]:
    found: list[str] = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if name in (allowed or set()):
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    return found


def python_files(*folders: str) -> Iterator[Path]:
    for path in tracked_files():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders:
            yield path


def test_no_work_is_left_undone() -> None:
    assert lines_matching(UNDONE) == []


def test_no_file_speaks_of_the_place_it_was_made_in() -> None:
    assert lines_matching(PRIVATE, allowed={".ci/run"}) == []


def test_no_source_file_is_past_its_length() -> None:
    lengths = {path: len(text_of(path).splitlines()) for path in python_files(*CODE)}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_file_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(*CODE)
        if text_of(path).strip() and ast.get_docstring(ast.parse(text_of(path))) is None
    ]
    assert silent == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_names_no_index(lock: str) -> None:
    assert INDEX_HOST.findall((ROOT / lock).read_text()) == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_hashes_every_package(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
    unhashed = [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
    assert unhashed == []


def test_runtime_lock_holds_every_direct_dependency() -> None:
    assert _direct_dependencies() <= set(_locked("requirements.lock"))


def test_development_lock_agrees_with_the_runtime_lock() -> None:
    runtime, development = _locked("requirements.lock"), _locked("requirements-dev.lock")
    assert {name: development.get(name) for name in runtime} == runtime


def test_direct_dependencies_stay_few() -> None:
    assert len(_direct_dependencies()) <= MOST_DEPENDENCIES


def test_server_start_loads_nothing_heavy() -> None:
    program = "import sys, souk.app; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    # A copy, because setuptools leaves its build folder beside the project file.
    for path in tracked_files():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*build, "-w", tmp_path, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = set(wheel.namelist())
    tracked = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    package = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    assert package - packed == set()


def _direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {_normal(re.split(r"[\[<>=!~; ]", line)[0]) for line in project["dependencies"]}


def _locked(lock: str) -> dict[str, str]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {_normal(name): version for name, version in pins}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
