"""What a clip is asked for with: Wan up to 2.6 names each file by a field, Wan 2.7 and HappyHorse list them by role."""

import re
from collections.abc import Mapping
from typing import Final

from souk.providers.base import Job
from souk.providers.dashscope.wire import file_at, files_at, refuse_unless, settings, unsupported
from souk.providers.takes import MB, Takes
from souk.words import JsonObject

PATH: Final = "/services/aigc/video-generation/video-synthesis"

FIELDED: Final = re.compile(r"^wanx?2\.[0-6]-")
"""Models whose inputs are fields of their own."""
MOST_WORDS: Final = 1500
"""Characters of a prompt that Wan 2.5 and 2.6 read; they would cut off the rest."""
SIZES: Final = {
    "720p": {
        "16:9": "1280*720",
        "9:16": "720*1280",
        "1:1": "960*960",
        "4:3": "1088*832",
        "3:4": "832*1088",
    },
    "1080p": {
        "16:9": "1920*1080",
        "9:16": "1080*1920",
        "1:1": "1440*1440",
        "4:3": "1632*1248",
        "3:4": "1248*1632",
    },
}
"""The pixels of each tier and shape where a model is told pixels."""
USUAL_RATIO: Final = "16:9"

_PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/bmp", "image/webp"})
SIDES: Final = {"wan2.5": (360, 2000), "happyhorse": (300, 8000)}
"""The shortest and the longest side of a picture, by how a model begins."""
USUAL_SIDES: Final = (240, 8000)
SOUNDS: Final = Takes(frozenset({"audio/mpeg", "audio/wav"}), max_bytes=15 * MB)
CLIPS_READ: Final = Takes(frozenset({"video/mp4", "video/quicktime", "video/x-msvideo"}))

PICTURE: Final = ("image_urls", "image_url")
CLIPS: Final = "video_urls"
SHARED: Final = ("prompt", "negative_prompt", "resolution", "aspect_ratio", "duration", "seed")
OF_FIELDED: Final = (*SHARED, *PICTURE, CLIPS, "multi_shots", "audio", "enable_prompt_expansion")

ROLES: Final = {
    "first_frame_url": "first_frame",
    "first_frame": "first_frame",
    "image_urls": "first_frame",
    "last_frame_url": "last_frame",
    "first_clip_url": "first_clip",
    "driving_audio_url": "driving_audio",
    "video_url": "video",
    "reference_image": "reference_image",
    "reference_video": "reference_video",
}
"""Our fields of input files, and the role each plays."""
VOICE: Final = "reference_voice"
SETTINGS: Final = ("prompt_extend", "seed", "audio_setting")
OF_LISTED: Final = (*SHARED, *ROLES, *SETTINGS, VOICE, "audio_url", "ratio", "watermark")


def taken_by(job: Job) -> Mapping[str, Takes]:
    """The files a model takes, by kind, as the service's reference of each says."""
    least, most = next(
        (sides for start, sides in SIDES.items() if job.upstream_model.startswith(start)), USUAL_SIDES
    )
    pictures = Takes(_PICTURES, max_bytes=10 * MB, max_edge=most, min_edge=least)
    return {"image": pictures, "audio": SOUNDS, "video": CLIPS_READ}


def body_of(job: Job) -> JsonObject:
    """The request. Raises Refused for what the model cannot be asked."""
    input, parameters = _fielded(job) if FIELDED.match(job.upstream_model) else _listed(job)
    return {"model": job.upstream_model, "input": input, "parameters": parameters}


def _fielded(job: Job) -> tuple[JsonObject, JsonObject]:
    refuse_unless(job, OF_FIELDED)
    if len(job.input["prompt"]) > MOST_WORDS:
        raise unsupported("prompt", f"the upstream reads its first {MOST_WORDS} characters only")
    input = _words(job)
    parameters: JsonObject = {"duration": int(job.input["duration"]), "watermark": False}
    if picture := file_at(job, *PICTURE):
        input["img_url"] = picture
        parameters["resolution"] = job.input["resolution"].upper()
    else:
        # A clip drawn from others has no shape of its own that we could name.
        ratio = job.input.get("aspect_ratio", USUAL_RATIO)
        parameters["size"] = SIZES[job.input["resolution"]][ratio]
    if clips := files_at(job, CLIPS):
        input["reference_urls"] = clips
    if "multi_shots" in job.input:
        parameters["shot_type"] = "multi" if job.input["multi_shots"] else "single"
    if "enable_prompt_expansion" in job.input:
        parameters["prompt_extend"] = job.input["enable_prompt_expansion"]
    return input, parameters | settings(job, "audio", "seed")


def _listed(job: Job) -> tuple[JsonObject, JsonObject]:
    refuse_unless(job, OF_LISTED)
    input = _words(job)
    if media := _media(job):
        input["media"] = media
    if sound := file_at(job, "audio_url"):
        input["audio_url"] = sound
    parameters: JsonObject = {
        "resolution": job.input["resolution"].upper(),
        "watermark": bool(job.input.get("watermark")),
    }
    if ratio := job.input.get("aspect_ratio") or job.input.get("ratio"):
        parameters["ratio"] = ratio
    if seconds := int(job.input.get("duration") or 0):  # 0, as none, keeps the length of the source
        parameters["duration"] = seconds
    return input, parameters | settings(job, *SETTINGS)


def _media(job: Job) -> list[JsonObject]:
    media: list[JsonObject] = [
        {"type": role, "url": place} for field, role in ROLES.items() for place in files_at(job, field)
    ]
    if voice := file_at(job, VOICE):
        speakers = [item for item in media if item["type"].startswith("reference_")]
        if len(speakers) != 1:
            raise unsupported(VOICE, "the upstream gives a voice to one reference, and there are several")
        speakers[0][VOICE] = voice
    return media


def _words(job: Job) -> JsonObject:
    return {name: job.input[name] for name in ("prompt", "negative_prompt") if job.input.get(name)}
