"""The settings of `layerlore explain`, as a file writes them.

Values are taken as they are: no text becomes a number and no unknown key is
passed over. What is None here is left to the defaults of the library.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from layerlore.errors import InputError, check_choice
from layerlore.networks import READ_OUTS

UNITS = {"b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 10**3, "mb": 10**6, "gb": 10**9}


class Section(BaseModel):
    """A part of the file that knows its keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ModelSection(Section):
    """The network: what makes it, and its weights."""

    path: str
    arguments: dict[str, Any] = {}
    weights: str | None = None


class DataSection(Section):
    """A data set of the zoo by ``name``, or one that a function at ``path`` returns."""

    name: str | None = None
    root: str | None = None
    path: str | None = None
    arguments: dict[str, Any] = {}
    train_count: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> DataSection:
        if (self.name is None) == (self.path is None):
            raise InputError("give either name (a data set of the zoo) or path ('module:function'), and not both")
        if self.path is not None and self.root is not None:
            raise InputError("root goes with name; what a function needs goes into arguments")
        if self.name is not None and self.arguments:
            raise InputError("arguments go with path; a data set of the zoo takes root and nothing else")
        return self


class SamplesSection(Section):
    """Which samples are explained: ``count`` of them, drawn by ``seed``."""

    count: int = Field(20, ge=1)
    split: Literal["test", "train"] = "test"
    seed: int = Field(0, ge=0)


class BlurSection(Section):
    """A blurred copy of each sample as its baseline."""

    blur: float = Field(gt=0)


class FunctionSection(Section):
    """A function of the user's own."""

    path: str


class ExplainConfig(Section):
    """Everything that `layerlore explain` reads from a file."""

    model: ModelSection
    data: DataSection
    layers: str | list[str] | None = None
    read_out: str | dict[str, str] = "flatten"
    penalties: list[float] | None = Field(None, min_length=1)
    samples: SamplesSection = Field(default_factory=lambda: SamplesSection.model_validate({}))
    players: dict[str, Any]
    baseline: str | float | BlurSection = "mean"
    targets: str | int | list[int] = "truth"
    score: str | FunctionSection = "log_odds"
    kappa: float | None = Field(None, ge=0)
    tolerance: float | None = Field(None, gt=0)
    pull: float | None = Field(None, ge=0)
    reference: str | None = None
    batch_size: int | None = Field(None, ge=1)
    budget: int | str | None = None
    seed: int = Field(0, ge=0)
    device: str = "cpu"
    run: str = Field(min_length=1)
    name: str | None = Field(None, min_length=1)

    @field_validator("read_out")
    @classmethod
    def _known_read_out(cls, value: str | dict[str, str]) -> str | dict[str, str]:
        for name in [value] if isinstance(value, str) else value.values():
            check_choice(name, READ_OUTS, "read_out")
        return value

    @field_validator("budget")
    @classmethod
    def _bytes(cls, value: int | str | None) -> int | None:
        return None if value is None else n_bytes(value)

    @field_validator("targets")
    @classmethod
    def _known_targets(cls, value: str | int | list[int]) -> str | int | list[int]:
        if isinstance(value, str):
            check_choice(value, ("truth", "predicted"), "targets")
        if isinstance(value, list) and (not value or len(set(value)) < len(value)):
            raise InputError(f"targets={value} must name at least one class, and none twice")
        return value


def n_bytes(value: int | str) -> int:
    """Bytes, from a number or from text such as ``2GiB``.

    Raises:
        InputError: another form, or not above 0.

    >>> n_bytes("1.5 KiB"), n_bytes(100)
    (1536, 100)
    """
    if isinstance(value, int):
        found = value
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", value)
        if match is None or (match[2].lower() or "b") not in UNITS:
            raise InputError(f"budget={value!r}: bytes are written as a number, or as '512MiB' or '2GiB'")
        found = int(float(match[1]) * UNITS[match[2].lower() or "b"])
    if found < 1:
        raise InputError(f"budget={value!r}: at least one byte is needed")
    return found
