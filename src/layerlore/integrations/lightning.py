"""A weight tracker as a Lightning callback."""

# ruff: noqa: ARG002 (Lightning decides what its hooks are given)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from warnings import warn

from layerlore.dynamics import History, Record, Sink, WeightInfo
from layerlore.dynamics.tracker import WeightTracker
from layerlore.engines.sharded import sharding_of
from layerlore.errors import InputError, QualityWarning, missing_extra
from layerlore.integrations.scalars import Scalars

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as error:
    raise missing_extra("lightning", "lightning", "the Lightning callback") from error

EPOCH = "epoch"
ENDED = "a tracker is made when training starts: call trainer.fit first"


class WeightTrackerCallback(Callback):
    """Tracks the weights of a LightningModule while it trains.

    The first snapshot is taken when training starts; the last step is recorded when it ends. Checkpoints of the trainer
    hold the tracker's state, and ``trainer.fit(ckpt_path=...)`` goes on with it. Each call of ``fit`` begins a new
    tracker. Under several processes rank zero writes.

    Args:
        every: ``"epoch"`` records after each epoch, and steps are finished epochs. Anything else is the schedule of
            `WeightTracker` (a number k, ``"log"``, a function), and steps are those of ``trainer.global_step``: steps
            of the optimiser, however many batches are accumulated for one.
        log: also log each record to the trainer's loggers, at its ``global_step``, under the names of
            `layerlore.integrations.scalars.scalar_name`.
        counts: whether the counts are logged too.
        **options: of `WeightTracker`, such as ``measures``, ``sinks``, ``run``.

    Attributes:
        tracker: that of the last ``fit``; None before.

    Raises:
        InputError: an option out of range; when training starts.
    """

    def __init__(
        self,
        every: int | str | Callable[[int], bool] = EPOCH,
        *,
        log: bool = False,
        counts: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        self.tracker: WeightTracker | None = None
        self._by_epoch = isinstance(every, str) and every == EPOCH
        self._every = every
        self._log = log
        self._counts = counts
        self._options = options
        self._state: dict[str, Any] | None = None
        self._last = 0

    def history(self) -> History:
        """All that was recorded so far.

        Raises:
            InputError: training has not started, or nothing was recorded yet.
        """
        if self.tracker is None:
            raise InputError(ENDED)
        return self.tracker.history()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the first snapshot, or go on from a checkpoint."""
        options = dict(self._options)
        if self._log:
            options["sinks"] = [*options.get("sinks", ()), _LoggerSink(trainer, self._counts)]
        options = {"every": 1 if self._by_epoch else self._every, "unit": EPOCH if self._by_epoch else "step"} | options
        self.tracker = WeightTracker(pl_module, **options)
        state, self._state = self._state, None
        if state is not None:
            self.tracker.load_state_dict(state)
        self._last = trainer.current_epoch if self._by_epoch else trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a step of the optimiser; an epoch ends here before its validation, which gathers weights of FSDP2."""
        if not self._by_epoch:
            self._step(trainer.global_step)
        elif trainer.is_last_batch:
            self._step(trainer.current_epoch + 1)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count an epoch that was broken off."""
        if self._by_epoch:
            self._step(trainer.current_epoch + 1)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the last step, and close the run and the sinks."""
        if self.tracker is not None:
            self.tracker.finish()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the run and the sinks; the run can be gone on with from a checkpoint."""
        if self.tracker is not None:
            self.tracker.__exit__(type(exception), exception, exception.__traceback__)

    def state_dict(self) -> dict[str, Any]:
        """The tracker's state, for the trainer's checkpoint; empty where the weights are sharded.

        Lightning stores what rank zero has, and rank zero has the snapshots of its own shards only.
        """
        if self.tracker is None:
            return {}
        named = self.tracker.model.named_parameters()
        if any(sharding_of(parameter, name) is not None for name, parameter in named):
            warn(
                "the weights are sharded: Lightning's checkpoints do not hold the tracker's snapshots, and a resumed "
                "training begins a new history",
                QualityWarning,
                stacklevel=2,
            )
            return {}
        return self.tracker.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state until training starts."""
        self._state = dict(state_dict) or None

    def _step(self, number: int) -> None:
        if self.tracker is not None and number > self._last:
            self.tracker.step(number)
            self._last = number


class _LoggerSink(Sink):
    """The trainer's own loggers."""

    def __init__(self, trainer: Trainer, counts: bool) -> None:
        self._trainer = trainer
        self._counts = counts

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:
        self._scalars = Scalars(weights, counts=self._counts)

    def write(self, record: Record) -> None:
        for logger in self._trainer.loggers:
            logger.log_metrics(dict(self._scalars.of(record)), step=self._trainer.global_step)

    def close(self) -> None:
        pass
