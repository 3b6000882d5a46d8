"""What the tests of Suno start from: a Souk that makes music, the calls it takes, and a song to build on."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from souk.callbacks.signing import compatible_signature
from tests.upstreams.receiver import Received
from tests.wire.dedicated import ID
from tests.wire.media import media_server
from tests.wire.serving import Client, Souk, open_souk

GENERATE = "/api/v1/generate"
EXTEND = "/api/v1/generate/extend"
SECTION = "/api/v1/generate/replace-section"
RECORD = "/api/v1/generate/record-info"

NOWHERE = "http://127.0.0.1:9/told"
KEY = "whk_of_the_suno_tests"
WISH: dict[str, Any] = {"prompt": "A salt wind", "customMode": False, "instrumental": False, "model": "V5"}
SONG = WISH | {"duration": 30}
SOUND = "a served sound of two seconds"
TRACK = "a track of half a minute"
TASK = "the task that made it"
CREATES: dict[str, dict[str, Any]] = {
    GENERATE: WISH | {"duration": 10},
    EXTEND: {"defaultParamFlag": False, "audioId": TRACK, "continueAt": 10.5, "model": "V5"},
    "/api/v1/generate/upload-cover": WISH | {"uploadUrl": SOUND},
    "/api/v1/generate/upload-extend": {
        "uploadUrl": SOUND,
        "defaultParamFlag": False,
        "continueAt": 1.5,
        "prompt": "Go on",
        "model": "V5",
    },
    "/api/v1/generate/add-instrumental": {
        "uploadUrl": SOUND,
        "title": "Pier",
        "negativeTags": "metal",
        "tags": "folk, warm",
    },
    "/api/v1/generate/add-vocals": {
        "uploadUrl": SOUND,
        "title": "Pier",
        "negativeTags": "",
        "style": "folk",
        "prompt": "Soft alto",
    },
    SECTION: {
        "taskId": TASK,
        "audioId": TRACK,
        "prompt": "Gulls call",
        "tags": "folk",
        "title": "Pier",
        "infillStartS": 6,
        "infillEndS": 12.25,
    },
    "/api/v1/generate/mashup": {
        "uploadUrlList": [SOUND, SOUND],
        "customMode": False,
        "prompt": "Blend",
        "model": "V5",
    },
    "/api/v1/generate/sounds": {"prompt": "Rain on a tin roof", "soundLoop": True},
}
LAST = ("SUCCESS", "CREATE_TASK_FAILED", "GENERATE_AUDIO_FAILED", "SENSITIVE_WORD_ERROR")


@dataclass
class Studio:
    """A Souk that makes music, and what music is made from."""

    souk: Souk
    sound: str
    folder: Path
    _song: list[Any] = field(default_factory=list[Any])

    @property
    def client(self) -> Client:
        return self.souk.client

    async def song(self) -> tuple[str, dict[str, Any]]:
        """A finished task and the first of its tracks; the same ones every time."""
        if not self._song:
            task_id = await self.create(GENERATE, SONG)
            data = await ended(self.client, task_id)
            self._song += [task_id, data["response"]["sunoData"][0]]
        return self._song[0], self._song[1]

    async def create(self, path: str, body: dict[str, Any], hook: str = NOWHERE) -> str:
        new: dict[Any, Any] = {SOUND: self.sound}
        if {TRACK, TASK} & {value for value in body.values() if isinstance(value, str)}:
            task_id, track = await self.song()
            new |= {TASK: task_id, TRACK: track["id"]}
        filled = {
            name: [new[each] for each in value] if isinstance(value, list) else new.get(value, value)
            for name, value in body.items()
        }
        reply = await self.client.post(path, filled | {"callBackUrl": hook})
        assert reply.body == {"code": 200, "msg": "success", "data": {"taskId": ID}}, reply.body
        return reply.data["taskId"]

    async def file(self, url: str) -> Path:
        path = self.folder / url.rpartition("/")[2]
        async with self.client.session.get(url) as answer:
            path.write_bytes(await answer.read())
        return path

    async def balance(self) -> float:
        return (await self.client.get("/api/v1/chat/credit")).data


@asynccontextmanager
async def open_studio(folder: Path) -> AsyncIterator[Studio]:
    """A studio in this folder, with credits and a webhook key."""
    (folder / "media").mkdir()
    settings: dict[str, Any] = {"initial_credits": 10_000, "webhook_key": SecretStr(KEY)}
    with media_server(folder / "media") as media:
        async with open_souk(folder / "souk", engine=True, **settings) as souk:
            yield Studio(souk, media.address("uploadUrl", ("audio",), ()), folder)


async def ended(client: Client, task_id: str) -> dict[str, Any]:
    """The record of a task that has ended."""
    while True:
        data = (await client.get(RECORD, taskId=task_id, wait=30)).data
        if data["status"] in LAST:
            return data


def told(received: Received) -> dict[str, Any]:
    """What a receiver was told, once its signature has been checked."""
    body = json.loads(received.body)
    seconds = received.headers["x-webhook-timestamp"]
    signature = compatible_signature(KEY, body["data"]["task_id"], seconds)
    assert received.headers["x-webhook-signature"] == signature
    return body
