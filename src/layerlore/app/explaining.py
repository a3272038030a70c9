"""An explanation that is being written: what each finished sample adds, read once and never written to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.app.folders import ARRAYS, check_own
from layerlore.errors import LayerLoreError, RunError
from layerlore.interactions.knowledge import KIND, Knowledge
from layerlore.interactions.stages import STAGES
from layerlore.storage import MANIFEST, Run, manifest_of

if TYPE_CHECKING:
    import xarray as xr

MOST_SECONDS = 0.5
"""Time for reading in one look, so that a page of a large run shows something soon."""
SETTLED = 1.0
"""Seconds after which a folder's time tells of every file in it: file systems count in steps."""
OF_SPLITS = ("objective", "gap", "aligned_gap", "converged")


class Explaining:
    """Follows the folder of an explanation; not to be shared by threads.

    Args:
        path: of the folder.

    Attributes:
        version: goes up whenever there is something new to show.
        trouble: why nothing more can be read; empty where all is well.
        manifest: as it was read last.
        unread: finished samples that are left for the next look.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = 0
        self.trouble = ""
        self.manifest: dict[str, Any] = {}
        self._seen: object = None
        self._times: tuple[int | None, ...] = ()
        self._start_over()

    def look(self, seconds: float = MOST_SECONDS) -> None:
        """Read what is new, for so long, though at least one sample of each stage."""
        try:
            if self._take(time.monotonic() + seconds):
                self.version += 1
        except (LayerLoreError, OSError) as error:
            trouble = str(error) if isinstance(error, LayerLoreError) else f"it cannot be read ({error})"
            self.version += trouble != self.trouble
            self.trouble, self._seen = trouble, None

    @property
    def n_samples(self) -> int:
        """Samples to explain; 0 before that is known."""
        return len(self.manifest["coords"]["predicted"]) if "coords" in self.manifest else 0

    @property
    def layers(self) -> list[str]:
        """Names by depth."""
        return list(self.manifest["coords"]["layer"]) if "coords" in self.manifest else []

    def done(self, stage: str) -> int:
        """Samples that have finished a stage."""
        return len(self._done[stage])

    @property
    def finished(self) -> bool:
        """Whether every sample has finished every stage."""
        return bool(self.n_samples) and all(self.done(stage) == self.n_samples for stage in STAGES)

    @property
    def n_read(self) -> int:
        """Samples whose scores were read."""
        return len(self._ends)

    @property
    def changed(self) -> float:
        """When a sample was finished last, or the run begun, in seconds since 1970."""
        return max((one for one in self._times if one is not None), default=0) / 1e9

    def ends(self) -> np.ndarray:
        """Scores with no player and with all, ``float64[n_finished, n_targets, n_layers, 2]``, samples in order."""
        return np.stack([self._ends[sample] for sample in sorted(self._ends)])

    def splits(self) -> Knowledge | None:
        """What is known of the splits that are finished: a `Knowledge` of these samples without effects; None of none.

        It serves figures that look at gaps and objectives alone.
        """
        if not self._splits:
            return None
        samples = sorted(self._splits)
        return Knowledge(self._labelled(samples), self.manifest, self._run())

    def knowledge(self) -> Knowledge:
        """All of it, once it is finished, opened for reading only."""
        return Knowledge.of(self._run())

    def _start_over(self) -> None:
        self.unread = 0
        self._done: dict[str, set[int]] = {stage: set() for stage in STAGES}
        self._ends: dict[int, np.ndarray] = {}
        self._splits: dict[int, dict[str, np.ndarray]] = {}

    def _take(self, until: float) -> bool:
        marks = {stage: self.path / ARRAYS / f"finished_{stage}" / "c" for stage in STAGES}
        now = self._times = (_time(self.path / MANIFEST), *(_time(mark) for mark in marks.values()))
        if now == self._seen and not self.unread:
            return False
        check_own(self.path)
        manifest = manifest_of(self.path, KIND)
        news = manifest != self.manifest or bool(self.trouble)
        if manifest.get("created") != self.manifest.get("created"):
            self._start_over()
        self.manifest = manifest
        if "coords" in manifest:
            _check(manifest)
            done = {stage: _marked(mark) for stage, mark in marks.items()}
            if any(not self._done[stage] <= done[stage] for stage in STAGES):
                self._start_over()
                news = True
            news |= done != self._done
            self._done = done
            news |= self._read(until)
        settled = all(time.time_ns() - one > SETTLED * 1e9 for one in now if one is not None)
        self._seen, self.trouble = (now if settled else None), ""
        return news

    def _read(self, until: float) -> bool:
        """What finished samples hold of scores and splits; whether there was anything."""
        scores = sorted(self._done["scores"] - self._ends.keys())
        splits = sorted(self._done["splits"] - self._splits.keys())
        if not scores and not splits:
            return False
        run = self._run()
        for sample in _until(until, scores):
            self._ends[sample] = run.read("scores", sample)[..., [0, -1]]
        for sample in _until(until, splits):
            self._splits[sample] = {name: run.read(name, sample) for name in OF_SPLITS}
        left = (self._done["scores"] - self._ends.keys(), self._done["splits"] - self._splits.keys())
        self.unread = sum(map(len, left))
        return True

    def _run(self) -> Run:
        import zarr

        try:
            return Run(self.path, self.manifest, zarr.open_group(self.path / ARRAYS, mode="r"))
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"its {ARRAYS} cannot be opened ({error}): the run is damaged, or was removed") from error

    def _labelled(self, samples: list[int]) -> xr.Dataset:
        import xarray as xr

        coords = self.manifest["coords"]
        dims = ("sample", "target", "layer")
        tables = {name: np.stack([self._splits[sample][name] for sample in samples]) for name in OF_SPLITS}
        return xr.Dataset(
            {name: (dims, table) for name, table in tables.items()},
            {"sample": samples, "target": coords["target"], "layer": coords["layer"]},
        )


def _until(end: float, samples: Sequence[int]) -> Iterator[int]:
    """Samples as long as there is time, at least the first."""
    for position, sample in enumerate(samples):
        if position and time.monotonic() > end:
            return
        yield sample


def _check(manifest: dict[str, Any]) -> None:
    try:
        coords = manifest["coords"]
        taken = [coords["target"], list(coords["layer"]), len(coords["predicted"]), int(coords["n_players"])]
        taken += [manifest["identity"]["split"], manifest["settings"]["network"], manifest["settings"]["reference"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"its {MANIFEST} is damaged ({error!r}): restore it or explain again") from error


def _marked(folder: Path) -> set[int]:
    """Samples that have a mark."""
    try:
        return {int(file.name) for file in folder.iterdir() if file.name.isdecimal()}
    except FileNotFoundError:
        return set()


def _time(path: Path) -> int | None:
    try:
        return path.lstat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
