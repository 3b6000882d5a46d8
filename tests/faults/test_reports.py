"""A server that is killed as an upstream reports a task which nobody else can prove that it took."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults.process import API_KEY, ServerProcess
from tests.upstreams.kie import FakeKie

PROMPT = "a tram [up:webhook-first] [up:drop-after-accept]"
"""The report comes, then the connection breaks where the answer should be."""


async def test_a_report_that_was_answered_before_a_kill_saves_the_task_after_it(
    tmp_path: Path, database_url: str
) -> None:
    with FakeKie(journal=tmp_path / "journal") as kie:
        server = ServerProcess(tmp_path / "data", database_url, kie.url)
        server.settings = {
            "SOUK_PUBLIC_URL": server.url,
            "SOUK_NETWORK_POLICY": "open",  # results lie on loopback
            "SOUK_REVIEW_SECONDS": "60",
        }
        await server.start("after-report")
        try:
            task = await _created(server)
            assert await server.ended() == -signal.SIGKILL
            await server.start()
            record = await _ended(server, task)
        finally:
            await server.kill()
        assert record["state"] == "success", record
        assert kie.count("a tram") == 1


async def _created(server: ServerProcess) -> str:
    body = {"model": "z-image", "input": {"prompt": PROMPT, "aspect_ratio": "1:1"}}
    return (await _asked(server, "POST", "/api/v1/jobs/createTask", json=body))["taskId"]


async def _ended(server: ServerProcess, task: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            record = await _asked(server, "GET", "/api/v1/jobs/recordInfo", params={"taskId": task})
            if record["state"] in ("success", "fail"):
                return record
            await asyncio.sleep(0.1)


async def _asked(server: ServerProcess, method: str, path: str, **given: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, server.url + path, **given) as answer,
    ):
        return (await answer.json())["data"]
