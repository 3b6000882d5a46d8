"""What a check-up says: how a thing stands, and what to do about it."""

from enum import StrEnum

import msgspec


class Standing(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it stands, and what to do about it."""

    subject: str
    standing: Standing
    told: str
    remedy: str = ""


def good(subject: str, told: str) -> Finding:
    return Finding(subject, Standing.GOOD, told)


def warning(subject: str, told: str, remedy: str) -> Finding:
    return Finding(subject, Standing.WARNING, told, remedy)


def bad(subject: str, told: str, remedy: str) -> Finding:
    return Finding(subject, Standing.BAD, told, remedy)
