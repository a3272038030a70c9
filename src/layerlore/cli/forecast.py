"""What an explanation will cost, without training the probes first."""

from __future__ import annotations

from typing import cast

import torch

import layerlore as ll
from layerlore.cli.preparing import Work
from layerlore.interactions.cost import Cost
from layerlore.networks import read_out_size
from layerlore.probes.probes import Probe, Probes, Quality, network_digest

UNKNOWN = Quality(0.0, 0.0, 0.0, 0.0)


def forecast(work: Work) -> Cost:
    """The `Cost` of an explanation; that of the probes is not in it."""
    return cast("Cost", ll.explain(work.model, blank_probes(work), work.inputs, **work.explaining, dry_run=True))


def blank_probes(work: Work) -> Probes:
    """Probes of the right shapes whose weights are all 0: a forward pass takes as long with them as with others."""
    read_out = work.probing.get("read_out", "flatten")
    probes = []
    for layer, shape in work.shapes.items():
        chosen = read_out if isinstance(read_out, str) else read_out.get(layer, "flatten")
        weight = torch.zeros(work.n_outputs, read_out_size(chosen, shape))
        bias = torch.zeros(work.n_outputs, dtype=torch.float64)
        probes.append(Probe(layer, chosen, shape, weight, bias, 1.0, True, UNKNOWN))
    return Probes(
        tuple(probes),
        n_outputs=work.n_outputs,
        loss="cross_entropy",
        network=UNKNOWN,
        chance=0.0,
        n_validation=1,
        input_mean=torch.zeros_like(work.inputs[0]),
        identity={"network": network_digest(work.model), "outputs": "logits"},
    )
