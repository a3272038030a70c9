"""Features of all layers, batch by batch: from the frozen network each time, or from memory once they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from layerlore.errors import InputError
from layerlore.networks import capture, evaluating, forward, read_out, to_model
from layerlore.probes.data import DataDigest
from layerlore.probes.survey import Survey, Visit

Receive = Callable[[str, slice, Tensor], None]
"""Takes a layer, the samples' positions and their features ``[batch, n_features]``."""


class Features:
    """A source of features that can be passed over again and again.

    With ``keep`` the first pass stores every feature on the CPU and later
    passes read them there; otherwise every pass is a forward pass of the whole
    network over the data, which serves all layers at once. Features come in
    ``dtype``.
    """

    def __init__(
        self,
        model: nn.Module,
        visits: list[Visit],
        read_outs: Mapping[str, str],
        found: Survey,
        dtype: torch.dtype,
        *,
        keep: bool,
    ) -> None:
        self.read_outs, self.dtype = dict(read_outs), dtype
        self._model, self._visits = model, visits
        self._n_samples, self._digest, self._keep = len(found.labels), found.digest, keep
        self._kept: dict[str, Tensor] = {}
        self._borders: list[slice] = []

    def each(self, layers: list[str], receive: Receive, on_batch: Callable[[int], None]) -> None:
        """Hand the features of ``layers`` to ``receive``, in the order of the data.

        Raises:
            InputError: a feature is NaN or infinite (layer and sample are named), or the data differ from those of
                the survey.
        """
        if self._kept:
            for rows in self._borders:
                for layer in layers:
                    receive(layer, rows, self._kept[layer][rows])
                on_batch(rows.stop - rows.start)
            return
        self._forward(layers, receive, on_batch)

    def _forward(self, layers: list[str], receive: Receive, on_batch: Callable[[int], None]) -> None:
        rows = slice(0, 0)
        store: dict[str, Tensor] = {}
        borders = []
        digest = DataDigest()

        def visit(layer: str, output: Tensor) -> None:
            features = read_out(self.read_outs[layer])(output).detach().to(self.dtype)
            if not torch.isfinite(features).all():
                bad = int((~torch.isfinite(features)).any(1).nonzero()[0])
                raise InputError(f"layer {layer!r} gives NaN or infinity for sample {rows.start + bad} of the data")
            if self._keep:
                if layer not in store:
                    store[layer] = torch.empty(self._n_samples, features.shape[1], dtype=features.dtype)
                store[layer][rows] = features.cpu()
            receive(layer, rows, features)

        with evaluating(self._model), capture(self._model, layers, visit):
            for data in self._visits:
                for inputs, labels in data():
                    rows = slice(rows.stop, rows.stop + len(labels))
                    if rows.stop > self._n_samples:
                        break
                    borders.append(rows)
                    digest.add(inputs, labels)
                    forward(self._model, to_model(self._model, inputs, copy=True))
                    on_batch(len(labels))
        if rows.stop != self._n_samples:
            count = "more" if rows.stop > self._n_samples else rows.stop
            raise InputError(
                f"the data had {self._n_samples} samples at the first visit and {count} later: pass data that are the "
                "same at every visit"
            )
        if digest.text() != self._digest:
            raise InputError(
                "the data changed between two visits: switch augmentation and shuffling off, the probes look at the "
                "data several times"
            )
        if self._keep:
            self._kept, self._borders = store, borders
