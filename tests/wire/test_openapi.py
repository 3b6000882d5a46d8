"""The OpenAPI document describes every route there is, every model, and what is really answered."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from souk.api.openapi.document import document, path_of
from souk.api.openapi.market import SCHEMAS as MARKET
from souk.api.openapi.models import is_market
from souk.api.openapi.records import PROBLEM, RECORD
from souk.api.openapi.table import OPERATIONS
from souk.app import asgi
from souk.catalog.describe import describe
from souk.catalog.load import load_catalog
from souk.dialects.envelope import Problem
from tests.wire.serving import CHEAP, CREATE, Souk

MODEL_IN_FULL = MARKET["ModelInFull"]
UNSEEN = ("HEAD", "OPTIONS")
"""Methods that every path answers in the same way."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    catalog = load_catalog()
    return json.loads(json.dumps(document([describe(model) for model in catalog.models.values()])))


@pytest.fixture(scope="module")
def create_body(described: dict[str, Any]) -> jsonschema_rs.Validator:
    schema = {"$ref": "#/components/schemas/CreateTask", "components": described["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


def test_the_document_is_valid_openapi(described: dict[str, Any]) -> None:
    validate(described)


async def test_every_route_is_described_and_nothing_else_is(souk: Souk) -> None:
    routes = {(method, path) for method, path in asgi(souk.house).table() if method not in UNSEEN}
    assert {(each.method, each.path) for each in OPERATIONS} == routes


def test_operations_have_names_of_their_own() -> None:
    names = [each.name for each in OPERATIONS]
    assert len(set(names)) == len(names)
    assert len({(each.method, path_of(each)) for each in OPERATIONS}) == len(names)


def test_every_market_model_has_a_call_whose_example_fits(
    described: dict[str, Any], create_body: jsonschema_rs.Validator
) -> None:
    examples = described["paths"][CREATE]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert examples.keys() == {
        id for id, model in load_catalog().models.items() if is_market(describe(model))
    }
    misfits = {id for id, example in examples.items() if not create_body.is_valid(example["value"])}
    assert misfits == set()


def test_a_call_is_checked_by_the_schema_of_its_own_model(create_body: jsonschema_rs.Validator) -> None:
    wrong = {"model": "z-image", "input": {"prompt": "A harbour", "aspect_ratio": "17:9"}}
    right = {"model": "z-image", "input": {"prompt": "A harbour", "aspect_ratio": "16:9"}}
    assert create_body.is_valid(right)
    assert not create_body.is_valid(wrong)
    assert not create_body.is_valid({**right, "model": "no-such-model"})


def test_aliases_lead_to_their_models_schema(described: dict[str, Any]) -> None:
    mapping = described["components"]["schemas"]["CreateTask"]["discriminator"]["mapping"]
    assert mapping["nano-banana"] == mapping["google/nano-banana"]


def test_the_problem_has_the_fields_it_is_written_with() -> None:
    assert set(PROBLEM["properties"]) == set(Problem.__struct_fields__)


@pytest.mark.parametrize("prompt", ["A lighthouse", "A lighthouse [souk:moderated]"], ids=["success", "fail"])
async def test_a_record_is_as_described(running: Souk, prompt: str) -> None:
    task_id = await running.client.create({**CHEAP, "input": {"prompt": prompt}})
    record = await running.client.record(task_id, wait=60)
    jsonschema_rs.Draft202012Validator({**RECORD, "additionalProperties": False}).validate(record)
    assert record["completeTime"] is not None


async def test_a_model_in_full_is_as_described(souk: Souk) -> None:
    model = (await souk.client.get("/api/v1/models/nano-banana-pro")).data
    assert model.keys() == MODEL_IN_FULL["properties"].keys()


async def test_the_document_is_served_and_can_be_kept(souk: Souk) -> None:
    first = await souk.client.get("/openapi.json")
    assert first.body["openapi"].startswith("3.1")
    again = await souk.client.call("GET", "/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.raw) == (304, b"")


async def test_the_text_for_language_models_names_every_model(souk: Souk) -> None:
    reply = await souk.client.get("/llms.txt")
    assert reply.headers["content-type"].startswith("text/plain")
    lines = reply.raw.decode().splitlines()
    named = {re.split(r"[:(]", line)[0].removeprefix("- ").strip() for line in lines if line.startswith("- ")}
    assert named >= souk.house.catalog.models.keys()
