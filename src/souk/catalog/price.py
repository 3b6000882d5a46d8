"""A model's price rule: reads the ``price:`` section and quotes a task before it runs.

.. code-block:: yaml

    price:
      unit: per_image              # see Unit
      amount: {by: resolution, of: {1K: 8, 2K: 12, 4K: 18}}  # credits for one unit; a rule (see rules.py)
      tiers: [[4, 10], [16, 20]]   # or instead of amount, by megapixels of the result
      chars: text                  # what per_1000_chars counts
      plus: [{each: input_urls, after: 1, amount: 0.5}]  # for each item of a field, the first `after` free
      least: 20                    # the smallest charge
      assume: {seconds: 600, megapixels: 4}  # for the hold, where nothing measures or caps the input
      estimated: true              # a guess from similar models

Quantities come from what the output rule asks for.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from souk.catalog.output import OutputSpec
from souk.catalog.plain import Unreadable, given, mapping, number, only, sequence, text, worded
from souk.catalog.quote import Quote, Unit, billed_megapixels, billed_seconds
from souk.catalog.rule_check import Allowed, Values, gaps
from souk.catalog.rules import Constant, Rule, read_rule
from souk.words import Credits, JsonObject, credits_from_number

_KEYS = ("unit", "amount", "plus", "least", "chars", "tiers", "assume", "estimated")
_VERSION_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Surcharge:
    """Credits for each item of an input field beyond the free ones."""

    field: str
    after: int
    amount: Credits

    def __call__(self, input: JsonObject) -> int:
        value = input.get(self.field)
        items = len(value) if isinstance(value, list) else int(given(value))  # pyright: ignore[reportUnknownArgumentType] - any JSON
        return self.amount * max(0, items - self.after)


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A model's ``price:`` section, ready to quote."""

    unit: Unit
    amount: Rule
    """Credits for one unit."""
    plus: tuple[Surcharge, ...]
    least: Credits
    chars: Rule
    tiers: tuple[tuple[int, int], ...]
    assumed_seconds: float
    assumed_megapixels: float
    estimated: bool
    written: JsonObject
    """The section as written."""
    version: str
    """Short hash of the section: equal rules have equal versions."""

    def quote(self, input: JsonObject, output: OutputSpec, known_seconds: float | None) -> Quote:
        """The price of a task with this input, its defaults filled in.

        ``known_seconds`` is the measured length of the input the output follows, if it could be measured.
        """
        return Quote(
            unit=self.unit,
            amount=max(amount for _, amount in self.tiers) if self.tiers else cast(int, self.amount(input)),
            count=output.count,
            seconds=self._seconds(output, known_seconds),
            chars=cast(int, self.chars(input)),
            megapixels=self._megapixels(output),
            plus=sum(surcharge(input) for surcharge in self.plus),
            least=self.least,
            tiers=self.tiers,
        )

    def problems(self, values: Values, allowed: Allowed) -> Iterator[str]:
        """Every allowed input this rule has no price for, in words."""
        for gap in gaps(self.amount, values, allowed):
            yield f"price.amount has no price for {gap}; name it in the table or give it a '*'"
        yield from gaps(self.chars, values, allowed)
        for surcharge in self.plus:
            values(surcharge.field)

    def _seconds(self, output: OutputSpec, known: float | None) -> int:
        if self.unit not in (Unit.PER_SECOND, Unit.PER_MINUTE):
            return 0
        if output.seconds is not None:
            return billed_seconds(output.seconds)
        most = output.seconds_max
        if known is not None and output.seconds_follow:
            return billed_seconds(min(known, most) if most else known)
        return billed_seconds(most or self.assumed_seconds or output.seconds_typical or 1)

    def _megapixels(self, output: OutputSpec) -> int:
        if self.unit is not Unit.PER_MEGAPIXEL:
            return 0
        if output.width and output.height:
            return billed_megapixels(output.width * output.height)
        if output.target_side:
            return billed_megapixels(output.target_side**2)
        return billed_megapixels(self.assumed_megapixels * 1e6)


def read_price(data: Any) -> PriceRule:
    """Read a ``price:`` section. Raises :class:`Unreadable`."""
    section = mapping(worded(data), "price")
    only(section, _KEYS, "price")
    unit = section.get("unit")
    if unit not in tuple(Unit):
        raise Unreadable(f"price.unit must be one of {', '.join(Unit)}, not {unit!r}")
    if ("amount" in section) == ("tiers" in section):
        raise Unreadable("price needs either an amount or tiers")
    if unit == Unit.PER_1000_CHARS and "chars" not in section:
        raise Unreadable("price.chars must name the text field to count")
    assume = mapping(section.get("assume"), "price.assume")
    only(assume, ("seconds", "megapixels"), "price.assume")
    chars = section.get("chars")
    return PriceRule(
        unit=Unit(unit),
        amount=read_rule(section.get("amount", 0), "price.amount", _credits),
        plus=tuple(_read_surcharge(each) for each in sequence(section.get("plus"), "price.plus")),
        least=_credits(section.get("least", 0), "price.least"),
        chars=read_rule({"chars": chars}, "price.chars") if chars else Constant(0),
        tiers=tuple(_read_tier(each) for each in sequence(section.get("tiers"), "price.tiers")),
        assumed_seconds=number(assume.get("seconds", 0), "price.assume.seconds"),
        assumed_megapixels=number(assume.get("megapixels", 0), "price.assume.megapixels"),
        estimated=bool(section.get("estimated")),
        written=section,
        version=_version(section),
    )


def _credits(value: Any, where: str) -> Credits:
    return credits_from_number(number(value, where))


def _read_surcharge(data: Any) -> Surcharge:
    each = mapping(data, "price.plus")
    only(each, ("each", "after", "amount"), "price.plus")
    return Surcharge(
        text(each.get("each"), "price.plus.each"),
        int(number(each.get("after", 0), "price.plus.after")),
        _credits(each.get("amount"), "price.plus.amount"),
    )


def _read_tier(data: Any) -> tuple[int, int]:
    pair = sequence(data, "price.tiers")
    if len(pair) != 2:
        raise Unreadable(f"each of price.tiers must be [megapixels, credits], not {data!r}")
    return int(number(pair[0], "price.tiers")), _credits(pair[1], "price.tiers")


def _version(section: JsonObject) -> str:
    canonical = json.dumps(section, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_VERSION_DIGITS]
