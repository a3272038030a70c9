"""Records as Weights & Biases metrics."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from layerlore.dynamics import Record, WeightInfo
from layerlore.dynamics.measures import COUNTS
from layerlore.errors import ConfigError, check_choice, missing_extra
from layerlore.integrations.scalars import Scalars

STEP = "layerlore_step"
"""The metric that charts have on their horizontal axis: the tracker's step."""

MODES = ("online", "offline", "disabled")


class WandbSink:
    """Logs records to a Weights & Biases run.

    Where a run is active (``wandb.run``) when the first record comes, records go there, it is left open, and the other
    arguments are not used. Otherwise a run is made, and finished when the tracker finishes. Values that are not finite
    are left out (`Scalars`).

    In a run that others log to as well, numbers of a record are added to the row that is being filled, and a row is
    only begun if nobody else did since the record before: so ``wandb.run.log(..., step=i)`` with the tracker's own
    steps loses nothing. W&B itself drops what is logged for a smaller step than the last, such as epochs beside steps:
    log those without ``step=``.

    Args:
        project: of the run.
        mode: ``"online"``, ``"offline"`` (files under ``./wandb`` for a later ``wandb sync``) or ``"disabled"``. None
            takes ``WANDB_MODE``; without it online where this machine is logged in, and otherwise offline. Nobody is
            ever asked for a key.
        name: of the run; None lets W&B choose.
        counts: log `COUNTS` too.

    Raises:
        InputError: an unknown mode.
        MissingExtraError: wandb is not installed.
    """

    def __init__(
        self,
        project: str = "layerlore",
        mode: Literal["online", "offline", "disabled"] | None = None,
        *,
        name: str | None = None,
        counts: bool = False,
    ) -> None:
        if mode is not None:
            check_choice(mode, MODES, "mode")
        try:
            import wandb  # noqa: F401 (slow: at the start rather than within training)
        except ImportError as error:
            raise missing_extra("wandb", "wandb", "logging to Weights & Biases") from error
        self._project = project
        self._mode: Literal["online", "offline", "disabled"] | None = mode
        self._name = name
        self._counts = counts

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:
        """Join the active run or make one.

        Raises:
            ConfigError: online, and this machine is not logged in.
        """
        import wandb

        self._scalars = Scalars(weights, counts=self._counts)
        self._owns = wandb.run is None
        self._row: int | None = None
        self._run = wandb.run or wandb.init(project=self._project, name=self._name, mode=self._choose_mode())
        self._run.define_metric(STEP, hidden=True)
        for measure in (*measures, *COUNTS):
            self._run.define_metric(f"{measure}/*", step_metric=STEP)

    def write(self, record: Record) -> None:
        """Log the numbers of one record."""
        row = {STEP: record.step, **self._scalars.of(record)}
        if self._owns:
            self._run.log(row)
            return
        if self._run.step == self._row:
            self._run.log({}, commit=True)
        self._row = self._run.step
        self._run.log(row, commit=False)

    def close(self) -> None:
        """Finish the run, if this sink made it."""
        if self._owns:
            self._run.finish()

    def _choose_mode(self) -> Literal["online", "offline", "disabled"] | None:
        import wandb

        asked = self._mode or os.environ.get("WANDB_MODE") or None
        if asked not in (None, "online"):
            return self._mode
        if wandb.login(prompt=False, verify=False):
            return "online"
        if asked is None:
            return "offline"
        raise ConfigError(
            "Weights & Biases has no key for this machine: run 'wandb login' first, set WANDB_API_KEY, or pass "
            "mode='offline'"
        )
