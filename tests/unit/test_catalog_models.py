"""The packaged catalogue: every model works as written."""

import json

import pytest

from souk.catalog import Model, OutputSpec, describe, field_of, listing, load_catalog
from souk.words import CREDIT

CATALOG = load_catalog()
MODELS = list(CATALOG.models.values())
JOBS = [model for model in MODELS if model.dialect == "jobs"]
OWN = [model for model in JOBS if model.vendor == "Souk"]
"""Work of this machine, which needs no model."""
MARKET = [model for model in JOBS if model not in OWN]
FREE = {
    "grok-imagine-image-2-0/segment-map",
    "suno-persona",
    "suno-timestamped-lyrics",
    "suno-midi",
    "suno-cover",
}

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)


@each_model
def test_example_fits_its_own_schema(model: Model) -> None:
    checked = model.check(model.example)
    assert checked.input == model.example
    assert checked.warnings == ()


@each_model
def test_example_has_a_price(model: Model) -> None:
    hold = model.hold_for(model.example)
    assert isinstance(hold, int)
    assert hold > 0 or model.id in FREE or model in OWN


@each_model
def test_example_has_a_complete_output(model: Model) -> None:
    spec = model.output_for(model.example)
    assert OutputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    whole = spec.resolve()
    if whole.kind in ("image", "video"):
        assert whole.width and whole.height
        assert whole.count >= 1
    if whole.kind in ("video", "audio"):
        assert whole.seconds and whole.seconds > 0


@each_model
def test_video_sides_are_even(model: Model) -> None:
    whole = model.output_for(model.example).resolve(width=641, height=479)
    if whole.kind == "video":
        assert whole.width and whole.width % 2 == 0
        assert whole.height and whole.height % 2 == 0


@each_model
def test_description_is_plain_json_and_explains_every_field(model: Model) -> None:
    shown = json.loads(json.dumps(describe(model)))
    assert all(field["description"] for field in shown["input"]["properties"].values())
    assert shown["pricingDesc"].count("credit") == 1


@each_model
def test_followed_inputs_are_media_fields_or_parents(model: Model) -> None:
    named = {field_of(path) for path, _ in model.media_fields()} | {
        field.path for field in model.parent_fields
    }
    assert {*model.output.size_follow, *model.output.seconds_follow} <= named


@pytest.mark.parametrize("model", MARKET, ids=lambda model: model.id)
def test_last_route_is_kie_under_the_same_id(model: Model) -> None:
    route = model.routes[-1]
    assert (route.provider, route.model, route.usable) == ("kie", model.id, True)


@pytest.mark.parametrize("model", OWN, ids=lambda model: model.id)
def test_own_work_runs_on_this_machine_for_nothing(model: Model) -> None:
    assert {route.provider for route in model.routes} == {"local"}
    assert (model.hold_for(model.example), model.price.estimated) == (0, False)


def test_147_models_cover_the_85_lines_of_the_first_market_list() -> None:
    lines = [model.market_line for model in MARKET if model.market_line]
    assert len(MARKET) == 147
    assert len(lines) == len(set(lines)) == 85


def test_find_knows_ids_and_aliases() -> None:
    assert CATALOG.find("z-image") is CATALOG.models["z-image"]
    assert CATALOG.find("kling/v1-avatar-standard") is CATALOG.models["kling/ai-avatar-standard"]
    assert CATALOG.find("no-such-model") is None


def test_nearest_names_the_id_that_was_meant() -> None:
    assert CATALOG.nearest("nano-banana-por") == "nano-banana-pro"
    assert CATALOG.nearest("something else entirely") is None


def test_models_keep_the_order_of_the_files() -> None:
    assert list(load_catalog().models) == list(CATALOG.models)


def test_listing_has_the_wire_form() -> None:
    model = CATALOG.models["kling/v2-1-master-text-to-video"]
    assert listing(model) == {
        "model": "kling/v2-1-master-text-to-video",
        "slug": "kling/v2-1-master-text-to-video",
        "title": "Kling V2.1 Master Text to Video",
        "provider": "Kling",
        "taskType": ["Text to Video"],
        "description": None,
        "pricingDesc": "credits per video by duration: 5 160, 10 320",
    }


def test_media_fields_say_what_they_take() -> None:
    rules = dict(CATALOG.models["kling-3.0/video"].media_fields())
    assert list(rules) == [
        "image_urls[]",
        "kling_elements[].element_input_urls[]",
        "kling_elements[].element_input_audio_urls[]",
        "kling_elements[].element_input_video_urls[]",
    ]
    element = rules["kling_elements[].element_input_urls[]"]
    assert element.kinds == ("image", "video")
    assert element.max_bytes == 10 * 1024 * 1024
    assert element.max_items == 4


def test_media_addresses_are_found_inside_lists_of_objects() -> None:
    model = CATALOG.models["pixverse-v6/reference-to-video"]
    assert model.media_urls(model.example) == [
        ("image_references[].image_url", "https://example.com/woman.png"),
        ("image_references[].image_url", "https://example.com/meadow.png"),
    ]


def test_media_addresses_leave_out_empty_ones() -> None:
    model = CATALOG.models["kling/v2-1-pro"]
    assert model.media_urls({"image_url": "https://a.example/1.png", "tail_image_url": ""}) == [
        ("image_url", "https://a.example/1.png")
    ]


@pytest.mark.parametrize(
    ("model", "input", "expected"),
    [
        ("grok-imagine/extend", {"task_id": "t1"}, [("task_id", "t1", "task")]),
        ("sora-2-characters-pro", {"origin_task_id": "t2"}, [("origin_task_id", "t2", "task")]),
        (
            "sora-2-text-to-video",
            {"character_id_list": ["c1", "c2"]},
            [("character_id_list[]", "c1", "piece"), ("character_id_list[]", "c2", "piece")],
        ),
    ],
)
def test_parents_are_found(
    model: str, input: dict[str, object], expected: list[tuple[str, str, str]]
) -> None:
    found = CATALOG.models[model].parents(input)
    assert [(parent.path, parent.id, parent.kind) for parent in found] == expected


def test_prices_of_the_market_list() -> None:
    def credits(model: str, **changes: object) -> float:
        found = CATALOG.models[model]
        return found.hold_for(found.check({**found.example, **changes}).input) / CREDIT

    assert credits("nano-banana-2", resolution="4K") == 18
    assert credits("bytedance/seedream") == 3.5
    assert credits("grok-imagine/text-to-image") == 4
    assert credits("grok-imagine/text-to-video") == 20
    assert credits("kling-2.6/text-to-video", duration="10", sound=True) == 220
    assert credits("sora-2-pro-text-to-video", size="high", n_frames="15") == 630
    assert credits("hailuo/2-3-image-to-video-pro", duration="6", resolution="1080P") == 80
    assert credits("wan/2-6-text-to-video", duration="15", resolution="1080p") == 315
