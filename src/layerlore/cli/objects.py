"""Things that a configuration names: callables by import path, networks with their weights, players."""

from __future__ import annotations

import pickle
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from torch import Tensor, nn

from layerlore.cli.reading import explained
from layerlore.errors import ConfigError, LayerLoreError, check_choice, closest
from layerlore.players import Columns, ImagePatches, Players, Superpixels

KINDS: dict[str, type[Players]] = {"image_patches": ImagePatches, "superpixels": Superpixels, "columns": Columns}
NESTED = ("state_dict", "model_state_dict")
"""Keys under which training scripts keep the weights beside other things."""
DEBUG = "`layerlore --debug explain ...` shows where"


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Within the block, modules in ``folder`` can be imported, before those of the same name elsewhere."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def named_callable(path: str, key: str) -> Callable[..., Any]:
    """The callable at an import path.

    Args:
        path: ``module:name``.
        key: of the configuration, for the message.

    Raises:
        ConfigError: another form, no such module or name, or it cannot be called.
    """
    module, colon, name = path.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ConfigError(f"{key}={path!r} is no import path: write 'module:name', such as 'layerlore.zoo:LeNet5'")
    try:
        home = pkgutil.resolve_name(f"{module}:")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{key}={path!r}: there is no module {error.name!r}; it is looked for beside the configuration file and "
            "among the installed packages"
        ) from error
    except Exception as error:
        raise ConfigError(f"{key}={path!r}: importing {module!r} failed ({_told(error)}); {DEBUG}") from error
    try:
        found = pkgutil.resolve_name(path)
    except AttributeError:
        known = [word for word, thing in vars(home).items() if callable(thing)]
        raise ConfigError(f"{key}={path!r}: {module!r} has no {name!r}; {closest(name, known)}") from None
    if not callable(found):
        raise ConfigError(f"{key}={path!r} is a {type(found).__name__}, which cannot be called")
    return found


def called(path: str, arguments: Mapping[str, Any], section: str) -> Any:
    """What the callable of a section returns for the section's arguments.

    Raises:
        ConfigError: as `named_callable`; or it raised an error that is not one of LayerLore's own.
    """
    function = named_callable(path, f"{section}.path")
    try:
        return function(**arguments)
    except LayerLoreError as error:
        raise ConfigError(f"{section}.path={path!r}: {error}") from error
    except Exception as error:
        raise ConfigError(
            f"{section}.path={path!r} failed with the arguments {dict(arguments)!r:.200} ({_told(error)}); {DEBUG}"
        ) from error


def build_model(path: str, arguments: Mapping[str, Any], weights: Path | None, seed: int, device: str) -> nn.Module:
    """The network in eval mode, with its weights.

    Args:
        path: import path of a class or function.
        arguments: of the call.
        weights: ``.safetensors``, or ``.pt`` and ``.pth`` that hold nothing but weights; None keeps what the call made.
        seed: of initial weights, so that a network without a file is the same again.
        device: where to put it.

    Raises:
        ConfigError: it cannot be built, is no network, or the weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = called(path, arguments, "model")
    if not isinstance(model, nn.Module):
        raise ConfigError(f"model.path={path!r} returned a {type(model).__name__}: a torch.nn.Module is needed")
    if weights is not None:
        _fit(model, read_weights(weights), weights)
    try:
        return model.eval().to(device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"device={device!r} cannot be used ({_told(error)}): give cpu, or cuda where there is one"
        ) from None


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dict from a file, without running any code in it.

    Raises:
        ConfigError: missing, of another format, or it holds more than weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ConfigError(f"model.weights: there is no file {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"model.weights: {path} cannot be read as weights alone ({str(error).splitlines()[0]:.200}): save "
            "model.state_dict() with torch.save, or as .safetensors"
        ) from None
    for key in NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ConfigError(
            f"model.weights: {path} holds no state dict, itself or under {' or '.join(NESTED)}: save model.state_dict()"
        )
    return dict(state)


def build_players(section: Mapping[str, Any]) -> Players:
    """Players from their section: ``kind``, and the options of that class.

    Raises:
        ConfigError: an unknown kind or option, or a value that the class refuses.
    """
    kind = section.get("kind")
    if kind is None:
        raise ConfigError(f"the key 'players.kind' is missing: give one of {', '.join(KINDS)}")
    check_choice(kind, KINDS, "players.kind")
    options = {key: _tuples(value) for key, value in section.items() if key != "kind"}
    schema = _schema(KINDS[kind])
    try:
        schema.model_validate(options)
    except ValidationError as error:
        raise ConfigError(f"players ({kind}): {explained(error, options, {(): schema})}") from None
    try:
        return KINDS[kind](**options)
    except LayerLoreError as error:
        raise ConfigError(f"players ({kind}): {error}") from error


def _schema(kind: type[Players]) -> type[BaseModel]:
    """The options of a class of players, read from its signature."""
    fields: dict[str, Any] = {
        name: (option.annotation, ... if option.default is Parameter.empty else option.default)
        for name, option in signature(kind, eval_str=True).parameters.items()
    }
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)


def _tuples(value: Any) -> Any:
    """YAML has lists only, where the classes take tuples."""
    if isinstance(value, Mapping):
        return {key: _tuples(part) for key, part in value.items()}
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _fit(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    own = model.state_dict()
    missing, surplus = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or surplus:
        raise ConfigError(
            f"model.weights: {path} does not fit this network: {len(missing)} of its weights are missing in the file "
            f"({_few(missing)}), {len(surplus)} in the file are unknown to it ({_few(surplus)})"
        )
    try:
        model.load_state_dict(dict(state))
    except RuntimeError as error:
        raise ConfigError(f"model.weights: {path} does not fit this network ({_told(error)})") from None


def _few(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "") if names else "none"


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
