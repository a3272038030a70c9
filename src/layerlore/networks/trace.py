"""The order in which layers are executed, and the shapes of what they compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from layerlore.errors import InputError, LayerError
from layerlore.networks.capture import asked_calls
from layerlore.networks.model import evaluating, to_model
from layerlore.networks.names import Call
from layerlore.networks.outputs import Batch, forward
from layerlore.networks.watch import Watch, called_name, hooked


def trace(model: nn.Module, batch: Batch, layers: str | Sequence[str] | None = None) -> dict[str, tuple[int, ...]]:
    """The layers in the order in which they are executed, with the shapes of their outputs.

    Runs one forward pass in eval mode, without gradients, and leaves the model as
    found.

    Args:
        model: the network.
        batch: inputs, samples along the first axis. A single sample hides an
            output whose first axis is not the batch but has length 1.
        layers: as for `find_layers`.

    Returns:
        For each layer the shape of its output for one sample, in the order in which
        the outputs are produced; a module called k > 1 times as ``name@0`` to
        ``name@k-1``.

    Raises:
        LayerError: as `capture`; or the first axis of an output is not the batch.
        InputError: a batch without samples, or as `to_model`.
    """
    n_samples = _n_samples(batch)
    shapes: dict[Call, tuple[int, ...]] = {}

    def note(call: Call, output: Tensor) -> None:
        shapes[call] = tuple(output.shape)

    watch = Watch(asked_calls(model, layers), note)
    with evaluating(model), hooked(model, watch):
        forward(model, to_model(model, batch, copy=True))
    named = {called_name(call, watch.counts): shape for call, shape in shapes.items()}
    for name, shape in named.items():
        if shape[:1] != (n_samples,):
            raise LayerError(
                f"layer {name!r} returned shape {shape} for a batch of {n_samples}: the first axis must be the batch; "
                "choose another layer, or have the network compute batch first"
            )
    return {name: shape[1:] for name, shape in named.items()}


def _n_samples(batch: Batch) -> int:
    tensor = next(iter(batch.values()), None) if isinstance(batch, Mapping) else batch
    if tensor is None or tensor.dim() == 0 or len(tensor) == 0:
        raise InputError("the batch to trace has no samples: pass at least one, better two")
    return len(tensor)
