"""Connections handed to workers: fairly, and not lost with a worker that ends. Both sides run here, in one process."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from souk.cli.handing import STALL_SECONDS, UP, Door, Hand, Receiver
from souk.cli.http_server import HttpServer

PATIENCE = 30.0


class Worker:
    """What the parent has of a worker, and what a worker would have."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.receiver = Receiver(*self.hand.ends())
        self.taken: list[socket.socket] = []

    def start(self) -> None:
        self.receiver.start(self.taken.append)

    def end_some(self, number: int) -> None:
        for _ in range(number):
            self.taken.pop().close()
            self.receiver.ended()


class Parent:
    """A door, two workers and their clients."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.door = Door(self.listener)
        self.workers = [Worker(), Worker()]
        self.clients: list[socket.socket] = []
        self.now = 0.0

    def connect(self, number: int) -> None:
        self.clients += [socket.create_connection(self.listener.getsockname()) for _ in range(number)]

    def look(self) -> None:
        """One round of the parent's."""
        hands = [worker.hand for worker in self.workers]
        for hand in hands:
            hand.hear()
            if hand.gone:
                self.door.hand_again(hand.end())
        self.workers = [worker for worker in self.workers if not worker.hand.gone]
        self.door.let_in([worker.hand for worker in self.workers], self.now)

    async def until(self, number: int) -> list[int]:
        """Go on until the workers have so many connections, and the parent knows it; how many each has."""
        async with asyncio.timeout(PATIENCE):
            while sum(len(worker.taken) for worker in self.workers) < number:
                self.look()
                await asyncio.sleep(0)
        self.look()
        return [len(worker.taken) for worker in self.workers]


@pytest.fixture
async def parent() -> AsyncIterator[Parent]:
    made = Parent()
    workers = made.workers
    for worker in workers:
        worker.start()
    made.look()
    yield made
    made.door.close()
    for worker in workers:
        worker.receiver.stop()
        for each in (*worker.taken, *worker.hand.end()):
            each.close()
    for client in made.clients:
        client.close()


async def test_connections_that_come_at_once_are_shared_evenly(parent: Parent) -> None:
    parent.connect(32)
    assert await parent.until(32) == [16, 16]


async def test_connections_that_come_one_by_one_and_end_are_shared_too(parent: Parent) -> None:
    had = [0, 0]
    for _ in range(10):
        parent.connect(1)
        had = [sum(pair) for pair in zip(had, await parent.until(1), strict=True)]
        for worker in parent.workers:
            worker.end_some(len(worker.taken))
        parent.look()
    assert had == [5, 5]


async def test_worker_with_fewer_connections_gets_the_next_ones(parent: Parent) -> None:
    parent.connect(20)
    await parent.until(20)
    parent.workers[1].end_some(6)
    parent.connect(6)
    assert await parent.until(20) == [10, 10]


async def test_what_a_worker_was_handed_and_never_had_goes_to_another(parent: Parent) -> None:
    doomed, other = parent.workers
    parent.connect(8)
    parent.look()  # handed out, and no worker had a turn to look
    assert doomed.hand.connections == 4
    doomed.receiver.stop()  # as the kernel closes what a killed process had open
    assert await parent.until(8) == [8]
    assert doomed.taken == []
    parent.clients[0].sendall(b"hello")
    async with asyncio.timeout(PATIENCE):
        while not any(_said(each) for each in other.taken):  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def test_what_a_worker_had_is_not_handed_to_another(parent: Parent) -> None:
    parent.connect(8)
    await parent.until(8)
    doomed, other = parent.workers
    doomed.receiver.stop()
    parent.look()
    parent.connect(1)
    assert await parent.until(5) == [5]
    assert len(doomed.taken) == 4
    assert other.hand.connections == 5


async def test_worker_that_stalls_gets_no_more_while_another_takes_them(parent: Parent) -> None:
    stuck, other = Hand(), parent.workers[1]
    _, tells = stuck.ends()
    os.write(tells.fileno(), UP)
    stuck.hear()
    hands = [stuck, other.hand]
    parent.connect(4)
    parent.door.let_in(hands, 0.0)
    assert [hand.connections for hand in hands] == [2, 2]
    async with asyncio.timeout(PATIENCE):
        while len(other.taken) < 2:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)
    other.hand.hear()
    parent.connect(4)
    parent.door.let_in(hands, STALL_SECONDS)
    assert [hand.connections for hand in hands] == [2, 6]
    for end in stuck.ends():
        end.close()
    for left in stuck.end():
        left.close()


async def test_parent_keeps_no_connection_open_that_a_worker_closed(parent: Parent) -> None:
    parent.connect(1)
    await parent.until(1)
    for worker in parent.workers:
        worker.end_some(len(worker.taken))
    client = parent.clients[0]
    client.settimeout(PATIENCE)
    assert await asyncio.to_thread(client.recv, 1) == b""


async def test_connections_wait_outside_while_no_worker_takes_any() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        door, hand = Door(listener), Hand()
        assert door.sources([hand]) == []
        door.let_in([hand], 0.0)
        assert hand.connections == 0
        receiver = Receiver(*hand.ends())
        receiver.start(lambda each: each.close())
        hand.hear()
        assert door.sources([hand]) == [listener]
        door.let_in([hand], 0.0)
        assert hand.connections == 1
        await asyncio.sleep(0)
        receiver.stop()
        for left in hand.end():
            left.close()


async def test_server_answers_a_connection_it_was_handed_and_tells_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door, hand = Door(listener), Hand()
        server = HttpServer(_hello)
        serving = asyncio.create_task(server.serve_at(Receiver(*hand.ends())))
        async with asyncio.timeout(PATIENCE):
            while not hand.up:
                hand.hear()
                await asyncio.sleep(0.01)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: souk\r\nConnection: close\r\n\r\n")
            door.let_in([hand], 0.0)
            assert hand.connections == 1
            await reader.readuntil(b"\r\n\r\nhello")
            while hand.connections:
                hand.hear()
                await asyncio.sleep(0.01)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            server.stop()
            await serving
        assert hand.end() == []
        assert hand.gone


def _said(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(8) == b"hello"
    except BlockingIOError:
        return False


async def _hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})
