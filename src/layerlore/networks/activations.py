"""How much memory one input needs on its way through a network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from layerlore.networks.model import evaluating, to_model
from layerlore.networks.outputs import Batch, forward


def activation_bytes(model: nn.Module, batch: Batch) -> int:
    """Largest number of bytes that inputs and outputs of a module without children hold together, for this batch.

    Without gradients everything else is freed on the way, except what skip connections keep: plan with a few times
    this number.
    """
    largest = 0

    def measure(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal largest
        held = [part for part in (*inputs, output) if isinstance(part, Tensor)]
        largest = max(largest, sum(part.numel() * part.element_size() for part in held))

    leaves = [module for module in model.modules() if not any(module.children())]
    handles = [module.register_forward_hook(measure) for module in leaves]
    try:
        with evaluating(model):
            forward(model, to_model(model, batch, copy=True))
    finally:
        for handle in handles:
            handle.remove()
    return largest
