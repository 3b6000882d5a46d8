"""The sandbox: a provider that runs every model without keys, with real files plainly marked as made up.

``Sandbox`` is resolved on first use, because the child processes import this package too and must not pay
for the provider contract (and the HTTP client behind it) on every start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from souk.providers.sandbox.provider import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from souk.providers.sandbox.provider import Sandbox

    return Sandbox
