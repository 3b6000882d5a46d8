"""Providers of other packages, by the entry point group ``souk.providers``: a name, and the ``Entry`` it leads to."""

import logging
from collections.abc import Collection
from importlib.metadata import entry_points
from typing import TypeVar

log = logging.getLogger("souk.providers")

GROUP = "souk.providers"

E = TypeVar("E")


def third_party(kind: type[E], taken: Collection[str]) -> dict[str, E]:
    """What installed packages add. One that cannot be used is told of and passed over, whatever is wrong with it."""
    found: dict[str, E] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        where = {
            "provider": point.name,
            "package": point.dist.name if point.dist else "",
            "entry": point.value,
        }
        if point.name in taken or point.name in found:
            log.error(
                "a provider of this name is there already; another package's is passed over", extra=where
            )
            continue
        try:
            entry = point.load()
        except Exception:
            log.exception("a provider of another package cannot be loaded", extra=where)
            continue
        if isinstance(entry, kind):
            found[point.name] = entry
        else:
            log.error("a provider of another package is no Entry", extra=where)
    return found
