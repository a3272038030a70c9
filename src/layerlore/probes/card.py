"""What a notebook shows of probes."""

from __future__ import annotations

from layerlore.notebook import NOTHING, card, counted, decimal, number
from layerlore.probes.probes import Probes
from layerlore.probes.quality import chance_notes


def probes_card(probes: Probes) -> str:
    """How well each layer's probe does, and the network beside them."""
    squared = probes.loss == "squared"
    measure = "coefficient of determination" if squared else "accuracy"
    rows = [
        (
            str(row["layer"]),
            NOTHING if row["read_out"] is None else str(row["read_out"]),
            decimal(row["train_accuracy"], 3),
            decimal(row["validation_accuracy"], 3),
            NOTHING if row["penalty"] is None else number(row["penalty"]),
            "yes" if row["converged"] else "no",
        )
        for row in probes.quality()
    ]
    unfinished = [
        f"the probe of layer {probe.layer!r} did not reach its tolerance" for probe in probes if not probe.converged
    ]
    against = "" if squared else f"; always answering the commonest class gives {decimal(probes.chance, 3)}"
    counts = [
        counted(count, noun)
        for count, noun in ((len(probes), "layer"), (probes.n_outputs, "output"), (probes.n_validation, "sample"))
    ]
    return card(
        f"Probes: {', '.join(counts)} for validation{against}",
        ("layer", "read-out", f"{measure}, training", f"{measure}, validation", "penalty", "converged"),
        rows,
        notes=[*chance_notes(probes), *unfinished],
        words=(0, 1, 5),
        hint="output is the network itself",
    )
