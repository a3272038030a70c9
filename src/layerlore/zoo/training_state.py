"""The state of a training in one file, written whole after each epoch."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from layerlore.errors import RunError, first_line
from layerlore.networks import device_of
from layerlore.storage import differences, write_bytes

FORMAT = 1


@dataclass(frozen=True)
class TrainingState:
    """What has to come back for a training to go on as if it had never stopped.

    Attributes:
        model: its weights and buffers.
        optimiser: its moments.
        generator: order of the samples and augmentation.
        path: the file; None keeps nothing.
        identity: JSON values that decide the training; a file is taken up only where they are equal.
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    path: Path | None
    identity: Mapping[str, Any]

    def save(self, epoch: int) -> None:
        """Write everything after an epoch, counted from 1."""
        if self.path is None:
            return
        device = device_of(self.model)
        content = {
            "format": FORMAT,
            "identity": dict(self.identity),
            "epoch": epoch,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "random": torch.get_rng_state(),
            "device_random": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_bytes(self.path, buffer.getvalue())

    def load(self) -> int:
        """Take up what the file holds; the number of finished epochs, 0 where there is no file.

        Raises:
            RunError: it cannot be read, or belongs to another training or network.
        """
        if self.path is None or not self.path.exists():
            return 0
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            epoch, identity = int(content["epoch"]), content["identity"]
        except Exception as error:
            raise RunError(
                f"{self.path} holds no state of a training ({first_line(error)}): remove it to start over"
            ) from error
        if identity != dict(self.identity):
            found = differences(dict(self.identity), identity)
            raise RunError(f"{self.path} belongs to another training ({found}): choose another file, or remove it")
        try:
            self.model.load_state_dict(content["model"])
            self.optimiser.load_state_dict(content["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise RunError(f"{self.path} belongs to another network ({first_line(error)}): remove it") from error
        self.generator.set_state(content["generator"])
        torch.set_rng_state(content["random"])
        if content["device_random"] is not None:
            torch.cuda.set_rng_state(content["device_random"], device_of(self.model))
        return epoch
