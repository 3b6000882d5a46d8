"""Gemini Omni video: an interaction in the background, asked for until it is done, and its clip fetched with the key.

Sources: the types of Google's SDK, and the Gemini API's pages on interactions, Omni and files.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from souk.net.http import Http, Unreadable
from souk.providers.base import Accepted, Job, MediaFile, Refused
from souk.providers.google.errors import not_taken
from souk.providers.google.wire import address, an_object, key
from souk.providers.inputs import as_base64
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 120.0
"""A request may carry pictures of many megabytes."""
ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Room for a record with a small clip inside it."""
REF_CHARACTERS: Final = 500
NOT_THERE: Final = ("audio_ids", "character_ids", "video_list")
"""Voices and characters live at others only, and of a clip it takes no part, only the whole."""
_ROLE: Final = re.compile(r"<(FIRST_FRAME|LAST_FRAME|(?:IMAGE|VIDEO)_REF_(\d+)|VIDEO_\d+)>")
_HEAD: Final = re.compile(r"\[#\s*(?=Sources|References)", re.IGNORECASE)


async def submit_clip(job: Job, http: Http) -> Accepted:
    """Start an interaction. Raises Refused on proof, Unreadable where the answer proves nothing."""
    for field in NOT_THERE:
        if job.input.get(field):
            raise Refused(FailKind.UNSUPPORTED, f"{field}: the upstream has nothing of the kind")
    response = await http.submit(
        "POST",
        address(job.connection, "interactions"),
        headers=key(job.connection),
        json=await _body(job),
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )
    if response.status >= 300:
        raise not_taken(response, job.connection.api_key)
    ref = an_object(response.json()).get("id")
    if not isinstance(ref, str) or not 0 < len(ref) <= REF_CHARACTERS:
        raise Unreadable(f"HTTP {response.status} without an interaction's id")
    return Accepted(ref)


async def cancel_clip(job: Job, ref: str, http: Http) -> bool:
    """Ask to stop an interaction; true if it says that it is."""
    response = await http.request(
        "POST",
        address(job.connection, f"interactions/{quote(ref, safe='')}/cancel"),
        headers=key(job.connection),
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )
    return response.status == 200 and an_object(response.json()).get("status") == "cancelled"


async def _body(job: Job) -> JsonObject:
    files = await job.media.files("image_urls")
    settings: JsonObject = {
        "video_config": {"task": "reference_to_video" if files else "text_to_video"},
    }
    if "seed" in job.input:
        settings["seed"] = job.input["seed"]
    return {
        "model": job.upstream_model,
        "input": await _asked(str(job.input["prompt"]), files),
        "background": True,
        "generation_config": settings,
        "response_format": {
            "type": "video",
            "delivery": "uri",
            "aspect_ratio": job.input["aspect_ratio"],
            "duration": f"{job.input['duration']}s",
            "resolution": job.input["resolution"],
        },
    }


async def _asked(prompt: str, files: Sequence[MediaFile]) -> str | list[JsonObject]:
    if not files:
        return plain(prompt, 0)
    content: list[JsonObject] = [
        {"type": "text", "text": f"{_heading(len(files))}\n{plain(prompt, len(files))}"}
    ]
    content += [await _picture(file) for file in files]
    return [{"type": "user_input", "content": content}]


def plain(prompt: str, pictures: int) -> str:
    """A prompt in which nothing reads as a role of a file, unless of a picture that is there.

    The service takes the roles from the words; a caller's own could point to what is not there, or turn a reference
    into a first frame.
    """
    return _HEAD.sub("[", _ROLE.sub(lambda found: _told(found, pictures), prompt))


def _told(found: re.Match[str], pictures: int) -> str:
    is_there = found[1].startswith("IMAGE_REF_") and int(found[2]) < pictures
    return found[0] if is_there else found[1].replace("_", " ").lower()


def _heading(pictures: int) -> str:
    """What says that each picture is a reference, by its place."""
    roles = " ".join(f"<IMAGE_REF_{number}>@Image{number + 1}" for number in range(pictures))
    return f"[# References {roles}]"


async def _picture(file: MediaFile) -> JsonObject:
    return {"type": "image", "mime_type": file.media_type, "data": await as_base64(file)}
