"""What a picture is asked for with: one message that holds the pictures to work from, then the words."""

from typing import Final

from souk.providers.base import Job
from souk.providers.dashscope.wire import files_at, refuse_unless, settings, unsupported
from souk.providers.takes import MB, Takes
from souk.words import JsonObject

PATH: Final = "/services/aigc/multimodal-generation/generation"
"""Answers when the pictures are made."""
TASK_PATH: Final = "/services/aigc/image-generation/generation"
"""Answers with a task."""

WAN: Final = "wan"
"""Begins the models that are asked as tasks."""
LONG: Final = "qwen-image-3"
"""Begins the models that read prompts of any length of ours. The others cut off what is longer than this:"""
MOST_WORDS: Final = {"prompt": 800, "negative_prompt": 500}
MOST_GIVEN: Final = 3
"""Pictures that Qwen works from."""
TAKES: Final = {
    "image": Takes(
        frozenset({"image/jpeg", "image/png", "image/bmp", "image/tiff", "image/webp", "image/gif"}),
        max_bytes=10 * MB,
    )
}
"""The pictures that all models of the service read."""

FIXED: Final = "qwen-image-plus"
"""Makes these sizes only, by our names of the shapes:"""
SIZES: Final = {
    "square": "1328*1328",
    "square_hd": "1328*1328",
    "landscape_4_3": "1472*1104",
    "portrait_4_3": "1104*1472",
    "landscape_16_9": "1664*928",
    "portrait_16_9": "928*1664",
}
STEP: Final = 16
STEEPEST: Final = 8
"""How many times as long as the other a side may be."""
MOST_PIXELS: Final = 2048 * 2048
FINEST: Final = {"wan2.7-image-pro": 4096 * 4096}
"""Models that make more pixels than the others."""

NOT_TUNED: Final = {
    "qwen/text-to-image": {"num_inference_steps": 30, "guidance_scale": 2.5},
    "qwen/image-edit": {"num_inference_steps": 25, "guidance_scale": 4},
}
"""What our models let tune and the service does not: only their defaults, which ask for nothing, can be met."""
FORMAT: Final = "png"
"""All the service delivers."""

GIVEN: Final = ("image_url", "image_urls", "input_urls")
SHAPE: Final = ("image_size", "aspect_ratio", "resolution")
"""Inputs that the pixels of the result already say."""
SETTINGS: Final = ("negative_prompt", "seed", "prompt_extend")
OF_QWEN: Final = ("prompt", *GIVEN, *SHAPE, *SETTINGS, "num_images", "output_format")
OF_WAN: Final = (
    *("prompt", "input_urls", "seed", "n", *SHAPE),
    *("enable_sequential", "thinking_mode", "color_palette", "bbox_list", "watermark"),
)


def is_task(job: Job) -> bool:
    """Whether the model is asked as a task, and polled for."""
    return job.upstream_model.startswith(WAN)


def body_of(job: Job) -> JsonObject:
    """The request. Raises Refused for what the model cannot be asked."""
    given = [place for field in GIVEN for place in files_at(job, field)]
    parameters = _of_wan(job, given) if is_task(job) else _of_qwen(job, given)
    content = [*({"image": place} for place in given), {"text": job.input["prompt"]}]
    input = {"messages": [{"role": "user", "content": content}]}
    return {"model": job.upstream_model, "input": input, "parameters": parameters}


def _of_qwen(job: Job, given: list[str]) -> JsonObject:
    defaults = NOT_TUNED.get(job.model, {})
    tuned = {name for name, value in defaults.items() if job.input.get(name, value) != value}
    refuse_unless(job, {*OF_QWEN, *defaults} - tuned)
    _refuse_longer(job)
    if job.input.get("output_format", FORMAT) != FORMAT:
        raise unsupported("output_format", f"the upstream delivers {FORMAT} only")
    if len(given) > MOST_GIVEN:
        raise unsupported("image_url", f"the upstream works from at most {MOST_GIVEN} pictures")
    parameters: JsonObject = {"size": SIZES[job.input["image_size"]] if _is_fixed(job) else _pixels(job)}
    parameters |= settings(job, *SETTINGS)
    if "num_images" in job.input:
        parameters["n"] = int(job.input["num_images"])
    if job.upstream_model.startswith("z-image"):
        return parameters | {"prompt_extend": False}
    return parameters | {"watermark": False}


def _of_wan(job: Job, given: list[str]) -> JsonObject:
    refuse_unless(job, OF_WAN)
    grade = job.input["resolution"]
    if grade == "4K" and job.upstream_model not in FINEST:
        raise unsupported("resolution", "the upstream makes 1K and 2K with this model")
    group = bool(job.input.get("enable_sequential"))
    parameters: JsonObject = {
        "size": grade if given else _pixels(job),
        "n": job.output["count"],
        "watermark": bool(job.input.get("watermark")),
    }
    if group:
        parameters["enable_sequential"] = True
    elif not given:  # the two others never plan
        parameters["thinking_mode"] = bool(job.input.get("thinking_mode"))
    return parameters | settings(job, "seed", "color_palette", "bbox_list")


def _refuse_longer(job: Job) -> None:
    for name, most in MOST_WORDS.items():
        if len(job.input.get(name) or "") > most and not job.upstream_model.startswith(LONG):
            raise unsupported(name, f"the upstream reads its first {most} characters only")


def _is_fixed(job: Job) -> bool:
    return job.upstream_model.startswith(FIXED)


def _pixels(job: Job) -> str:
    """The size our model promises, made to fit what the service takes."""
    width, height = job.output["width"], job.output["height"]
    shrink = min(1.0, (FINEST.get(job.upstream_model, MOST_PIXELS) / (width * height)) ** 0.5)
    across, down = _stepped(width * shrink), _stepped(height * shrink)
    return f"{min(across, down * STEEPEST)}*{min(down, across * STEEPEST)}"


def _stepped(side: float) -> int:
    return int(side) // STEP * STEP
