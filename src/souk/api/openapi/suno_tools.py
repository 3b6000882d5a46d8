"""Suno's tools and Gemini Omni's voices and characters in words."""

from dataclasses import replace

from souk.api.openapi.dedicated import (
    FLAG,
    MAYBE_CODE,
    MAYBE_MOMENT,
    MAYBE_OBJECT,
    MAYBE_TEXT,
    OWN,
    PARAM,
    creation,
    look,
    record_schema,
)
from souk.api.openapi.jobs import CREATE_REFUSALS, EXAMPLE_ID, IDEMPOTENCY
from souk.api.openapi.models import component
from souk.api.openapi.operation import Operation
from souk.api.openapi.records import TASK_ID, WARNINGS, envelope
from souk.api.openapi.shapes import JSON as JSON_TYPE
from souk.api.openapi.shapes import answer, flag, json_body, ref, text, thing, whole
from souk.api.openapi.suno import LATER, TAG, WAIT_FOR_IT
from souk.dialects.dedicated import Create
from souk.dialects.suno import cover, lyrics, midi, omni, stems, video, voice, wav
from souk.dialects.suno.direct import Direct
from souk.operations.types import Reason
from souk.words import JsonObject

OMNI_TAG = "Gemini Omni"

SPACED = {**MAYBE_TEXT, "description": "UTC, such as `2026-02-26 10:10:00`."}
PRECISE = {**MAYBE_TEXT, "description": "UTC, such as `2026-02-26T10:05:27.000Z`."}
STATES = ("PENDING", "SUCCESS", "CREATE_TASK_FAILED")


def _of_song(failed_word: str, moment: JsonObject) -> JsonObject:
    return record_schema(
        {
            "musicId": {**MAYBE_TEXT, "description": "The song."},
            "callbackUrl": MAYBE_TEXT,
            "musicIndex": whole("Which of its task's songs it is, counted from 0.", minimum=0),
            "completeTime": moment,
            "response": MAYBE_OBJECT,
            "successFlag": text(enum=[*STATES, failed_word]),
            "createTime": moment,
            "errorCode": MAYBE_CODE,
            "errorMessage": MAYBE_TEXT,
        }
    )


def _of_voice(made: JsonObject, *states: str) -> JsonObject:
    return record_schema(
        {
            **made,
            "status": text(enum=["wait_processing", *states, "fail"]),
            "errorCode": whole("0, or why it failed."),
            "errorMessage": text(),
        }
    )


SCHEMAS: JsonObject = {
    "SunoLyricsRecord": record_schema(
        {
            "param": PARAM,
            "response": {**MAYBE_OBJECT, "description": "`data` lists the variants."},
            "status": text(enum=[*STATES, "GENERATE_LYRICS_FAILED", "SENSITIVE_WORD_ERROR"]),
            "type": {"const": "LYRICS"},
            "errorCode": MAYBE_CODE,
            "errorMessage": MAYBE_TEXT,
        }
    ),
    "SunoWavRecord": _of_song("GENERATE_WAV_FAILED", SPACED),
    "SunoStemsRecord": _of_song("GENERATE_AUDIO_FAILED", MAYBE_MOMENT),
    "SunoVideoRecord": _of_song("GENERATE_MP4_FAILED", SPACED),
    "SunoMidiRecord": record_schema(
        {
            "recordTaskId": {"const": -1},
            "audioId": {**MAYBE_TEXT, "description": "The stem that was asked for, if it was one."},
            "callbackUrl": MAYBE_TEXT,
            "completeTime": MAYBE_MOMENT,
            "midiData": MAYBE_OBJECT,
            "successFlag": FLAG,
            "createTime": whole("Milliseconds since 1970."),
            "errorCode": {**MAYBE_TEXT, "description": "Why it failed."},
            "errorMessage": MAYBE_TEXT,
        }
    ),
    "SunoCoverRecord": record_schema(
        {
            "parentTaskId": text("The music task."),
            "callbackUrl": MAYBE_TEXT,
            "completeTime": PRECISE,
            "response": MAYBE_OBJECT,
            "successFlag": whole("0 waiting, 1 done, 2 under way, 3 failed.", enum=[0, 1, 2, 3]),
            "createTime": PRECISE,
            "errorCode": {**MAYBE_CODE, "description": "200 once done, or why it failed."},
            "errorMessage": text(),
        }
    ),
    "SunoPhraseRecord": _of_voice(
        {"validateInfo": text("The phrase to sing; empty before.")}, "processing_validate", "wait_validating"
    ),
    "SunoVoiceRecord": _of_voice({"voiceId": text("The voice; empty before.")}, "success"),
}


def _create(create: Create, name: str, summary: str, description: str = "") -> Operation:
    return creation(create, name, summary, description, tag=TAG)


def _at_once(call: Direct, name: str, summary: str, data: JsonObject) -> Operation:
    return Operation(
        "POST",
        call.path,
        name,
        OMNI_TAG,
        summary,
        LATER,
        parameters=(IDEMPOTENCY, WAIT_FOR_IT),
        body=json_body(ref(f"{component(call.name)}.input")),
        data=data,
        refusals=CREATE_REFUSALS,
    )


def _lyrics() -> Operation:
    own = ", ".join(f"{worded.code} for `{reason}`" for reason, worded in lyrics.REFUSALS.items())
    description = (
        f"Some refusals have codes of their own: {own}, {lyrics.TOO_LONG} for a prompt that is too long."
    )
    plain = tuple(reason for reason in CREATE_REFUSALS if reason not in lyrics.REFUSALS)
    return replace(_create(lyrics.GENERATE, "createSunoLyrics", "Write lyrics", description), refusals=plain)


def _cover() -> Operation:
    """A repeated call is refused with data: the task that did it."""
    operation = _create(
        cover.GENERATE,
        "createSunoCover",
        "Make cover pictures for a music task",
        "Once for each task, but for tries that failed. Later calls are refused with code 400, and `data.taskId` is "
        "the task that made them.",
    )
    task = thing({"taskId": TASK_ID})
    repeated = thing(
        {"code": {"const": 400}, "msg": text(), "data": task, "error": ref("Problem")},
        "There is a cover already.",
    )
    schema: JsonObject = {"oneOf": [envelope(operation.data or {}), repeated, ref("Failure")]}
    answers = {"200": answer("A new task, the one there is, or a refusal; `code` tells.", JSON_TYPE, schema)}
    return replace(operation, answers=answers)


OPERATIONS = (
    _lyrics(),
    look(lyrics.Lyrics, "getSunoLyrics", "SunoLyricsRecord", tag=TAG),
    _create(
        wav.GENERATE,
        "createSunoWav",
        "Get a song as WAV",
        "Once for each song, but for tries that failed; later calls are refused with code 409.",
    ),
    look(wav.Wav, "getSunoWav", "SunoWavRecord", tag=TAG),
    _create(
        stems.GENERATE,
        "createSunoStems",
        "Take a song apart",
        "Every call is a new task with its price.",
    ),
    look(stems.Stems, "getSunoStems", "SunoStemsRecord", tag=TAG),
    _create(midi.GENERATE, "createSunoMidi", "Get the notes of a song's stems"),
    look(midi.Midi, "getSunoMidi", "SunoMidiRecord", tag=TAG),
    _create(
        video.GENERATE,
        "createSunoVideo",
        "Get a song as a clip to look at",
        "Once for each song, but for tries that failed; later calls are refused with code 409.",
    ),
    look(video.Video, "getSunoVideo", "SunoVideoRecord", tag=TAG),
    _cover(),
    look(cover.Cover, "getSunoCover", "SunoCoverRecord", tag=TAG),
    _create(voice.VALIDATE, "createSunoPhrase", "Get a phrase to sing, to prove that a voice is yours"),
    look(voice.VoicePhrase, "getSunoPhrase", "SunoPhraseRecord", tag=TAG),
    Operation(
        "POST",
        voice.REGENERATE.path,
        "regenerateSunoPhrase",
        TAG,
        "Get another phrase for the same recording",
        "A task of its own, whose id is answered. `callBackUrl` may also be written `calBackUrl`.",
        parameters=(IDEMPOTENCY,),
        body=json_body(
            thing(
                {"taskId": TASK_ID, **OWN, voice.MISSPELT_CALLBACK: OWN["callBackUrl"]},
                optional=(*OWN, voice.MISSPELT_CALLBACK),
            )
        ),
        data=thing({"taskId": TASK_ID, "warnings": WARNINGS}, optional=("warnings",)),
        example={"taskId": EXAMPLE_ID},
        refusals=CREATE_REFUSALS,
    ),
    _create(voice.GENERATE, "createSunoVoice", "Make a voice that songs can have"),
    look(voice.Voice, "getSunoVoice", "SunoVoiceRecord", tag=TAG),
    Operation(
        "POST",
        voice.CHECK_PATH,
        "checkSunoVoice",
        TAG,
        "Ask whether a voice can be used",
        body=json_body(thing({"task_id": TASK_ID})),
        data=thing({"isAvailable": flag("Whether the task has made it.")}),
        refusals=(Reason.UNKNOWN_TASK, Reason.INVALID_INPUT),
    ),
    _at_once(
        omni.OmniVoice(),
        "createOmniVoice",
        "Make a voice for Gemini Omni Video",
        thing({"kieAudioId": text("For `audio_ids`.", examples=[EXAMPLE_ID]), "name": text()}),
    ),
    _at_once(
        omni.OmniCharacter(),
        "createOmniCharacter",
        "Make a character for Gemini Omni Video",
        thing({"kieCharacterId": text("For `character_ids`.", examples=[EXAMPLE_ID]), "name": text()}),
    ),
)
