"""Made-up texts that match a regular expression, as JSON Schema's ``pattern`` asks for.

The expression is a client's, so it is never run: it is read once, from left to right, and written out.
"""

import string
from random import Random
from typing import Final

LONGEST: Final = 2_000
"""Characters written at most; an expression that asks for more has no made-up text."""
MOST_READ: Final = 10_000
"""Characters of the expression read in all, those of a repeated part once a round."""
DEEPEST: Final = 20
"""Groups inside groups."""

_DIGITS: Final = string.digits
_WORD: Final = string.ascii_lowercase + string.digits + "_"
_PLAIN: Final = string.ascii_letters + string.digits + " _-.,:;/!?@#$%&*+=()[]{}<>'\"\\|^~`"
_CLASSES: Final = {"d": _DIGITS, "w": _WORD, "s": " "}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_ANCHORS: Final = "^$"
_ZERO_WIDTH_ESCAPES: Final = "bBAzZG"
_ZERO_WIDTH_GROUPS: Final = ("?=", "?!", "?<=", "?<!")


class NoText(ValueError):
    """The expression uses something that is not read here, or asks for too long a text."""


def text_matching(pattern: str, chance: Random) -> str:
    """A short text that the expression is found in. Raises NoText.

    Look-arounds and back-references are passed over, so a text for those may not match.
    """
    if len(pattern) > MOST_READ:
        raise NoText(f"the expression is longer than {MOST_READ} characters")
    reader = _Reader(pattern, chance)
    text = reader.alternatives(0)
    if not reader.ended:
        raise NoText(f"unbalanced ) in {pattern!r}")
    return text


class _Reader:
    """Reads an expression and writes a text for each part as it goes."""

    def __init__(self, pattern: str, chance: Random) -> None:
        self._pattern = pattern
        self._chance = chance
        self._at = 0
        self._read = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._pattern)

    def alternatives(self, depth: int) -> str:
        """One of the branches up to the end of the group; the first is as good as any."""
        if depth > DEEPEST:
            raise NoText("groups are nested too deep")
        first = self._sequence(depth)
        while self._taken("|"):
            self._sequence(depth)
        return first

    def _sequence(self, depth: int) -> str:
        written = ""
        while not self.ended and self._peek() not in "|)":
            written += self._repeated(depth)
            if len(written) > LONGEST:
                raise NoText(f"the text would be longer than {LONGEST} characters")
        return written

    def _repeated(self, depth: int) -> str:
        start = self._at
        part = self._atom(depth)
        end = self._at
        least = self._times()
        parts = [part] if least else []
        # Each round is read again, so that [a-z]{3} gives three letters and not one of them thrice.
        after = self._at
        for _ in range(min(least, LONGEST + 1) - 1):
            self._at = start
            parts.append(self._atom(depth))
            if sum(map(len, parts)) > LONGEST:
                raise NoText(f"the text would be longer than {LONGEST} characters")
        self._at = after if self._at == end else self._at
        return "".join(parts)

    def _times(self) -> int:
        """How often the quantifier after an atom asks for it at least; an asked-for none stays none."""
        if self.ended or self._peek() not in "*+?{":
            return 1
        sign = self._next()
        if sign == "{":
            digits, _, rest = self._pattern[self._at :].partition("}")
            least = digits.partition(",")[0]
            if not least.isdigit():
                raise NoText("a { without a number")
            self._at = len(self._pattern) - len(rest)
        else:
            least = "1" if sign == "+" else "0"
        if not self.ended and self._peek() in "?+":
            self._at += 1
        return int(least[:6])

    def _atom(self, depth: int) -> str:
        sign = self._next()
        if sign == "(":
            return self._group(depth)
        if sign == "[":
            return self._chance.choice(self._class())
        if sign == ".":
            return self._chance.choice(_WORD)
        if sign == "\\":
            escaped = self._escaped()
            return self._chance.choice(escaped) if escaped else ""
        return "" if sign in _ANCHORS else sign

    def _group(self, depth: int) -> str:
        ahead = self._pattern[self._at : self._at + 3]
        silent = ahead.startswith(_ZERO_WIDTH_GROUPS)
        if silent:
            self._at += 3 if ahead[1] == "<" else 2
        elif ahead.startswith("?:"):
            self._at += 2
        elif ahead.startswith("?"):  # (?P<name>…) and (?<name>…)
            name = self._pattern.find(">", self._at)
            if name < 0:
                raise NoText("an unknown kind of group")
            self._at = name + 1
        inside = self.alternatives(depth + 1)
        if not self._taken(")"):
            raise NoText("a group is not closed")
        return "" if silent else inside

    def _class(self) -> str:
        """The characters of a class such as ``[a-z0-9_]``, of those that can be typed."""
        negated = self._taken("^")
        members: list[str] = []
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member()
            if len(low) == 1 and self._pattern[self._at : self._at + 1] == "-":
                high = self._pattern[self._at + 1 : self._at + 2]
                if high and high != "]":
                    self._at += 1
                    low = _range(low, self._member())
            members.append(low)
        self._at += 1
        listed = "".join(members)
        chosen = [sign for sign in _PLAIN if sign not in listed] if negated else listed
        if not chosen:
            raise NoText("an empty class")
        return "".join(chosen)

    def _member(self) -> str:
        sign = self._next()
        return self._escaped() if sign == "\\" else sign

    def _escaped(self) -> str:
        """What an escape may stand for; empty when it stands for no character."""
        sign = self._next()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign.lower() in _CLASSES:
            return "".join(other for other in _PLAIN if other not in _CLASSES[sign.lower()])
        if sign in "xu":
            digits = self._pattern[self._at : self._at + (2 if sign == "x" else 4)]
            self._at += len(digits)
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise NoText("an unknown escape") from None
        if sign in _ZERO_WIDTH_ESCAPES or sign.isdigit():
            return ""
        if sign in "pP":
            raise NoText("classes of Unicode are not read")
        return _CONTROLS.get(sign, sign)

    def _peek(self) -> str:
        if self.ended:
            raise NoText("the expression ends too early")
        return self._pattern[self._at]

    def _next(self) -> str:
        sign = self._peek()
        self._read += 1
        if self._read > MOST_READ:
            raise NoText(f"more than {MOST_READ} characters would have to be read")
        self._at += 1
        return sign

    def _taken(self, sign: str) -> bool:
        if not self.ended and self._pattern[self._at] == sign:
            self._at += 1
            return True
        return False


def _range(low: str, high: str) -> str:
    first, last = ord(low), ord(high[:1] or low)
    return "".join(map(chr, range(first, min(last, first + 512) + 1)))
