"""The local engine: real media work on this machine that needs no model, for keyless and live installations alike.

``LocalEngine`` is resolved on first use, because the child processes import this package too and must not pay
for the provider contract (and the HTTP client behind it) on every start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from souk.providers.local.provider import LocalEngine

__all__ = ["LocalEngine"]


def __getattr__(name: str) -> Any:
    if name != "LocalEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from souk.providers.local.provider import LocalEngine

    return LocalEngine
