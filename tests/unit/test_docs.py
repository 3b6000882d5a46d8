"""The documentation is true: examples run, links lead somewhere, the reference is what the code says."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.reference import PAGES
from tests.conftest import ROOT
from tests.examples import Session, examples_of
from tests.postgres import free_port

DOCUMENTED = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WITH_EXAMPLES = [page for page in DOCUMENTED if examples_of(page)]
START_SECONDS = 60.0
API_KEY = "sk-docs-0123456789abcdef"
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)(?P<target>[^)#\s]+)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_examples_of_the_page_work(page: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "server") as environment:
        folder = tmp_path / "reader"
        folder.mkdir()
        session = Session(folder, environment)
        for example in examples_of(page):
            session.run(example)


@pytest.mark.parametrize("page", DOCUMENTED, ids=name_of)
def test_links_of_the_page_lead_somewhere(page: Path) -> None:
    targets = [match["target"] for match in _LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_reference_page_is_what_the_code_says(name: str) -> None:
    page = ROOT / "docs" / "reference" / name
    assert page.read_text(encoding="utf-8") == PAGES[name](), "run: make reference"


def test_every_variable_the_code_names_is_in_the_settings_page() -> None:
    named: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        named |= set(re.findall(r"\bSOUK_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    listed = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert {name for name in named if f"`{name}`" not in listed} == set()


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """A fresh server as `make run` starts it; gives the environment a reader would have."""
    port = free_port()
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": programs,
        "SOUK_PORT": str(port),
        "SOUK_DATA_DIR": str(folder / "data"),
        "SOUK_API_KEY": API_KEY,
        "SOUK_URL": f"http://127.0.0.1:{port}",
    }
    souk = shutil.which("souk", path=programs)
    assert souk is not None
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [souk, "serve"], cwd=folder, env=environment, stdout=output, stderr=output
        ) as server,
    ):
        try:
            wait_until_ready(f"{environment['SOUK_URL']}/ready", server, log)
            yield environment
        finally:
            server.terminate()


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own loopback address
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"souk serve did not become ready:\n{log.read_text()}")
