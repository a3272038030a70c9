"""The weightscale study: how the layers of networks change while they train, and which claims stand (METHODS B3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layerlore.dynamics.history import History
from layerlore.engines import Progress, progress_bars
from layerlore.errors import InputError
from layerlore.zoo.data import DataSets, load_data
from layerlore.zoo.studies.claims import weightscale_claims
from layerlore.zoo.studies.layerwise import described
from layerlore.zoo.studies.names import plain_name
from layerlore.zoo.studies.recipes import Recipe
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.settings import WeightscaleSettings
from layerlore.zoo.studies.training import some_of, trained


def run(settings: WeightscaleSettings, out: Path, progress: Progress | bool | None = None) -> Study:
    """Train every network on every data set with every seed, watched, find the trends, and judge the claims.

    Args:
        settings: from `weightscale_settings`.
        out: folder; finished trainings in it are taken up, interrupted ones go on after their last epoch.
        progress: show progress bars; None in a notebook and where stderr is a terminal.

    Returns:
        The `Study`, saved in the folder.

    Raises:
        InputError: data that cannot be used.
        RunError: the folder holds something made with other settings, or cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    # The subset is the same for all seeds, so that seeds differ in weights and order alone.
    data = {
        name: some_of(load_data(name, settings.roots.get(name)), settings.train_samples, 0) for name in settings.data
    }
    histories: dict[tuple[str, str], list[History]] = {}
    entries: list[dict[str, Any]] = []
    with progress_bars(progress) as report:
        for network in settings.networks:
            for name, sets in data.items():
                for seed in range(settings.seeds):
                    entry, history = _training(network, sets, seed, settings, out, report)
                    entries.append(entry)
                    histories.setdefault((network, name), []).append(history)
    notes = [f"{entry['title']}: {entry['no_trends']}" for entry in entries if "no_trends" in entry]
    study = Study(
        study="weightscale",
        command=settings.command,
        settings=settings.to_json(),
        data={name: described(sets) for name, sets in data.items()},
        networks=tuple(entries),
        claims=weightscale_claims(histories),
        notes=tuple(notes),
    )
    return study.save(out)


def _training(
    network: str, data: DataSets, seed: int, settings: WeightscaleSettings, out: Path, report: Progress
) -> tuple[dict[str, Any], History]:
    recipe = Recipe(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        optimiser=settings.optimiser,
        schedule="constant",
        precision=settings.precision,
    )
    name = plain_name(f"{network}_{data.name}_{seed}")
    found = trained(network, data, recipe, seed=seed, folder=out, name=name, progress=report)
    assert found.history is not None  # noqa: S101 (nothing is given here)
    history = History.load(found.history)
    entry: dict[str, Any] = {
        "name": name,
        "title": f"{network} on {data.name}, seed {seed}",
        "network": network,
        "data": data.name,
        "seed": seed,
        "accuracy": found.accuracy,
        "n_test": len(data.test),
        "n_train": len(data.train),
        "run": found.history.name,
    }
    return entry | _trends(history, found.history), history


def _trends(history: History, folder: Path) -> dict[str, Any]:
    """Find the trends and keep them in the run; what the study says of them."""
    from layerlore.dynamics.trends import find_trends

    try:
        found = find_trends(history)
    except InputError as error:
        return {"no_trends": str(error)}
    found.save(folder)
    return {"trends": {"n": found.n_trends, "outliers": int((found.labels == -1).sum())}}
