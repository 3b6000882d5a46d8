"""Jobs that answer with data: transcripts, segments, detections; some with mask files beside the data."""

from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from souk.providers.children.given import CannotUse, Given
from souk.providers.children.results import Made, filled
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.edit import open_picture, subject_mask
from souk.providers.sandbox.stamp import save_picture
from souk.words import JsonObject

SEGMENTS = ("background", "subject", "foreground")
HEARD_RATE = 8000
SEGMENT_SIDE = 160
MASK_FULL, MASK_EMPTY = 255, 0


def make_reading(ask: Ask) -> Made:
    """Do a data job. Raises CannotUse."""
    made = Made()
    template = filled(ask.output, 0)
    shape: JsonObject = template.get("resultObject") or {}
    pictures = ask.of_kind("image")
    if ask.task == "speech-to-text":
        made.result = {**template, "resultObject": _transcript(ask, made)}
    elif ask.task == "segmentation" and pictures:
        made.result = {**template, "resultObject": _segments(ask, pictures[0], made)}
    elif ask.task == "detection" and pictures:
        made.result = {**template, "resultObject": _subjects(ask, pictures[0], made, shape)}
    else:
        made.result = template
    return made


def _transcript(ask: Ask, made: Made) -> JsonObject:
    # Only transcripts need the sound libraries; masks must not pay for them.
    from souk.providers.sandbox.transcript import transcribe

    given = [*ask.of_kind("audio"), *ask.of_kind("video")]
    if not given:
        raise CannotUse("There is no sound to read.")
    language = str(ask.input.get("language_code") or "")
    events = bool(ask.input.get("tag_audio_events"))
    found, made.seconds = transcribe(given[0], language, events, ask.seed)
    return found


def _segments(ask: Ask, given: Given, made: Made) -> JsonObject:
    """The picture cut by lightness and place into a few areas, each a mask file: white inside, black outside."""
    picture = open_picture(given)
    subject = np.asarray(subject_mask(picture).resize((SEGMENT_SIDE, SEGMENT_SIDE))) > 110
    height = np.linspace(0, 1, SEGMENT_SIDE)[:, None] * np.ones((1, SEGMENT_SIDE))
    label = np.where(subject, 1, np.where(height > 0.72, 2, 0))
    segments: list[dict[str, Any]] = []
    for number, name in enumerate(SEGMENTS):
        inside = label == number
        if inside.any():
            url = made.add(*_mask_file(ask, np.asarray(inside), picture.size, len(segments)))
            segments.append({"index": len(segments) + 1, "name": name, "maskUrl": url})
    return {"segments_count": len(segments), "segments": segments}


def _subjects(ask: Ask, given: Given, made: Made, shape: JsonObject) -> JsonObject:
    """Whether there is a subject, or its mask, whichever the model's documented shape holds."""
    picture = open_picture(given)
    inside = np.asarray(subject_mask(picture).resize((SEGMENT_SIDE, SEGMENT_SIDE))) > 110
    if "mask_urls" not in shape:
        return {**shape, "subject_status": int(bool(inside.any()))}
    return {"mask_urls": [made.add(*_mask_file(ask, inside, picture.size, 0))]}


def _mask_file(ask: Ask, inside: Any, size: tuple[int, int], number: int) -> tuple[Any, str]:
    small = Image.fromarray(np.where(inside, MASK_FULL, MASK_EMPTY).astype(np.uint8))
    smooth = small.filter(ImageFilter.MedianFilter(5)).resize(size, Image.Resampling.BICUBIC)
    mask = smooth.point([MASK_EMPTY] * 128 + [MASK_FULL] * 128)
    return save_picture(mask, ask.folder, f"mask{number}", "png")
