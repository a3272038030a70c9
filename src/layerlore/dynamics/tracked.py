"""Which weights of a network are tracked, what they are called, and what kind they are."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from layerlore.dynamics.record import WeightInfo
from layerlore.errors import InputError
from layerlore.networks import layer_kinds
from layerlore.networks.weights import is_norm, is_weight_layer

_WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""Classes that hold one module and pass everything on to it, with the name they hold it under."""

_BIAS = re.compile(r"(.*_)?bias|bias_([kv]|[ih]h_l\d+.*|[ih]h)")
_ATTENTION_PARTS = {
    "in_proj_weight": "linear",
    "q_proj_weight": "attention-q",
    "k_proj_weight": "attention-k",
    "v_proj_weight": "attention-v",
}
_EMBEDDING = re.compile(r"embed|position|token", re.IGNORECASE)
_LAYER_KINDS = (
    "conv",
    "depthwise",
    "pointwise",
    "linear",
    "attention-q",
    "attention-k",
    "attention-v",
    "attention-o",
    "mlp",
    "embedding",
    "norm",
    "head",
)


@dataclass(frozen=True, eq=False)
class TrackedWeight:
    """A parameter that is tracked.

    Attributes:
        info: name, kind, shape, depth, dtype, aliases.
        parameter: as it is registered in the network now; under FSDP2 a DTensor.
    """

    info: WeightInfo
    parameter: Tensor


def tracked_weights(model: nn.Module, *, biases: bool = False, norms: bool = False) -> list[TrackedWeight]:
    """The weights of a network: its parameters with two or more dimensions, each once, in order of definition.

    Args:
        model: any module. What `torch.compile`, DistributedDataParallel, DataParallel and activation checkpointing
            wrap is looked through, and their prefixes are taken off the names. Frozen parameters are among the
            weights: they change by 0 until they are unfrozen.
        biases: also parameters that are called bias, of any shape; kind ``bias``.
        norms: also the scales: all parameters of normalisation layers, magnitudes of `weight_norm` (kind ``norm``),
            and other parameters with fewer than two dimensions (layer scales, slopes of PReLU; kind ``other``).

    Returns:
        A weight that is registered under several names (tied, or in a shared module) comes once, under the first, with
        the others as its aliases. The kind is that of the layer it belongs to; a parameter that lies on a block
        directly is ``embedding`` where its name says so, otherwise ``other``; recurrent weights are ``linear``.
        Parametrised weights (`torch.nn.utils.parametrize`, `weight_norm`) are the tensors that are trained, under their
        own names: computing the weight made from them could change the network's state. Parameters of integers, such
        as packed 4-bit weights, cannot be trained and are left out.

    Raises:
        InputError: there are no such weights; a parameter has no values yet (lazy modules, the meta device); the
            network is sharded in a way that cannot be read (FSDP1, ZeRO-3, FSDP2 while its weights are gathered).

    >>> [weight.info.layer for weight in tracked_weights(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))]
    ['0.weight', '2.weight']
    """
    root = _unwrapped(model)
    _check_sharding(root)
    found: dict[int, tuple[str, str, str, Tensor]] = {}
    aliases: dict[int, list[str]] = {}
    for raw_owner, owner, key, parameter in _named(root):
        name = f"{owner}.{key}" if owner else key
        _check_parameter(name, parameter)
        if id(parameter) in found:
            aliases[id(parameter)].append(name)
        else:
            found[id(parameter)] = (name, raw_owner, key, parameter)
            aliases[id(parameter)] = []
    kinds = _Kinds(root, {raw for _, raw, _, _ in found.values()})
    weights = []
    for name, raw_owner, key, parameter in found.values():
        kind = kinds.of(raw_owner, key, parameter)
        is_scale = kind == "norm" or parameter.dim() < 2
        if (
            (kind == "bias" and not biases)
            or (kind != "bias" and is_scale and not norms)
            or not _has_numbers(parameter)
        ):
            continue
        info = WeightInfo(
            layer=name,
            kind=kind,
            shape=tuple(parameter.shape),
            depth=len(weights),
            dtype=str(parameter.dtype).removeprefix("torch."),
            aliases=tuple(aliases[id(parameter)]),
        )
        weights.append(TrackedWeight(info, parameter))
    if not weights:
        raise InputError(
            f"{type(root).__name__} has no weight to track: none of its {len(found)} parameters has two or more "
            "dimensions. Pass biases=True or norms=True to track the others"
        )
    return weights


def left_out(model: nn.Module) -> list[str]:
    """Names of the parameters of integers, which `tracked_weights` leaves out."""
    named = ((f"{owner}.{key}" if owner else key, parameter) for _, owner, key, parameter in _named(_unwrapped(model)))
    return [name for name, parameter in named if not is_lazy(parameter) and not _has_numbers(parameter)]


def fingerprint(model: nn.Module) -> list[object]:
    """All parameters and the names on the way to them: the same objects as long as nothing was added or replaced.

    Many times cheaper than `tracked_weights`, so that each record can ask whether anything is new.
    """
    found: list[object] = []
    stack: list[nn.Module] = [model]
    while stack:
        module = stack.pop()
        found.extend(module._parameters)
        found.extend(module._parameters.values())
        found.extend(module._modules)
        stack.extend(child for child in module._modules.values() if child is not None)
    return found


def _has_numbers(parameter: Tensor) -> bool:
    return parameter.is_floating_point() or parameter.is_complex()


def _wrapped_under(module: nn.Module) -> str | None:
    """The name under which a wrapper holds its module; None for a module that is no wrapper."""
    for cls in type(module).__mro__:
        held = _WRAPPERS.get(cls.__name__)
        if held is not None and cls.__module__.startswith("torch.") and held in module._modules:
            return held
    return None


def _unwrapped(model: nn.Module) -> nn.Module:
    while (held := _wrapped_under(model)) is not None:
        inner = model._modules[held]
        assert inner is not None  # noqa: S101 (for the type checker: a wrapper always holds a module)
        model = inner
    return model


def _named(root: nn.Module) -> Iterator[tuple[str, str, str, Tensor]]:
    """Owner as registered, owner without wrappers and parametrisations, own name, parameter; also those met before."""
    modules = dict(root.named_modules(remove_duplicate=False))
    clean: dict[str, str] = {}
    for raw, module in modules.items():
        above, _, last = raw.rpartition(".")
        if not raw:
            clean[raw] = ""
        elif _wrapped_under(modules[above]) == last:
            clean[raw] = clean[above]
        else:
            clean[raw] = f"{clean[above]}.{last}" if clean[above] else last
        for key, parameter in module._parameters.items():
            if parameter is not None:
                yield raw, clean[raw], key, parameter


class _Kinds:
    """The kinds of parameters, told from the modules that own them."""

    def __init__(self, root: nn.Module, owners: set[str]) -> None:
        self._modules = dict(root.named_modules(remove_duplicate=False))
        layers = {self._layer(owner) for owner in owners} - {""}
        self._kinds = layer_kinds(root, sorted(layers))
        self._kinds[""] = "head" if is_weight_layer(root) else "other"

    def of(self, owner: str, key: str, parameter: Tensor) -> str:
        """The kind of one parameter."""
        layer = self._layer(owner)
        module = self._modules[layer]
        name = key if layer == owner else owner.rpartition(".")[2]
        if _BIAS.fullmatch(name):
            return "bias"
        if is_norm(module) or self._is_magnitude(owner, key):
            return "norm"
        if isinstance(module, nn.MultiheadAttention) and name in _ATTENTION_PARTS:
            return _ATTENTION_PARTS[name]
        return "other" if parameter.dim() < 2 else self._of_weight(layer, name)

    def _of_weight(self, layer: str, name: str) -> str:
        kind = self._kinds[layer]
        if kind in _LAYER_KINDS:
            return kind
        if isinstance(self._modules[layer], nn.RNNBase | nn.RNNCellBase):
            return "linear"
        return "embedding" if _EMBEDDING.search(name) else "other"

    def _layer(self, owner: str) -> str:
        """The layer that a parametrisation belongs to; other owners are layers themselves."""
        above, _, last = owner.rpartition(".")
        return above.rpartition(".")[0] if above.rpartition(".")[2] == "parametrizations" and last else owner

    def _is_magnitude(self, owner: str, key: str) -> bool:
        if key == "weight_g":
            return "weight_v" in self._modules[owner]._parameters
        parts = self._modules[owner]._modules.values()
        return key == "original0" and any(type(part).__name__ == "_WeightNorm" for part in parts)


def _check_parameter(name: str, parameter: Tensor) -> None:
    if is_lazy(parameter):
        raise InputError(
            f"the parameter {name!r} is not initialised: run one forward pass first, then make the tracker"
        )
    if parameter.is_meta:
        raise InputError(
            f"the parameter {name!r} is on the meta device and has no values: move the network to a real device and "
            "load or initialise its weights first"
        )
    if hasattr(parameter, "ds_id") or hasattr(parameter, "ds_shape"):
        raise InputError(
            f"the parameter {name!r} is partitioned by DeepSpeed ZeRO-3, and only a part of it, or nothing, is here. "
            "Train with ZeRO stage 1 or 2 or with FSDP2 (torch.distributed.fsdp.fully_shard), or save gathered "
            "checkpoints and use read_series on them"
        )


def _check_sharding(root: nn.Module) -> None:
    # Where the module of a class was never imported, no object of the class can exist.
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is None:
        return
    for name, module in root.named_modules():
        flat = any(isinstance(parameter, fsdp.FlatParameter) for parameter in module._parameters.values())
        if flat or isinstance(module, fsdp.FullyShardedDataParallel):
            raise InputError(
                f"the module {name!r} is sharded by FSDP1 (FullyShardedDataParallel), which mixes weights in flat "
                "tensors. Use FSDP2 (torch.distributed.fsdp.fully_shard), or save full checkpoints and use read_series "
                "on them"
            )
    sharding = getattr(fsdp, "FSDPModule", None)
    tensor = sys.modules.get("torch.distributed.tensor")
    if sharding is None or tensor is None:
        return
    for name, module in root.named_modules():
        if isinstance(module, sharding):
            own = list(_own_parameters(module, sharding))
            if own and not any(isinstance(parameter, tensor.DTensor) for parameter in own):
                raise InputError(
                    f"the weights of {name or 'the network'!r} are gathered at the moment: under FSDP2 call the "
                    "tracker after optimizer.step() and before the next forward pass, or call .reshard() on the module "
                    "first"
                )


def _own_parameters(module: nn.Module, sharding: type) -> Iterator[Tensor]:
    """Parameters that a sharded module looks after: not those of sharded modules in it."""
    yield from (parameter for parameter in module._parameters.values() if parameter is not None)
    for child in module.children():
        if not isinstance(child, sharding):
            yield from _own_parameters(child, sharding)
