"""Loading: a broken catalogue is refused with file, model and remedy, and the operator's changes count."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from souk.catalog import CatalogError, Delivered, load_catalog
from souk.words import CREDIT

GOOD: dict[str, Any] = {
    "id": "acme/picture",
    "title": "Acme Picture",
    "aliases": ["acme"],
    "category": "image",
    "task": "text-to-image",
    "input": {
        "type": "object",
        "required": ["prompt"],
        "properties": {
            "prompt": {"type": "string", "maxLength": 100},
            "resolution": {"type": "string", "enum": ["1K", "2K"], "default": "1K"},
            "ratio": {"type": "string", "enum": ["1:1", "16:9"]},
            "hd": {"type": "boolean", "default": False},
        },
    },
    "example": {"prompt": "a cat"},
    "output": {"kind": "image", "size": {"ratio": {"field": "ratio"}, "tier": {"field": "resolution"}}},
    "price": {"unit": "per_image", "amount": {"by": "resolution", "of": {"1K": 2, "2K": 3}}},
    "routes": [{"provider": "kie"}],
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes models to ``acme.yaml`` and answers the folder."""

    def write_models(*models: dict[str, Any]) -> Path:
        (tmp_path / "acme.yaml").write_text(yaml.safe_dump({"vendor": "Acme", "models": list(models)}))
        return tmp_path

    return write_models


def changed(**changes: Any) -> dict[str, Any]:
    return deepcopy(GOOD) | changes


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


def test_good_model_loads(write: Write) -> None:
    model = load_catalog(write(GOOD)).models["acme/picture"]
    assert (model.vendor, model.brand, model.deadline_seconds) == ("Acme", "Acme", 900)
    assert load_catalog(write(GOOD)).find("acme") is not None


TWO_AXES = {"by": ["resolution", "hd"], "of": {"1K": {True: 1, False: 1}, "2K": {True: 2}}}

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "key missing": (without("price"), "price is missing"),
    "key misspelt": (changed(exampel={}), "did you mean example?"),
    "category unknown": (changed(category="smell"), "category must be one of image, video, audio"),
    "schema invalid": (
        changed(input={"type": "object", "properties": {"a": {"type": "strin"}}}),
        "input.properties.a",
    ),
    "schema of no object": (changed(input={"type": "string"}), "type object"),
    "example refused": (
        changed(example={"prompt": 5, "resolution": "9K"}),
        "example is refused by its own schema",
    ),
    "price without unit": (changed(price={"amount": 1}), "price.unit must be one of"),
    "price without amount": (changed(price={"unit": "per_image"}), "either an amount or tiers"),
    "price negative": (changed(price={"unit": "per_image", "amount": -1}), "0 or more"),
    "price with a gap": (
        changed(price={"unit": "per_image", "amount": {"by": "resolution", "of": {"1K": 2}}}),
        "price.amount has no price for resolution=2K",
    ),
    "price with a gap between two fields": (
        changed(price={"unit": "per_image", "amount": TWO_AXES}),
        "no price for resolution=2K, hd=false",
    ),
    "price by an optional field": (
        changed(price={"unit": "per_image", "amount": {"by": "ratio", "of": {"1:1": 2, "16:9": 3}}}),
        "no price for ratio=none",
    ),
    "price by an open field": (
        changed(price={"unit": "per_image", "amount": {"by": "prompt", "of": {"cat": 2}}}),
        "no price for prompt=any other value",
    ),
    "price by no field": (
        changed(price={"unit": "per_image", "amount": {"by": "size", "of": {"L": 2}}}),
        "asks for 'size', which input does not have",
    ),
    "characters of no field": (
        changed(price={"unit": "per_1000_chars", "amount": 1, "chars": "text"}),
        "asks for 'text'",
    ),
    "surcharge on no field": (
        changed(price={"unit": "per_image", "amount": 1, "plus": [{"each": "images", "amount": 1}]}),
        "asks for 'images'",
    ),
    "output of no kind": (changed(output={"kind": "smell"}), "output.kind must be one of"),
    "output with a gap": (
        changed(output={"kind": "image", "count": {"by": "resolution", "of": {"1K": 1}}}),
        "output.count says nothing for resolution=2K",
    ),
    "output in no format": (changed(output={"kind": "image", "format": "doc"}), "output.format can be 'doc'"),
    "output of no size": (
        changed(output={"kind": "image", "size": {"tier": "17K"}}),
        "output.size.tier can be '17K'",
    ),
    "output key misspelt": (changed(output={"kind": "image", "sise": {}}), "did you mean size?"),
    "route without provider": (changed(routes=[{"model": "x"}]), "routes.provider"),
    "route in no status": (
        changed(routes=[{"provider": "kie", "status": "dead"}]),
        "active, deprecated, retired",
    ),
}


@pytest.mark.parametrize(("model", "words"), BROKEN.values(), ids=list(BROKEN))
def test_broken_model_is_refused_with_file_model_and_problem(
    write: Write, model: dict[str, Any], words: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(model))
    assert str(caught.value).startswith("acme.yaml: acme/picture: ")
    assert words in str(caught.value)


def test_gap_that_the_schema_forbids_is_no_gap(write: Write) -> None:
    forbidden = {
        "not": {
            "required": ["resolution", "hd"],
            "properties": {"resolution": {"const": "2K"}, "hd": {"const": False}},
        }
    }
    model = changed(price={"unit": "per_image", "amount": TWO_AXES})
    model["input"]["allOf"] = [forbidden]
    assert load_catalog(write(model)).models["acme/picture"].hold_for({"prompt": "x"}) == CREDIT


def test_same_id_twice_is_refused(write: Write) -> None:
    with pytest.raises(CatalogError, match=r"is already in acme.yaml"):
        load_catalog(write(GOOD, changed(aliases=[])))


def test_same_alias_twice_is_refused(write: Write) -> None:
    with pytest.raises(CatalogError, match="alias 'acme' already belongs to acme/picture"):
        load_catalog(write(GOOD, changed(id="acme/other")))


def test_alias_that_is_an_id_is_refused(write: Write) -> None:
    with pytest.raises(CatalogError, match="already belongs to acme/other"):
        load_catalog(write(changed(aliases=["acme/other"]), changed(id="acme/other", aliases=[])))


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("models: [")
    with pytest.raises(CatalogError, match=r"^bad\.yaml: is not readable as YAML"):
        load_catalog(tmp_path)


def test_operator_changes_a_price(write: Write) -> None:
    plain = {"acme/picture": {"price": 7}}
    assert load_catalog(write(GOOD), plain).models["acme/picture"].hold_for({"prompt": "x"}) == 7 * CREDIT
    whole = {"acme/picture": {"price": {"unit": "per_task", "amount": 1}}}
    quote = load_catalog(write(GOOD), whole).models["acme/picture"].quote({"prompt": "x"})
    assert quote.capture(Delivered(count=1)) == CREDIT


def test_operator_changes_an_upstream_id(write: Write) -> None:
    model = load_catalog(write(GOOD), {"acme/picture": {"upstream": {"kie": "acme/v2"}}}).models[
        "acme/picture"
    ]
    assert [(route.provider, route.model) for route in model.routes] == [("kie", "acme/v2")]


def test_operator_changes_routes(write: Write) -> None:
    routes = [
        {"provider": "fal", "model": "fal-ai/acme", "connection": "fal-eu", "resubmit_unclear": "once"},
        {"provider": "kie", "status": "retired", "date": "2026-03-01", "successor": "acme/two"},
    ]
    first, second = (
        load_catalog(write(GOOD), {"acme/picture": {"routes": routes}}).models["acme/picture"].routes
    )
    assert (first.connection, first.model, first.resubmit_unclear) == ("fal-eu", "fal-ai/acme", True)
    assert (second.usable, second.successor) == (False, "acme/two")


@pytest.mark.parametrize("value", [True, "twice", 2])
def test_submit_may_be_allowed_to_be_repeated_once_and_nothing_else(write: Write, value: Any) -> None:
    routes = [{"provider": "kie", "resubmit_unclear": value}]
    with pytest.raises(CatalogError, match="resubmit_unclear must be once"):
        load_catalog(write(GOOD), {"acme/picture": {"routes": routes}})


def test_operator_may_use_a_retired_route(write: Write) -> None:
    routes = [{"provider": "kie", "status": "retired", "use_retired": True}]
    model = load_catalog(write(GOOD), {"acme/picture": {"routes": routes}}).models["acme/picture"]
    assert model.routes[0].usable


def test_operator_pauses_a_model(write: Write) -> None:
    assert load_catalog(write(GOOD), {"acme/picture": {"paused": True}}).models["acme/picture"].paused


def test_operator_adds_a_model(write: Write) -> None:
    new = {key: value for key, value in changed(vendor="Mine", aliases=[]).items() if key != "id"}
    assert load_catalog(write(GOOD), {"mine/one": new}).models["mine/one"].vendor == "Mine"


def test_operator_mistake_names_his_file(write: Write) -> None:
    with pytest.raises(CatalogError, match=r"^souk\.yaml: acme/picture: price\.amount"):
        load_catalog(write(GOOD), {"acme/picture": {"price": {"unit": "per_image", "amount": "cheap"}}})
    with pytest.raises(CatalogError, match=r"^souk\.yaml: acme/picture: "):
        load_catalog(write(GOOD), {"acme/picture": "cheap"})
