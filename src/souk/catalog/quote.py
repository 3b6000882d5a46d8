"""A price fixed for one task: made with the hold, stored with it, and all that a capture needs afterwards.

Amounts are whole :data:`~souk.words.Credits` (0.0001 credit); whatever does not divide is rounded up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from math import ceil

from souk.words import Credits, JsonObject

PIXELS_PER_MEGAPIXEL = 1_048_576
"""Billed megapixels are binary, so that a 1024 x 1024 picture is one."""
SECONDS_SLACK = 0.2
"""Containers round lengths up to a whole frame or packet; so much of a started second is not billed."""


class Unit(StrEnum):
    """What an amount is for."""

    PER_IMAGE = "per_image"
    PER_SECOND = "per_second"
    PER_MINUTE = "per_minute"
    PER_1000_CHARS = "per_1000_chars"
    PER_MEGAPIXEL = "per_megapixel"
    PER_VIDEO = "per_video"
    PER_TASK = "per_task"
    PER_REQUEST = "per_request"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a task really gave. An unmeasured value counts as asked for."""

    count: int
    """Files in the result, extras not counted."""
    seconds: float | None = None
    """Length of the result; for work on sound, of the sound."""
    megapixels: float | None = None
    """Pixels of the largest picture, in millions (width x height / 1,000,000)."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one task, resolved: nothing in it depends on the catalogue any more."""

    unit: Unit
    amount: int
    """Credits for one unit."""
    count: int = 1
    """Files asked for; 0 where the result is text or data."""
    seconds: int = 0
    """Whole seconds asked for, or the most there can be."""
    chars: int = 0
    megapixels: int = 0
    """Whole binary megapixels of one picture."""
    plus: int = 0
    """Credits once for the task, whatever it delivers."""
    least: int = 0
    """The smallest charge for a task that delivers."""
    tiers: tuple[tuple[int, int], ...] = ()
    """``(megapixels, credits)``: up to so many binary megapixels, so much for one unit. The last is open."""

    @property
    def hold(self) -> Credits:
        """The most this task can cost."""
        return Credits(self._total(self.amount))

    def capture(self, delivered: Delivered) -> Credits:
        """What the task costs in the end; never more than :attr:`hold`."""
        if self.count and not delivered.count:
            return Credits(0)
        real = replace(
            self,
            count=min(self.count, delivered.count),
            seconds=min(
                self.seconds, self.seconds if delivered.seconds is None else billed_seconds(delivered.seconds)
            ),
            megapixels=min(
                self.megapixels,
                self.megapixels
                if delivered.megapixels is None
                else billed_megapixels(delivered.megapixels * 1e6),
            ),
        )
        return Credits(min(self.hold, real._total(self._amount_for(delivered.megapixels))))

    def to_json(self) -> JsonObject:
        """As a plain object to store beside the hold, without what is as it is by default: every task has one."""
        return {name: value for name, default in _FIELDS if (value := getattr(self, name)) != default}

    @classmethod
    def from_json(cls, data: JsonObject) -> "Quote":
        """The inverse of :meth:`to_json`."""
        tiers: Sequence[tuple[int, int]] = data.get("tiers", ())
        known: JsonObject = {**data, "unit": Unit(data["unit"]), "tiers": tuple(map(tuple, tiers))}
        return cls(**known)

    def _amount_for(self, megapixels: float | None) -> int:
        if megapixels is None or not self.tiers:
            return self.amount
        real = billed_megapixels(megapixels * 1e6)
        return next((amount for most, amount in self.tiers if real <= most), self.tiers[-1][1])

    def _total(self, amount: int) -> int:
        match self.unit:
            case Unit.PER_IMAGE:
                total = amount * self.count
            case Unit.PER_SECOND:
                total = amount * self.seconds
            case Unit.PER_MINUTE:
                total = _divide_up(amount * self.seconds, 60)
            case Unit.PER_1000_CHARS:
                total = _divide_up(amount * self.chars, 1000)
            case Unit.PER_MEGAPIXEL:
                total = amount * self.megapixels * self.count
            case Unit.PER_VIDEO | Unit.PER_TASK | Unit.PER_REQUEST:
                total = amount
        return max(self.least, total + self.plus)


_FIELDS = tuple((each.name, each.default) for each in fields(Quote))


def capture_from(price_json: JsonObject, delivered: Delivered) -> Credits:
    """The capture under a stored quote (:meth:`Quote.to_json`)."""
    return Quote.from_json(price_json).capture(delivered)


def billed_seconds(seconds: float) -> int:
    """A length as whole seconds, started ones included, at least one."""
    return max(1, ceil(seconds - SECONDS_SLACK))


def billed_megapixels(pixels: float) -> int:
    """A number of pixels as whole binary megapixels, started ones included, at least one."""
    return max(1, ceil(round(pixels) / PIXELS_PER_MEGAPIXEL))


def _divide_up(over: int, under: int) -> int:
    return -(-over // under)
