"""Capturing what layers compute, in a with-block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from layerlore.errors import LayerError, closest
from layerlore.networks.layers import find_layers
from layerlore.networks.names import Call, first_names, resolve
from layerlore.networks.watch import Counts, Watch, called_name, hooked

Visit = Callable[[str, Tensor], None]
"""Takes a layer's name and output."""


class Captured(Mapping[str, Tensor]):
    """Outputs of the latest complete forward pass by layer, in order of execution; read-only."""

    def __init__(self) -> None:
        self._outputs: dict[str, Tensor] = {}

    def __getitem__(self, layer: str) -> Tensor:
        if layer in self._outputs:
            return self._outputs[layer]
        if not self._outputs:
            raise LayerError(
                f"layer {layer!r} has no output: no forward pass has ended in the with-block. Call model(inputs), not "
                "model.forward(inputs), which runs no hooks; with visit= nothing is kept"
            )
        raise LayerError(f"layer {layer!r} was not captured; {closest(layer, self._outputs)}")

    def __contains__(self, layer: object) -> bool:
        return layer in self._outputs

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


@contextmanager
def capture(
    model: nn.Module, layers: str | Sequence[str] | None = None, visit: Visit | None = None
) -> Iterator[Captured]:
    """A with-block in which the outputs of layers are captured.

    The first tensor of what a module returns is its output, as computed: not
    cloned, not detached. A module called k > 1 times in a forward pass gives
    ``name@0`` to ``name@k-1``. Training mode, gradients and device are left to the
    caller (see `evaluating`). No hook is left after the block or an exception.

    Args:
        model: the network; in the block call it, not its ``forward``.
        layers: as for `find_layers`.
        visit: called with name and output as each output is produced, and nothing
            is kept. Needs the names that `trace` gives.

    Yields:
        The outputs of the latest complete forward pass, also readable after the
        block; empty with ``visit``.

    Raises:
        LayerError: as `find_layers`; and, out of the forward pass, where a layer is
            not called, not called often enough for ``name@k``, not called equally
            often in all forward passes of the block, returns no tensor, or has a
            kept output that was changed in place.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> with capture(net, ["1"]) as captured:
    ...     logits = net(next(net.parameters()).new_zeros(3, 4))
    >>> captured["1"].shape
    torch.Size([3, 8])
    """
    captured = Captured()
    asked = asked_calls(model, layers)
    watch = _keeping(asked, captured) if visit is None else _visiting(asked, visit)
    with hooked(model, watch):
        yield captured


def asked_calls(model: nn.Module, layers: str | Sequence[str] | None) -> list[Call]:
    """What `find_layers` finds, as modules and calls."""
    firsts = first_names(model)
    return [resolve(name, firsts) for name in find_layers(model, layers)]


def _keeping(asked: Sequence[Call], captured: Captured) -> Watch:
    pending: dict[Call, tuple[Tensor, int]] = {}

    def start() -> None:
        pending.clear()
        captured._outputs = {}

    def keep(call: Call, output: Tensor) -> None:
        pending[call] = output, _version(output)

    def publish(counts: Counts) -> None:
        for call, (output, version) in pending.items():
            if _version(output) != version:
                raise LayerError(
                    f"the output of layer {call.module!r} was changed in place later in the forward pass, so it is no "
                    "longer what the layer computed; choose the layer that changes it, build that one with "
                    "inplace=False, or look at each output as it is produced, with visit="
                )
        captured._outputs = {called_name(call, counts): output for call, (output, _) in pending.items()}
        pending.clear()

    return Watch(asked, keep, start, publish)


def _visiting(asked: Sequence[Call], visit: Visit) -> Watch:
    def hand_on(call: Call, output: Tensor) -> None:
        if call in asked:
            visit(str(call), output)
        elif call.number == 0:
            visit(call.module, output)
        else:
            raise LayerError(
                f"layer {call.module!r} is called more than once in a forward pass: with visit= each call needs its "
                f"own name, such as '{call.module}@0'; call trace first and pass the names that it gives"
            )

    return Watch(asked, hand_on)


def _version(tensor: Tensor) -> int:
    # Tensors made in inference mode keep no count of their changes.
    return 0 if tensor.is_inference() else tensor._version
