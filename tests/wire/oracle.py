"""What a finished task must show: the documented record, and files that are what the catalogue promised."""

import json
from typing import Any

from souk.catalog.output import OutputSpec
from tests.wire.decoded import RAW, Decoded
from tests.wire.market import Outcome, Served

RECORD_TYPES: dict[str, tuple[type, ...]] = {
    "taskId": (str,),
    "model": (str,),
    "state": (str,),
    "param": (str,),
    "resultJson": (str,),
    "failCode": (str,),
    "failMsg": (str,),
    "costTime": (int,),
    "completeTime": (int,),
    "createTime": (int,),
    "updateTime": (int,),
    "creditsConsumed": (int, float),
}
"""The documented keys of a record in their order."""
PROGRESS_FAMILY = "sora-2"
"""Models whose record also tells the progress."""

URLS = {"resultUrls": [str]}
WORD = {"text": str, "start": (int, float), "end": (int, float), "type": str, "speaker_id": str}
RESULTS: dict[str, dict[str, Any]] = {
    "sora-2-characters": {"character_id": str},
    "sora-2-characters-pro": {"character_id": str},
    "omnihuman-1-5/human-identification": {"resultObject": {"subject_status": int}},
    "omnihuman-1-5/subject-detection": {"resultObject": {"mask_urls": [str]}},
    "grok-imagine-image-2-0/segment-map": {
        "resultObject": {"segments_count": int, "segments": [{"index": int, "name": str, "maskUrl": str}]}
    },
    "elevenlabs/speech-to-text": {
        "resultObject": {
            "language_code": str,
            "language_probability": (int, float),
            "text": str,
            "words": [WORD],
        }
    },
    "seedream/5-pro-layer-decomposition": {
        **URLS,
        "resultObject": {
            "layers_data": [
                {"z_index": int, "name": str, "url": str, "bounding_box": {"absolute": [(int, float)]}}
            ]
        },
    },
}
"""The documented shape of ``resultJson`` where it is more than a list of addresses."""

FORMS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "video/mp4": "mov,mp4,m4a,3gp,3g2,mj2",
    "video/quicktime": "mov,mp4,m4a,3gp,3g2,mj2",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mp4": "mov,mp4,m4a,3gp,3g2,mj2",
    "audio/pcm": "s16le",
    "audio/basic": "mulaw",
    "audio/x-alaw-basic": "alaw",
}
EXTENDING = frozenset({"grok-imagine/extend", "pixverse-v6/extend"})
"""Their result is the parent's clip and what was added to it."""
REAL = "Souk"
"""The vendor whose models are real work, which the sandbox has no part in."""
LAYERING = "layer-decomposition"
"""Its files are as large, and as transparent, as what is on each layer."""
SLACK_SECONDS = 0.15


def check_record(outcome: Outcome) -> None:
    """The record of a success, as documented."""
    record, model = outcome.record, outcome.model
    names = [*RECORD_TYPES, "progress"] if model.id.startswith(PROGRESS_FAMILY) else [*RECORD_TYPES]
    assert list(record) == names
    for name, types in RECORD_TYPES.items():
        assert type(record[name]) in types, f"{name}: {record[name]!r}"
    assert (record["model"], record["state"]) == (model.id, "success")
    assert (record["failCode"], record["failMsg"]) == ("", "")
    assert record.get("progress", 100) == 100
    assert json.loads(record["param"]) == {"model": model.id, "input": outcome.input}
    assert record["createTime"] <= record["completeTime"] <= record["updateTime"]
    assert record["costTime"] == record["completeTime"] - record["createTime"]
    assert 0 <= record["creditsConsumed"] <= outcome.held
    check_shape(outcome.result, RESULTS.get(model.id, URLS), "resultJson")


def check_shape(value: Any, shape: Any, where: str) -> None:
    """A JSON value of these keys and types; a list must hold something."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert list(value) == list(shape), where
        for name, inner in shape.items():
            check_shape(value[name], inner, f"{where}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        assert value, f"{where} is empty"
        for item in value:
            check_shape(item, shape[0], f"{where}[]")
    else:
        assert isinstance(value, shape), f"{where}: {value!r}"


def check_files(outcome: Outcome) -> None:
    """Number, form, size, length and sound of the files, by the catalogue; what the sandbox made is marked."""
    asked = spec_of(outcome)
    if asked.kind in ("image", "video", "audio"):
        assert len(outcome.listed) == asked.count
    for file in outcome.listed:
        check_file(file, asked, outcome)
    for file in outcome.files:
        assert FORMS[file.media_type] == file.decoded.form
        assert file.decoded.marked == (outcome.model.vendor != REAL) or file.media_type in RAW


def spec_of(outcome: Outcome) -> OutputSpec:
    """What the task's input asks for, given the files that it follows."""
    spec = outcome.model.output_for(outcome.input)
    size = outcome.followed.size or (None, None)
    return spec.resolve(*size, seconds=outcome.followed.seconds)


def check_file(file: Served, asked: OutputSpec, outcome: Outcome) -> None:
    found = file.decoded
    if outcome.model.task != LAYERING:
        assert found.size == ((asked.width, asked.height) if asked.width else None)
    assert (found.kind, file.media_type) == (asked.kind, asked.media_type)
    if asked.kind == "image":
        assert asked.alpha == (found.clear > 0) or outcome.model.task == LAYERING
    elif asked.kind == "video":
        assert (found.codec, found.sound) == ("h264", "aac" if asked.sound else "")
        assert found.fps == asked.fps
        check_length(found, asked, outcome, slack=SLACK_SECONDS + 1 / found.fps)
    elif asked.kind == "audio":
        assert found.rate == asked.sample_rate
        check_length(found, asked, outcome, slack=SLACK_SECONDS)


def check_length(found: Decoded, asked: OutputSpec, outcome: Outcome, slack: float) -> None:
    spec = outcome.model.output_for(outcome.input)
    if spec.seconds is None and spec.seconds_follow is None:
        assert (
            0.5 < found.seconds <= (spec.seconds_max or 60)
        )  # as long as its words take, or as the maker likes
        return
    before = outcome.followed.seconds if outcome.model.id in EXTENDING else 0
    assert abs(found.seconds - before - (asked.seconds or 0)) <= slack
