"""Links to stored files: how results name them in the database, and how they read from outside.

Results are stored with ``souk:///<path>`` in place of the public address, which may change while files live.
"""

from urllib.parse import quote, unquote, urlsplit

from souk.assets.names import LINK_ROOT, is_link
from souk.assets.storage import BadKey, check_key

PLACEHOLDER = "souk:///"
SERVED_UNDER = "/f/"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def link(path: str) -> str:
    """A stored file's address, as results hold it."""
    return PLACEHOLDER + path


def public_link(path: str, public_url: str) -> str:
    """A stored file's address, as clients see it."""
    return public_url.rstrip("/") + SERVED_UNDER + path


def upload_link(link: str, public_url: str) -> str:
    """The address of an upload that has a link of its own."""
    return f"{public_url.rstrip('/')}/{quote(link)}"


def resolve(text: str, public_url: str) -> str:
    """A result's text with its links as clients see them."""
    return text.replace(PLACEHOLDER, public_url.rstrip("/") + SERVED_UNDER)


def own_path(url: str, public_url: str) -> str | None:
    """The path or link of the stored file an address names, or None if it is not one of our links.

    Our links are recognised however they are spelt: letter case of the host, a default port,
    percent-encoding, a query string. Loopback names count as one host: Souk prints one, people type another.
    """
    if url.startswith(PLACEHOLDER):
        return _path(url[len(PLACEHOLDER) :])
    try:
        theirs, ours = urlsplit(url), urlsplit(public_url)
        if _origin(theirs.scheme, theirs.hostname, theirs.port) != _origin(
            ours.scheme, ours.hostname, ours.port
        ):
            return None
    except ValueError:
        return None
    base = ours.path.rstrip("/")
    if theirs.path.startswith(base + SERVED_UNDER):
        return _path(theirs.path[len(base + SERVED_UNDER) :])
    if theirs.path.startswith(f"{base}/{LINK_ROOT}/"):
        link = unquote(theirs.path[len(base) + 1 :])
        return link if is_link(link) else None
    return None


def _origin(scheme: str, host: str | None, port: int | None) -> tuple[str, str, int | None]:
    name = (host or "").removesuffix(".")
    return scheme, "localhost" if name in _LOOPBACK else name, port or _DEFAULT_PORTS.get(scheme)


def _path(quoted: str) -> str | None:
    try:
        return check_key(unquote(quoted.partition("?")[0].partition("#")[0]))
    except BadKey:
        return None
