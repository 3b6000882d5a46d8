"""Files of ours named as inputs: a task holds on to what exists, and never to what has expired."""

import pytest

from souk.store import assets
from souk.store.statement import Statement
from tests.unit.shelf import asset
from tests.wire.serving import Souk

_PINS = Statement("SELECT target FROM pins WHERE task_id = :task_id")


@pytest.fixture
def souk_database(database_url: str) -> str:
    return database_url


async def pinned_by_a_create_that_names(souk: Souk, *, expires_in: int) -> tuple[str, list[str]]:
    """The id of a file that expires so many milliseconds from now, and what a create that names it pins."""
    row = asset("5e9a0c/cat.png", b"x", expires_at=souk.house.clock.now() + expires_in)
    connection = souk.house.database.connect()
    try:
        assets.insert(connection, [row])
        url = f"{souk.client.url}/f/{row.path}"
        body = {"model": "qwen/image-to-image", "input": {"prompt": "a dog", "image_url": url}}
        task_id = await souk.client.create(body)
        return row.id, [pin[0] for pin in connection.run(_PINS, {"task_id": task_id})]
    finally:
        connection.close()


async def test_a_file_named_as_input_is_held(souk: Souk) -> None:
    file, pins = await pinned_by_a_create_that_names(souk, expires_in=60_000)
    assert pins == [file]


@pytest.mark.alone("its row has the same id every time")
async def test_an_expired_file_is_not_held_though_its_row_is_still_there(souk: Souk) -> None:
    _, pins = await pinned_by_a_create_that_names(souk, expires_in=-1)
    assert pins == []
