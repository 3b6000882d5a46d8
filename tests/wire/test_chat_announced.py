"""What a server says when it starts: one that can only chat says how to."""

import json
from pathlib import Path

import pytest

from souk.cli.announce import announce
from souk.settings import LogFormat
from tests.wire.serving import KEY, Souk, open_souk


async def test_first_request_chats_where_nothing_makes_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_souk(tmp_path, env={"ANTHROPIC_API_KEY": "no-such-key"}) as souk:
        announce(souk.house, souk.house.public_url)
    said = capsys.readouterr().out
    assert "anthropic, from ANTHROPIC_API_KEY" in said
    assert "/v1/chat/completions" in said
    assert '"model": "claude-' in said


async def test_first_request_makes_a_picture_where_it_can(
    souk: Souk, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(souk.house, souk.house.public_url)
    assert "/api/v1/jobs/createTask" in capsys.readouterr().out


async def test_json_line_of_the_start_holds_no_key_that_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"ANTHROPIC_API_KEY": "no-such-key"}
    async with open_souk(tmp_path, env=environment, log_format=LogFormat.JSON) as souk:
        announce(souk.house, souk.house.public_url)
    said = capsys.readouterr().out
    told = json.loads(said)
    assert (told["event"], told["live"], "api_key" in told) == ("serving", ["anthropic"], False)
    assert KEY not in said
    assert "no-such-key" not in said


async def test_page_for_language_models_tells_of_chat(souk: Souk) -> None:
    assert f"{souk.client.url}/v1/chat/completions" in (await souk.client.get("/llms.txt")).raw.decode()
