"""Words of a command line as a task's input."""

from pathlib import Path
from typing import Any

import pytest

from souk.cli.arguments import read_input
from souk.cli.failure import Failure
from souk.words import JsonObject

SCHEMA: JsonObject = {
    "properties": {
        "prompt": {"type": "string"},
        "seed": {"type": "integer"},
        "loud": {"type": "boolean"},
        "urls": {"type": "array", "items": {"type": "string"}},
        "sizes": {"type": "array", "items": {"type": "integer"}},
    }
}


async def bring_in(path: Path) -> str:
    return f"link to {path.name}"


async def read(*words: str) -> JsonObject:
    return await read_input(list(words), SCHEMA, bring_in)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("prompt=a cat = a feline", "a cat = a feline"),
        ("prompt=7", "7"),
        ("prompt=", ""),
        ("prompt=@@home", "@home"),
        ("seed=7", 7),
        ("seed=seven", "seven"),
        ("loud=true", True),
        ("other=[1, 2]", [1, 2]),
        ("other=plain words", "plain words"),
        ("urls=http://a", ["http://a"]),
        ('urls=["http://a", "http://b"]', ["http://a", "http://b"]),
        ("sizes=3", [3]),
    ],
)
async def test_value_is_read_as_its_field_wants_it(word: str, value: Any) -> None:
    assert await read(word) == {word.partition("=")[0]: value}


async def test_list_grows_with_each_mention() -> None:
    assert await read("urls=http://a", "urls=http://b") == {"urls": ["http://a", "http://b"]}


async def test_local_file_becomes_a_link(tmp_path: Path) -> None:
    (tmp_path / "cat.png").touch()
    assert await read(f"urls=@{tmp_path / 'cat.png'}") == {"urls": ["link to cat.png"]}


@pytest.mark.parametrize("words", [("a cat",), ("=x",), ("seed=1", "seed=2"), ("prompt=@nowhere",)])
async def test_word_that_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(Failure):
        await read(*words)
