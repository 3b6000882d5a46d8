"""Made-up values fit the schemas they are made for, and schemas that ask too much are given up."""

import time
from contextlib import suppress
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.relay.sandbox.instance import instance_of
from souk.relay.sandbox.pattern import NoText, text_matching
from souk.relay.sandbox.schema import NoInstance

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "boss": {"$ref": "#/$defs/person"}},
    "required": ["name"],
}
SCHEMAS: dict[str, Any] = {
    "nothing asked": {},
    "constant": {"const": {"a": [1, None]}},
    "enum": {"enum": ["red", 3, None]},
    "text in bounds": {"type": "string", "minLength": 40, "maxLength": 45},
    "short text": {"type": "string", "maxLength": 3},
    "whole number": {"type": "integer", "minimum": -3, "maximum": -3},
    "open bounds": {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6},
    "only a maximum": {"type": "number", "maximum": -2.5},
    "between whole numbers": {"type": "number", "minimum": 0.1, "maximum": 0.2},
    "multiple": {"type": "integer", "multipleOf": 7, "minimum": 15},
    "part of one": {"type": "number", "multipleOf": 0.25, "minimum": 0.3, "maximum": 0.6},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "nullable": {"type": ["null", "string"]},
    "object": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    },
    "all optional": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "undeclared": {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
    "many properties": {"type": "object", "minProperties": 3},
    "dependent": {
        "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}},
        "required": ["a"],
        "dependentRequired": {"a": ["b"]},
    },
    "list": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 4},
    "no item": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    "different items": {"type": "array", "items": {"type": "string"}, "minItems": 4, "uniqueItems": True},
    "different choices": {
        "type": "array",
        "items": {"enum": ["a", "b", "c"]},
        "minItems": 2,
        "uniqueItems": True,
    },
    "tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2},
    "contains": {"type": "array", "contains": {"const": 7}, "minContains": 2},
    "any of": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]},
    "first option impossible": {"oneOf": [False, {"type": "integer"}]},
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
            {"properties": {"a": {"type": "integer", "minimum": 5}}},
            {"properties": {"b": {"const": 1}}, "required": ["b"]},
        ]
    },
    "options twice": {
        "anyOf": [{"required": ["a"]}],
        "allOf": [{"anyOf": [{"required": ["b"]}]}],
        "type": "object",
    },
    "condition": {
        "type": "object",
        "properties": {"kind": {"enum": ["x", "y"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "x"}}},
        "then": {"required": ["size"]},
        "else": {"required": ["length"]},
    },
    "reference": {"$ref": "#/$defs/person", "$defs": {"person": PERSON}},
    "recursive list": {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "required": ["children"],
            }
        },
        "$ref": "#/$defs/node",
    },
    "the root again": {"type": "object", "properties": {"next": {"$ref": "#"}}},
}
FORMATS = ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid")
PATTERNS = (
    r"^[A-Z]{3}$",
    r"^\d{4}-\d{2}-\d{2}$",
    r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
    r"^(red|green)\.(png|jpg)$",
    r"^#[0-9a-fA-F]{6}$",
    r"^\+?[1-9]\d{1,14}$",
    r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
    r"^(?P<year>\d{4})/(\w+)?$",
    r"^[\w.-]{1,64}$",
    r"\bid_\S{5,}",
    r"^\x41B.*?[\]\-]$",
)
MALFORMED: list[Any] = [
    {"type": "integer", "minimum": "three"},
    {"type": "object", "properties": ["a"]},
    {"type": "object", "required": 5},
    {"type": "array", "items": {"type": "string"}, "minItems": "many"},
    {"enum": []},
    {"$ref": "https://elsewhere.example/schema"},
    {"$ref": "#/nowhere"},
    {"type": "string", "minLength": 10**9},
    {"type": "integer", "minimum": 3, "maximum": 2},
    {"allOf": [{"type": "string"}, {"type": "integer"}]},
    {"type": "object", "required": ["a"], "additionalProperties": False},
]
ENDLESS: dict[str, Any] = {
    "itself": {"$ref": "#"},
    "all of itself": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
    "always one more": {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
    "doubling": {
        "$ref": "#/$defs/0",
        "$defs": {
            str(level): {
                "properties": {side: {"$ref": f"#/$defs/{level + 1}"} for side in "ab"},
                "required": ["a", "b"],
            }
            for level in range(20)
        }
        | {"20": {}},
    },
    "a million items": {"type": "array", "minItems": 1_000_000},
    "a billion of one": {"type": "array", "contains": {}, "minContains": 10**9},
    "a billion properties": {"type": "object", "minProperties": 10**9},
    "long": {"enum": ["x" * 300_000]},
    "repeated nothing": {"type": "string", "pattern": "(((a?){2000}){2000}){2000}"},
    "patterns without end": {
        "type": "array",
        "minItems": 10_000,
        "items": {"type": "string", "pattern": "((a?){100}){90}"},
    },
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("seed", range(4))
def test_value_fits_its_schema(schema: Any, seed: int) -> None:
    value = instance_of(schema, Random(seed))
    jsonschema_rs.validate(schema, value)


@pytest.mark.parametrize("format", FORMATS)
def test_text_has_its_format(format: str) -> None:
    schema = {"type": "string", "format": format}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    validator.validate(instance_of(schema, Random(1)))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seed", range(4))
def test_text_matches_its_pattern(pattern: str, seed: int) -> None:
    schema = {"type": "string", "pattern": pattern}
    jsonschema_rs.validate(schema, instance_of(schema, Random(seed)))


@pytest.mark.parametrize("pattern", ["(", "[a", "a{x}", r"\p{L}", "(?#", "(a" * 50 + ")" * 50, "a{5000}"])
def test_pattern_that_cannot_be_read_is_given_up(pattern: str) -> None:
    with pytest.raises(NoText):
        text_matching(pattern, Random(1))


@given(pattern=st.text(alphabet="ab01()[]{}|*+?.^$\\dws-,:<=!", max_size=24))
def test_any_pattern_ends_in_a_text_or_is_given_up(pattern: str) -> None:
    with suppress(NoText):
        assert len(text_matching(pattern, Random(1))) < 100_000


def test_same_seed_gives_the_same_value() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "e": {"enum": list("abcdef")}}}
    assert instance_of(schema, Random(7)) == instance_of(schema, Random(7))
    assert len({str(instance_of(schema, Random(seed))) for seed in range(20)}) > 1


def test_types_in_capitals_are_read_as_gemini_writes_them() -> None:
    schema = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}, "t": {"type": "STRING"}}}
    value = instance_of({**schema, "required": ["n", "t"]}, Random(1))
    assert isinstance(value["n"], int)
    assert isinstance(value["t"], str)


@pytest.mark.parametrize("schema", MALFORMED, ids=str)
def test_schema_that_nothing_fits_is_given_up(schema: Any) -> None:
    with pytest.raises(NoInstance):
        instance_of(schema, Random(1))


@pytest.mark.parametrize("schema", ENDLESS.values(), ids=ENDLESS)
def test_schema_without_end_is_given_up_at_once(schema: Any) -> None:
    began = time.perf_counter()
    with pytest.raises(NoInstance):
        instance_of(schema, Random(1))
    assert time.perf_counter() - began < 2
