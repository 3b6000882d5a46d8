"""Ids: new ones from an injected random source, and those that follow from others."""

import hashlib
from typing import Protocol

from souk.words import Millis, TaskId


class RandomBits(Protocol):
    """The part of :class:`random.Random` that ids need; ``random.SystemRandom`` in production."""

    def getrandbits(self, k: int, /) -> int: ...


def new_task_id(now: Millis, random: RandomBits) -> TaskId:
    """A UUIDv7 (RFC 9562) as 32 hex digits: 48 bits of time, then random bits, so ids sort by creation."""
    value = (now & 0xFFFF_FFFF_FFFF) << 80
    chance = random.getrandbits(74)
    value |= 0x7 << 76 | (chance >> 62) << 64
    value |= 0b10 << 62 | chance & 0x3FFF_FFFF_FFFF_FFFF
    return TaskId(f"{value:032x}")


def oldest_id_at(moment: Millis) -> str:
    """The smallest task id that can have been made at this moment."""
    return f"{moment & 0xFFFF_FFFF_FFFF:012x}" + "0" * 20


def random_hex(random: RandomBits, digits: int = 32) -> str:
    """An unguessable id of this many hex digits."""
    return f"{random.getrandbits(4 * digits):0{digits}x}"


def piece_id(task_id: TaskId, number: int) -> str:
    """The id of a task's piece: 32 hex digits, the same whenever it is asked for, so a stage can name it early."""
    return hashlib.sha256(f"{task_id}:{number}".encode()).hexdigest()[:32]
