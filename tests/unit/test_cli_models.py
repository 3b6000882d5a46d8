"""The catalogue and the connections at the command line, without any data."""

from pathlib import Path

import pytest

from tests.unit.command import Command, souk_on

MODEL = "qwen/text-to-image"


@pytest.fixture
def souk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return souk_on(tmp_path, "sqlite:", monkeypatch, capsys)


def test_every_model_is_listed(souk: Command) -> None:
    listed = souk.good("models", "--json").json
    assert MODEL in {row["model"] for row in listed}
    assert MODEL in souk.good("models").out


def test_one_model_is_shown_with_its_fields_and_an_example(souk: Command) -> None:
    shown = souk.good("models", MODEL).out
    assert "prompt" in shown
    assert f"souk run {MODEL}" in shown
    assert souk.good("models", MODEL, "--json").json["input"]["properties"]["prompt"]


def test_model_that_chats_is_listed_and_shown_with_its_paths(souk: Command) -> None:
    assert "gpt-5-2" in {row["model"] for row in souk.good("models", "--json").json}
    shown = souk.good("models", "gpt-5-2").out
    assert "/gpt-5-2/v1/chat/completions" in shown
    assert souk.good("models", "gpt-5.2", "--json").json["protocols"] == ["chat", "responses"]


def test_unknown_model_is_not_found_and_the_nearest_named(souk: Command) -> None:
    answer = souk("models", "qwen/text-to-imag")
    assert answer.code == 4
    assert MODEL in answer.err


def test_catalogue_follows_souk_yaml(souk: Command) -> None:
    (souk.data / "souk.yaml").write_text(f"models:\n  {MODEL}:\n    title: My Own Title\n")
    assert "My Own Title" in souk.good("models", MODEL).out


def test_mistake_in_souk_yaml_is_a_configuration_error(souk: Command) -> None:
    (souk.data / "souk.yaml").write_text(f"models:\n  {MODEL}:\n    titel: My Own Title\n")
    answer = souk("models")
    assert answer.code == 3
    assert "titel" in answer.err


def test_provider_without_a_key_names_its_variable(souk: Command) -> None:
    assert "set KIE_API_KEY" in souk.good("providers").out


def test_connection_names_the_variable_that_made_it_live(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "canary-upstream-key")
    listed = souk.good("providers", "--json")
    row = next(row for row in listed.json if row["provider"] == "kie")
    assert (row["live"], row["source"]) == (True, "KIE_API_KEY")
    assert "canary-upstream-key" not in listed.out


def test_broken_connection_is_a_configuration_error(souk: Command) -> None:
    (souk.data / "souk.yaml").write_text("connections:\n  - provider: nowhere\n")
    answer = souk("providers")
    assert answer.code == 3
    assert "nowhere" in answer.err
