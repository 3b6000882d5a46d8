"""Which variables and entries make which connection live."""

from pathlib import Path
from typing import Any

import pytest

from souk.providers.base import Connection
from souk.providers.connections import BadConnection, Configured, Limits, configured
from souk.providers.registry import PROVIDERS

KEY = "made-up-key"


def only(env: dict[str, str], *listed: dict[str, Any]) -> Configured:
    (found,) = configured(env, listed)
    return found


@pytest.mark.parametrize(
    "env", [{}, {"KIE_API_KEY": ""}, {"KIE_API_KEY": "  "}, {"SOUK_KIE_BASE_URL": "https://a.example"}]
)
def test_without_a_key_nothing_is_live(env: dict[str, str]) -> None:
    assert configured(env) == []


def test_key_variable_makes_the_default_connection() -> None:
    found = only({"KIE_API_KEY": f" {KEY}\n"})
    assert found.source == "KIE_API_KEY"
    assert found.connection == Connection(
        name="kie", provider="kie", base_url="https://api.kie.ai", api_key=KEY
    )


def test_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    found = only({"KIE_API_KEY_FILE": str(tmp_path / "key")})
    assert (found.connection.api_key, found.source) == (KEY, "KIE_API_KEY_FILE")


def test_second_key_may_be_in_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("second\n")
    found = only({"KLING_ACCESS_KEY": KEY, "KLING_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert found.connection.options == {"secret_key": "second"}


def test_key_goes_before_its_file() -> None:
    assert only({"KIE_API_KEY": KEY, "KIE_API_KEY_FILE": "/nowhere"}).source == "KIE_API_KEY"


@pytest.mark.parametrize("content", [None, "", " \n", b"\xff\xfe"])
def test_unusable_key_file_names_its_variable(tmp_path: Path, content: str | bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadConnection, match="KIE_API_KEY_FILE"):
        configured({"KIE_API_KEY_FILE": str(path)})


def test_base_url_and_upload_url_come_from_their_variables() -> None:
    env = {
        "KIE_API_KEY": KEY,
        "SOUK_KIE_BASE_URL": "http://127.0.0.1:9000/",
        "SOUK_KIE_UPLOAD_URL": "http://127.0.0.1:9001/",
    }
    connection = only(env).connection
    assert connection.base_url == "http://127.0.0.1:9000"
    assert connection.options == {"upload_url": "http://127.0.0.1:9001"}


@pytest.mark.parametrize(
    "url",
    [
        "api.kie.ai",
        "ftp://a.example",
        "http://user:pw@a.example",
        "http://169.254.169.254",
        "http://a.example?b=c",
    ],
)
@pytest.mark.parametrize("variable", ["SOUK_KIE_BASE_URL", "SOUK_KIE_UPLOAD_URL"])
def test_unusable_base_url_is_refused(variable: str, url: str) -> None:
    with pytest.raises(BadConnection):
        configured({"KIE_API_KEY": KEY, variable: url})


def test_unusable_base_url_names_its_variable() -> None:
    with pytest.raises(BadConnection, match="SOUK_KIE_BASE_URL"):
        configured({"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": "nonsense"})


def test_listed_connections_come_first_and_say_where_they_stand() -> None:
    listed = [{"name": "second", "provider": "kie", "api_key": "another-key", "concurrency": 3}]
    found = configured({"KIE_API_KEY": KEY}, listed)
    assert [(each.connection.name, each.source) for each in found] == [
        ("second", "souk.yaml: connections[0]"),
        ("kie", "KIE_API_KEY"),
    ]
    assert found[0].connection.concurrency == 3


def test_listed_connection_may_take_its_key_from_the_variable() -> None:
    found = only({"KIE_API_KEY": KEY}, {"provider": "kie", "polls_per_second": 5})
    assert found.connection.name == "kie"
    assert (found.connection.api_key, found.connection.polls_per_second) == (KEY, 5)
    assert found.source == "souk.yaml: connections[0] with KIE_API_KEY"


def test_listed_connection_may_take_its_key_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    found = only({}, {"provider": "kie", "api_key_file": str(tmp_path / "key")})
    assert found.connection.api_key == KEY


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"provider": "kie"}, "KIE_API_KEY"),
        ({"provider": "kei", "api_key": KEY}, "'kei' is not one of kie"),
        ({"api_key": KEY}, "provider"),
        ({"provider": "kie", "apikey": KEY}, "unknown 'apikey'"),
        ({"provider": "kie", "api_key": 7}, "api_key must be a text"),
        ({"provider": "kie", "api_key": KEY, "concurrency": -1}, "concurrency"),
        ({"provider": "kie", "api_key": KEY, "concurrency": True}, "concurrency"),
        ({"provider": "kie", "api_key": KEY, "polls_per_second": "5"}, "polls_per_second"),
        ({"provider": "kie", "api_key": KEY, "options": {"region": "eu"}}, "upload_url"),
        ({"provider": "kie", "api_key": KEY, "options": ["upload_url"]}, "options"),
        ({"provider": "kie", "api_key": KEY, "base_url": "nonsense"}, "base_url"),
        ({"provider": "kie", "api_key_file": "/nowhere"}, "api_key_file"),
        ({"provider": "kie", "api_key": KEY, "name": "local"}, "local is the name of an engine"),
    ],
)
def test_unusable_entry_says_which_and_why(item: dict[str, Any], words: str) -> None:
    with pytest.raises(BadConnection, match=rf"connections\[0\].*{words}"):
        configured({}, [item])


def test_two_connections_cannot_share_a_name() -> None:
    item = {"name": "one", "provider": "kie", "api_key": KEY}
    with pytest.raises(BadConnection, match="'one' twice"):
        configured({}, [item, item])


def test_limits_are_those_of_the_settings_unless_named() -> None:
    (found,) = configured({"KIE_API_KEY": KEY}, limits=Limits(concurrency=4, polls_per_second=9.5))
    assert (found.connection.concurrency, found.connection.polls_per_second) == (4, 9.5)


def test_key_is_not_shown_by_accident() -> None:
    assert KEY not in repr(only({"KIE_API_KEY": KEY}))


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_runs_tasks_or_chats(name: str) -> None:
    entry = PROVIDERS[name]
    assert entry.factory or entry.speaks
    assert entry.factory is None or isinstance(entry.factory().idempotent, bool)


def test_server_of_ones_own_needs_an_address_and_no_key() -> None:
    found = only({"SOUK_OPENAI_COMPATIBLE_BASE_URL": "http://127.0.0.1:11434/v1"}).connection
    assert (found.provider, found.base_url, found.api_key) == (
        "openai-compatible",
        "http://127.0.0.1:11434/v1",
        "",
    )


def test_server_of_ones_own_is_no_connection_without_an_address() -> None:
    assert configured({"SOUK_OPENAI_COMPATIBLE_API_KEY": KEY}) == []


def test_listed_server_of_ones_own_says_that_its_address_is_missing() -> None:
    with pytest.raises(BadConnection, match="SOUK_OPENAI_COMPATIBLE_BASE_URL"):
        configured({}, [{"provider": "openai-compatible"}])
