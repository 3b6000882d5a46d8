"""Where an upload goes and what it is called: folder and name as the client gave them, checked, or a name of ours.

Folder and name are part of a link and of nothing else: the bytes lie under a random key, so no name can lead
out of the storage, and any script is welcome.
"""

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from souk.ids import RandomBits
from souk.words import Millis

LINK_ROOT: Final = "kieai"
"""The first part of every upload's link, as on the compatible wire."""
LONGEST_PART: Final = 200
LONGEST_FOLDER: Final = 500
RANDOM_CHARACTERS: Final = 11

_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,10}")
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a name look like another one."""


class BadName(ValueError):
    """No folder or name an upload can have; the message says why."""


def folder_of(text: str) -> str:
    """A folder's path, without a slash at its end. Dots are letters like others. Raises BadName."""
    if text.startswith("/"):
        raise BadName("uploadPath must not start with a slash")
    folder = text.removesuffix("/")
    if len(folder) > LONGEST_FOLDER:
        raise BadName(f"uploadPath has {len(folder)} characters, and at most {LONGEST_FOLDER} are accepted")
    return "/".join(_part(part, "uploadPath") for part in folder.split("/"))


def name_of(text: str) -> str:
    """A file's name. Raises BadName."""
    if "/" in text:
        raise BadName("fileName must not hold a slash; folders go into uploadPath")
    return _part(text, "fileName")


def name_in(url: str) -> str | None:
    """The name of the file at an address, if the address ends in one with an extension."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    try:
        return name_of(name) if extension_in(name) else None
    except BadName:
        return None


def extension_in(name: str) -> str:
    """The extension of a name, in lower case and without its dot; empty if there is no plain one."""
    extension = PurePosixPath(name).suffix[1:].lower()
    return extension if _EXTENSION.fullmatch(extension) else ""


def random_name(now: Millis, random: RandomBits, extension: str) -> str:
    """A name nobody can guess, in the form the wire knows: ``<ms>-<11 of base 36>.<extension>``."""
    value, letters = random.getrandbits(64), ""
    while len(letters) < RANDOM_CHARACTERS:
        value, digit = divmod(value, 36)
        letters += _BASE36[digit]
    return f"{now}-{letters}.{extension}"


def link_of(segment: str, folder: str, name: str) -> str:
    """The path of an upload's link, which the wire calls its file path."""
    return f"{LINK_ROOT}/{segment}/{folder}/{name}"


def is_link(path: str) -> bool:
    """Whether a path can be an upload's link."""
    return path.startswith(f"{LINK_ROOT}/") and not any(map(_is_refused, path))


def _part(part: str, field: str) -> str:
    part = unicodedata.normalize("NFC", part)
    if not part.strip():
        raise BadName(f"{field} must not be blank or hold an empty part")
    if len(part) > LONGEST_PART:
        raise BadName(
            f"a part of {field} has {len(part)} characters, and at most {LONGEST_PART} are accepted"
        )
    if "\\" in part or {".", ".."} & set(unquote(part).split("/")):
        raise BadName(f"{field} must not hold . or .. as a part, or a backslash")
    if any(map(_is_refused, part)):
        raise BadName(f"{field} must not hold control characters")
    return part


def _is_refused(character: str) -> bool:
    return character in _BIDI_CONTROLS or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
