"""A weight tracker as a callback of the Hugging Face `Trainer`."""

# ruff: noqa: ARG002 (the trainer decides what its callbacks are given)

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from warnings import warn

import torch

from layerlore.dynamics import History
from layerlore.dynamics.tracker import WeightTracker
from layerlore.engines.sharded import sharding_of
from layerlore.errors import InputError, QualityWarning, RunError, missing_extra

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError as error:
    raise missing_extra("transformers", "transformers", "the Hugging Face callback") from error

EPOCH = "epoch"
LOGGING = "logging_steps"
WHOLE = "layerlore_tracker.pt"
ENDED = "a tracker is made when training starts: call trainer.train first"


class WeightTrackerCallback(TrainerCallback):
    """Tracks the weights of a model while a `transformers.Trainer` trains it.

    The first snapshot is taken when training starts; the last step is recorded when it ends, before the best model is
    loaded. Each checkpoint folder of the trainer gets a file ``layerlore_tracker.pt`` (one for each rank where weights
    are sharded), and ``trainer.train(resume_from_checkpoint=...)`` goes on with it. Each call of ``train`` begins a new
    tracker. Under several processes rank zero writes.

    Args:
        every: ``"epoch"`` records after each epoch, and steps are finished epochs. ``"logging_steps"`` records as often
            as the trainer logs. Anything else is the schedule of `WeightTracker` (a number k, ``"log"``, a function).
            Steps are then those of ``state.global_step``: steps of the optimiser, however many batches are accumulated
            for one.
        resume_from: the checkpoint folder that training is resumed from; None looks where the trainer's arguments say,
            then in their ``output_dir``. The trainer does not tell its callbacks.
        **options: of `WeightTracker`, such as ``measures``, ``sinks``, ``run``.

    Attributes:
        tracker: that of the last ``train``; None before.

    Raises:
        InputError: an option out of range (most are looked at when training starts).
    """

    def __init__(
        self,
        every: int | str | Callable[[int], bool] = EPOCH,
        *,
        resume_from: Path | str | None = None,
        **options: Any,
    ) -> None:
        if every == EPOCH and options.get("gradients"):
            raise InputError(
                "gradients=True with every='epoch': the trainer has thrown the gradients away at the end of an epoch; "
                "choose a number of steps for every"
            )
        self.tracker: WeightTracker | None = None
        self._by_epoch = isinstance(every, str) and every == EPOCH
        self._every = every
        self._resume_from = resume_from
        self._options = options
        self._last = 0

    def history(self) -> History:
        """All that was recorded so far.

        Raises:
            InputError: training has not started, or nothing was recorded yet.
        """
        if self.tracker is None:
            raise InputError(ENDED)
        return self.tracker.history()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Take the first snapshot, or go on from a checkpoint."""
        every = 1 if self._by_epoch else state.logging_steps if self._every == LOGGING else self._every
        options = {"every": every, "unit": EPOCH if self._by_epoch else "step"} | self._options
        self.tracker = WeightTracker(others["model"], **options)
        self._last = math.floor(_epochs(state)) if self._by_epoch else state.global_step
        if state.global_step:
            self._resume(args, state)

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Count a step, while its gradients are still there; the trainer has not counted it yet."""
        if not self._by_epoch:
            self._step(state.global_step + 1)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Count a whole epoch, before the trainer saves and evaluates."""
        epochs = _epochs(state)
        if self._by_epoch and epochs.is_integer():
            self._step(int(epochs))

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Count an epoch that was broken off, or whose length the trainer did not know."""
        if self._by_epoch:
            self._step(math.ceil(_epochs(state)))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Put the tracker's state into the checkpoint folder."""
        if self.tracker is None:
            return
        named = self.tracker.model.named_parameters()
        sharded = any(sharding_of(parameter, name) is not None for name, parameter in named)
        if sharded or state.is_world_process_zero:
            _save(self.tracker.state_dict(), _folder(args, state) / (_shard_name(args) if sharded else WHOLE))

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Record the last step when the trainer sums up: what comes after may exchange the weights for better ones."""
        if "train_runtime" in (others.get("logs") or {}):
            self._finish()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Close the run and the sinks."""
        self._finish()

    def _step(self, number: int) -> None:
        if self.tracker is not None and number > self._last:
            self.tracker.step(number)
            self._last = number

    def _finish(self) -> None:
        if self.tracker is not None:
            self.tracker.finish()

    def _resume(self, args: TrainingArguments, state: TrainerState) -> None:
        assert self.tracker is not None  # noqa: S101 (for the type checker)
        told = args.resume_from_checkpoint if isinstance(args.resume_from_checkpoint, str) else None
        places = [Path(self._resume_from or told or _folder(args, state)), _folder(args, state)]
        if self._resume_from is not None:
            places = places[:1]
        files = [place / name for place in places for name in (_shard_name(args), WHOLE)]
        file = next((file for file in files if file.is_file()), None)
        if file is not None:
            self.tracker.load_state_dict(_load(file))
            return
        warn(
            f"training goes on from step {state.global_step}, and no {WHOLE} is in "
            f"{' or '.join(dict.fromkeys(map(str, places)))}: a new history begins here. Pass resume_from= to name the "
            "checkpoint folder",
            QualityWarning,
            stacklevel=2,
        )


def _epochs(state: TrainerState) -> float:
    # The trainer adds a fraction to the whole epochs, which rounds.
    return round(float(state.epoch or 0.0), 9)


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"


def _shard_name(args: TrainingArguments) -> str:
    return f"layerlore_tracker.rank{args.process_index}.pt"


def _save(state: dict[str, Any], file: Path) -> None:
    part = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, part)
        part.replace(file)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise RunError(f"could not write {file} ({error}): free space, or train without the tracker") from error


def _load(file: Path) -> dict[str, Any]:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise RunError(
            f"{file} cannot be read ({error}): remove it to begin a new history here, or restore the checkpoint"
        ) from error
