"""What an upload is said to be, held against what it is. The bytes decide; a claim may only be more precise."""

from souk.assets.ingest import UNKNOWN_TYPE, sound_alone
from souk.assets.measure import Measured
from souk.assets.sniff import canonical

_FAMILIES = frozenset({"image", "video", "audio"})
_SHARED = frozenset({"video", "audio"})
"""One container may hold either."""


class FalseClaim(ValueError):
    """The file is plainly something else than was said."""


def type_of(sniffed: str | None, measured: Measured, declared: str) -> str:
    """The media type to store an upload as. ``declared`` may be empty. Raises FalseClaim.

    A picture called by the name of another picture format is no lie worth a refusal: many clients never look.
    """
    claimed = canonical(declared)
    if sniffed is None:
        return UNKNOWN_TYPE
    said, found = claimed.partition("/")[0], sniffed.partition("/")[0]
    if said in _FAMILIES and found != said and not {said, found} <= _SHARED:
        raise FalseClaim(f"the file is said to be {claimed}, but it is {sniffed}")
    if sniffed == "text/plain" and said == "text" and claimed != "text/html":
        return claimed
    return sound_alone(sniffed, measured, claimed)
