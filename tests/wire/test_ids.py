"""An id of another account, or of the other mode, answers as an unknown one: to the byte."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from souk.api.chat import TEMPLATES as CHAT_PATHS
from souk.app import asgi
from souk.words import Mode
from tests.conftest import ROOT
from tests.wire.serving import CREATE, NO_TASK, RECORD, Client, Reply, Souk, masked, open_souk

Call = Callable[[Client, str], Awaitable[Reply]]
NOWHERE = "http://127.0.0.1:9/"
FIRST_CREATE, FIRST_RECORD = "/api/v1/playground/createTask", "/api/v1/playground/recordInfo"
OF_A_SONG = ("/api/v1/wav/generate", "/api/v1/vocal-removal/generate", "/api/v1/mp4/generate")
WISH = {"customMode": False, "instrumental": False, "prompt": "On", "model": "V5", "callBackUrl": NOWHERE}
SECTION = {
    "audioId": NO_TASK,
    "prompt": "On",
    "tags": "folk",
    "title": "On",
    "infillStartS": 0,
    "infillEndS": 9,
}
SONG = {"audioId": NO_TASK, "callBackUrl": NOWHERE}
FINISHED = {"model": "grok-imagine/text-to-video", "input": {"prompt": "A lighthouse at dusk"}}


def posted(path: str, **more: Any) -> Call:
    return lambda client, task_id: client.post(path, {"taskId": task_id, **more})


def taken(path: str, field: str, **more: Any) -> Call:
    """A create that takes any id, and whose task fails: the new task's own id is no difference."""

    async def call(client: Client, id: str) -> Reply:
        reply = await client.post(path, {field: id, **more})
        return replace(reply, raw=reply.raw.replace(reply.data["taskId"].encode(), b""))

    return call


def asked(path: str) -> Call:
    return lambda client, task_id: client.get(path, taskId=task_id)


TAKES_AN_ID: dict[tuple[str, str], Call] = {
    ("GET", RECORD): lambda client, task_id: client.get(RECORD, taskId=task_id),
    ("POST", CREATE): lambda client, task_id: client.post(
        CREATE, {"model": "grok-imagine/upscale", "input": {"task_id": task_id}}
    ),
    ("GET", FIRST_RECORD): lambda client, task_id: client.get(FIRST_RECORD, taskId=task_id),
    ("POST", FIRST_CREATE): lambda client, task_id: client.post(
        FIRST_CREATE, {"model": "grok-imagine/upscale", "input": {"task_id": task_id}}
    ),
    ("POST", "/api/v1/jobs/estimate"): lambda client, task_id: client.post(
        "/api/v1/jobs/estimate", {"model": "grok-imagine/upscale", "input": {"task_id": task_id}}
    ),
    ("POST", "/api/v1/jobs/cancelTask"): posted("/api/v1/jobs/cancelTask"),
    ("POST", "/api/v1/jobs/keepTask"): posted("/api/v1/jobs/keepTask"),
    ("POST", "/api/v1/jobs/deleteTask"): posted("/api/v1/jobs/deleteTask"),
    ("GET", "/api/v1/jobs/{task_id}/events"): lambda client, task_id: client.get(
        f"/api/v1/jobs/{task_id}/events"
    ),
    ("POST", "/api/v1/runway/extend"): lambda client, task_id: client.post(
        "/api/v1/runway/extend", {"taskId": task_id, "prompt": "On", "quality": "720p"}
    ),
    ("POST", "/api/v1/veo/extend"): lambda client, task_id: client.post(
        "/api/v1/veo/extend", {"taskId": task_id, "prompt": "On"}
    ),
    ("GET", "/api/v1/veo/get-1080p-video"): asked("/api/v1/veo/get-1080p-video"),
    ("POST", "/api/v1/veo/get-4k-video"): posted("/api/v1/veo/get-4k-video"),
    ("POST", "/api/v1/gpt4o-image/download-url"): lambda client, task_id: client.post(
        "/api/v1/gpt4o-image/download-url", {"taskId": task_id, "url": "http://example.com/a.png"}
    ),
    ("POST", "/api/v1/generate"): lambda client, id: client.post(
        "/api/v1/generate", {**WISH, "personaId": id}
    ),
    ("POST", "/api/v1/generate/extend"): taken(
        "/api/v1/generate/extend", "audioId", defaultParamFlag=False, model="V5", callBackUrl=NOWHERE
    ),
    ("POST", "/api/v1/generate/replace-section"): posted("/api/v1/generate/replace-section", **SECTION),
    ("POST", "/api/v1/generate/generate-persona"): posted(
        "/api/v1/generate/generate-persona", audioId=NO_TASK, name="Alto", description="Low"
    ),
    ("POST", "/api/v1/generate/get-timestamped-lyrics"): posted(
        "/api/v1/generate/get-timestamped-lyrics", audioId=NO_TASK
    ),
    ("POST", "/api/v1/generate/upload-cover"): lambda client, id: client.post(
        "/api/v1/generate/upload-cover", {**WISH, "uploadUrl": NOWHERE, "personaId": id}
    ),
    ("POST", "/api/v1/generate/upload-extend"): lambda client, id: client.post(
        "/api/v1/generate/upload-extend",
        {**WISH, "uploadUrl": NOWHERE, "personaId": id, "defaultParamFlag": False, "continueAt": 9},
    ),
    **{("POST", path): posted(path, **SONG) for path in OF_A_SONG},
    ("POST", "/api/v1/midi/generate"): posted("/api/v1/midi/generate", callBackUrl=NOWHERE),
    ("POST", "/api/v1/suno/cover/generate"): posted("/api/v1/suno/cover/generate", callBackUrl=NOWHERE),
    ("POST", "/api/v1/voice/regenerate"): posted("/api/v1/voice/regenerate"),
    ("POST", "/api/v1/voice/generate"): posted("/api/v1/voice/generate", verifyUrl=NOWHERE),
    ("POST", "/api/v1/voice/check-voice"): lambda client, task_id: client.post(
        "/api/v1/voice/check-voice", {"task_id": task_id}
    ),
    ("POST", "/api/v1/omni/character/create"): lambda client, task_id: client.post(
        "/api/v1/omni/character/create",
        {"descriptions": "A courier", "image_urls": [NOWHERE], "audio_ids": [task_id]},
    ),
    **{
        ("GET", path): asked(path)
        for path in (
            "/api/v1/generate/record-info",
            "/api/v1/lyrics/record-info",
            "/api/v1/wav/record-info",
            "/api/v1/vocal-removal/record-info",
            "/api/v1/midi/record-info",
            "/api/v1/mp4/record-info",
            "/api/v1/suno/cover/record-info",
            "/api/v1/voice/validate-info",
            "/api/v1/voice/record-info",
            "/api/v1/gpt4o-image/record-info",
            "/api/v1/flux/kontext/record-info",
            "/api/v1/runway/record-detail",
            "/api/v1/aleph/record-info",
            "/api/v1/veo/record-info",
        )
    },
    ("GET", "/api/v1/jobs/list"): lambda client, task_id: client.get("/api/v1/jobs/list", before=task_id),
}
TAKES_NONE = {
    ("POST", "/api/v1/generate/add-instrumental"),
    ("POST", "/api/v1/generate/add-vocals"),
    ("POST", "/api/v1/generate/mashup"),
    ("POST", "/api/v1/generate/sounds"),
    ("POST", "/api/v1/style/generate"),
    ("GET", "/api/v1/chat/credit"),
    ("POST", "/api/v1/gpt4o-image/generate"),
    ("POST", "/api/v1/flux/kontext/generate"),
    ("POST", "/api/v1/runway/generate"),
    ("POST", "/api/v1/aleph/generate"),
    ("POST", "/api/v1/veo/generate"),
    ("POST", "/api/v1/lyrics"),
    ("POST", "/api/v1/voice/validate"),
    ("POST", "/api/v1/omni/audio/create"),
    ("GET", "/api/v1/models"),
    ("GET", "/api/v1/models/{model:path}"),
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/llms.txt"),
    ("GET", "/docs"),
    ("GET", "/docs/{name}"),
    ("GET", "/f/{path:path}"),  # the unguessable path is the credential
    ("GET", "/kieai/{path:path}"),
    ("GET", "/d/{path:path}"),  # and here the signature
    ("POST", "/hooks/{attempt_id}/{secret}"),  # here too the address
    ("POST", "/api/v1/common/download-url"),
    ("POST", "/api/file-base64-upload"),
    ("POST", "/api/file-url-upload"),
    ("POST", "/api/file-stream-upload"),
    *(("POST", path) for path in CHAT_PATHS),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
}


async def test_every_route_is_known_to_take_an_id_or_none(souk: Souk) -> None:
    table = {(method, path) for method, path in asgi(souk.house).table() if method not in ("HEAD", "OPTIONS")}
    assert table == TAKES_AN_ID.keys() | TAKES_NONE


def test_every_call_is_documented() -> None:
    pages = (ROOT / "docs" / "reference").glob("*.md")
    page = "".join(page.read_text(encoding="utf-8") for page in pages)
    calls = TAKES_AN_ID.keys() | {route for route in TAKES_NONE if route[1].startswith("/api/")}
    named = {"{task_id}": "{taskId}", "{model:path}": "{model}"}
    for method, path in calls:
        for here, there in named.items():
            path = path.replace(here, there)
        assert f"`{method} {path}" in page


async def test_no_route_tells_another_accounts_task_from_none(tmp_path: Path, database_url: str) -> None:
    # With a connection configured, live keys leave the sandbox and the modes are two worlds.
    connected = {"KIE_API_KEY": "no-such-key", "SOUK_KIE_BASE_URL": "http://127.0.0.1:9"}
    async with open_souk(tmp_path, database_url=database_url, engine=True, env=connected) as souk:
        await souk.another_account("other")
        owner = await souk.another_key("main", mode=Mode.SANDBOX)
        strangers = {
            "another account": await souk.another_key("other", mode=Mode.SANDBOX),
            "another mode": await souk.another_key("main", mode=Mode.LIVE),
        }
        task_id = await owner.create(FINISHED)
        assert (await owner.record(task_id, wait=60))["state"] == "success"
        for route, call in TAKES_AN_ID.items():
            for name, stranger in strangers.items():
                theirs, unknown = await call(stranger, task_id), await call(stranger, NO_TASK)
                assert masked(theirs) == masked(unknown), (route, name)
        assert (await owner.record(task_id))["state"] == "success"
