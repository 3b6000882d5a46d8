"""The examples of a Markdown page: found, and run in order as a reader would type them.

Every ``bash``, ``console`` and ``python`` block runs, unless ``<!-- not run: reason -->`` stands before it.
A page is one session: a folder of its own, and variables a block sets are there for the next one.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("bash", "console", "python")
EXAMPLE_SECONDS = 60
DEFAULT_ADDRESS = re.compile(r"http://(localhost|127\.0\.0\.1):8080")
"""How pages write a server's address; examples run against the one of the test."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.S | re.M)
_NOT_RUN = re.compile(r"<!-- not run: \S.*-->\s*\Z")
_ELISION = re.compile(r"\.\.\.|…")


@dataclass(frozen=True, slots=True)
class Example:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    code: str


def examples_of(page: Path) -> list[Example]:
    """The blocks of a page that must work, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Example(page, text.count("\n", 0, match.start()) + 1, match["language"], _dedent(match))
        for match in _FENCE.finditer(text)
        if match["language"] in LANGUAGES and not _NOT_RUN.search(text[: match.start()])
    ]


def _dedent(match: re.Match[str]) -> str:
    return re.sub(f"^{match['indent']}", "", match["code"], flags=re.MULTILINE)


class Session:
    """Runs the examples of one page against the server named by ``SOUK_URL``."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._exports = folder / ".exports"
        self._exports.write_text("")

    def run(self, example: Example) -> None:
        """Run one block. Raises AssertionError with what it said when it fails."""
        code = DEFAULT_ADDRESS.sub(self._environment["SOUK_URL"], example.code)
        if example.language == "console":
            for command, expected in console_steps(code):
                said = self._shell(example, command)
                assert matches(expected, said), (
                    f"{_place(example)}: $ {command}\nsaid:\n{said}\nnot:\n{expected}"
                )
        elif example.language == "python":
            program = self._folder / ".example.py"
            program.write_text(code, encoding="utf-8")
            self._shell(example, f"{sys.executable} {program.name}")
        else:
            self._shell(example, code)

    def _shell(self, example: Example, code: str) -> str:
        # Everything a block sets is exported, so the blocks after it and Python blocks see it too.
        exports = shlex.quote(str(self._exports))
        script = f"set -a; . {exports}; set -euo pipefail\n{code}\nset +e; export -p > {exports}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=EXAMPLE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{_place(example)} ended with {done.returncode}:\n{code}\n{done.stdout}"
        return done.stdout


def console_steps(code: str) -> list[tuple[str, str]]:
    """The commands of a console block (after ``$ ``, with ``> `` lines going on) and what each should say."""
    steps: list[tuple[str, str]] = []
    for line in code.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
            continue
        assert steps, "a console block starts with a command after '$ '"
        command, expected = steps.pop()
        if line.startswith("> ") and not expected:
            steps.append((f"{command}\n{line[2:]}", ""))
        else:
            steps.append((command, f"{expected}{line}\n"))
    return steps


def matches(expected: str, said: str) -> bool:
    """Whether the output is as shown; ``...`` stands for anything, and showing nothing promises nothing."""
    if not expected.strip():
        return True
    pattern = ".*".join(re.escape(part) for part in _ELISION.split(expected.strip()))
    return re.fullmatch(pattern, said.strip(), re.DOTALL) is not None


def _place(example: Example) -> str:
    return f"{example.page.name}:{example.line}"
