"""Providers of other packages: installed beside Souk, they are connected and listed as its own are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENTRY = '''"""A service of somebody else's."""
from souk.providers.kie import Kie
from souk.providers.registry import Entry

MUSE = Entry(
    title="Muse",
    description="Pictures from prompts.",
    key_variable="MUSE_API_KEY",
    base_url_variable="SOUK_MUSE_BASE_URL",
    base_url="https://api.muse.example",
    factory=Kie,
)
NOTHING = 7
'''


def installed(folder: Path, *points: str) -> Path:
    """A package with these entry points, where Python looks for packages."""
    (folder / "souk_muse.py").write_text(ENTRY)
    about = folder / "souk_muse-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: souk-muse\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("\n".join(["[souk.providers]", *points]) + "\n")
    return folder


def listed(folder: Path, routes: str, **env: str) -> tuple[list[dict[str, object]], str]:
    data = folder / "data"
    data.mkdir()
    (data / "souk.yaml").write_text(f"models:\n  z-image:\n    routes: [{routes}]\n")
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "souk", "providers", "--json", "--data-dir", str(data)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_provider_of_an_installed_package_is_connected_by_its_own_variable(tmp_path: Path) -> None:
    installed(tmp_path, "muse = souk_muse:MUSE")
    rows, _ = listed(tmp_path, "{provider: muse, model: muse-1}", MUSE_API_KEY="made-up")
    (row,) = [row for row in rows if row["provider"] == "muse"]
    assert (row["live"], row["source"], row["title"]) == (True, "MUSE_API_KEY", "Muse")
    assert row["models"] == ["z-image"]


@pytest.mark.parametrize("point", ["kie = souk_muse:MUSE", "muse = souk_muse:NOTHING", "muse = no_such:MUSE"])
def test_provider_that_cannot_be_used_is_told_of_and_passed_over(tmp_path: Path, point: str) -> None:
    installed(tmp_path, point)
    rows, told = listed(tmp_path, "{provider: kie}")
    titles = {row["title"] for row in rows}
    assert "KIE.AI" in titles
    assert "Muse" not in titles
    assert "provider" in told
