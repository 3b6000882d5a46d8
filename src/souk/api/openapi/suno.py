"""Suno's music in words: the creates, their record and callbacks, and the calls that answer with their result."""

from dataclasses import replace

from souk.api.openapi.dedicated import (
    MAYBE_CODE,
    MAYBE_OBJECT,
    MAYBE_TEXT,
    PARAM,
    creation,
    look,
    record_schema,
)
from souk.api.openapi.jobs import CREATE_REFUSALS, EXAMPLE_ID, IDEMPOTENCY, WAIT
from souk.api.openapi.models import component
from souk.api.openapi.operation import Operation
from souk.api.openapi.records import TASK_ID
from souk.api.openapi.shapes import flag, json_body, listed, number, ref, text, thing, whole
from souk.dialects.dedicated import Create
from souk.dialects.suno import music
from souk.dialects.suno.direct import WAIT_SECONDS, Direct
from souk.dialects.suno.persona import Persona
from souk.dialects.suno.style import Style
from souk.dialects.suno.timed_lyrics import TimedLyrics
from souk.operations.types import Reason
from souk.words import JsonObject

TAG = "Suno"
STAGES = "The callback address is told of each stage: the text, the first track, the end."
LATER = (
    f"Answers within {WAIT_SECONDS:g} seconds. Work that takes longer goes on: the answer is then code 408 with "
    "`error.code` `not_ready`, and `error.taskId` names the task."
)

WAIT_FOR_IT = {
    **WAIT,
    "description": f"For how many seconds at most the answer is held back: {WAIT_SECONDS:g} unless said otherwise.",
}

MUSIC_RECORD = record_schema(
    {
        "parentMusicId": text("The track this one is made from; else empty."),
        "param": PARAM,
        "response": {
            **MAYBE_OBJECT,
            "description": "`sunoData` lists the tracks that are ready; null before the first stage.",
        },
        "status": text(
            enum=[
                "PENDING",
                "TEXT_SUCCESS",
                "FIRST_SUCCESS",
                "SUCCESS",
                "CREATE_TASK_FAILED",
                "GENERATE_AUDIO_FAILED",
                "SENSITIVE_WORD_ERROR",
            ]
        ),
        "type": text("The operation in capitals.", examples=["GENERATE"]),
        "operationType": text("The operation.", examples=["generate"]),
        "errorCode": MAYBE_CODE,
        "errorMessage": MAYBE_TEXT,
    }
)
_TRACK = thing(
    {
        "id": text("The track's id, for calls that build on it."),
        "audio_url": text("The song."),
        "source_audio_url": text("The same file."),
        "stream_audio_url": text("The same file."),
        "source_stream_audio_url": text("The same file."),
        "image_url": text("Its cover."),
        "source_image_url": text("The same picture."),
        "prompt": text("The lyrics."),
        "model_name": text(examples=["chirp-v5"]),
        "title": text(),
        "tags": text("Styles."),
        "createTime": text("UTC, such as `2026-02-26 10:02:11`."),
        "duration": number("Seconds."),
    }
)
MUSIC_CALLBACK = thing(
    {
        "code": whole("200, or why the task failed."),
        "msg": text("The same in words."),
        "data": thing(
            {
                "callbackType": text(enum=["text", "first", "complete", "error"]),
                "task_id": TASK_ID,
                "data": {"type": ["array", "null"], "items": _TRACK, "description": "The tracks so far."},
                "error": text("Failed replace-section tasks only, in place of `data`."),
            },
            optional=("data", "error"),
        ),
    },
    "What a callback address is told of music, at each stage.",
)
SCHEMAS: JsonObject = {"SunoMusicRecord": MUSIC_RECORD, "SunoMusicCallback": MUSIC_CALLBACK}

_WORD = thing(
    {
        "word": text("As the lyrics write it."),
        "success": flag("Whether it was found."),
        "startS": number("Seconds."),
        "endS": number("Seconds."),
        "palign": number(),
    }
)


def _song(create: Create, name: str, summary: str, description: str = STAGES) -> Operation:
    return creation(create, name, summary, description, tag=TAG, callback="SunoMusicCallback")


def _direct(call: type[Direct], name: str, summary: str, description: str, data: JsonObject) -> Operation:
    return Operation(
        "POST",
        call.path,
        name,
        TAG,
        summary,
        f"{description} {LATER}",
        parameters=(WAIT_FOR_IT,) if call is TimedLyrics else (IDEMPOTENCY, WAIT_FOR_IT),
        body=json_body(ref(f"{component(call.name)}.input")),
        data=data,
        refusals=(*CREATE_REFUSALS, Reason.CONFLICT) if call is Persona else CREATE_REFUSALS,
    )


OPERATIONS = (
    _song(music.GENERATE, "createSunoMusic", "Make two songs"),
    _song(music.EXTEND, "extendSunoMusic", "Continue a song"),
    _song(music.UPLOAD_COVER, "coverSunoUpload", "Make a cover version of your audio"),
    _song(music.UPLOAD_EXTEND, "extendSunoUpload", "Continue your audio"),
    _song(music.ADD_INSTRUMENTAL, "addSunoInstrumental", "Accompany your voice"),
    _song(music.ADD_VOCALS, "addSunoVocals", "Sing to your music"),
    _song(
        music.REPLACE_SECTION,
        "replaceSunoSection",
        "Make a section of a song anew",
        "The callback address is told of the end only.",
    ),
    _song(music.MASHUP, "createSunoMashup", "Blend two tracks"),
    _song(music.SOUNDS, "createSunoSounds", "Make a sound"),
    replace(
        look(music.Music, "getSunoMusic", "SunoMusicRecord", tag=TAG),
        description="An unknown task is answered with code 200 and `data` null.",
        data={"oneOf": [ref("SunoMusicRecord"), {"type": "null"}]},
        refusals=(Reason.INVALID_INPUT,),
    ),
    _direct(
        Style,
        "describeSunoStyle",
        "Have a style described",
        "A few words become a description to make songs by.",
        thing(
            {
                "taskId": TASK_ID,
                "param": text("The style that was given."),
                "result": text("Its description."),
                "creditsConsumed": number(),
                "creditsRemaining": number(),
                "successFlag": text("1 done, 2 failed.", enum=["1", "2"]),
                "errorCode": MAYBE_CODE,
                "errorMessage": text(),
                "errorMsg": {**MAYBE_TEXT, "description": "The same under another name."},
                "createTime": whole("Milliseconds since 1970."),
            }
        ),
    ),
    _direct(
        Persona,
        "createSunoPersona",
        "Make a persona from a track",
        "`personaId` may be named by later songs. A track gives one persona; later calls are refused with code 409.",
        thing({"personaId": text(examples=[EXAMPLE_ID]), "name": text(), "description": text()}),
    ),
    _direct(
        TimedLyrics,
        "getSunoTimedLyrics",
        "Get when each word of a track sounds",
        "Instrumental tracks have no words. An unknown task or track is answered with code 404.",
        thing(
            {
                "alignedWords": listed(_WORD),
                "waveformData": listed(number(), "The loudness over time, from 0 to 1."),
                "hootCer": number("Share of letters that were misheard."),
                "isStreamed": flag(),
            }
        ),
    ),
)
