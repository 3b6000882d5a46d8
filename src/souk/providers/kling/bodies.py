"""What each kind of work is called at Kling: its path, and the body of the request. Source: the service's reference."""

from typing import Any, Final

from souk.providers.base import Job, MediaFile, Refused
from souk.providers.inputs import as_base64
from souk.providers.takes import MB, Takes
from souk.words import FailKind, JsonObject

TEXT: Final = "/v1/videos/text2video"
IMAGE: Final = "/v1/videos/image2video"
AVATAR: Final = "/v1/videos/avatar/image2video"
MOTION: Final = "/v1/videos/motion-control"

PROMPT_CHARACTERS: Final = 2500
TAKES: Final = {
    "image": Takes(frozenset({"image/jpeg", "image/png"}), max_bytes=10 * MB, min_edge=300),
    "audio": Takes(frozenset({"audio/mpeg", "audio/wav", "audio/mp4", "audio/aac"}), max_bytes=5 * MB),
    "video": Takes(frozenset({"video/mp4", "video/quicktime"}), max_bytes=100 * MB),
}
"""What the service takes, by kind of file."""

STANDARD: Final = frozenset({"kling/v2-1-standard", "kling/ai-avatar-standard"})
"""Our models that are the cheaper mode of theirs; the others are the better one, unless the input says."""
MODES: Final = {"std": "std", "pro": "pro", "720p": "std", "1080p": "pro"}


def path_of(job: Job) -> str:
    """Where a job is posted, and below which it is looked up."""
    if job.task == "avatar":
        return AVATAR
    if job.task == "motion-control":
        return MOTION
    return IMAGE if job.input.get("image_url") or job.input.get("image_urls") else TEXT


async def body_of(job: Job) -> JsonObject:
    """The request a job becomes. Raises Refused for what the service cannot be asked."""
    prompt = str(job.input.get("prompt") or "")
    if len(prompt) > PROMPT_CHARACTERS:
        raise _lacking("prompt", f"takes {PROMPT_CHARACTERS} characters, not {len(prompt)}")
    # Unique within an account: by it a task is found whose acceptance was never heard of.
    body: JsonObject = {"mode": _mode(job), "external_task_id": job.attempt_id}
    if job.webhook_url:
        body["callback_url"] = job.webhook_url
    if prompt and not job.input.get("multi_shots"):
        body["prompt"] = prompt
    match path_of(job):
        case "/v1/videos/avatar/image2video":
            return body | await _avatar(job)
        case "/v1/videos/motion-control":
            return body | {"model_name": job.upstream_model} | await _motion(job)
        case _:
            return body | {"model_name": job.upstream_model} | await _clip(job)


async def _clip(job: Job) -> JsonObject:
    """A video from words, or from its first and maybe last picture. Later models know nothing of ``cfg_scale``."""
    input = job.input
    if input.get("kling_elements"):
        raise _lacking("kling_elements", "takes elements only that were made there before")
    body: JsonObject = {"duration": str(input["duration"])} | _shots(input)
    if "sound" in input:
        body["sound"] = "on" if input["sound"] else "off"
    if input.get("negative_prompt"):
        body["negative_prompt"] = input["negative_prompt"]
    if path_of(job) == TEXT:
        return body | {"aspect_ratio": input["aspect_ratio"]}
    first = [*await job.media.files("image_url"), *await job.media.files("image_urls")]
    frames = [*first, *await job.media.files("tail_image_url")]
    for name, frame in zip(("image", "image_tail"), frames, strict=False):
        body[name] = await _given(frame)
    return body


def _shots(input: JsonObject) -> JsonObject:
    if not input.get("multi_shots"):
        return {}
    shots: list[Any] = input["multi_prompt"]
    told = [
        {"index": number, "prompt": shot["prompt"], "duration": str(shot["duration"])}
        for number, shot in enumerate(shots, start=1)
    ]
    return {"multi_shot": True, "shot_type": "customize", "multi_prompt": told}


async def _avatar(job: Job) -> JsonObject:
    (picture,), (sound,) = await job.media.files("image_url"), await job.media.files("audio_url")
    return {
        "image": await _given(picture),
        "sound_file": await _given(sound),
    }


async def _motion(job: Job) -> JsonObject:
    if job.input.get("background_source") == "input_video":
        raise _lacking("background_source", "takes the background from the picture")
    (picture,), (clip,) = await job.media.files("input_urls"), await job.media.files("video_urls")
    if not clip.reachable:
        raise _lacking(clip.field, "takes clips by address only, and cannot reach ours: set SOUK_PUBLIC_URL")
    return {
        "image_url": await _given(picture),
        "video_url": clip.url,
        "character_orientation": job.input["character_orientation"],
        "keep_original_sound": "yes",
    }


def _mode(job: Job) -> str:
    asked = job.input.get("mode") or ("std" if job.model in STANDARD else "pro")
    if asked not in MODES:
        raise _lacking("mode", f"makes {' and '.join(MODES)}, not {asked}")
    return MODES[asked]


async def _given(file: MediaFile) -> str:
    """The file's address where the service can reach it, else the file as bare base64: it refuses data addresses."""
    return file.url if file.reachable else await as_base64(file)


def _lacking(field: str, what: str) -> Refused:
    return Refused(FailKind.UNSUPPORTED, f"{field}: the upstream {what}")
