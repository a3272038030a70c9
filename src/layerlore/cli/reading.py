"""From a YAML file and ``--set`` to checked settings, with errors that name the key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from layerlore.cli.config import DataSection, ExplainConfig, ModelSection, SamplesSection
from layerlore.errors import ConfigError, closest

PATHS = ("model.weights", "data.root")
"""Keys that hold a file or folder beside the configuration file."""

SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): ExplainConfig,
    ("model",): ModelSection,
    ("data",): DataSection,
    ("samples",): SamplesSection,
}

EXPECTED = {
    "layers": "null, a pattern such as 'layer*', or a list of names",
    "read_out": "the name of a read-out, or one for each layer, {layer: name}",
    "baseline": "mean, zero, a number, or {blur: sigma} with sigma above 0",
    "targets": "truth, predicted, a class number, or a list of class numbers",
    "score": "log_odds, logit, or {path: 'module:function'}",
    "budget": "a number of bytes, or text such as '2GiB'",
}
"""What keys take that accept several kinds of values."""


@dataclass(frozen=True)
class Recipe:
    """Settings and the folder that their relative paths start from.

    Attributes:
        config: the settings.
        folder: of the configuration file.
        source: the file, for messages.
    """

    config: ExplainConfig
    folder: Path
    source: Path

    def file(self, path: str) -> Path:
        """A path of the file, relative to the file's folder."""
        return self.folder / Path(path).expanduser()


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key twice is an error, and 1e-3 is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_recipe(path: Path, changes: Sequence[str] = (), run: Path | None = None) -> Recipe:
    """Settings of a file with changes from the command line.

    Args:
        path: YAML file.
        changes: ``key.sub=value``, the value in YAML; relative paths among them start from the current folder.
        run: run folder in the place of the file's.

    Raises:
        ConfigError: the file cannot be read, or a key or value is wrong; all that are wrong are named.
    """
    settings = _parsed(_text(path), str(path))
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} holds {settings!r:.80}: a mapping with the keys model, data, players, run is needed")
    for change in changes:
        _change(settings, change)
    if run is not None:
        settings["run"] = str(run)
    try:
        config = ExplainConfig.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explained(error, settings, SECTIONS)}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    return Recipe(config, path.absolute().parent, path)


def explained(
    error: ValidationError, settings: Mapping[Any, Any], sections: Mapping[tuple[str, ...], type[BaseModel]]
) -> str:
    """All that is wrong in one line: each key once, with its value or the keys that exist."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        keys = tuple(str(part) for part in problem["loc"])
        if keys and keys[0] in EXPECTED and problem["type"] != "value_error":
            expected = f"{keys[0]}={settings[keys[0]]!r} is not understood: give {EXPECTED[keys[0]]}"
            found.setdefault(keys[0], expected)
        elif problem["type"] == "extra_forbidden":
            found[".".join(keys)] = _unknown(keys, sections[keys[:-1]])
        elif problem["type"] == "missing":
            found[".".join(keys)] = f"the key {'.'.join(keys)!r} is missing"
        elif problem["type"] == "value_error":
            found[".".join(keys)] = f"{'.'.join(keys) or 'settings'}: {problem.get('ctx', {}).get('error')}"
        else:
            what = problem["msg"].replace("Input should", "it should")
            found[".".join(keys)] = f"{'.'.join(keys)}={problem['input']!r:.80}: {what}"
    return "; ".join(found.values())


def _unknown(keys: tuple[str, ...], section: type[BaseModel]) -> str:
    known = list(section.model_fields)
    return f"unknown key {'.'.join(keys)!r}, {closest(keys[-1], known)} (keys here: {', '.join(known)})"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path} cannot be read ({reason}): name an existing YAML file") from None


def _parsed(text: str, what: str) -> Any:
    try:
        # The loader is a safe one: it makes plain values and runs nothing.
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ConfigError(f"{what} is not valid YAML: {error}") from None
    except (RecursionError, ValueError, TypeError) as error:
        raise ConfigError(f"{what} cannot be read as YAML ({type(error).__name__}: {error})") from None


def _change(settings: dict[Any, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"--set {change!r}: write key=value or key.sub=value")
    value = _parsed(text, f"--set {change!r}")
    if key.strip() in PATHS and isinstance(value, str):
        value = str(Path(value).expanduser().absolute())
    place = settings
    for number, part in enumerate(parts[:-1], 1):
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise ConfigError(f"--set {change!r}: {'.'.join(parts[:number])} is {place!r:.80}, which has no keys")
    place[parts[-1]] = value
