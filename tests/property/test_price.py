"""Prices under every input the schemas allow: a hold is never less than its capture, and less never costs more."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from souk.catalog import Delivered, InputRefused, Model, Quote, load_catalog
from souk.catalog.model import allowed_values

MODELS = list(load_catalog().models.values())


@st.composite
def asked(draw: st.DrawFn) -> tuple[Model, dict[str, Any]]:
    """A model with an input it accepts: its example with other values for the fields that have a closed list."""
    model = draw(st.sampled_from(MODELS))
    input = dict(model.example)
    for field in model.schema["properties"]:
        values = allowed_values(model, field)
        if values and draw(st.booleans()):
            input[field] = draw(st.sampled_from(values))
    try:
        return model, model.check(input).input
    except InputRefused:
        return model, model.example


amounts = st.none() | st.floats(0, 10_000, allow_nan=False)
delivered = st.builds(Delivered, count=st.integers(0, 20), seconds=amounts, megapixels=amounts)
lengths = st.none() | st.floats(0.01, 20_000)


@given(asked(), lengths, delivered)
@settings(max_examples=400, deadline=None)
def test_capture_never_exceeds_the_hold(
    task: tuple[Model, dict[str, Any]], known_seconds: float | None, gave: Delivered
) -> None:
    model, input = task
    quote = model.quote(input, known_seconds)
    assert 0 <= quote.capture(gave) <= quote.hold


@given(asked(), lengths)
@settings(max_examples=200, deadline=None)
def test_unmeasured_delivery_of_everything_costs_the_hold(
    task: tuple[Model, dict[str, Any]], known_seconds: float | None
) -> None:
    model, input = task
    quote = model.quote(input, known_seconds)
    assert quote.capture(Delivered(count=quote.count)) == quote.hold


@given(asked(), lengths, delivered, delivered)
@settings(max_examples=400, deadline=None)
def test_delivering_less_never_costs_more(
    task: tuple[Model, dict[str, Any]], known_seconds: float | None, one: Delivered, two: Delivered
) -> None:
    model, input = task
    quote = model.quote(input, known_seconds)
    less = Delivered(
        count=min(one.count, two.count),
        seconds=_less(one.seconds, two.seconds),
        megapixels=_less(one.megapixels, two.megapixels),
    )
    assert quote.capture(less) <= min(quote.capture(one), quote.capture(two))


@given(asked(), st.floats(0.01, 20_000), st.floats(0.01, 20_000))
@settings(max_examples=200, deadline=None)
def test_longer_input_never_holds_less(task: tuple[Model, dict[str, Any]], one: float, two: float) -> None:
    model, input = task
    short, long = sorted((one, two))
    assert model.hold_for(input, short) <= model.hold_for(input, long)


@given(asked(), lengths, delivered)
@settings(max_examples=200, deadline=None)
def test_stored_quote_captures_the_same(
    task: tuple[Model, dict[str, Any]], known_seconds: float | None, gave: Delivered
) -> None:
    model, input = task
    quote = model.quote(input, known_seconds)
    assert Quote.from_json(quote.to_json()).capture(gave) == quote.capture(gave)


@given(asked())
@settings(max_examples=300, deadline=None)
def test_every_allowed_input_has_a_complete_output(task: tuple[Model, dict[str, Any]]) -> None:
    model, input = task
    whole = model.output_for(input).resolve()
    if whole.kind in ("image", "video"):
        assert whole.width and whole.height
    if whole.kind in ("video", "audio"):
        assert whole.seconds and whole.seconds > 0


def _less(one: float | None, two: float | None) -> float | None:
    return min((value for value in (one, two) if value is not None), default=None)
