"""What the dedicated APIs answer by their documents, operation by operation: the table the wire tests go through."""

import re
from dataclasses import dataclass
from typing import Any, Final

from tests.wire.serving import Client

ENDS: Final = {"success", "fail"}


class Like:
    """Equal to every text of this form."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self._pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"Like({self._pattern!r})"


class Moment:
    """Equal to every moment of this century in milliseconds."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and 1_600_000_000_000 < other < 4_000_000_000_000

    def __hash__(self) -> int:
        return 0


ID: Final = Like(r"[0-9a-f]{32}")
UUID: Final = Like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MS: Final = Moment()
ISO: Final = Like(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SPACED: Final = Like(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d")
JSON: Final = Like(r"\{.*\}")
MP4: Final = Like(r"http://.*\.mp4")
PNG: Final = Like(r"http://.*\.png")
JPG: Final = Like(r"http://.*\.jpe?g")


@dataclass(frozen=True)
class Operation:
    """One create call and all that follows from it."""

    path: str
    record: str
    request: dict[str, Any]
    """``PARENT`` stands for a finished task of the same family, ``CLIP`` for a served clip."""
    waiting: dict[str, Any]
    done: dict[str, Any]
    failed: dict[str, Any]
    """Each the record's ``data``, keys in order."""
    told: dict[str, Any]
    told_failed: dict[str, Any]
    """Callback bodies."""
    parent: str = ""
    """The operation that makes ``PARENT``, by path."""
    failure: str = "[souk:moderated]"


PARENT: Final = "a finished task of the same family"
CLIP: Final = "a served clip"

FOUR_O_FLAGGED: Final = "Your content was flagged by OpenAI as violating content policies"
FLAGGED: Final = "Your prompt was flagged by Website as violating content policies."
CAUGHT: Final = "Your prompt was caught by our AI moderator. Please adjust it and try again!"


def four_o() -> Operation:
    waiting = {
        "taskId": ID,
        "paramJson": JSON,
        "completeTime": None,
        "response": None,
        "successFlag": 0,
        "status": "GENERATING",
        "errorCode": None,
        "errorMessage": None,
        "createTime": MS,
        "progress": "0.00",
    }
    files = {"resultUrls": [PNG], "result_urls": [PNG]}
    none = {"resultUrls": [], "result_urls": []}
    return Operation(
        "/api/v1/gpt4o-image/generate",
        "/api/v1/gpt4o-image/record-info",
        {"prompt": "Tea cup on an oak table", "size": "1:1"},
        waiting,
        waiting
        | {"completeTime": MS, "response": files, "successFlag": 1, "status": "SUCCESS"}
        | {"errorMessage": "", "progress": "1.00"},
        waiting
        | {"completeTime": MS, "response": none, "successFlag": 2, "status": "GENERATE_FAILED"}
        | {"errorCode": 400, "errorMessage": FOUR_O_FLAGGED},
        {"code": 200, "msg": "success", "data": {"taskId": ID, "info": {"result_urls": [PNG]}}},
        {"code": 400, "msg": FOUR_O_FLAGGED, "data": {"taskId": ID, "info": None}},
    )


def flux() -> Operation:
    waiting = {
        "taskId": ID,
        "paramJson": JSON,
        "completeTime": None,
        "response": None,
        "successFlag": 0,
        "errorCode": None,
        "errorMessage": "",
        "createTime": ISO,
    }
    files = {"originImageUrl": JPG, "resultImageUrl": JPG}
    none = {"originImageUrl": "", "resultImageUrl": ""}
    failed = {"successFlag": 3, "errorCode": 501, "errorMessage": "Image generation task failed"}
    return Operation(
        "/api/v1/flux/kontext/generate",
        "/api/v1/flux/kontext/record-info",
        {"prompt": "Snowy ridge at dawn", "aspectRatio": "16:9", "model": "flux-kontext-pro"},
        waiting,
        waiting | {"completeTime": ISO, "response": files, "successFlag": 1},
        waiting | {"completeTime": ISO} | failed,
        {
            "code": 200,
            "msg": "BFL image generated successfully.",
            "data": {"taskId": ID, "info": files},
        },
        {"code": 501, "msg": "Image generation task failed", "data": {"taskId": ID, "info": none}},
        failure="[souk:fail=501]",
    )


def runway(extends: bool) -> Operation:
    generate = "/api/v1/runway/generate"
    request: dict[str, Any] = {"prompt": "A fox runs through snow", "quality": "720p", "waterMark": ""}
    request |= {"taskId": PARENT} if extends else {"duration": "5", "aspectRatio": "16:9"}
    waiting = {
        "taskId": ID,
        "parentTaskId": ID if extends else "",
        "generateParam": {"prompt": Like(".+"), "imageUrl": "", "expandPrompt": True},
        "state": "wait",
        "generateTime": "",
        "videoInfo": None,
        "failCode": None,
        "failMsg": "",
        "expireFlag": 0,
    }
    video = {"videoId": UUID, "taskId": ID, "videoUrl": MP4, "imageUrl": PNG}
    told = {"task_id": ID, "video_id": UUID, "video_url": MP4, "image_url": PNG}
    nothing = {"task_id": ID} | ({} if extends else {"video_id": "", "video_url": "", "image_url": ""})
    return Operation(
        "/api/v1/runway/extend" if extends else generate,
        "/api/v1/runway/record-detail",
        request,
        waiting,
        waiting | {"state": "success", "generateTime": SPACED, "videoInfo": video},
        waiting | {"state": "fail", "failCode": 400, "failMsg": CAUGHT},
        {"code": 200, "msg": "All generated successfully.", "data": told},
        {"code": 400, "msg": CAUGHT, "data": nothing},
        parent=generate if extends else "",
    )


def aleph() -> Operation:
    waiting = {
        "taskId": ID,
        "paramJson": JSON,
        "response": None,
        "completeTime": None,
        "createTime": ISO,
        "successFlag": 0,
        "errorCode": 0,
        "errorMessage": "",
    }
    files = {"taskId": ID, "resultVideoUrl": MP4, "resultImageUrl": PNG}
    return Operation(
        "/api/v1/aleph/generate",
        "/api/v1/aleph/record-info",
        {"prompt": "Turn it into watercolor", "videoUrl": CLIP},
        waiting,
        waiting | {"response": files, "completeTime": ISO, "successFlag": 1},
        waiting | {"completeTime": ISO, "successFlag": 3, "errorCode": 400, "errorMessage": CAUGHT},
        {
            "code": 200,
            "msg": "success",
            "data": {"result_video_url": MP4, "result_image_url": PNG},
            "taskId": ID,
        },
        {"code": 400, "msg": CAUGHT, "data": None, "taskId": ID},
    )


def veo(extends: bool) -> Operation:
    generate = "/api/v1/veo/generate"
    request: dict[str, Any] = {"prompt": "Kite over dunes", "seeds": 45210}
    request |= {"taskId": PARENT, "model": "fast"} if extends else {"aspect_ratio": "16:9", "duration": 4}
    waiting = {
        "taskId": ID,
        "paramJson": JSON,
        "completeTime": None,
        "response": None,
        "successFlag": 0,
        "errorCode": None,
        "errorMessage": None,
        "createTime": MS,
        "fallbackFlag": False,
    }
    files = {
        "taskId": ID,
        "resultUrls": [MP4],
        "fullResultUrls": [MP4] if extends else [],
        "originUrls": None,
        "resolution": "720p",
    }
    made = "Veo3.1 video generated successfully."
    info = {"resultUrls": [MP4], "originUrls": None, "resolution": "720p"}
    code, text = (501, "Failed - Video extension task failed") if extends else (400, FLAGGED)
    return Operation(
        "/api/v1/veo/extend" if extends else generate,
        "/api/v1/veo/record-info",
        request,
        waiting,
        waiting | {"completeTime": MS, "response": files, "successFlag": 1},
        waiting | {"completeTime": MS, "successFlag": 3, "errorCode": code, "errorMessage": text},
        {
            "code": 200,
            "msg": made,
            "data": {"taskId": ID, "promptJson": JSON, "info": info, "fallbackFlag": False},
        },
        {"code": code, "msg": text, "data": {"taskId": ID, "fallbackFlag": False}},
        parent=generate if extends else "",
        failure="[souk:fail=501]" if extends else "[souk:moderated]",
    )


OPERATIONS: Final = {
    operation.path: operation
    for operation in (four_o(), flux(), runway(False), runway(True), aleph(), veo(False), veo(True))
}


async def ended(client: Client, operation: Operation, task_id: str) -> dict[str, Any]:
    """The record of a task that has ended."""
    while True:
        data = (await client.get(operation.record, taskId=task_id, wait=30)).data
        if data.get("state") in ENDS or data.get("successFlag"):
            return data
