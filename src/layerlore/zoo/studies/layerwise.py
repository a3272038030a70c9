"""The layerwise study: what every layer of trained networks holds, and which of the paper's claims stand (METHODS A10).

Everything is kept in the study's folder as soon as it is there, so the same command again goes on from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from layerlore.engines import Progress, progress_bars
from layerlore.interactions.agreement import Agreement, agreement
from layerlore.interactions.explain import explain
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.resplit import resplit
from layerlore.interactions.stability import Stability, stability
from layerlore.probes import Probes, fit_probes
from layerlore.zoo.data import DataSets, Sentences
from layerlore.zoo.studies.claims import Explained, layerwise_claims
from layerlore.zoo.studies.gradients import kept_gradients
from layerlore.zoo.studies.kept import check_kept
from layerlore.zoo.studies.names import plain_name
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.settings import LayerwiseSettings
from layerlore.zoo.studies.subjects import Subject, data_of, subject_of

AGREEMENT = "agreement.json"
AND_ONLY = "and_only"
CHECKED = {
    "official": "the published file",
    "other": "not the published file, byte for byte (a part of it, or another encoding)",
    "unknown": "no checksum is published",
}
"""What a study says of a file's checksum."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What was computed of one network, and what the study says of it."""

    explained: Explained
    entry: Mapping[str, Any]


def run(settings: LayerwiseSettings, out: Path, progress: Progress | bool | None = None) -> Study:
    """Train, probe, explain, split anew, disturb and compare the networks of a study, and judge the claims.

    Args:
        settings: from `layerwise_settings`.
        out: folder; what is there already is taken up.
        progress: show progress bars; None in a notebook and where stderr is a terminal.

    Returns:
        The `Study`, saved in the folder.

    Raises:
        InputError: data that cannot be used.
        RunError: the folder holds something made with other settings, or cannot be written.
        MissingExtraError: a package is missing.

    Cost: for each network ``samples * 2**n_players * (draws + 1)`` masked inputs, a split of each layer for every
    tolerance, and ``draws`` more of one layer.
    """
    out.mkdir(parents=True, exist_ok=True)
    data = data_of(settings)
    with progress_bars(progress) as report:
        found = [_network(name, data, settings, out, report) for name in settings.networks]
    explained = [one.explained for one in found]
    files = {"agreement": AGREEMENT} if len(found) > 1 else {}
    if files:
        _agreement(explained, out / AGREEMENT)
    study = Study(
        study="layerwise",
        command=settings.command,
        settings=settings.to_json(),
        data=described(data),
        networks=tuple(one.entry for one in found),
        claims=layerwise_claims(explained, settings.data, kappa=settings.kappa),
        notes=tuple(f"{one.network}: {note}" for one in explained for note in one.knowledge.notes),
        files=files,
    )
    return study.save(out)


def described(data: DataSets | Sentences) -> dict[str, Any]:
    """What a study says about its data."""
    if isinstance(data, Sentences):
        n_train, n_test = len(data.train), len(data.validation)
    else:
        n_train, n_test = len(data.train), len(data.test)
    return {
        "name": data.name,
        "classes": list(data.classes),
        "n_train": n_train,
        "n_test": n_test,
        "files": {file: CHECKED[found] for file, found in data.files.items()},
    }


def _network(
    name: str, data: DataSets | Sentences, settings: LayerwiseSettings, out: Path, report: Progress
) -> Findings:
    place = plain_name(name)
    subject = subject_of(name, data, settings, out, report)
    probes = fit_probes(
        subject.model,
        list(subject.layers),
        subject.probe_data,
        seed=settings.seed,
        read_out=subject.read_out,
        # Convolutions of early layers have 100,000 features: larger batches spare passes over as many weights.
        batch_size=512,
        path=out / f"{place}.probes.safetensors",
        progress=_named(report, name),
    )
    found = explain(
        subject.model,
        probes,
        subject.inputs,
        subject.labels,
        players=subject.players,
        kappa=settings.kappa,
        seed=settings.seed,
        run=out / place,
        name=name,
        progress=_named(report, name),
    )
    knowledge = cast("Knowledge", found)
    by_kappa = {
        kappa: _resplit(knowledge, out / f"{place}_kappa_{kappa:g}", _named(report, f"{name}, kappa {kappa:g}"), kappa)
        for kappa in settings.kappas
        if kappa != settings.kappa
    }
    and_only = _resplit(knowledge, out / f"{place}_{AND_ONLY}", _named(report, f"{name}, AND only"), None)
    steady = _stability(subject, probes, knowledge, settings, out / f"{place}_stability.json", _named(report, name))
    explained = Explained(name, knowledge, subject.middle, steady.by_order, by_kappa, and_only)
    folders = {f"{kappa:g}": f"{place}_kappa_{kappa:g}" for kappa in by_kappa}
    entry = {
        "name": name,
        "title": name,
        "accuracy": subject.trained.accuracy,
        "n_test": subject.n_test,
        "n_train": subject.n_train,
        "run": place,
        "layer": subject.middle,
        "by_kappa": folders | {f"{settings.kappa:g}": place},
        "and_only": f"{place}_{AND_ONLY}",
        "stability": f"{place}_stability.json",
        "probes": probes.quality(),
    }
    if kept_gradients(subject, probes, knowledge, out / f"{place}_gradients.json"):
        entry["gradients"] = f"{place}_gradients.json"
    if subject.trained.history is not None:
        entry["training"] = subject.trained.history.name
    return Findings(explained, entry)


def _resplit(knowledge: Knowledge, path: Path, report: Progress, kappa: float | None) -> Knowledge:
    """The scores split with another tolerance, or as AND interactions alone for None; kept in a folder."""
    if path.exists():
        kept = Knowledge.load(path)
        own, its = knowledge.manifest["identity"], kept.manifest["identity"]
        if all(own[key] == its[key] for key in ("network", "probes", "inputs", "targets", "plans")):
            return kept
    again = resplit(knowledge, kappa=kappa, and_only=kappa is None, progress=report)
    again.save(path)
    return Knowledge.load(path)


def _stability(
    subject: Subject, probes: Probes, knowledge: Knowledge, settings: LayerwiseSettings, path: Path, report: Progress
) -> Stability:
    # The clean explanation serves where noise is added to the very inputs that were explained.
    same = subject.noisy_inputs is subject.inputs
    used = probes if same else probes.select([subject.middle])
    if path.exists():
        kept = Stability.load(path)
        check_kept(path, _asked(used, settings, subject.middle), _given(kept))
        return kept
    found = stability(
        subject.model,
        used,
        subject.noisy_inputs,
        subject.labels,
        players=subject.players,
        sigma=settings.sigma,
        draws=settings.draws,
        seed=settings.seed,
        kappa=settings.kappa,
        layers=[subject.middle],
        knowledge=knowledge if same else None,
        progress=report,
    )
    found.save(path)
    return found


def _asked(probes: Probes, settings: LayerwiseSettings, layer: str) -> dict[str, Any]:
    """What decides the numbers of a stability, beside the samples, which `explain` has compared already."""
    return {
        "probes": probes.digest(),
        "layer": layer,
        "sigma": settings.sigma,
        "draws": settings.draws,
        "seed": settings.seed,
        "kappa": settings.kappa,
        "n_samples": settings.samples,
    }


def _given(kept: Stability) -> dict[str, Any]:
    """The same of one that was kept."""
    own = kept.settings
    return {key: own[key] for key in ("sigma", "draws", "seed", "n_samples")} | {
        "probes": own["identity"]["probes"],
        "layer": own["layers"][0],
        "kappa": own["split"]["kappa"],
    }


def _agreement(explained: list[Explained], path: Path) -> Agreement:
    found = agreement(
        *(one.knowledge for one in explained),
        layers=[one.layer for one in explained],
        names=[one.network for one in explained],
    )
    found.save(path)
    return found


def _named(report: Progress, name: str) -> Progress:
    """Progress that says which network it is of."""

    def told(task: str, done: int, total: int | None) -> None:
        report(f"{name}: {task}", done, total)

    return told
