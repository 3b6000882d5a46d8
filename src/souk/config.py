"""``souk.yaml``, the operator's file: settings by their names, and sections ``models`` and ``connections``.

It is looked for at ``SOUK_CONFIG``, then in the data folder, then in the current folder. Flags and
environment variables win over it.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

from souk.settings import PREFIX, Settings, SettingsError

FILE_NAME = "souk.yaml"
SECTIONS = ("models", "connections")
SURELY_MEANT: Final = 0.9
"""How alike a name must be to a setting's (0 to 1). Other programs may have variables of this prefix too."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, by part. Everything is empty when there is no file."""

    path: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    models: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Changes to the catalogue and models of the operator's own, by model id."""
    connections: Sequence[Mapping[str, Any]] = ()
    """Connections beside those of the environment, in order."""


def find_config(data_dir: Path | None) -> Path | None:
    """The file in force; None when there is none. ``data_dir`` is the flag's. Raises SettingsError."""
    if named := os.environ.get("SOUK_CONFIG"):
        if not Path(named).is_file():
            raise SettingsError(f"SOUK_CONFIG: there is no file {named}")
        return Path(named)
    folder = data_dir or os.environ.get("SOUK_DATA_DIR") or Settings.model_fields["data_dir"].default
    for path in (Path(folder) / FILE_NAME, Path(FILE_NAME)):
        if path.is_file():
            return path
    return None


def read_config(path: Path | None) -> Config:
    """Read and check the file. Raises SettingsError naming it, the key and what to put right."""
    if path is None:
        return Config()
    import yaml

    try:
        document: Any = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not readable as YAML: {_problem(error)}") from None
    whole = _mapping(document, str(path))
    _check_names(path, whole)
    return Config(
        path,
        settings={name: value for name, value in whole.items() if name not in SECTIONS},
        models=_mapping(whole.get("models"), f"{path}: models"),
        connections=_mappings(whole.get("connections"), f"{path}: connections"),
    )


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{where}: must be names and values (`name: value`), not {type(value).__name__}")
    return {str(name): inner for name, inner in cast("dict[Any, Any]", value).items()}


def _mappings(value: Any, where: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise SettingsError(f"{where}: must be a list (`- provider: …`), not {type(value).__name__}")
    return [_mapping(item, f"{where}[{index}]") for index, item in enumerate(cast("list[Any]", value))]


def _check_names(path: Path, whole: Mapping[str, Any]) -> None:
    known = [*Settings.model_fields, *SECTIONS]
    for name in whole:
        if name in known:
            continue
        near = get_close_matches(name.lower().removeprefix("souk_"), known, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; it takes the settings, {' and '.join(SECTIONS)}"
        raise SettingsError(f"{path}: there is no setting {name!r}{hint}")


def misspelt_variables(names: Iterable[str]) -> dict[str, str]:
    """Which of these environment variables are probably meant for settings, and the settings' own names."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    known += [f"{name}_FILE" for name in known]
    ours = (name for name in sorted(names) if name.startswith(PREFIX) and name not in known)
    near = {name: get_close_matches(name, known, 1, SURELY_MEANT) for name in ours}
    return {name: found[0] for name, found in near.items() if found}


def _problem(error: Exception) -> str:
    """What is wrong and where; not the line itself, which may hold a key."""
    mark = getattr(error, "problem_mark", None)
    told = re.sub(r"'[^']{2,}'", "…", getattr(error, "problem", None) or type(error).__name__)
    return f"line {mark.line + 1}: {told}" if mark else told
