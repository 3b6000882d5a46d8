"""Prices: what is held before a task runs and what is taken after it."""

import json
from typing import Any

import pytest

from souk.catalog import Delivered, Quote, capture_from, load_catalog
from souk.words import CREDIT

CATALOG = load_catalog()


def quote(model: str, known_seconds: float | None = None, **changes: Any) -> Quote:
    found = CATALOG.models[model]
    return found.quote(found.check({**found.example, **changes}).input, known_seconds)


def credits(amount: int) -> float:
    return amount / CREDIT


def test_fewer_pictures_cost_less() -> None:
    asked = quote("ideogram/character", num_images="4", rendering_speed="TURBO")
    assert credits(asked.hold) == 48
    assert credits(asked.capture(Delivered(count=3))) == 36


def test_nothing_delivered_costs_nothing() -> None:
    for model in CATALOG.models.values():
        asked = model.quote(model.example)
        if asked.count:
            assert asked.capture(Delivered(count=0)) == 0


def test_more_pictures_than_asked_cost_no_more() -> None:
    asked = quote("ideogram/character", num_images="2")
    assert asked.capture(Delivered(count=9)) == asked.hold


def test_batch_has_one_price() -> None:
    asked = quote("grok-imagine/text-to-image")
    assert asked.capture(Delivered(count=1)) == asked.hold == 4 * CREDIT


def test_unmeasured_speech_holds_the_longest() -> None:
    assert credits(quote("kling/ai-avatar-standard").hold) == 8 * 300


def test_measured_speech_holds_its_started_seconds() -> None:
    assert credits(quote("kling/ai-avatar-standard", known_seconds=12.4).hold) == 8 * 13


def test_speech_over_the_maximum_holds_the_maximum() -> None:
    assert credits(quote("infinitalk/from-audio", known_seconds=400).hold) == 3 * 15


def test_shorter_video_costs_less() -> None:
    asked = quote("kling/ai-avatar-standard")
    assert credits(asked.capture(Delivered(count=1, seconds=10))) == 80


def test_last_frame_over_the_second_is_not_billed() -> None:
    asked = quote("kling/ai-avatar-standard")
    assert credits(asked.capture(Delivered(count=1, seconds=10.04))) == 80


def test_automatic_length_holds_the_models_maximum() -> None:
    asked = quote("bytedance/seedance-2-5", duration=-1, resolution="480p")
    assert credits(asked.hold) == 28 * 30
    assert credits(asked.capture(Delivered(count=1, seconds=7))) == 28 * 7


def test_reference_clip_changes_the_rate() -> None:
    with_clip = quote("bytedance/seedance-2", reference_video_urls=["https://a.example/v.mp4"])
    assert credits(with_clip.hold) == 25 * 5
    assert credits(quote("bytedance/seedance-2", reference_video_urls=[]).hold) == 41 * 5


def test_characters_are_billed_exactly_and_rounded_up() -> None:
    assert quote("elevenlabs/text-to-speech-multilingual-v2", text="x" * 1000).hold == 12 * CREDIT
    assert quote("elevenlabs/text-to-speech-multilingual-v2", text="x").hold == 120
    assert quote("elevenlabs/text-to-dialogue-v3", dialogue=[{"text": "ab", "voice": "v"}] * 2).hold == 560


def test_minutes_are_billed_by_the_second() -> None:
    assert quote("elevenlabs/speech-to-text", known_seconds=90).hold == 52_500
    assert quote("elevenlabs/speech-to-text", known_seconds=1).hold == 584


def test_megapixels_are_rounded_up() -> None:
    assert credits(quote("qwen/text-to-image", image_size="square_hd").hold) == 4
    assert credits(quote("qwen/image-to-image").hold) == 16
    assert credits(quote("qwen/image-to-image").capture(Delivered(count=1, megapixels=1.3))) == 8


def test_upscale_is_priced_by_the_size_of_the_result() -> None:
    asked = quote("topaz/image-upscale")
    assert credits(asked.hold) == 40
    assert credits(asked.capture(Delivered(count=1, megapixels=2048 * 2048 / 1e6))) == 10
    assert credits(asked.capture(Delivered(count=1, megapixels=9.0))) == 20
    assert credits(asked.capture(Delivered(count=1, megapixels=200.0))) == 40
    assert credits(asked.capture(Delivered(count=1))) == 40


def test_input_pictures_can_cost_extra() -> None:
    urls = [f"https://a.example/{n}.png" for n in range(3)]
    assert credits(quote("seedream/5-pro-image-to-image", image_urls=urls).hold) == 8
    both = quote("minimax-h3/image-to-video", last_frame_url=urls[0])
    assert credits(both.hold) == 6 * 16 + 16


def test_smallest_charge_applies() -> None:
    assert credits(quote("grok-imagine/text-to-video", duration=6).hold) == 20
    assert credits(quote("grok-imagine/text-to-video", duration=30, resolution="1080p").hold) == 240


def test_capture_follows_the_stored_rule_whatever_the_catalogue_says_now() -> None:
    model = CATALOG.models["ideogram/character"]
    stored = json.loads(json.dumps(model.price_json({**model.example, "num_images": "4"})))
    dearer = load_catalog(overrides={model.id: {"price": 99}}).models[model.id]
    assert dearer.price_version != model.price_version
    assert credits(capture_from(stored, Delivered(count=2))) == 36
    assert credits(dearer.hold_for(model.example)) == 99


def test_stored_rule_names_the_hold_it_made() -> None:
    for model in CATALOG.models.values():
        asked = model.quote(model.example)
        assert Quote.from_json(json.loads(json.dumps(asked.to_json()))) == asked


def test_text_and_data_cost_although_no_file_is_delivered() -> None:
    asked = quote("elevenlabs/speech-to-text", known_seconds=60)
    assert credits(asked.capture(Delivered(count=0, seconds=60))) == pytest.approx(3.5)
