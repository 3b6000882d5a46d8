"""Checking an input: what is refused and with which words, what is repaired, what is warned about."""

from typing import Any

import pytest

from souk.catalog import InputRefused, load_catalog

CATALOG = load_catalog()


def refused(model: str, input: dict[str, Any]) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        CATALOG.models[model].check(input)
    return caught.value


def repaired(model: str, **changes: Any) -> dict[str, Any]:
    found = CATALOG.models[model]
    return found.check({**found.example, **changes}).input


def test_missing_field_is_named() -> None:
    error = refused("z-image", {"aspect_ratio": "1:1"})
    assert (error.field, error.reason, error.message) == ("prompt", "required", "prompt is required")


def test_missing_field_points_to_its_misspelling() -> None:
    error = refused("z-image", {"promt": "a cat", "aspect_ratio": "1:1"})
    assert error.field == "prompt"
    assert error.message.startswith("prompt is required; 'promt' is not a field of this model")


def test_null_counts_as_missing() -> None:
    assert refused("z-image", {"prompt": None, "aspect_ratio": "1:1"}).message == "prompt is required"


def test_empty_address_counts_as_missing() -> None:
    assert refused("recraft/crisp-upscale", {"image": ""}).message == "image is required"


def test_wrong_value_is_answered_with_the_allowed_ones_and_the_nearest() -> None:
    error = refused("z-image", {"prompt": "a cat", "aspect_ratio": "5:3"})
    assert error.field == "aspect_ratio"
    assert error.reason == "value"
    assert list(error.allowed) == ["1:1", "4:3", "3:4", "16:9", "9:16"]
    assert error.message == (
        'aspect_ratio must be one of 1:1, 4:3, 3:4, 16:9, 9:16 (got "5:3"; nearest is 16:9)'
    )


def test_value_in_another_case_is_refused_with_the_right_spelling() -> None:
    error = refused("bytedance/seedance-2", {"prompt": "a cat", "resolution": "4K"})
    assert "nearest is 4k" in error.message


@pytest.mark.parametrize(
    ("model", "changes", "field", "reason", "words"),
    [
        ("z-image", {"prompt": "x" * 1001}, "prompt", "length", "at most 1000 characters (got 1001)"),
        ("z-image", {"prompt": {"a": 1}}, "prompt", "type", "must be a text (got an object)"),
        ("bytedance/seedream", {"guidance_scale": 11}, "guidance_scale", "range", "at most 10 (got 11)"),
        ("bytedance/seedream", {"seed": "abc"}, "seed", "type", 'must be a whole number (got "abc")'),
        ("recraft/crisp-upscale", {"image": "woman.png"}, "image", "format", "http or https address"),
        ("recraft/crisp-upscale", {"image": "file:///etc/passwd"}, "image", "format", "http or https"),
        ("seedream/4.5-edit", {"image_urls": []}, "image_urls", "items", "at least 1 item"),
        (
            "sora-2-pro-storyboard",
            {"shots": [{"Scene": "one", "duration": 5}, {"Scene": "two"}]},
            "shots[1].duration",
            "required",
            "shots[1].duration is required",
        ),
    ],
)
def test_refusal_names_field_and_reason(
    model: str, changes: dict[str, Any], field: str, reason: str, words: str
) -> None:
    error = refused(model, {**CATALOG.models[model].example, **changes})
    assert (error.field, error.reason) == (field, reason)
    assert words in error.message


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        (
            "hailuo/2-3-image-to-video-pro",
            {"duration": "10", "resolution": "1080P"},
            "cannot be made at 1080P",
        ),
        ("grok-imagine/image-to-video", {"task_id": "t"}, "exclude each other"),
        ("veo3", {"generationType": "REFERENCE_2_VIDEO"}, "REFERENCE_2_VIDEO needs model veo3_fast"),
        ("grok-imagine/image-to-video", {"mode": "spicy"}, "mode spicy works with task_id only"),
        ("kling-3.0/video", {"multi_shots": True}, "multi_shots needs multi_prompt"),
        ("gpt-image-2-text-to-image", {"aspect_ratio": "1:1", "resolution": "4K"}, "goes up to 2K"),
        ("gpt-image-2-text-to-image", {"aspect_ratio": "auto", "resolution": "2K"}, "fixed aspect_ratio"),
        ("wan/2-7-image", {"n": 5}, "n goes up to 4, or 12"),
        ("pixverse-v6/image-to-video", {"template_id": 412736208886848}, "either template_id"),
        (
            "pixverse-v6/extend",
            {"video_url": "https://a.example/v.mp4"},
            "exactly one of taskId and video_url",
        ),
        (
            "bytedance/seedance-2-5",
            {
                "first_frame_url": "https://a.example/1.png",
                "reference_image_urls": ["https://a.example/2.png"],
            },
            "first_frame_url excludes reference files",
        ),
        ("bytedance/seedance-2-5", {"last_frame_url": "https://a.example/1.png"}, "needs first_frame_url"),
        (
            "wan/2-7-r2v",
            {
                "reference_image": [f"https://a.example/{n}.png" for n in range(3)],
                "reference_video": [f"https://a.example/{n}.mp4" for n in range(3)],
            },
            "together may be 5",
        ),
    ],
)
def test_broken_rule_between_fields_is_said_in_words(model: str, changes: dict[str, Any], words: str) -> None:
    error = refused(model, {**CATALOG.models[model].example, **changes})
    assert words in error.message


def test_nul_character_is_refused() -> None:
    error = refused("z-image", {"prompt": "a\0b", "aspect_ratio": "1:1"})
    assert (error.field, error.reason) == ("prompt", "text")


def test_nul_character_is_refused_in_unknown_and_nested_fields() -> None:
    assert refused("z-image", {"extra": {"deep": ["\0"]}}).field == "extra"


def test_half_a_character_is_refused() -> None:
    assert refused("z-image", {"prompt": "a\ud800", "aspect_ratio": "1:1"}).field == "prompt"


def test_number_beyond_all_bounds_is_refused_like_any_other() -> None:
    assert refused("bytedance/seedance-2", {"prompt": "a cat", "duration": 10**400}).field == "duration"
    assert refused(
        "kling-2.6/text-to-video", repaired("kling-2.6/text-to-video") | {"duration": 10**400}
    ).reason


def test_bottomless_nesting_is_refused() -> None:
    deep: Any = "x"
    for _ in range(2000):
        deep = [deep]
    assert "nested" in refused("z-image", {"extra": deep}).message


def test_number_sent_as_text_becomes_a_number() -> None:
    assert repaired("grok-imagine/text-to-video", duration="6")["duration"] == 6
    assert repaired("bytedance/seedream", guidance_scale="2.5")["guidance_scale"] == 2.5


def test_text_sent_as_a_number_becomes_a_text() -> None:
    assert repaired("kling-2.6/text-to-video", duration=5)["duration"] == "5"
    assert repaired("kling-2.6/text-to-video", duration=10.0)["duration"] == "10"


def test_truth_sent_as_text_becomes_true() -> None:
    assert repaired("kling-2.6/text-to-video", sound="true")["sound"] is True


def test_one_address_becomes_a_list_where_a_list_is_asked() -> None:
    url = "https://a.example/1.png"
    assert repaired("seedream/4.5-edit", image_urls=url)["image_urls"] == [url]


def test_list_of_one_becomes_an_address_where_one_is_asked() -> None:
    url = "https://a.example/1.png"
    assert repaired("recraft/crisp-upscale", image=[url])["image"] == url


def test_list_is_kept_where_both_forms_are_known() -> None:
    urls = ["https://a.example/1.png"]
    assert repaired("qwen2/image-edit", image_url=urls)["image_url"] == urls


def test_nested_numbers_are_repaired_too() -> None:
    shots = [{"Scene": "one", "duration": "7"}]
    assert repaired("sora-2-pro-storyboard", shots=shots)["shots"] == [{"Scene": "one", "duration": 7}]


def test_null_and_empty_address_of_optional_fields_are_dropped() -> None:
    changed = repaired("kling/v2-1-pro", tail_image_url="", negative_prompt=None)
    assert "tail_image_url" not in changed
    assert "negative_prompt" not in changed


def test_empty_choices_and_ids_of_optional_fields_are_dropped() -> None:
    wish = {"customMode": False, "instrumental": True, "prompt": "Rain", "model": "V5"}
    music = CATALOG.models["suno-generate"]
    assert music.check({**wish, "vocalGender": "", "personaId": ""}).input == wish
    assert "resolution" not in repaired("nano-banana-pro", resolution="")
    assert refused("z-image", {"prompt": "a cat", "aspect_ratio": ""}).message == "aspect_ratio is required"


def test_empty_lists_of_optional_fields_are_dropped() -> None:
    assert "color_palette" not in repaired("wan/2-7-image", color_palette=[])
    assert "video_urls" not in repaired("kling-3.0-omni/reference-to-video", video_urls=[])


def test_client_input_is_left_as_it_was() -> None:
    sent = {"prompt": "x", "aspect_ratio": "1:1", "sound": "false", "duration": 5}
    before = dict(sent)
    CATALOG.models["kling-2.6/text-to-video"].check(sent)
    assert sent == before


def test_defaults_are_not_written_into_the_input() -> None:
    model = CATALOG.models["nano-banana-pro"]
    assert model.check({"prompt": "a cat"}).input == {"prompt": "a cat"}
    assert model.with_defaults({"prompt": "a cat"})["resolution"] == "1K"


def test_default_of_a_rule_comes_before_the_plain_one() -> None:
    model = CATALOG.models["kling-3.0/video"]
    assert model.with_defaults({"multi_shots": True})["sound"] is True
    assert model.with_defaults({})["sound"] is False


def test_unknown_field_is_kept_and_warned_about() -> None:
    model = CATALOG.models["z-image"]
    checked = model.check({**model.example, "aspect_ration": "16:9", "zzz": 1})
    assert checked.input["zzz"] == 1
    assert checked.warnings == (
        "`aspect_ration` is not a field of this model and was passed over; did you mean `aspect_ratio`?",
        "`zzz` is not a field of this model and was passed over",
    )


def test_flood_of_unknown_fields_gets_few_warnings() -> None:
    model = CATALOG.models["z-image"]
    checked = model.check({**model.example, **{f"field{n}": n for n in range(1000)}})
    assert len(checked.warnings) == 20
