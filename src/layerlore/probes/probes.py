"""Probes as results: what was trained, how well it does, and whom it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from layerlore.errors import ProbeError, closest
from layerlore.notebook import counted
from layerlore.storage import digest_tensors, write_bytes

FORMAT = 1

Weight = Float[Tensor, "n_outputs n_features"]
Bias = Float64[Tensor, "n_outputs"]


@dataclass(frozen=True)
class Quality:
    """How well outputs predict the labels of training and validation data.

    ``loss`` is the mean cross-entropy in nats (squared loss: half the mean squared error), ``accuracy`` the share of
    samples whose class is predicted (squared loss: the coefficient of determination).
    """

    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Probe:
    """A linear read-out of one layer: ``weight @ features + bias``, standardisation folded in.

    Attributes:
        layer: the layer's name.
        read_out: how its output becomes a vector, one of `layerlore.networks.READ_OUTS`.
        shape: shape of the layer's output for one sample.
        weight: ``[n_outputs, n_features]``, in the dtype of the features; float32 for networks in half precision.
        bias: ``float64[n_outputs]``.
        penalty: chosen L2 penalty on the weights of standardised features; scikit-learn's ``C`` is
            ``1 / (penalty * n_samples)``.
        converged: whether the training met its tolerance.
        quality: on training and validation data.
    """

    layer: str
    read_out: str
    shape: tuple[int, ...]
    weight: Float[Tensor, "n_outputs n_features"]
    bias: Bias
    penalty: float
    converged: bool
    quality: Quality

    def __call__(self, features: Float[Tensor, "batch n_features"]) -> Float64[Tensor, "batch n_outputs"]:
        """Logits of a batch of read-out features, float64 on the features' device.

        The product is taken in the larger dtype of features and weight: its rounding is of the size of theirs.
        """
        dtype = torch.promote_types(features.dtype, self.weight.dtype)
        weight = self.weight.to(features.device, dtype)
        # Few outputs and many features: this order of the product is twice as fast on a CPU.
        return (weight @ features.to(dtype).T).T.to(torch.float64) + self.bias.to(features.device)

    def on(self, device: torch.device) -> Probe:
        """The same probe on another device, to be called many times."""
        return replace(self, weight=self.weight.to(device), bias=self.bias.to(device))


@dataclass(frozen=True)
class Probes:
    """Linear probes of a network's layers, in the order in which the layers compute. Made by `fit_probes`.

    Attributes:
        probes: one for each layer.
        n_outputs: outputs of the network: classes, or 1 for a sigmoid network.
        loss: ``"cross_entropy"`` or ``"squared"``.
        network: quality of the network's own output on the same data.
        chance: accuracy of always answering the commonest class of the validation data.
        n_validation: validation samples.
        input_mean: mean training input, the baseline ``"mean"``; None where inputs are no plain tensors.
        identity: digests of network and data, and the settings of the training.
    """

    probes: tuple[Probe, ...]
    n_outputs: int
    loss: str
    network: Quality
    chance: float
    n_validation: int
    input_mean: Tensor | None
    identity: dict[str, Any]

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in the order in which they compute."""
        return [probe.layer for probe in self.probes]

    def __getitem__(self, layer: str) -> Probe:
        """The probe of a layer."""
        for probe in self.probes:
            if probe.layer == layer:
                return probe
        raise ProbeError(f"there is no probe for the layer {layer!r}; {closest(layer, self.layers)}")

    def __len__(self) -> int:
        return len(self.probes)

    def __iter__(self) -> Iterator[Probe]:
        return iter(self.probes)

    def select(self, layers: list[str]) -> Probes:
        """Probes of some of the layers, kept in the order of depth."""
        for layer in layers:
            self[layer]
        chosen = tuple(probe for probe in self.probes if probe.layer in layers)
        return replace(self, probes=chosen)

    def quality(self) -> list[dict[str, Any]]:
        """One row for each layer and one for the network's own ``output``."""
        rows = [
            {"layer": probe.layer, "read_out": probe.read_out, "penalty": probe.penalty, "converged": probe.converged}
            | asdict(probe.quality)
            for probe in self.probes
        ]
        own = {"layer": "output", "read_out": None, "penalty": None, "converged": True} | asdict(self.network)
        return [*rows, own]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.probes.card import probes_card

        return probes_card(self)

    def __repr__(self) -> str:
        sizes = f"{counted(len(self), 'layer')}, {counted(self.n_outputs, 'output')}"
        return f"Probes({sizes}; layers {', '.join(self.layers)})"

    def check_network(self, model: nn.Module) -> None:
        """Raise `ProbeError` unless these probes were trained on exactly this network."""
        found = network_digest(model)
        if found != self.identity["network"]:
            raise ProbeError(
                f"these probes belong to another network (digest {self.identity['network'][:12]}, this one has "
                f"{found[:12]}): its weights or modules differ. Fit probes for this network with fit_probes"
            )

    def digest(self) -> str:
        """Digest of all weights, the input mean, and what they belong to."""
        tensors = [pair for probe in self.probes for pair in ((probe.layer, probe.weight), (probe.layer, probe.bias))]
        if self.input_mean is not None:
            tensors.append(("input_mean", self.input_mean))
        return digest_tensors(tensors, [json.dumps(self.identity, sort_keys=True)])

    def save(self, path: Path | str) -> None:
        """Write a safetensors file, whole or not at all.

        Raises:
            RunError: it could not be written.
        """
        from safetensors.torch import save

        tensors = {} if self.input_mean is None else {"input_mean": self.input_mean.contiguous()}
        records = []
        for number, probe in enumerate(self.probes):
            tensors |= {f"{number}.weight": probe.weight.contiguous(), f"{number}.bias": probe.bias.contiguous()}
            record = {key: getattr(probe, key) for key in ("layer", "read_out", "shape", "penalty", "converged")}
            records.append(record | {"quality": asdict(probe.quality)})
        header = {
            "format": FORMAT,
            "digest": self.digest(),
            "probes": records,
            "network": asdict(self.network),
            **{key: getattr(self, key) for key in ("n_outputs", "loss", "chance", "n_validation", "identity")},
        }
        write_bytes(Path(path), save(tensors, metadata={"layerlore": json.dumps(header)}))

    @classmethod
    def load(cls, path: Path | str) -> Probes:
        """Read what `save` wrote.

        Raises:
            ProbeError: the file is missing, damaged, or holds no probes.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                header = json.loads((file.metadata() or {})["layerlore"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            _check_format(path, header["format"])
            loaded = cls(**_fields(header, tensors))
            sound = header["digest"] == loaded.digest()
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            if isinstance(error, ProbeError):
                raise
            raise ProbeError(
                f"{path} holds no probes that can be read ({error}): choose another file, or remove this one and fit "
                "the probes again with fit_probes"
            ) from error
        if not sound:
            raise ProbeError(f"{path} is damaged: its numbers are not those that were written. Remove it and fit again")
        return loaded


def _check_format(path: Path | str, found: int) -> None:
    if found > FORMAT:
        raise ProbeError(f"{path} has format {found}, this version reads up to {FORMAT}: update layerlore")


def _fields(header: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The fields of `Probes` out of what a file holds."""
    probes = tuple(
        Probe(
            **{key: record[key] for key in ("layer", "read_out", "penalty", "converged")},
            shape=tuple(record["shape"]),
            weight=tensors[f"{number}.weight"],
            bias=tensors[f"{number}.bias"],
            quality=Quality(**record["quality"]),
        )
        for number, record in enumerate(header["probes"])
    )
    rest = {key: header[key] for key in ("n_outputs", "loss", "chance", "n_validation", "identity")}
    network = Quality(**header["network"])
    return {"probes": probes, "network": network, "input_mean": tensors.get("input_mean"), **rest}


def network_digest(model: nn.Module) -> str:
    """Digest of a network's weights, buffers, modules and their settings (as their ``extra_repr`` names them)."""
    modules = [f"{name}:{type(module).__qualname__}({module.extra_repr()})" for name, module in model.named_modules()]
    return digest_tensors(model.state_dict().items(), modules)
