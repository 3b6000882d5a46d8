"""Links that work for a while: path and end of time under a signature, so that nothing has to be remembered."""

import hmac
from collections.abc import Callable
from urllib.parse import urlencode

from souk.words import Millis

SIGNED_UNDER = "/d/"
VALID_SECONDS = 20 * 60
_LONGEST_NUMBER = 12


class BadLink(Exception):
    """The link is not one of ours, or its time is over; the message says which."""


class SignedLinks:
    """Makes and checks them. ``sign`` gives the mark of a text that only this installation can make."""

    def __init__(self, sign: Callable[[str], str], public_url: str) -> None:
        self._sign = sign
        self._public_url = public_url

    def make(self, path: str, now: Millis) -> str:
        """A link to the file at this path that works from now on for 20 minutes."""
        expires = str(now // 1000 + VALID_SECONDS)
        query = urlencode({"expires": expires, "sig": self._mark(path, expires)})
        return f"{self._public_url}{SIGNED_UNDER}{path}?{query}"

    def check(self, path: str, expires: str, signature: str, now: Millis) -> int:
        """How many seconds the link still works. Raises BadLink."""
        if not hmac.compare_digest(self._mark(path, expires).encode(), signature.encode()):
            raise BadLink("The signature of this link is wrong.")
        if len(expires) > _LONGEST_NUMBER or not expires.isascii() or not expires.isdigit():
            raise BadLink("The signature of this link is wrong.")
        left = int(expires) - now // 1000
        if left <= 0:
            raise BadLink("The time of this link is over; ask for a new one.")
        return left

    def _mark(self, path: str, expires: str) -> str:
        return self._sign(f"download\n{path}\n{expires}")
