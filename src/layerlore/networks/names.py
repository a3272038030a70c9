"""The names of modules: the first one, the aliases, and the call that a name means.

A layer is called by the first name that `named_modules` gives its module; a
module called k times in one forward pass is k layers ``name@0`` to
``name@k-1``. The root module has the empty name and is never a layer.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from layerlore.errors import LayerError, closest


class Call(NamedTuple):
    """A module by its first name, and which of its calls: None means all of them."""

    module: str
    number: int | None

    def __str__(self) -> str:
        return self.module if self.number is None else f"{self.module}@{self.number}"


def modules_of(model: nn.Module) -> dict[str, nn.Module]:
    """All modules below the root by their first names, in order of definition."""
    return {name: module for name, module in model.named_modules() if name}


def first_names(model: nn.Module) -> dict[str, str]:
    """Every name of every module below the root, mapped to the first name of its module."""
    firsts = {id(module): name for name, module in model.named_modules()}
    return {name: firsts[id(module)] for name, module in model.named_modules(remove_duplicate=False) if name}


def layer_aliases(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """The other names of modules that are registered more than once.

    Args:
        model: any module.

    Returns:
        For each shared module its first name and, in order of definition, the
        names that come after it. Empty where nothing is shared. Modules that
        share a weight but are separate objects are not shared modules.
    """
    aliases: dict[str, tuple[str, ...]] = {}
    for name, first in first_names(model).items():
        if name != first:
            aliases[first] = (*aliases.get(first, ()), name)
    return aliases


def resolve(name: str, firsts: dict[str, str]) -> Call:
    """The module and call that ``name`` or ``name@k`` means, given `first_names`.

    Raises:
        LayerError: there is no such module.
    """
    if name in firsts:
        return Call(firsts[name], None)
    module, at, index = name.rpartition("@")
    if at and module in firsts and index.isascii() and index.isdigit():
        return Call(firsts[module], int(index))
    if not name:
        raise LayerError("layer '' is the network itself: its output is always part of a result, named 'output'")
    raise LayerError(f"the network has no layer {name!r}; {closest(name, firsts)}")


def is_callable(module: nn.Module) -> bool:
    """Whether the module has a forward of its own, which a `torch.nn.ModuleList` has not."""
    return type(module).forward is not nn.Module.forward
