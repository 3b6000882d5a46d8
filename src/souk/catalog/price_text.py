"""A price rule in words, for the model pages and the command line."""

from collections.abc import Iterator, Sequence
from typing import Any

from souk.catalog.price import PriceRule
from souk.catalog.rules import OTHERWISE, Choice, Constant, Rule
from souk.words import CREDIT


def price_text(price: PriceRule) -> str:
    """The price in words, such as ``credits per image by resolution: 1K 8, 2K 12, 4K 18``."""
    per = price.unit.value.replace("_", " ").replace("chars", "characters")
    words = _amount_text(price, per)
    for each in price.plus:
        free = (
            f" after the first {each.after}" if each.after > 1 else " after the first" if each.after else ""
        )
        words += f", plus {_plain(each.amount)} for each of {each.field}{free}"
    if price.least:
        words += f", at least {_plain(price.least)}"
    return f"{words} (estimated)" if price.estimated else words


def _amount_text(price: PriceRule, per: str) -> str:
    if price.tiers:
        steps = ", ".join(f"up to {most} MP {_plain(amount)}" for most, amount in price.tiers)
        return f"credits {per} by size of the result: {steps}"
    if isinstance(price.amount, Constant):
        return f"{_plain(price.amount.value)} credit{'s' * (price.amount.value != CREDIT)} {per}"
    return f"credits {per} {_rule_text(price.amount)}"


def _rule_text(rule: Rule) -> str:
    if isinstance(rule, Constant):
        return _plain(rule.value)
    if not isinstance(rule, Choice):
        return "by input"
    names = " and ".join(axis.rstrip("?") for axis in rule.axes)
    entries = ", ".join(_entries(rule.axes, rule.table))
    return f"by {names}: {entries}"


def _entries(axes: Sequence[str], table: dict[str, Any], before: str = "") -> Iterator[str]:
    for key, value in table.items():
        name = before + _key_text(axes[0], key)
        if len(axes) > 1:
            yield from _entries(axes[1:], value, f"{name} + ")
        elif isinstance(value, Choice):
            yield f"{name} ({_rule_text(value)})"
        else:
            yield f"{name} {_rule_text(value)}"


def _key_text(axis: str, key: str) -> str:
    name = axis.rstrip("?")
    return {"true": f"with {name}", "false": f"without {name}", OTHERWISE: "otherwise"}.get(key, key)


def _plain(amount: int) -> str:
    return f"{amount / CREDIT:.4f}".rstrip("0").rstrip(".")
