"""Every kind of work in the catalogue runs in the sandbox: one model of each task, with its own example input."""

from pathlib import Path

import pytest

from souk.catalog.load import load_catalog
from souk.catalog.media import field_of, media_rule
from souk.catalog.model import Model
from souk.providers.base import MediaFile, ParentRef
from souk.providers.sandbox import Sandbox
from souk.providers.sandbox.song import ScoreSpec
from souk.words import JsonObject
from tests.providers.sandbox_jobs import (
    clip_file,
    content,
    given,
    job,
    nothing_told,
    picture_file,
    sound_file,
)

MODELS = {model.task: model for model in load_catalog().models.values()}


def example_files(model: Model, input: JsonObject, at: Path) -> list[MediaFile]:
    """A file for every address and parent the example names."""
    made = {
        "image": (picture_file(at / "in.png"), "image/png"),
        "video": (clip_file(at / "in.mp4"), "video/mp4"),
        "audio": (sound_file(at / "in.wav"), "audio/wav"),
    }
    named = [(place, media_rule(place.mark).kinds[0]) for place in model.media_places]
    named += [(field.place, model.category) for field in model.parent_fields]
    return [
        given(field_of(place.path), *made[kind], number)
        for place, kind in named
        for number, _ in enumerate(place.texts(input))
    ]


def example_parents(model: Model, input: JsonObject) -> list[ParentRef]:
    """Something written down about every piece the example names: that of a song."""
    score = ScoreSpec(seed=7, style="folk", seconds=40.0, lyrics="Salt wind over the pier")
    song = {
        "score": score.to_json(),
        "lyrics": score.lyrics,
        "title": "Pier",
        "tags": "folk",
        "duration": 40.0,
    }
    return [
        ParentRef(parent.field.path, parent.id, "sandbox", "", song, "song")
        for parent in model.parents(input)
        if parent.kind == "piece"
    ]


def made_small(output: JsonObject) -> JsonObject:
    """The same asked for in a quarter of the pixels' sides and at most one second, to keep the test quick."""
    sides = {name: output[name] // 4 // 2 * 2 for name in ("width", "height") if name in output}
    seconds = {name: 1.0 for name in ("seconds", "seconds_typical") if name in output}
    return {**output, **sides, **seconds}


@pytest.mark.parametrize("task", sorted(MODELS))
async def test_a_model_of_every_task_runs(sandbox: Sandbox, tmp_path: Path, task: str) -> None:
    model = MODELS[task]
    short = {"continueAt": 1.0} if "continueAt" in model.example else {}
    input = model.with_defaults(model.example) | short
    output = model.output_for(input).to_json()
    files = example_files(model, input, tmp_path)
    parents = example_parents(model, input)
    asked = job(task, input, made_small(output), files, parents=parents)
    done = await sandbox.run(asked, tmp_path, nothing_told)
    assert len(done.files) >= output.get("count", 0)
    assert all(content(done, number) for number in range(len(done.files)))
    assert done.result.keys() == output["result"].keys()
