"""Other splits of the same scores: another tolerance, pull or reference, or AND interactions alone (METHODS A4)."""

from __future__ import annotations

import warnings
from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np
import torch

from layerlore.engines import Progress, progress_bars
from layerlore.errors import InputError, QualityWarning
from layerlore.interactions import stages
from layerlore.interactions.alignment import Guides, SplitSettings, reference_guides
from layerlore.interactions.given import check_split
from layerlore.interactions.knowledge import KIND, Knowledge
from layerlore.interactions.splitting import Resplitting
from layerlore.storage import Run

SPLIT_ARRAYS = ("effects", "objective", "gap", "aligned_gap", "converged", "ceiling", "floor")
"""Arrays that depend on how scores are split; all others are taken over."""
SPLIT_NOTES = ("missed the tolerance", "noise floor")
"""What notes about the former splits say; they hold no longer."""


def resplit(
    knowledge: Knowledge,
    *,
    kappa: float | None = None,
    pull: float | None = None,
    and_only: bool = False,
    reference: str | None = None,
    progress: Progress | bool | None = None,
) -> Knowledge:
    """Split the scores of an explanation anew, without a forward pass, in memory.

    Thresholds, notes and the two calibration lines are computed again; units, scores, inputs and all that describes
    the network stay. The noise floor is left out, because it belongs to the former splits and needs the network.
    ``identity`` holds the new options, and under ``resplit`` the former ones. ``save`` writes the result.

    Args:
        knowledge: from `explain` or `load`.
        kappa: tolerance on the scores, see `sparsest`.
        pull: of every layer's split toward the reference's, 0 to 1.
        and_only: AND interactions alone, the plain Moebius transform (Harsanyi dividends): no OR effects, no
            tolerance, no pull.
        reference: ``"final"``, ``"previous"`` or a layer's name. None of the four changed gives the same splits again.
        progress: show progress bars; None in a notebook and where stderr is a terminal.

    Returns:
        A `Knowledge` in memory. From one with AND interactions alone, its own former options are taken up again.

    Raises:
        InputError: an option out of range; ``kappa`` or ``pull`` with ``and_only``; no such layer; a pull for splits
            of the published solver.

    Source: METHODS A4, A10 (results for ``kappa`` 0.03, 0.04, 0.05).
    """
    settings = _settings(knowledge, kappa, pull, and_only)
    check_split(settings)
    reference = reference or str(knowledge.manifest["settings"]["reference"])
    guides = reference_guides(knowledge.layers, reference)
    task = _task(knowledge, settings, guides)
    run = _copy(knowledge, task, reference)
    kept = run.manifest["notes"]
    with progress_bars(progress) as report:
        stages.split_stage(run, task, report)
        stages.measure_thresholds(run, task)
        stages.calibration_stage(run, task, report)
    found = Knowledge.of(run)
    for note in found.notes:
        if note not in kept:
            warnings.warn(note, QualityWarning, stacklevel=2)
    return found


def _settings(knowledge: Knowledge, kappa: float | None, pull: float | None, and_only: bool) -> SplitSettings:
    own = knowledge.split_settings
    if and_only:
        for name, value in (("kappa", kappa), ("pull", pull)):
            if value is not None:
                raise InputError(
                    f"{name}={value} with and_only=True: AND interactions alone rebuild the scores exactly, without "
                    f"tolerance or choice; leave {name} out"
                )
        return replace(own, solver="moebius", kappa=0.0, pull=0.0)
    if own.solver == "moebius":
        own = SplitSettings(**knowledge.manifest["identity"]["resplit"]["split"])
    if pull and own.solver != "certified":
        raise InputError(f"pull={pull}, but these splits were made with solver={own.solver!r}, which has no pull")
    return replace(own, kappa=own.kappa if kappa is None else kappa, pull=own.pull if pull is None else pull)


def _task(knowledge: Knowledge, settings: SplitSettings, guides: Guides) -> Resplitting:
    coords, identity = knowledge.manifest["coords"], knowledge.manifest["identity"]
    return Resplitting(
        targets=torch.tensor(coords["target_class"]),
        other=np.asarray(coords["other"]),
        layers=tuple(knowledge.layers),
        guides=guides,
        settings=settings,
        noise=identity["noise"],
        seed=identity["seed"],
        n_samples=knowledge.n_samples,
        n_players=knowledge.n_players,
    )


def _copy(knowledge: Knowledge, task: Resplitting, reference: str) -> Run:
    """A run in memory that holds all but the splits."""
    old = knowledge._run
    former = {"split": old.manifest["identity"]["split"], "guides": old.manifest["identity"]["guides"]}
    if former["split"]["solver"] == "moebius":
        former = old.manifest["identity"]["resplit"]
    changed = {"split": asdict(task.settings), "guides": list(task.guides), "resplit": former}
    run = Run.open(None, KIND, old.manifest["identity"] | changed)
    kept = {
        key: value for key, value in old.manifest.items() if key not in (*run.manifest, "thresholds", "noise_floor")
    }
    notes = [note for note in knowledge.notes if not any(words in note for words in SPLIT_NOTES)]
    run.update(
        **kept | {"notes": notes, "settings": kept["settings"] | {"reference": reference}},
        created=datetime.now(UTC).isoformat(),
    )
    arrays = old.dataset()
    for name, array in arrays.variables.items():
        run.create(str(name), array.shape, [str(dim) for dim in array.dims], str(array.dtype))
        for index in range(array.shape[0]) if name not in SPLIT_ARRAYS else ():
            run.write(str(name), index, old.read(str(name), index))
    for stage in ("scores", "inputs"):
        run.finished(stage, task.n_samples)
        for sample in range(task.n_samples):
            run.finish(stage, sample)
    return run
