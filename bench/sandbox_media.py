"""What the sandbox's media cost: CPU seconds of the child process per job, cold and warm.

Run: python bench/sandbox_media.py [rounds]
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from souk.providers.base import Connection, Job, MediaFile, Running
from souk.providers.children.pool import Pool
from souk.providers.sandbox import Sandbox
from souk.words import JsonObject, Millis, ModelId, TaskId

PICTURE: JsonObject = {"kind": "image", "extension": "png", "width": 1024, "height": 1024}
CLIP: JsonObject = {
    "kind": "video",
    "extension": "mp4",
    "width": 1280,
    "height": 720,
    "seconds": 5.0,
    "fps": 24,
}
SOUND: JsonObject = {"kind": "audio", "extension": "mp3", "sample_rate": 44_100, "bitrate": 128_000}

PROMPTS = (
    "hills at sunset",
    "ship at sea",
    "pine forest",
    "aurora",
    "city",
    "a cat",
    "portrait",
    "glass ball",
    "rose",
    "silk flow",
)
JOBS: list[tuple[str, str, JsonObject]] = [
    *(("1 MP png", prompt, PICTURE) for prompt in PROMPTS),
    ("1 MP jpg", "hills at sunset", {**PICTURE, "extension": "jpg"}),
    ("16 MP png", "hills at sunset", {**PICTURE, "width": 4096, "height": 4096}),
    *(("5 s 720p, sound", prompt, {**CLIP, "sound": True}) for prompt in PROMPTS),
    ("5 s 1080p", "ship at sea", {**CLIP, "width": 1920, "height": 1080}),
    ("5 s 4K", "ship at sea", {**CLIP, "width": 3840, "height": 2160}),
    *(("60 s music", prompt, {**SOUND, "seconds": 60.0}) for prompt in ("folk rock", "techno", "orchestra")),
    ("20 s speech", "It is a fine morning at the harbour, and the boats are coming home. " * 5, SOUND),
]


class NoMedia:
    async def files(self, field: str) -> list[MediaFile]:  # noqa: ARG002 -- the protocol's name
        return []

    async def all(self) -> list[MediaFile]:
        return []


async def nothing_told(running: Running) -> None:
    """What the sandbox tells on the way is not measured."""


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes so far (Linux)."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


async def measure(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Pool(1))
        for round_number in range(rounds):
            for name, prompt, output in JOBS:
                spoken = "text-to-music" if "music" in name else "text-to-speech"
                task = {"video": "text-to-video", "audio": spoken}.get(output["kind"], "text-to-image")
                given = {"prompt": prompt, "seed": round_number}
                job = Job(
                    *(TaskId("0" * 32), "0" * 32, ModelId("bench"), task, given, "", output, NoMedia()),
                    connection=Connection("sandbox", "sandbox"),
                    now=Millis(0),
                )
                before, begun = cpu_seconds(sandbox.pids), time.perf_counter()
                await sandbox.run(job, Path(folder), nothing_told)
                cpu, wall = cpu_seconds(sandbox.pids) - before, time.perf_counter() - begun
                print(f"{name:16} {prompt[:18]:18} cpu {cpu * 1000:7.0f} ms   wall {wall * 1000:7.0f} ms")
        await sandbox.close()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
