"""``souk.yaml``: where it is found, what it may hold, and who wins over it."""

from pathlib import Path

import pytest

from souk.config import find_config, read_config
from souk.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_named_file_wins_over_the_data_folder_and_that_over_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_config(None) is None
    here = written(Path("souk.yaml"), "port: 1")
    assert find_config(None) == here
    data = written(tmp_path / "data" / "souk.yaml", "port: 2")
    assert find_config(tmp_path / "data") == data
    monkeypatch.setenv("SOUK_DATA_DIR", str(tmp_path / "data"))
    assert find_config(None) == data
    named = written(tmp_path / "named.yaml", "port: 3")
    monkeypatch.setenv("SOUK_CONFIG", str(named))
    assert find_config(tmp_path / "data") == named


def test_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_CONFIG", "nowhere.yaml")
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        find_config(None)


def test_parts_are_kept_apart() -> None:
    text = "port: 81\nmodels:\n  z-image: {paused: true}\nconnections:\n  - provider: kie\n"
    config = read_config(written(Path("souk.yaml"), text))
    assert config.settings == {"port": 81}
    assert config.models == {"z-image": {"paused": True}}
    assert config.connections == [{"provider": "kie"}]


def test_flag_wins_over_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_config(written(Path("souk.yaml"), "port: 81\nhost: 10.0.0.1\nworkers: 4\n"))
    monkeypatch.setenv("SOUK_PORT", "82")
    monkeypatch.setenv("SOUK_HOST", "10.0.0.2")
    settings = load_settings({"port": 83, "host": None}, config.settings)
    assert (settings.port, settings.host, settings.workers) == (83, "10.0.0.2", 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot: 81", "did you mean port"),
        ("SOUK_PORT: 81", "did you mean port"),
        ("nonsense_of_all_kinds: 1", "models and connections"),
        ("- a\n- b", "names and values"),
        ("models: [a]", "names and values"),
        ("connections: {kie: {}}", "must be a list"),
        ("port: [", "YAML"),
    ],
)
def test_mistake_is_named_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as error:
        read_config(written(Path("souk.yaml"), text))
    assert "souk.yaml" in str(error.value)


@pytest.mark.parametrize("value", ["canary: x", '"canary', "*canary", "!canary x", "canary\x00"])
def test_mistake_beside_a_key_does_not_tell_the_key(value: str) -> None:
    text = f"connections:\n- provider: kie\n  api_key: {value}\n"
    with pytest.raises(SettingsError, match=r"souk\.yaml: is not readable as YAML") as error:
        read_config(written(Path("souk.yaml"), text))
    assert "canary" not in str(error.value)


def test_every_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://souk:canary@db/souk"
    monkeypatch.setenv("SOUK_DATABASE_URL_FILE", str(written(tmp_path / "url", url + "\n")))
    monkeypatch.setenv("SOUK_API_KEY_FILE", str(written(tmp_path / "key", "canary-key\n")))
    settings = load_settings()
    assert settings.database_url.get_secret_value() == url
    assert settings.api_key.get_secret_value() == "canary-key"
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("postgresql://souk:s%40fe-word@db/souk", {"s%40fe-word", "s@fe-word"}),
        ("postgresql://souk@db/souk?password=safe-word", {"safe-word"}),
        ("postgresql://postgres:postgres@db/souk", set()),
        ("postgresql://db/souk", set()),
        ("", set()),
    ],
)
def test_password_in_a_database_address_is_a_secret(url: str, hidden: set[str]) -> None:
    settings = load_settings({"database_url": url})
    assert set(settings.secrets) - {url} == hidden


def test_empty_file_says_nothing() -> None:
    config = read_config(written(Path("souk.yaml"), "# nothing yet\n"))
    assert (config.settings, config.models, list(config.connections)) == ({}, {}, [])
