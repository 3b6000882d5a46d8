"""Whether the process lives, and whether it can do its work: for load balancers and people."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk import __version__
from souk.api.answers import json_answer

CHECK_SECONDS: Final = 2.0
OK: Final = "ok"

Check = Callable[[], Awaitable[None]]
"""Raises when its part does not work; the message says what is wrong without naming secrets."""


class Readiness:
    """Whether the parts of a process do their work."""

    def __init__(self, checks: Mapping[str, Check], patience: float = CHECK_SECONDS) -> None:
        """``patience`` is how many seconds a part may take to prove it."""
        self._checks = checks
        self._patience = patience

    async def judge(self) -> dict[str, str]:
        """What each part's check found: ``OK``, or what is wrong. All are tried at once, so one patience is enough."""
        found = await asyncio.gather(*(_outcome(check, self._patience) for check in self._checks.values()))
        return dict(zip(self._checks, found, strict=True))


class HealthRoutes:
    """Handlers of ``/health`` and ``/ready``. Both need no key and tell no secret."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self.routes = [
            Route("/health", self.health, methods=["GET"]),
            Route("/ready", self.ready, methods=["GET"]),
        ]

    async def health(self, _: Request) -> Response:
        """GET health: this process answers."""
        return json_answer(msgspec.json.encode({"status": "ok", "version": __version__}))

    async def ready(self, _: Request) -> Response:
        """GET ready: database, write lane and engine do their work; HTTP 503 names what does not."""
        checks = await self._readiness.judge()
        ready = all(outcome == OK for outcome in checks.values())
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return json_answer(msgspec.json.encode(body), 200 if ready else 503)


async def _outcome(check: Check, patience: float) -> str:
    try:
        await asyncio.wait_for(check(), patience)
    except TimeoutError:
        return f"no answer within {patience:g} s"
    except Exception as error:  # noqa: BLE001 - any failure of a part means that it is not ready
        return str(error) or type(error).__name__
    return OK
