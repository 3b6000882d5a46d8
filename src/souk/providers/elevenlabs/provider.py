"""The adapter for ElevenLabs: one request a task, and the result is its answer.

The service takes no idempotency key and cannot be asked about a request whose answer was lost: such a submit stays
unclear.
"""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, cast

from souk.net.http import Http, Response, Unreadable
from souk.providers.answers import as_object, shaped
from souk.providers.base import Done, Job, OutputFile, Unknown, Unreachable
from souk.providers.elevenlabs.calls import TAKES, call_for, timed
from souk.providers.elevenlabs.errors import not_made
from souk.providers.takes import Takes
from souk.words import JsonObject

BASE_URL: Final = "https://api.elevenlabs.io"
ANSWER_BYTES: Final = 128 * 1024 * 1024
WORD: Final = ("text", "start", "end", "type", "speaker_id")
"""What is told of a word of a transcript."""
TIMES: Final = ("characters", "character_start_times_seconds", "character_end_times_seconds")


class ElevenLabs:
    """A :class:`souk.providers.base.Provider`."""

    idempotent: bool = False

    def takes(self, job: Job) -> Mapping[str, Takes]:  # noqa: ARG002 - the same for every job
        """The usual sounds."""
        return TAKES

    async def prepare(self, job: Job, http: Http) -> Job:  # noqa: ARG002 - files travel inside the request
        """There is nothing to upload; what cannot be asked is told before anything is. Raises Refused."""
        await call_for(job)
        return job

    async def submit(self, job: Job, http: Http) -> Done:
        """Ask and wait. Raises Refused on proof, Unreadable where the answer proves nothing."""
        call = await call_for(job)
        response = await http.submit(
            "POST",
            f"{job.connection.base_url or BASE_URL}{call.path}",
            headers={"xi-api-key": job.connection.api_key},
            json=call.json,
            data=call.form,
            timeout=call.seconds,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        if response.status != 200:
            raise not_made(response, job.connection)
        if job.task == "speech-to-text":
            return await asyncio.to_thread(_transcript, response)
        # Megabytes of base64 must not hold up everybody else.
        return await asyncio.to_thread(_timed_speech, response, job) if timed(job) else _sound(response, job)

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a request whose answer was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Done:  # noqa: ARG002 - see below
        """What is made while the request is open has nothing to poll."""
        raise Unreachable("this task has no record at the upstream")

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """A request that is open cannot be called back."""
        return False


def _sound(response: Response, job: Job) -> Done:
    declared = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not response.body or not declared.startswith(("audio/", "application/octet-stream")):
        raise Unreadable(f"the answer is no sound but {declared or 'nothing'}")
    return Done([_file(response.body, job)], shaped(job, 1))


def _timed_speech(response: Response, job: Job) -> Done:
    """Speech, with the time of each of its characters under ``alignment``."""
    answer = as_object(response.json())
    try:
        sound = base64.b64decode(str(answer.get("audio_base64") or ""), validate=True)
    except binascii.Error as error:
        raise Unreadable("the sound in the answer is not whole base64") from error
    if not sound:
        raise Unreadable("the answer has no sound")
    told = as_object(answer.get("alignment"))
    times = {name: told.get(name, []) for name in TIMES}
    return Done([_file(sound, job)], shaped(job, 1) | {"alignment": times})


def _transcript(response: Response) -> Done:
    answer = as_object(response.json())
    listed: Any = answer.get("words")
    if not isinstance(answer.get("text"), str) or not isinstance(listed, list):
        raise Unreadable("the answer is no transcript")
    words = [as_object(item) for item in cast(list[Any], listed)]
    told: JsonObject = {name: answer.get(name) for name in ("language_code", "language_probability", "text")}
    told["words"] = [{name: word[name] for name in WORD if name in word} for word in words]
    length: Any = answer.get("audio_duration_secs")
    ends = [float(word["end"]) for word in words if isinstance(word.get("end"), int | float)]
    seconds = float(length) if isinstance(length, int | float) else max(ends, default=None)
    return Done([], {"resultObject": told}, seconds=seconds)


def _file(sound: bytes, job: Job) -> OutputFile:
    """A sound under the type that was asked for: raw formats do not show theirs."""
    return OutputFile(str(job.output.get("media_type") or "audio/mpeg"), data=sound)
