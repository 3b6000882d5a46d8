"""Links that work for a while: path and end of time under a signature, so that nothing has to be remembered."""

import hmac
from typing import Protocol
from urllib.parse import urlencode

from souk.words import Millis

SIGNED_UNDER = "/d/"
VALID_SECONDS = 20 * 60
_LONGEST_NUMBER = 12


class Signer(Protocol):
    """Gives texts marks that only this installation can make."""

    def sign(self, text: str) -> str:
        """The mark to give a text."""
        ...

    def signed(self, text: str) -> list[str]:
        """The marks that a text may have been given."""
        ...


class BadLink(Exception):
    """The link is not one of ours, or its time is over; the message says which."""


class SignedLinks:
    """Makes and checks them."""

    def __init__(self, signer: Signer, public_url: str) -> None:
        self._signer = signer
        self._public_url = public_url

    def make(self, path: str, now: Millis) -> str:
        """A link to the file at this path that works from now on for 20 minutes."""
        expires = str(now // 1000 + VALID_SECONDS)
        query = urlencode({"expires": expires, "sig": self._signer.sign(_text(path, expires))})
        return f"{self._public_url}{SIGNED_UNDER}{path}?{query}"

    def check(self, path: str, expires: str, signature: str, now: Millis) -> int:
        """How many seconds the link still works. Raises BadLink."""
        marks = self._signer.signed(_text(path, expires))
        if not any(hmac.compare_digest(mark.encode(), signature.encode()) for mark in marks):
            raise BadLink("The signature of this link is wrong.")
        if len(expires) > _LONGEST_NUMBER or not expires.isascii() or not expires.isdigit():
            raise BadLink("The signature of this link is wrong.")
        left = int(expires) - now // 1000
        if left <= 0:
            raise BadLink("The time of this link is over; ask for a new one.")
        return left


def _text(path: str, expires: str) -> str:
    return f"download\n{path}\n{expires}"
