"""Ids: new ones from an injected random source, and those that follow from others."""

import hashlib
import os
import random
from typing import Protocol

from souk.words import Millis, TaskId


class RandomBits(Protocol):
    """The part of :class:`random.Random` that ids need; :class:`Chance` in production."""

    def getrandbits(self, k: int, /) -> int: ...


class Chance(random.SystemRandom):
    """The system's chance, fetched many numbers at a time: each fetch makes a busy event loop wait for its threads.

    Safe for any thread, but not for a process that was forked after the first number: it would repeat its parent's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []

    def getrandbits(self, k: int) -> int:
        if not 0 < k <= 8 * _NUMBER_BYTES:
            return super().getrandbits(k)
        try:
            number = self._kept.pop()
        except IndexError:
            fresh = os.urandom(_NUMBERS * _NUMBER_BYTES)
            first, *more = (fresh[at : at + _NUMBER_BYTES] for at in range(0, len(fresh), _NUMBER_BYTES))
            self._kept += more
            number = first
        return int.from_bytes(number) >> (8 * _NUMBER_BYTES - k)


_NUMBER_BYTES = 16
_NUMBERS = 256


def new_id(now: Millis, random: RandomBits) -> str:
    """A UUIDv7 (RFC 9562) as 32 hex digits: 48 bits of time, then 74 of chance.

    Ids sort by creation, so an index of them grows at its end only. Nobody guesses one.
    """
    value = (now & 0xFFFF_FFFF_FFFF) << 80
    chance = random.getrandbits(74)
    value |= 0x7 << 76 | (chance >> 62) << 64
    value |= 0b10 << 62 | chance & 0x3FFF_FFFF_FFFF_FFFF
    return f"{value:032x}"


def new_task_id(now: Millis, random: RandomBits) -> TaskId:
    """The id of a new task: tasks are listed in the order of their ids."""
    return TaskId(new_id(now, random))


def oldest_id_at(moment: Millis) -> str:
    """The smallest task id that can have been made at this moment."""
    return f"{moment & 0xFFFF_FFFF_FFFF:012x}" + "0" * 20


def piece_id(task_id: TaskId, number: int) -> str:
    """The id of a task's piece: 32 hex digits, the same whenever it is asked for, so a stage can name it early."""
    return hashlib.sha256(f"{task_id}:{number}".encode()).hexdigest()[:32]
