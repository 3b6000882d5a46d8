"""The webhooks of fake services: sent if a prompt asks for them, true or not, to where its create call said."""

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from tests.upstreams.journal import Submit
from tests.upstreams.lies import Words

if TYPE_CHECKING:
    from tests.upstreams.service import FakeService

LOOK_SECONDS = 0.02
"""How often it is seen whether a task is done."""
SECONDS = 30.0
"""What a receiver may take to answer."""


class Reports:
    """What one service tells the receivers of its clients."""

    def __init__(self, service: "FakeService") -> None:
        self._service = service
        self._later: set[asyncio.Task[None]] = set()
        self.answers: list[int] = []
        """The status of every answer; receivers that were not there give none."""

    async def about(self, submit: Submit, words: Words) -> None:
        """Send what comes before the answer to the create call, and see to what comes after it."""
        if not submit.callback:
            return
        if "webhook-first" in words:
            await self._send(submit)
        if "webhook-forged" in words:
            await self._send(submit, forged=True)
        if "webhooks" in words:
            task = asyncio.create_task(self._when_done(submit, words.times("webhooks")))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def all_again(self) -> None:
        """Report every task there ever was: those that are over truthfully, the others as failed."""
        for submit in self._service.submits:
            if submit.callback:
                await self._send(submit, forged=self._service.running(submit))

    async def close(self) -> None:
        """Give up what is still to be sent."""
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _when_done(self, submit: Submit, times: int) -> None:
        while self._service.running(submit):  # noqa: ASYNC110 - the service goes by the time, and tells nobody
            await asyncio.sleep(LOOK_SECONDS)
        for _ in range(times):
            await self._send(submit)

    async def _send(self, submit: Submit, *, forged: bool = False) -> None:
        headers, body = self._service.report(submit, forged=forged)
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(submit.callback, data=body, headers=headers) as answer,
            ):
                self.answers.append(answer.status)
        except (aiohttp.ClientError, TimeoutError):
            return  # a receiver that is down hears nothing
