"""A small pool of child processes for media work: started on first use, ended when idle."""

import asyncio
import contextlib
import json
import os
import sys
from collections import deque
from pathlib import Path
from typing import cast

from souk.words import JsonObject

WORKER_MODULE = "souk.providers.children.worker"
IDLE_SECONDS = 30.0
LINE_LIMIT = 32 * 1024 * 1024
"""Bytes of one framed line; a transcript of hours stays far below."""
STDERR_LINES_KEPT = 20
PASSED_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "HOME")
"""What a child needs of our environment to start; provider keys are not among it."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerDied(Exception):
    """The child process ended before it answered; the message holds the end of its stderr."""


class Worker:
    """One child process; answers one job at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls) -> "Worker":
        source = str(Path(__file__).parents[3])
        kept = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", WORKER_MODULE, str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**kept, **ONE_THREAD, "PYTHONPATH": source},
            limit=LINE_LIMIT,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ask(self, request: JsonObject) -> JsonObject:
        """Send one job and wait for its answer. Raises WorkerDied."""
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: S101 -- both are pipes
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            await self.process.stdin.drain()
            line = await self.process.stdout.readline()
        except (ConnectionError, ValueError) as error:
            raise WorkerDied(str(error)) from error
        if not line.endswith(b"\n"):
            await self.process.wait()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._listener), 1.0)
            raise WorkerDied(f"exit {self.process.returncode}: {''.join(self._stderr)[-400:].strip()}")
        return cast(JsonObject, json.loads(line))

    async def end(self) -> None:
        """Kill the process and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)

    async def _listen(self) -> None:
        assert self.process.stderr is not None  # noqa: S101 -- a pipe
        async for line in self.process.stderr:
            self._stderr.append(line.decode(errors="replace"))


class Pool:
    """At most ``size`` workers; a job takes an idle one or starts one."""

    def __init__(self, size: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self._slots = asyncio.Semaphore(size)
        self._idle_seconds = idle_seconds
        self._idle: list[tuple[Worker, asyncio.TimerHandle]] = []
        self._busy: set[Worker] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self, request: JsonObject, seconds: float) -> JsonObject:
        """Run one job within ``seconds``. Raises WorkerDied, and TimeoutError when time is up."""
        async with self._slots:
            worker = await self._take()
            try:
                answer = await asyncio.wait_for(worker.ask(request), seconds)
            except BaseException:
                self._busy.discard(worker)
                await asyncio.shield(self._retire(worker))
                raise
            self._busy.discard(worker)
            self._put_back(worker)
            return answer

    async def close(self) -> None:
        """End every worker; jobs in hand fail with WorkerDied."""
        self._closed = True
        while self._idle:
            worker, timer = self._idle.pop()
            timer.cancel()
            self._retire(worker)
        for worker in tuple(self._busy):
            self._retire(worker)
        while self._endings:
            await asyncio.gather(*self._endings, return_exceptions=True)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that live now."""
        return [
            worker.process.pid for worker in (*self._busy, *(idle for idle, _ in self._idle)) if worker.alive
        ]

    async def _take(self) -> Worker:
        if self._closed:
            raise WorkerDied("the pool is closed")
        while self._idle:
            worker, timer = self._idle.pop()
            timer.cancel()
            if worker.alive:
                self._busy.add(worker)
                return worker
            self._retire(worker)
        worker = await Worker.start()
        self._busy.add(worker)
        return worker

    def _put_back(self, worker: Worker) -> None:
        if self._closed or not worker.alive:
            self._retire(worker)
            return
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire_idle, worker)
        self._idle.append((worker, timer))

    def _retire_idle(self, worker: Worker) -> None:
        self._idle = [(other, timer) for other, timer in self._idle if other is not worker]
        self._retire(worker)

    def _retire(self, worker: Worker) -> asyncio.Task[None]:
        ending = asyncio.create_task(worker.end())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        return ending
