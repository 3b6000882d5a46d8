"""Songs and stems of KIE.AI: the stages on their way, and the pieces that later tasks can name."""

from souk.providers.base import Done, Failed, OutputFile, Running
from souk.words import JsonObject
from tests.providers.kie_wires import FILE, OTHER, verdict

TRACK = {
    "id": "6b1f2c84",
    "audioUrl": FILE,
    "imageUrl": OTHER,
    "prompt": "[Verse] Salt",
    "modelName": "chirp-v5",
    "title": "Pier",
    "tags": "folk",
    "duration": 176.32,
}
SHOWN = {
    "id": {"$piece": 0},
    "audio": {"$file": 0},
    "image": {"$file": 1},
    "prompt": "[Verse] Salt",
    "model_name": "chirp-v5",
    "title": "Pier",
    "tags": "folk",
    "duration": 176.32,
}


def song(status: str, *tracks: JsonObject) -> Running | Done | Failed:
    return verdict("suno-generate", {"status": status, "response": {"sunoData": list(tracks)}})


def test_written_text_is_a_stage() -> None:
    stage = song("TEXT_SUCCESS", TRACK | {"audioUrl": ""})
    assert stage == Running(stage="text", data={"lyrics": "[Verse] Salt", "title": "Pier", "tags": "folk"})


def test_first_track_is_a_stage_with_its_files() -> None:
    stage = song("FIRST_SUCCESS", TRACK, TRACK | {"audioUrl": ""})
    assert isinstance(stage, Running)
    assert (stage.stage, stage.data) == ("first", {"tracks": [SHOWN]})
    assert stage.files == [OutputFile(url=FILE), OutputFile(url=OTHER)]


def test_files_of_a_stage_come_first_at_the_end_too() -> None:
    """The second track finished before the first: telling it now would change the order of the files."""
    stage = song("FIRST_SUCCESS", TRACK | {"audioUrl": ""}, TRACK)
    assert isinstance(stage, Running)
    assert stage.stage == "text"


def test_songs_are_pieces_with_their_own_sound() -> None:
    second = TRACK | {"id": "d07a94e3", "audioUrl": "https://files.example/c.mp3", "imageUrl": ""}
    done = song("SUCCESS", TRACK, second)
    assert isinstance(done, Done)
    assert [file.url for file in done.files] == [FILE, OTHER, "https://files.example/c.mp3"]
    assert [(piece.kind, piece.upstream_ref, piece.file) for piece in done.pieces] == [
        ("song", "6b1f2c84", 0),
        ("song", "d07a94e3", 2),
    ]
    assert done.result["resultUrls"] == [{"$file": 0}, {"$file": 2}]
    assert done.result["tracks"][0] == SHOWN
    assert done.pieces[0].data["lyrics"] == "[Verse] Salt"


def test_stems_are_pieces_with_names() -> None:
    origin = [
        {"duration": 9.5, "audio_url": FILE, "stem_type_group_name": "Backing Vocals", "id": "s1"},
        {"duration": 9.5, "audio_url": OTHER, "stem_type_group_name": "Instrumental", "id": "s2"},
    ]
    done = verdict("suno-vocal-removal", {"successFlag": "SUCCESS", "response": {"originData": origin}})
    assert isinstance(done, Done)
    assert [stem["part"] for stem in done.result["stems"]] == ["backing_vocals", "instrumental"]
    assert [piece.upstream_ref for piece in done.pieces] == ["s1", "s2"]


def test_vocals_have_the_name_the_record_gives_them() -> None:
    origin = [{"duration": 9.5, "audio_url": FILE, "stem_type_group_name": "Vocals", "id": "s1"}]
    done = verdict("suno-vocal-removal", {"successFlag": "SUCCESS", "response": {"originData": origin}})
    assert isinstance(done, Done)
    assert done.result["stems"][0]["part"] == "vocal"
