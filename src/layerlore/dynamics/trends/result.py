"""The frozen result: which layers move alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.history import History
from layerlore.errors import RunError
from layerlore.storage import digest_array, digest_json, write_json

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FORMAT = 1
KIND = "trends"
FILE = "trends.json"
OUTLIER, FROZEN = -1, -2
NAMES = {OUTLIER: "outlier", FROZEN: "frozen"}


@dataclass(frozen=True, eq=False)
class Trends:
    """Groups of layers that change alike. Made by `find_trends`, `match_trends`, `trends_over_time` or `load`.

    Attributes:
        layers: in order of depth.
        labels: of each layer: a trend from 0 (trends that change most come first), -1 an outlier, -2 frozen.
        points: of each layer in two dimensions; NaN for frozen layers and those without a finite number.
        stability: mean adjusted Rand index between the result and resamples of its layers; NaN where there are no two
            groups to tell apart.
        stability_interval: what 95 % of the resamples lie within.
        cluster_stability: per trend, mean Jaccard coefficient over resamples (Hennig 2007: above 0.75 a stable group,
            below 0.6 not to be trusted).
        profiles: dataset with the dimensions ``trend`` and ``step``: ``mean``, ``low``, ``high`` of the measure.
        measure: what was grouped.
        recipe: ``"robust"`` or ``"published"``.
        settings: all that decides the numbers; ``history`` is a digest of what was grouped.
        explained: share of variance in the two dimensions; None for UMAP.
        cleaning: what was done to the table, in order: ``step``, ``what``, ``count``.
        evidence: per number of trends what speaks for it, see `weigh`.
        dropped: layers that the published recipe leaves out.
        composition: groups against kind, depth and size, see `compose`.
        notes: what a reader has to know.
    """

    layers: list[str]
    labels: Int64[np.ndarray, "n_layers"]
    points: Float64[np.ndarray, "n_layers 2"] = field(repr=False)
    stability: float
    stability_interval: tuple[float, float]
    cluster_stability: list[float]
    profiles: xr.Dataset = field(repr=False)
    measure: str
    recipe: str
    settings: dict[str, Any] = field(repr=False)
    explained: list[float] | None = None
    cleaning: list[dict[str, Any]] = field(default_factory=list, repr=False)
    evidence: list[dict[str, Any]] = field(default_factory=list, repr=False)
    dropped: list[str] = field(default_factory=list, repr=False)
    composition: list[dict[str, Any]] = field(default_factory=list, repr=False)
    notes: list[str] = field(default_factory=list)

    @property
    def trends(self) -> list[int]:
        """Labels of the trends, ascending; `cluster_stability` and ``profiles`` have this order."""
        return sorted({int(label) for label in self.labels if label >= 0})

    @property
    def n_trends(self) -> int:
        """How many trends."""
        return len(self.trends)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Member layers by name of the group: ``trend 0``, …, ``outlier``, ``frozen``; groups without members too."""
        return {name_of(label): self.members(label) for label in [*self.trends, OUTLIER, FROZEN]}

    def members(self, label: int) -> list[str]:
        """Layers with a label, in order of depth; none where no layer has it."""
        return [layer for layer, found in zip(self.layers, self.labels, strict=True) if found == label]

    def belongs_to(self, history: History) -> bool:
        """Whether these trends are of this history as it is now."""
        return self.measure in history.measures and self.settings.get("history") == digest_of(history, self.measure)

    def to_dataframe(self) -> pd.DataFrame:
        """One row per layer: ``layer``, ``label``, ``group``, ``x``, ``y``."""
        import pandas as pd

        return pd.DataFrame(
            {
                "layer": self.layers,
                "label": self.labels,
                "group": [name_of(int(label)) for label in self.labels],
                "x": self.points[:, 0],
                "y": self.points[:, 1],
            }
        )

    def to_json(self) -> dict[str, Any]:
        """All of it, in types that JSON knows: NaN is None."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {
            "format": FORMAT,
            "kind": KIND,
            "labels": self.labels.tolist(),
            "groups": self.groups,
            "points": _encoded(self.points),
            "stability": _encoded(self.stability),
            "stability_interval": _encoded(list(self.stability_interval)),
            "cluster_stability": _encoded(self.cluster_stability),
            "profiles": {
                "trend": self.trends,
                "step": self.profiles["step"].values.tolist(),
                "mean_is": self.profiles.attrs["mean"],
                "band": self.profiles.attrs["band"],
            }
            | {name: _encoded(self.profiles[name].values) for name in ("mean", "low", "high")},
        } | {name: _encoded(value) for name, value in plain.items()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Trends:
        """What `to_json` gave.

        Raises:
            RunError: it is something else, or was written by a newer version.
        """
        try:
            if found["kind"] != KIND:
                raise RunError(f"a {found['kind']!r} is no {KIND!r} result")
            if found["format"] > FORMAT:
                raise RunError(
                    f"these trends have format {found['format']}, this version of LayerLore reads up to {FORMAT}: "
                    "update layerlore"
                )
            labels = np.array([int(label) for label in found["labels"]], dtype=np.int64)
            points = np.array(found["points"], dtype=np.float64).reshape(-1, 2)
            low, high = np.array(found["stability_interval"], dtype=np.float64)
            if not len(found["layers"]) == len(labels) == len(points):
                raise ValueError("layers, labels and points differ in length")
            return cls(
                labels=labels,
                points=points,
                stability=float(np.array(found["stability"], dtype=np.float64)),
                stability_interval=(float(low), float(high)),
                cluster_stability=np.array(found["cluster_stability"], dtype=np.float64).tolist(),
                profiles=_profiles_from(found["profiles"]),
                **{name: found[name] for name in _PLAIN},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"these trends are damaged ({error!r}): find them again") from error

    def save(self, path: Path | str) -> None:
        """Write ``trends.json`` into a folder, which is made where it is missing; an earlier one is replaced whole.

        Raises:
            RunError: it could not be written.
        """
        write_json(Path(path) / FILE, self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Trends:
        """Read ``trends.json`` from a folder.

        Raises:
            RunError: missing or damaged.
        """
        file = Path(path) / FILE
        try:
            found = json.loads(file.read_text("utf-8"))
        except FileNotFoundError as error:
            raise RunError(f"{path} holds no {FILE}: find the trends of this run first") from error
        except (OSError, ValueError) as error:
            raise RunError(f"{file} cannot be read ({error}): find the trends again") from error
        if not isinstance(found, dict):
            raise RunError(f"{file} is damaged (no JSON object): find the trends again")
        try:
            return cls.from_json(found)
        except RunError as error:
            raise RunError(f"{file}: {error}") from error

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.dynamics.cards import trends_card

        return trends_card(self)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {len(members)}" for name, members in self.groups.items() if members)
        what = f"{len(self.layers)} layers, {self.recipe} recipe on {self.measure}"
        return f"Trends({what}; {sizes}; stability {self.stability:.2f})"


def name_of(label: int) -> str:
    """A label in words.

    >>> name_of(3), name_of(-1), name_of(-2)
    ('trend 3', 'outlier', 'frozen')
    """
    return NAMES.get(label, f"trend {label}")


def digest_of(history: History, measure: str) -> str:
    """Short name for what was grouped: layers, steps and numbers."""
    return digest_json([history.layers, history.steps.tolist(), digest_array(history.values(measure))])


_PLAIN = (
    "layers", "measure", "recipe", "settings", "explained", "cleaning", "evidence", "dropped", "composition", "notes",
)  # fmt: skip


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _encoded(value.tolist())
    if isinstance(value, dict):
        return {key: _encoded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(entry) for entry in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _profiles_from(found: Mapping[str, Any]) -> xr.Dataset:
    import xarray as xr

    steps, trends = (np.array(found[name], dtype=np.int64) for name in ("step", "trend"))
    shape = len(trends), len(steps)
    tables = {
        name: (("trend", "step"), np.array(found[name], dtype=np.float64).reshape(shape))
        for name in ("mean", "low", "high")
    }
    return xr.Dataset(
        tables, {"trend": trends, "step": steps}, {"mean": str(found["mean_is"]), "band": list(found["band"])}
    )
