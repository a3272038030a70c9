"""Finding layers: by pattern, by name, or the sensible default."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from layerlore.errors import LayerError, closest
from layerlore.networks.defaults import default_layers
from layerlore.networks.names import Call, first_names, is_callable, modules_of, resolve

_OUTPUT = "output"


def find_layers(model: nn.Module, layers: str | Sequence[str] | None = None) -> list[str]:
    """Names of the layers to look at.

    Args:
        model: the network.
        layers: a pattern over full dotted module names (``*`` crosses dots, case
            counts; containers that are never called, such as a
            `torch.nn.ModuleList`, do not match); or a sequence of exact names,
            where ``name@k`` means call k of a module that is called several times
            in one forward pass; or None for the default: the outermost repeated
            blocks and the end of the stem before them, or, where nothing is
            repeated, the last activation, pooling or norm after each weight layer
            but the head.

    Returns:
        First names of the modules, each once, in order of definition (`trace`
        gives the order of execution). An alias is replaced by the first name.

    Raises:
        LayerError: a pattern that matches nothing, a name that is unknown, asked
            for twice or never called, a network without layers before its head,
            or a layer named ``output``, which is the network's own output.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> find_layers(net)
    ['1', '3']
    """
    if layers is None:
        calls = [Call(name, None) for name in default_layers(model)]
        if not calls:
            raise LayerError(
                f"{type(model).__name__} has no layer before its last weight layer, whose output is the network's own; "
                "name the layers to look at, or pass an empty list for none"
            )
    elif isinstance(layers, str):
        calls = _matching(model, layers)
    else:
        calls = _named(model, layers)
    if any(call.module == _OUTPUT for call in calls):
        raise LayerError(
            "a layer cannot be named 'output': that name is kept for the network's own output, which is part of every "
            "result. Leave the module out, or rename it if it is not the network's output"
        )
    place = {name: index for index, name in enumerate(modules_of(model))}
    return [str(call) for call in sorted(calls, key=lambda call: (place[call.module], call.number or 0))]


def _matching(model: nn.Module, pattern: str) -> list[Call]:
    firsts = first_names(model)
    matched = dict.fromkeys(first for name, first in firsts.items() if fnmatchcase(name, pattern))
    if not matched:
        raise LayerError(f"no layer matches {pattern!r}; {closest(pattern, firsts)}")
    modules = modules_of(model)
    called = [Call(name, None) for name in matched if is_callable(modules[name])]
    if not called:
        raise LayerError(
            f"{pattern!r} matches only containers that are never called ({', '.join(matched)}); "
            f"match what they hold: {pattern + '.*'!r}"
        )
    return called


def _named(model: nn.Module, names: Sequence[str]) -> list[Call]:
    firsts, modules = first_names(model), modules_of(model)
    asked: dict[Call, str] = {}
    for name in names:
        call = resolve(name, firsts)
        if not is_callable(modules[call.module]):
            held = [f"{call.module}.{child}" for child, _ in modules[call.module].named_children()]
            raise LayerError(
                f"layer {name!r} is a {type(modules[call.module]).__name__}, a container that is never called; "
                f"name what it holds: {', '.join(held[:5]) or 'nothing'}"
            )
        twice = [asked[other] for other in (call, Call(call.module, None)) if other in asked]
        if call.number is None:
            twice += [other_name for other, other_name in asked.items() if other.module == call.module]
        if twice:
            raise LayerError(f"layer {name!r} is asked for twice: {twice[0]!r} is or includes the same layer")
        asked[call] = name
    return list(asked)
