"""The layers that are looked at where none are named: blocks rather than every activation."""

from __future__ import annotations

from collections import Counter

from torch import nn

from layerlore.networks.names import is_callable, modules_of
from layerlore.networks.weights import has_weights, is_weight_layer, weight_layers

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
# Libraries give their blocks many names, but what groups blocks has one of these.
_GROUPS = ("Stage", "Group", "Stack", "Encoder", "Decoder")
_SAME_IN_EVAL = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_SAME_VALUES = (*_SAME_IN_EVAL, nn.Identity, nn.Flatten, nn.Unflatten)


def default_layers(model: nn.Module) -> list[str]:
    """Names of the layers that describe a network's depth, in order of definition.

    Where the network repeats a composite block, the outermost such blocks and,
    before them, the last module of the stem. Elsewhere one layer for each
    weight layer but the head. Empty if nothing comes before the head.
    """
    modules = modules_of(model)
    blocks = _without_output(_blocks_below(model, "", _repeated_classes(model)), modules)
    return _stem(modules, blocks[0]) + blocks if blocks else _after_weights(modules)


def _is_composite(module: nn.Module) -> bool:
    plain = type(module) is nn.Sequential or not is_callable(module)
    return not plain and not is_weight_layer(module) and any(module.children()) and has_weights(module)


def _repeated_classes(model: nn.Module) -> set[type]:
    """Classes of composite modules that stand in a list, or more than once in a sequence."""
    in_list: set[type] = set()
    in_sequence: Counter[type] = Counter()
    for parent in model.modules():
        if not isinstance(parent, _CONTAINERS):
            continue
        # Unlike children(), the container itself repeats a block that stands in it more than once.
        children = parent.values() if isinstance(parent, nn.ModuleDict) else parent
        classes = [type(child) for child in children if _is_composite(child)]
        if is_callable(parent):
            in_sequence.update(classes)
        else:
            in_list.update(classes)
    return in_list | {kind for kind, count in in_sequence.items() if count > 1}


def _blocks_below(parent: nn.Module, prefix: str, repeated: set[type]) -> list[str]:
    """Names of the outermost blocks in ``parent``, whose own name and dot is ``prefix``."""
    found: list[str] = []
    for child_name, child in parent.named_children():
        name = prefix + child_name
        is_block = isinstance(parent, _CONTAINERS) and type(child) in repeated and _is_composite(child)
        if is_block and not type(child).__name__.endswith(_GROUPS):
            found.append(name)
        else:
            inner = _blocks_below(child, name + ".", repeated)
            found += inner or ([name] if is_block else [])
    return found


def _without_output(blocks: list[str], modules: dict[str, nn.Module]) -> list[str]:
    """The blocks without a last one that ends the network: its output is the network's own."""
    first = [name for name in blocks if name in modules]
    if first and next(reversed(modules)).startswith(first[-1] + "."):
        return first[:-1]
    return first


def _stem(modules: dict[str, nn.Module], first_block: str) -> list[str]:
    """The last module that stands beside the way to the first block, if a weight lies before that block."""
    before: list[str] = []
    for name, module in modules.items():
        if name == first_block:
            break
        parent = name.rpartition(".")[0]
        is_beside = not parent or first_block.startswith(parent + ".")
        if is_beside and is_callable(module) and not first_block.startswith(name + "."):
            before.append(name)
    return before[-1:] if any(has_weights(modules[name]) for name in before) else []


def _after_weights(modules: dict[str, nn.Module]) -> list[str]:
    """For each weight layer but the last: the last module before the next one that changes values."""
    weights = weight_layers(modules)
    chosen: list[str] = []
    for name, module in modules.items():
        if weights and name == weights[-1]:
            break
        if name in weights:
            chosen.append(name)
        elif chosen and not any(module.children()) and not isinstance(module, _SAME_VALUES):
            is_part = any(name.startswith(weight + ".") for weight in weights)
            chosen[-1] = chosen[-1] if is_part else name
    return chosen
