"""Knowledge: the frozen result through depth, labelled, with its provenance inside."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError, closest
from layerlore.interactions.alignment import Guides, SplitSettings, reference_guides
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, interval, ratio, resampling_weights
from layerlore.interactions.calibration import Yardsticks, in_units, oriented_shares
from layerlore.interactions.ledger import Ledger, build_ledger
from layerlore.interactions.moebius import orders
from layerlore.interactions.realign import Aligned, realign
from layerlore.interactions.salience import OPS, SALIENCE, is_salient, largest_effect, rebuild_error, shapley_values
from layerlore.registry import converter
from layerlore.storage import Run, publish_folder, write_json

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

KIND = "knowledge"


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What every layer of a network holds about a set of samples. Made by `explain` or `load`.

    Attributes:
        data: xarray dataset, read lazily from the run: ``scores`` (sample, target, layer, coalition), ``effects``
            (sample, target, layer, op, coalition) with order 1 merged into AND and 0 at the empty set, ``objective``,
            ``gap``, ``aligned_gap``, ``converged`` (sample, target, layer); coordinates name layers, targets' classes
            (``target_class``), ``label`` and ``predicted`` classes.
        manifest: identity, settings, probe quality, notes (warnings), versions.
    """

    data: xr.Dataset
    manifest: dict[str, Any] = field(repr=False)
    _run: Run = field(repr=False)

    @classmethod
    def of(cls, run: Run) -> Knowledge:
        """The knowledge in a finished run."""
        return cls(_labelled(run), run.manifest, run)

    @property
    def layers(self) -> list[str]:
        """Names of the layers by depth, ``output`` last."""
        return list(self.manifest["coords"]["layer"])

    @property
    def n_players(self) -> int:
        """Players of every sample."""
        return int(self.manifest["coords"]["n_players"])

    @property
    def n_samples(self) -> int:
        """Samples explained."""
        return int(self.data.sizes["sample"])

    @property
    def notes(self) -> list[str]:
        """Warnings that belong to these numbers."""
        return list(self.manifest.get("notes", []))

    @property
    def split_settings(self) -> SplitSettings:
        """Options that the splits were made with."""
        return SplitSettings(**self.manifest["settings"]["split"])

    def normalisers(self) -> Float64[np.ndarray, "n_targets n_layers"]:
        """``s(l) = mean over samples of |v(N) - v(empty)|``, the unit of a layer's effects (METHODS A5)."""
        return np.asarray(self.manifest["normalisers"], dtype=np.float64)

    def thresholds(self) -> Float64[np.ndarray, "n_targets n_layers"]:
        """Salience threshold of each layer: 0.05 of its largest effect over samples and ops (METHODS A5)."""
        return np.asarray(self.manifest["thresholds"], dtype=np.float64)

    def effects(self, sample: int) -> Float64[np.ndarray, "n_targets n_layers 2 n_coalitions"]:
        """Effects of one sample, read from the run."""
        self._check_sample(sample)
        return self._run.read("effects", sample)

    def scores(self, sample: int) -> Float64[np.ndarray, "n_targets n_layers n_coalitions"]:
        """Scores of one sample, read from the run."""
        self._check_sample(sample)
        return self._run.read("scores", sample)

    def salient(self) -> xr.DataArray:
        """Which effects are salient, bool (sample, target, layer, op, coalition)."""
        import xarray as xr

        found = np.stack([is_salient(self.effects(sample), self.thresholds()) for sample in range(self.n_samples)])
        template = self.data["effects"]
        return xr.DataArray(found, coords=template.coords, dims=template.dims, name="salient")

    def ledger(
        self,
        reference: str = "final",
        *,
        confidence: float = CONFIDENCE,
        resamples: int = RESAMPLES,
        seed: int = 0,
        recompute_units: bool = False,
    ) -> Ledger:
        """What each layer shares with a reference, forgets, or still lacks, by op and order.

        Args:
            reference: ``"final"`` (the network's output), ``"previous"`` (from each layer to the next) or a layer's name.
                Splits are pulled toward the reference; for another one than `explain` used they are solved again, which
                costs as much as the second stage of `explain`.
            confidence: of the bootstrap intervals over samples.
            resamples: of the bootstrap.
            seed: of the bootstrap.
            recompute_units: compute normalisers and thresholds anew in each resample instead of holding them fixed.

        Raises:
            InputError: no such layer, or an option out of range.

        Source: METHODS A6, A9; Cheng et al. 2024, equations 6 to 9. Ratios are of sums pooled over samples.
        """
        if not 0 < confidence < 1 or resamples < 1:
            raise InputError(f"confidence={confidence} must lie between 0 and 1, and resamples={resamples} be at least 1")
        guides = reference_guides(self.layers, reference)
        aligned = self._aligned(guides)
        weights = resampling_weights(self.n_samples, resamples, seed)
        rows = [layer for layer, guide in enumerate(guides) if guide is not None]
        named = [layer + 1 for layer in rows] if reference == "previous" else rows
        coords = {"target": self.manifest["coords"]["target"], "layer": [self.layers[layer] for layer in named]}
        sums = self._sums(aligned, guides, rows)
        ledger = build_ledger(sums, aligned.ceiling[:, :, rows], aligned.floor[:, :, rows], coords, reference, weights, confidence)
        if recompute_units:
            return self._with_moving_units(ledger, aligned, guides, rows, coords, weights, confidence)
        return ledger

    def shapley(self) -> xr.DataArray:
        """Shapley values of the scores, (sample, target, layer, player)."""
        import xarray as xr

        values = np.stack([shapley_values(self.scores(sample)) for sample in range(self.n_samples)])
        coords = {name: self.data[name] for name in ("sample", "target", "layer")}
        return xr.DataArray(values, coords=coords, dims=("sample", "target", "layer", "player"), name="shapley")

    def rebuild_error(self) -> xr.Dataset:
        """Error of rebuilding scores from salient interactions alone, as a share of ``|v(N) - v(empty)|``.

        ``with_delta``: of the scores; ``without_delta``: of the scores less what the tolerance absorbs. Lemma 3.4.
        """
        import xarray as xr

        pairs = []
        for sample in range(self.n_samples):
            effects = self.effects(sample)
            pairs.append(rebuild_error(self.scores(sample), effects, is_salient(effects, self.thresholds())))
        dims = ("sample", "target", "layer")
        coords = {name: self.data[name] for name in dims}
        names = ("with_delta", "without_delta")
        return xr.Dataset({name: (dims, np.stack(part)) for name, part in zip(names, zip(*pairs, strict=True), strict=True)}, coords)

    def noise_floor(self) -> xr.DataArray | None:
        """RMS difference of effects between float32 and float64 scores, (layer, op, order), in units of the layer.

        None where it was not measured.
        """
        import xarray as xr

        if "noise_floor" not in self.manifest:
            return None
        values = np.asarray(self.manifest["noise_floor"], dtype=np.float64)
        coords = {"layer": self.layers, "op": list(OPS), "order": list(range(1, self.n_players + 1))}
        return xr.DataArray(values, coords=coords, dims=("layer", "op", "order"), name="noise_floor")

    def to_dataframe(self, salient_only: bool = True) -> pd.DataFrame:
        """One row per interaction: sample, target, layer, op, order, coalition, players, effect, relative_effect, salient.

        Args:
            salient_only: leave out what is not salient. All of it is ``2 * 2**n_players`` rows per game.
        """
        import pandas as pd

        return pd.concat([self._table(sample, salient_only) for sample in range(self.n_samples)], ignore_index=True)

    def to_shapiq(self, sample: int, layer: str, op: str, target: int = 0) -> Any:
        """Effects of one game as ``shapiq.InteractionValues`` (extra ``shapiq``).

        Args:
            sample: position of the sample.
            layer: its name.
            op: ``"and"`` or ``"or"``.
            target: position of the target.
        """
        if op not in OPS:
            raise InputError(f"op={op!r} must be 'and' or 'or'")
        effects = self.effects(sample)[target, self._layer(layer), OPS.index(op)].copy()
        if op == "and":
            effects[0] = self.scores(sample)[target, self._layer(layer), 0]
        return converter("shapiq")(effects, op=op)

    def to_json(self, reference: str = "final") -> dict[str, Any]:
        """The ledger and what belongs to it, in types that JSON knows."""
        return {
            "layers": self.layers,
            "n_samples": self.n_samples,
            "n_players": self.n_players,
            "probes": self.manifest["quality"],
            "notes": self.notes,
            "ledger": self.ledger(reference).to_json(),
        }

    def save(self, path: Path | str) -> None:
        """Write a run folder that `load` reads; whole or not at all.

        Raises:
            RunError: the folder exists, or it could not be written.
        """
        with publish_folder(Path(path)) as part:
            if self._run.path is not None:
                shutil.copytree(self._run.path, part, dirs_exist_ok=True)
            else:
                self._run.copy_arrays(part)
                write_json(part / "manifest.json", self.manifest)

    def __repr__(self) -> str:
        shape = f"{self.n_samples} samples, {len(self.layers)} layers, {self.n_players} players"
        return f"Knowledge({shape}; layers {', '.join(self.layers)})"

    def _layer(self, layer: str) -> int:
        if layer not in self.layers:
            raise InputError(f"there is no layer {layer!r}; {closest(layer, self.layers)}")
        return self.layers.index(layer)

    def _check_sample(self, sample: int) -> None:
        if not 0 <= sample < self.n_samples:
            raise InputError(f"sample={sample} is out of range: there are {self.n_samples} samples, counted from 0")

    def _yardsticks(self) -> Yardsticks:
        units = self.normalisers()
        return Yardsticks(units, ratio(self.thresholds(), units))

    def _aligned(self, guides: Guides) -> Aligned:
        """Effects and calibration lines for these guides: those of the run, or solved again."""
        stored = reference_guides(self.layers, self.manifest["settings"]["reference"])
        if guides == stored:
            lines = (self._run.read(name) for name in ("ceiling", "floor"))
            return Aligned(self.effects, self.thresholds(), *lines)
        return realign(
            np.stack([self.scores(sample) for sample in range(self.n_samples)]),
            np.asarray(self.manifest["coords"]["other"]),
            self.normalisers(),
            guides,
            self.split_settings,
            noise=self.manifest["settings"]["noise"],
            seed=self.manifest["settings"]["seed"],
        )

    def _sums(self, aligned: Aligned, guides: Guides, rows: Sequence[int], measures: Yardsticks | None = None) -> np.ndarray:
        units = self.normalisers() if measures is None else measures.units
        thresholds = ratio(aligned.thresholds, units) if measures is None else measures.thresholds
        parts = []
        for sample in range(self.n_samples):
            effects = in_units(aligned.effects(sample), units)
            pairs = [
                oriented_shares(
                    effects[:, layer],
                    effects[:, guides[layer]],
                    thresholds[:, layer],
                    thresholds[:, guides[layer]],
                    layer < guides[layer],
                )
                for layer in rows
            ]
            parts.append(np.stack(pairs, axis=1))
        return np.stack(parts)

    def _with_moving_units(
        self,
        ledger: Ledger,
        aligned: Aligned,
        guides: Guides,
        rows: Sequence[int],
        coords: dict[str, Sequence[Any]],
        weights: np.ndarray,
        confidence: float,
    ) -> Ledger:
        """The same point estimates, with intervals that also carry the uncertainty of units and thresholds."""
        reach = np.stack([np.abs(v[..., -1] - v[..., 0]) for v in map(self.scores, range(self.n_samples))])
        largest = np.stack([largest_effect(aligned.effects(sample)) for sample in range(self.n_samples)])
        draws = []
        for drawn in weights:
            units = np.tensordot(drawn, reach, axes=1)
            thresholds = SALIENCE * largest[drawn > 0].max(axis=0)
            sums = self._sums(aligned, guides, rows, Yardsticks(units, ratio(thresholds, units)))
            draws.append(build_ledger(sums, sums, sums, coords, ledger.reference, drawn[None], confidence))
        by_order, total = (_with_intervals(ledger, draws, part, confidence) for part in ("by_order", "total"))
        return Ledger(by_order, total, ledger.reference, confidence)

    def _table(self, sample: int, salient_only: bool) -> pd.DataFrame:
        import pandas as pd

        effects, thresholds = self.effects(sample), self.thresholds()
        salient = is_salient(effects, thresholds)
        shown = salient.copy() if salient_only else np.ones_like(salient)
        shown[..., 0] = False
        target, layer, op, coalition = np.nonzero(shown)
        values = effects[shown]
        order = orders(self.n_players)
        return pd.DataFrame({
            "sample": sample,
            "target": np.asarray(self.manifest["coords"]["target"], dtype=object)[target],
            "layer": np.asarray(self.layers, dtype=object)[layer],
            "op": np.asarray(OPS, dtype=object)[op],
            "order": order[coalition],
            "coalition": coalition,
            "players": [tuple(i for i in range(self.n_players) if mask >> i & 1) for mask in coalition.tolist()],
            "effect": values,
            "relative_effect": ratio(values, self.normalisers()[target, layer]),
            "salient": salient[shown],
        })


def load(path: Path | str) -> Knowledge:
    """Read the run folder of a finished `explain`.

    Raises:
        RunError: missing, foreign, damaged or unfinished.
    """
    from layerlore.interactions.stages import check_finished

    run = Run.load(path, KIND)
    check_finished(run)
    return Knowledge.of(run)


def _with_intervals(ledger: Ledger, draws: Sequence[Ledger], part: str, confidence: float) -> xr.Dataset:
    """The point estimates of a ledger with intervals over drawn ledgers, each of a single resample."""
    point = getattr(ledger, part)
    bounds = {}
    for name in (name for name in point if f"{name}_low" in point):
        spread = np.stack([getattr(draw, part)[f"{name}_low"].values for draw in draws])
        for end, values in zip(("low", "high"), interval(spread, confidence), strict=True):
            bounds[f"{name}_{end}"] = (point[name].dims, values)
    return point.assign(bounds)


def _labelled(run: Run) -> xr.Dataset:
    """The arrays of a run with their coordinates."""
    coords = run.manifest["coords"]
    data = run.dataset()[["scores", "effects", "objective", "gap", "aligned_gap", "converged"]]
    data["converged"] = data["converged"].astype(bool)
    names = {name: coords[name] for name in ("target", "layer")}
    data = data.assign_coords(
        **names,
        op=list(OPS),
        sample=np.arange(data.sizes["sample"]),
        coalition=np.arange(data.sizes["coalition"]),
        order=("coalition", orders(int(coords["n_players"]))),
        target_class=(("sample", "target"), np.asarray(coords["target_class"])),
        predicted=("sample", np.asarray(coords["predicted"])),
    )
    return data if coords["label"] is None else data.assign_coords(label=("sample", np.asarray(coords["label"])))
