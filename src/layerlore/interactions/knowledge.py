"""Knowledge: the frozen result through depth, labelled, with its provenance inside."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64, Num

from layerlore.errors import InputError, check_choice, closest
from layerlore.interactions.alignment import Guides, SplitSettings, reference_guides
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, ratio, resampling_weights
from layerlore.interactions.calibration import Yardsticks
from layerlore.interactions.compare import layer_sums, with_moving_units
from layerlore.interactions.ledger import Ledger, Sums, build_ledger
from layerlore.interactions.moebius import orders
from layerlore.interactions.realign import Aligned, realign
from layerlore.interactions.salience import OPS, is_salient, rebuild_error, shapley_values
from layerlore.interactions.stages import check_finished
from layerlore.interactions.survival import life_sums, salient_signs, survival_of
from layerlore.interactions.table import effects_table
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

    @classmethod
    def load(cls, path: Path | str) -> Knowledge:
        """Read the run folder of a finished `explain`.

        Raises:
            RunError: missing, foreign, damaged or unfinished.
        """
        run = Run.load(path, KIND)
        check_finished(run)
        return cls.of(run)

    @property
    def path(self) -> Path | None:
        """The run folder; None where everything is in memory."""
        return self._run.path

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
        return SplitSettings(**self.manifest["identity"]["split"])

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

    def inputs(self, sample: int, name: str | None = None) -> Num[np.ndarray, "*sample"]:
        """One explained sample as the network took it: numbers in float32, ids of tokens as the integers they are.

        Args:
            sample: its position.
            name: which tensor, where the network takes several by name; None gives the main one, such as the ids.

        Raises:
            InputError: no such sample or tensor.
        """
        self._check_sample(sample)
        if name is None:
            return self._run.read("inputs", sample)
        arrays = self.manifest["coords"].get("inputs", {})
        check_choice(name, arrays, "name of an input tensor")
        return self._run.read(arrays[name], sample)

    def owner(self, sample: int) -> Int64[np.ndarray, "*owned"] | None:
        """The player that owns each number of a sample, -1 for background; None where players are of another kind."""
        self._check_sample(sample)
        return self._run.read("owner", sample).astype(np.int64) if "owner" in self._run else None

    def salient(self) -> xr.DataArray:
        """Which effects are salient, bool (sample, target, layer, op, coalition)."""
        import xarray as xr

        template = self.data["effects"]
        found = np.empty(template.shape, dtype=bool)
        for sample in range(self.n_samples):
            found[sample] = is_salient(self.effects(sample), self.thresholds())
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
            reference: ``"final"`` (the network's output), ``"previous"`` (from each layer to the next) or a layer's
                name. Splits are pulled toward the reference; for another one than `explain` used they are solved
                again, which costs as much as the second stage of `explain`.
            confidence: of the bootstrap intervals over samples.
            resamples: of the bootstrap.
            seed: of the bootstrap.
            recompute_units: compute normalisers and thresholds anew in each resample instead of holding them fixed.

        Raises:
            InputError: no such layer, or an option out of range.

        Source: METHODS A6, A9; Cheng et al. 2024, equations 6 to 9. Ratios are of sums pooled over samples.
        """
        if not 0 < confidence < 1 or resamples < 1 or seed < 0:
            raise InputError(
                f"confidence={confidence} must lie between 0 and 1, resamples={resamples} be at least 1 and "
                f"seed={seed} at least 0"
            )
        guides = reference_guides(self.layers, reference)
        aligned = self._aligned(guides)
        weights = resampling_weights(self.n_samples, resamples, seed)

        def build(sums: Sums, drawn: np.ndarray) -> Ledger:
            return self._pooled(sums, aligned, guides, reference, drawn, confidence)

        units = self.normalisers()
        # One sample at a time: all effects of a large run do not fit in memory.
        effects = map(aligned.effects, range(self.n_samples))
        ledger = build(layer_sums(effects, guides, Yardsticks(units, ratio(aligned.thresholds, units))), weights)
        if not recompute_units:
            return ledger
        every = [aligned.effects(sample) for sample in range(self.n_samples)]
        return with_moving_units(ledger, build, every, self._reach(), guides, weights)

    def ledger_of(self, sums: Sums) -> Ledger:
        """`ledger` against the run's own reference, of sums that were taken while the run was read for more than them.

        Args:
            sums: of every sample, from `compare.sample_sums`.
        """
        reference = self.manifest["settings"]["reference"]
        guides = reference_guides(self.layers, reference)
        weights = resampling_weights(self.n_samples, RESAMPLES, seed=0)
        return self._pooled(sums, self._aligned(guides), guides, reference, weights, CONFIDENCE)

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
        return xr.Dataset(
            {name: (dims, np.stack(part)) for name, part in zip(names, zip(*pairs, strict=True), strict=True)}, coords
        )

    def survival(self) -> xr.Dataset:
        """How long interactions last, by the layer in which they appear, (target, layer, op, order).

        ``appearing``: mean number per sample of interactions that become salient in the layer; ``layers``: for how many
        layers they then stay salient with one sign; ``reaching_output``: the share that stays until the output. NaN
        where none appears. The layers are compared one after the other, in the splits that the run holds.

        Source: METHODS A6.
        """
        total = np.zeros(())
        for sample in range(self.n_samples):
            signs = salient_signs(self.effects(sample), self.thresholds())
            total = total + life_sums(np.moveaxis(signs, 1, 0))
        return survival_of(total, self.n_samples, self.manifest["coords"]["target"], self.layers)

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
        """One row per interaction.

        Columns: sample, target, layer, op, order, coalition, players, effect, relative_effect (in units of the layer)
        and salient.

        Args:
            salient_only: leave out what is not salient. All of it is ``2 * 2**n_players`` rows per game.
        """
        import pandas as pd

        measures = self.thresholds(), self.normalisers(), self.manifest["coords"]["target"], self.layers
        tables = [effects_table(i, self.effects(i), *measures, salient_only) for i in range(self.n_samples)]
        return pd.concat(tables, ignore_index=True)

    def to_shapiq(self, sample: int, layer: str, op: str, target: int = 0) -> Any:
        """Effects of one game as ``shapiq.InteractionValues`` (extra ``shapiq``).

        Args:
            sample: position of the sample.
            layer: its name.
            op: ``"and"`` or ``"or"``.
            target: position of the target.

        Raises:
            InputError: no such sample, layer, op or target.
            MissingExtraError: shapiq is not installed.
        """
        if op not in OPS:
            raise InputError(f"op={op!r} must be 'and' or 'or'")
        n_targets = len(self.manifest["coords"]["target"])
        if not 0 <= target < n_targets:
            raise InputError(f"target={target} is out of range: there are {n_targets} targets, counted from 0")
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

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.interactions.cards import knowledge_card

        return knowledge_card(self)

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

    def _reach(self) -> np.ndarray:
        """``|v(N) - v(empty)|`` of every game."""
        scores = (self.scores(sample) for sample in range(self.n_samples))
        return np.stack([np.abs(found[..., -1] - found[..., 0]) for found in scores])

    def _pooled(
        self, sums: Sums, aligned: Aligned, guides: Guides, reference: str, weights: np.ndarray, confidence: float
    ) -> Ledger:
        """A ledger of the sums of all samples, its rows named after the layers that have a guide."""
        rows = [layer for layer, guide in enumerate(guides) if guide is not None]
        named = [layer + 1 for layer in rows] if reference == "previous" else rows
        coords = {"target": self.manifest["coords"]["target"], "layer": [self.layers[layer] for layer in named]}
        ceiling, floor = aligned.ceiling[:, :, rows], aligned.floor[:, :, rows]
        return build_ledger(sums, ceiling, floor, coords, reference, weights, confidence)

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
            noise=self.manifest["identity"]["noise"],
            seed=self.manifest["identity"]["seed"],
        )


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
