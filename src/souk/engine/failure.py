"""Why a task or an attempt of it failed: words for its owner, and the wire code where the upstream named one."""

import re
from dataclasses import dataclass

from souk.words import FailKind

_CODE = re.compile(r"\d{1,9}\Z|[45]\d\d\b", re.ASCII)
"""A wire code by itself, or one with words after it; what is longer is no code, and no column would hold it."""
_OF_THE_OPERATOR = frozenset({FailKind.AUTH, FailKind.QUOTA})
"""Failures whose code upstream is about the operator's account there; the client would take it for its own."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task (or one attempt of it) failed, in words for its owner."""

    kind: FailKind
    message: str
    upstream: str = ""
    retry_after: float | None = None
    shut: bool = False
    """Nobody was asked: the connection takes no tasks for the moment."""

    @property
    def code(self) -> int | None:
        """A wire code, if the upstream named one for this task."""
        named = _CODE.match(self.upstream)
        if named is None or (self.kind in _OF_THE_OPERATOR and named[0] != self.upstream):
            return None
        return int(named[0])
