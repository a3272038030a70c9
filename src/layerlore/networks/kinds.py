"""What kind of layer a module is, told from its class and its place in the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from torch import nn
from torch.nn.modules.conv import _ConvNd

from layerlore.networks.names import first_names, modules_of, resolve
from layerlore.networks.weights import has_weights, head_of, is_norm

_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_MLP = re.compile(r"mlp|feed_?forward|ffn", re.IGNORECASE)
_PROJECTIONS = {
    "attention-q": re.compile(r"(to_|w)?q(uery)?(_proj|_lin|_linear)?"),
    "attention-k": re.compile(r"(to_|w)?k(ey)?(_proj|_lin|_linear)?"),
    "attention-v": re.compile(r"(to_|w)?v(alue)?(_proj|_lin|_linear)?"),
    "attention-o": re.compile(r"(to_|w)?o(ut|utput)?(_proj|_lin|_linear)?|c_proj|proj|dense|fc_out"),
}
_ACTIVATION_FILES = ("torch.nn.modules.activation", "transformers.activations")


def layer_kinds(model: nn.Module, names: Iterable[str]) -> dict[str, str]:
    """The kind of each layer.

    Args:
        model: the network.
        names: layers as `find_layers` or `trace` names them; ``name@k`` has the
            kind of ``name``.

    Returns:
        For each name one of ``conv``, ``depthwise``, ``pointwise``, ``linear``,
        ``attention-q``, ``attention-k``, ``attention-v``, ``attention-o``,
        ``mlp`` (a linear layer of a transformer's feed-forward part),
        ``embedding``, ``norm``, ``head`` (the last weight layer in order of
        definition), ``block`` (holds other weight layers), ``activation``,
        ``pooling`` and ``other``. A projection that gives queries, keys and
        values at once is ``linear``.

    Raises:
        LayerError: a name that the network does not have.

    >>> layer_kinds(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Flatten()), ["0", "1", "2"])
    {'0': 'conv', '1': 'activation', '2': 'head'}
    """
    firsts, modules = first_names(model), modules_of(model)
    head = head_of(modules)
    kinds = {}
    for name in names:
        first = resolve(name, firsts).module
        kinds[name] = "head" if first == head else _kind(first, modules)
    return kinds


def _kind(name: str, modules: dict[str, nn.Module]) -> str:
    module = modules[name]
    if isinstance(module, _ConvNd):
        return _conv_kind(module)
    # The transposed linear layer of GPT-2 and its kin is called Conv1D.
    if isinstance(module, nn.Linear | nn.Bilinear) or type(module).__name__ == "Conv1D":
        return _linear_kind(name, modules)
    if is_norm(module):
        return "norm"
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return "embedding"
    return _other_kind(module)


def _conv_kind(module: _ConvNd) -> str:
    if 1 < module.groups == module.in_channels:
        return "depthwise"
    return "pointwise" if set(module.kernel_size) == {1} else "conv"


def _linear_kind(name: str, modules: dict[str, nn.Module]) -> str:
    parts = name.split(".")
    above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
    if any(_is_called(_ATTENTION, ancestor, modules) for ancestor in above):
        return _projection(parts)
    if any(_is_called(_MLP, ancestor, modules) or _holds_attention(modules[ancestor]) for ancestor in above):
        return "mlp"
    return "linear"


def _is_called(pattern: re.Pattern[str], name: str, modules: dict[str, nn.Module]) -> bool:
    own_name = name.rpartition(".")[2]
    is_container = isinstance(modules[name], nn.ModuleList | nn.ModuleDict)
    return bool(pattern.search(own_name) or (not is_container and pattern.search(type(modules[name]).__name__)))


def _holds_attention(module: nn.Module) -> bool:
    return any(_ATTENTION.search(name + type(child).__name__) for name, child in module.named_children())


def _projection(parts: Sequence[str]) -> str:
    own_name = next(part for part in reversed(parts) if not part.isdigit())
    for kind, pattern in _PROJECTIONS.items():
        if pattern.fullmatch(own_name.lower()):
            return kind
    return "linear"


def _other_kind(module: nn.Module) -> str:
    class_name = type(module).__name__.lower()
    if "embed" in class_name:
        return "embedding"
    if any(has_weights(child) for child in module.children()):
        return "block"
    if type(module).__module__ in _ACTIVATION_FILES or "activation" in class_name:
        return "activation"
    return "pooling" if "pool" in class_name else "other"
