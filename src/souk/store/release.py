"""What one version of Souk knows of the schema, and the name by which the database can tell which version runs."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from souk import __version__


class Half(StrEnum):
    """When a step of the schema may run."""

    PRE = "pre"
    """It only adds. Processes that do not know it work on, so it comes before the new ones."""
    POST = "post"
    """It takes away or tightens: only once no process is left that does not know it."""


@dataclass(frozen=True, slots=True)
class Release:
    """The steps that one version knows. Their numbers are equally long, so that they compare as texts."""

    added: str
    """The newest step of the pre half: this version cannot work without it."""
    tightened: str = ""
    """The newest step of the post half: this version works with and without it. Empty: there is none."""
    folder: Path = Path(__file__).parent / "migrations" / "versions"
    """Where the steps lie."""

    @property
    def head(self) -> str:
        """The newest step."""
        return max(self.added, self.tightened)

    @property
    def process_name(self) -> str:
        """What the processes of this version call themselves where the database lists its connections."""
        return f"souk {__version__} schema {self.head}"


OURS = Release(added="0012", tightened="0011")
"""A test holds it against the files."""
HEAD = OURS.head
