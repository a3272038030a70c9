"""Watching a network while it trains: how much every weight changed since the last look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import is_
from pathlib import Path
from types import TracebackType
from typing import Any
from warnings import warn

import numpy as np
import torch
from torch import nn

from layerlore.dynamics.history import GRADIENTS, History, new_manifest
from layerlore.dynamics.look import Look
from layerlore.dynamics.measures import COUNTS, check_measures
from layerlore.dynamics.record import Event, Record, Sink, WeightInfo
from layerlore.dynamics.recording import Memory, Row, RunFolder, Sinks, records_until
from layerlore.dynamics.roster import Roster
from layerlore.dynamics.schedule import Every, described, schedule_of, whole_step
from layerlore.dynamics.snapshots import RIGHT_IN_BF16, SNAPSHOTS, Snapshots
from layerlore.dynamics.tracked import TrackedWeight, fingerprint, left_out, tracked_weights
from layerlore.engines.sharded import is_first_process
from layerlore.errors import InputError, QualityWarning, RunError, check_choice
from layerlore.storage import differences

STATE_FORMAT = 1


class WeightTracker:
    """Records how much every weight of a network changes while it trains, and changes nothing itself.

    The first snapshot is taken when the tracker is made, as step 0: make it when the weights are where training starts.
    Then call `step` once after each optimiser step (or epoch). A change is filed under the later step.

    Weights that are added, removed, frozen or unfrozen on the way become events of the next record, and training goes
    on: an added weight has its first snapshot then and its first change at the record after; a removed one has no
    changes from then on; one that is replaced by another tensor of the same shape under the same name is the same
    weight.

    Under DistributedDataParallel every process finds the same numbers without talking to the others, and rank 0 writes
    the run folder and the sinks. Under FSDP2 every process has to make the tracker, after ``fully_shard``, and call it
    at the same steps, after ``optimizer.step()``; sums are added over the shards once per record.

    Args:
        model: any module; it is not modified, and no hooks are set.
        every: schedule of `step`: a number k records whenever a multiple of k has been reached, ``"log"`` at about ten
            steps per power of ten (`layerlore.dynamics.schedule.log_points`), a function where it returns True for the
            step. The last step seen is recorded in any case, by `finish` or at the end of the with-block.
        measures: names in `MEASURES` or `ROBUST`; None records all that follow from sums, with ``"bf16"`` only
            ``rwc_l1`` and ``rwc_elementwise``. Those that look back to the initial weights (the first snapshot) keep a
            second copy.
        snapshot: where the copies are: ``"device"``, ``"cpu"`` or ``"bf16"`` (`layerlore.dynamics.snapshots`).
        biases: record biases too.
        norms: record the scales of normalisation layers and other parameters with fewer than two dimensions too.
        gradients: record the L2 norm of each weight's gradient as it lies there at the time of the call, as
            ``gradient_norm``; NaN where there is none.
        sinks: told of each record; one that raises is dropped with a warning.
        run: folder that records are written to as they come; `load` reads it, also before training has ended. None
            keeps them in memory. A run that has records is gone on with after `load_state_dict`, and only then.
        name: what reports call the network; None takes its class name.
        unit: what a step is, for the axis of figures: ``"step"``, ``"epoch"`` or a word of your own.

    Attributes:
        model: the network.

    Raises:
        InputError: an option out of range, or a network that cannot be tracked (see `tracked_weights`).
        RunError: the run folder holds something else.

    >>> network = nn.Linear(2, 2, bias=False)
    >>> with WeightTracker(network) as tracker, torch.no_grad():
    ...     for _ in range(3):
    ...         network.weight *= 1.5
    ...         record = tracker.step()
    >>> tracker.history().values("rwc_l1").round(6)
    array([[0.5, 0.5, 0.5]])
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        every: Every = 1,
        measures: Sequence[str] | str | None = None,
        snapshot: str = "device",
        biases: bool = False,
        norms: bool = False,
        gradients: bool = False,
        sinks: Sequence[Sink] = (),
        run: Path | str | None = None,
        name: str | None = None,
        unit: str = "step",
    ) -> None:
        if not isinstance(model, nn.Module):
            raise InputError(f"model is a {type(model).__name__}, not a torch.nn.Module")
        check_choice(snapshot, SNAPSHOTS, "snapshot")
        self.model = model
        self._due = schedule_of(every)
        self._measures = check_measures(RIGHT_IN_BF16 if measures is None and snapshot == "bf16" else measures)
        self._gradients = gradients
        self._mode = snapshot
        self._which = {"biases": biases, "norms": norms}
        self._identity: dict[str, object] = {
            "source": "tracker",
            "every": described(every),
            "measures": list(self._measures),
            "snapshot": snapshot,
            "gradients": gradients,
            **self._which,
        }
        self._settings = {"name": type(model).__name__ if name is None else str(name), "unit": str(unit)}
        self._sinks = Sinks(sinks if is_first_process() else ())
        self._columns = (*self._measures, *((GRADIENTS,) if gradients else ()), *COUNTS)
        self._fingerprint: list[object] = []
        self._found: list[TrackedWeight] = []
        self._take_first()
        self._notes = _notes(model, snapshot, self._measures)
        # The step of the first snapshot, the last one seen and the last one recorded.
        self._start = self._seen = 0
        self._recorded: int | None = None
        self._count = 0
        # Called before; finished; stopped in the middle of a record.
        self._called = self._closed = self._torn = False
        self._memory = Memory(self._columns)
        self._run = None if run is None else Path(run)
        # The other processes keep in memory what the first one writes.
        self._folder = RunFolder(self._run, self._identity) if self._run and is_first_process() else None
        if self._folder is not None and not self._folder.holds_records:
            self._folder.begin(self._settings, **self._described())

    def step(self, step: int | None = None) -> Record | None:
        """Say that a step of training was made; call it once after each.

        Args:
            step: its number; None counts on from the last one, from 1. Numbers must increase. A first step numbered 0
                is a step like any other: the first snapshot is then that of step -1.

        Returns:
            The record if the schedule asked for one, otherwise None.

        Raises:
            InputError: a step that does not increase, a weight whose shape changed, a weight that cannot be read.
            RunError: the tracker is finished, or the run folder cannot be written.
        """
        number = self._seen + 1 if step is None else whole_step(step)
        self._check_open(number)
        if number == 0 and not self._called:
            self._start = self._seen = -1
        if number <= self._seen:
            raise InputError(
                f"step={number} does not come after step {self._seen}, the last one: each step is counted once, and "
                "steps increase"
            )
        record = self._record(number) if self._due(self._seen, number) else None
        self._seen, self._called = number, True
        return record

    def record(self, step: int) -> Record | None:
        """Record now, whatever the schedule says.

        Args:
            step: the number of the step that was made last. ``record(0)`` before anything else takes the first snapshot
                again, for weights that were loaded after the tracker was made.

        Returns:
            The record; None for ``record(0)`` before anything else.

        Raises:
            InputError: a step that was recorded already or lies before the last one; otherwise as `step`.
            RunError: as `step`.
        """
        number = whole_step(step)
        self._check_open(number)
        if number == 0 and not self._called:
            self._take_first()
            self._update_folder()
            return None
        if number == self._recorded or number < self._seen:
            before = f"lies before step {self._seen}, the last one"
            what = "was recorded already" if number == self._recorded else before
            raise InputError(f"step={number} {what}: each step is recorded once, and steps increase")
        record = self._record(number)
        self._seen, self._called = number, True
        return record

    def finish(self) -> None:
        """Record the last step seen, unless it was, and close the run and the sinks. A second call does nothing.

        Raises:
            InputError: as `step`; run and sinks are closed all the same.
            RunError: as `step`.
        """
        if self._closed:
            return
        complete = False
        try:
            if self._called and self._recorded != self._seen:
                self._check_whole()
                self._record(self._seen)
            complete = not self._torn
        finally:
            self._close(finished=complete)

    def history(self) -> History:
        """All that was recorded so far.

        Raises:
            InputError: nothing was recorded yet.
            RunError: the run folder cannot be read.
        """
        if self._folder is not None and self._count:
            return History.load(self._folder.path)
        manifest = new_manifest(self._identity, settings=self._settings, notes=list(self._notes), start=self._start)
        return History.from_records(self.weights, self._memory.records(), manifest)

    @property
    def records(self) -> list[Record]:
        """All records so far, in order; read from the run folder where there is one."""
        return self._memory.records() if self._folder is None else self._folder.records()

    @property
    def weights(self) -> list[WeightInfo]:
        """All weights that were ever tracked, in order of depth."""
        return list(self._roster.weights)

    @property
    def memory(self) -> int:
        """Bytes that the snapshots take in this process."""
        return self._snapshots.memory

    def state_dict(self) -> dict[str, Any]:
        """All that the tracker knows, for a checkpoint: plain values, and tensors on the CPU that are copies.

        `torch.load` reads it with ``weights_only=True``. Without a run folder it holds all records; with one, the
        folder has to be there when it is loaded. Under DistributedDataParallel all processes can load that of rank 0.
        Under FSDP2 it holds the snapshots of this process's shards: every process saves and loads its own, with the
        same sharding.

        Raises:
            RunError: a record was interrupted half-way.
        """
        self._check_whole()
        return {
            "format": STATE_FORMAT,
            "identity": dict(self._identity),
            "in_folder": self._run is not None,
            "run_id": None if self._folder is None else self._folder.run_id,
            "start": self._start,
            "seen": self._seen,
            "called": self._called,
            "recorded": self._recorded,
            "count": self._count,
            "notes": list(self._notes),
            "roster": self._roster.state(),
            "snapshots": self._snapshots.state(),
            "records": self._memory.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint: what is recorded from here is what an uninterrupted run would have recorded.

        The network's own weights may be loaded before or after. Steps that the run folder holds beyond the checkpoint
        are dropped from it, since they will be made again.

        Args:
            state: what `state_dict` gave, for a tracker with the same options.

        Raises:
            InputError: it is no such state, or belongs to other options, another network or another sharding; the
                tracker is as it was before.
            RunError: the run folder does not hold the records that belong to it, or the tracker is finished.
        """
        if self._closed:
            raise RunError("the tracker is finished: make a new one and load the state into that")
        self._check_state(state)
        with _reading(), _damage():
            looks = {weight.info.layer: Look.at(weight) for weight in self._find()}
            roster = Roster.from_state(state["roster"], list(looks.values()))
            snapshots = Snapshots.from_state(self._measures, self._mode, state["snapshots"], looks)
            memory = Memory.from_state(self._columns, state["records"])
            recorded = None if state["recorded"] is None else int(state["recorded"])
            start, seen, count, called = (int(state[key]) for key in ("start", "seen", "count", "called"))
            notes = [str(note) for note in state["notes"]]
        last = -1 if recorded is None else recorded
        if self._folder is not None:
            self._folder.resume(state["run_id"], last, count)
            memory = Memory(self._columns)
        elif len(memory) != count and self._run is not None:
            # The state is that of the first process.
            memory = Memory(self._columns, [Row.of(record) for record in records_until(self._run, last, count)])
        self._roster, self._snapshots, self._memory = roster, snapshots, memory
        self._start, self._seen, self._recorded = start, seen, recorded
        self._count, self._called, self._torn, self._notes = count, bool(called), False, notes
        self._update_folder()

    def __enter__(self) -> WeightTracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            # The last step may be half-made, and the run can be gone on with from a checkpoint.
            self._close(finished=False)

    def __getstate__(self) -> dict[str, Any]:
        # Sinks hold files and connections, which stay with the original.
        return self.__dict__ | {"_fingerprint": [], "_found": [], "_sinks": Sinks(())}

    def __repr__(self) -> str:
        return (
            f"WeightTracker({self._settings['name']}, {len(self.weights)} weights, {self._count} records, "
            f"last step {self._seen})"
        )

    def _find(self) -> list[TrackedWeight]:
        """The weights as they are registered now."""
        now = fingerprint(self.model)
        if len(now) != len(self._fingerprint) or not all(map(is_, now, self._fingerprint)):
            self._found = tracked_weights(self.model, **self._which)
            self._fingerprint = now
        return self._found

    def _take_first(self) -> None:
        with _reading():
            looks = [Look.at(weight) for weight in self._find()]
            self._roster = Roster(looks)
            self._snapshots = Snapshots(self._measures, self._mode)
            for look in looks:
                self._snapshots.take(look)

    def _record(self, step: int) -> Record:
        with _reading():
            looks = [Look.at(weight) for weight in self._find()]
            self._roster.check(looks)
            self._snapshots.check(looks)
            # From here on snapshots are overwritten: an exception would leave some old and some new.
            self._torn = True
            events = self._roster.notice(step, looks)
            row = self._compare(step, looks, events)
            self._torn = False
        self._recorded, self._count = step, self._count + 1
        if events or self._count == 1:
            self._update_folder()
        if self._folder is None:
            self._memory.append(row)
        else:
            self._folder.append(row, self._columns)
        record = row.record(self._columns)
        self._complain(self._sinks.write(record, self.weights))
        return record

    def _compare(self, step: int, looks: Sequence[Look], events: Sequence[Event]) -> Row:
        for event in events:
            if event.what == "removed":
                self._snapshots.drop(event.layer)
        known = [look for look in looks if look.name in self._snapshots]
        found = self._snapshots.compare(known, gradients=self._gradients)
        for look in looks:
            if look.name not in self._snapshots:
                self._snapshots.take(look)
        numbers = np.stack([found[name] for name in self._columns], axis=1)
        return Row(step, tuple(look.name for look in known), numbers, tuple(events))

    def _described(self) -> dict[str, Any]:
        """What the manifest of the run says beside its identity."""
        state = self._roster.state()
        return {
            "weights": state["weights"],
            "events": state["events"],
            "notes": self._notes,
            "start": self._start,
        }

    def _update_folder(self) -> None:
        if self._folder is not None and not self._folder.holds_records:
            self._folder.update(**self._described())

    def _complain(self, complaints: Sequence[str]) -> None:
        if complaints:
            self._notes.extend(complaints)
            self._update_folder()
        for complaint in complaints:
            warn(complaint, QualityWarning, stacklevel=4)

    def _close(self, *, finished: bool) -> None:
        if self._closed:
            return
        self._closed = True
        complaints = self._sinks.close()
        if self._folder is not None and not self._folder.holds_records:
            self._folder.close()
            self._folder.update(finished=finished)
        self._complain(complaints)

    def _check_open(self, step: int) -> None:
        if self._closed:
            raise RunError(f"step {step} comes after the tracker was finished: make a new one to record more")
        if self._folder is not None and self._folder.holds_records:
            state = "finished" if self._folder.finished else "not finished"
            raise RunError(
                f"{self._folder.path} holds records of a run that is {state}: call load_state_dict with the state "
                "of the checkpoint that training goes on from, choose another folder, or remove this one to start over"
            )
        self._check_whole()

    def _check_whole(self) -> None:
        if self._torn:
            raise RunError(
                "an exception interrupted a record half-way, so that snapshots of different steps are mixed: load the "
                "state of a checkpoint, or make a new tracker"
            )

    def _check_state(self, state: object) -> None:
        if not isinstance(state, Mapping) or state.get("format") != STATE_FORMAT:
            found = state.get("format") if isinstance(state, Mapping) else type(state).__name__
            raise InputError(
                f"this is no state of a WeightTracker (format {found!r}, expected {STATE_FORMAT}): pass what "
                "state_dict gave"
            )
        different = differences(self._identity, state.get("identity"))
        if different:
            raise InputError(f"the state belongs to a tracker with other options ({different}): make it with the same")
        had, has = bool(state.get("in_folder")), self._run is not None
        if had != has:
            raise InputError(
                f"the state was saved {'with' if had else 'without'} a run folder and this tracker has "
                f"{'one' if has else 'none'}: make the tracker with the same run="
            )


@contextmanager
def _reading() -> Iterator[None]:
    """No gradients, and tensors that can be overwritten later even if training calls from inference mode."""
    with torch.inference_mode(False), torch.no_grad():
        yield


@contextmanager
def _damage() -> Iterator[None]:
    """Errors of a state that was damaged or made by hand say so."""
    try:
        yield
    except (InputError, RunError):
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise InputError(f"the state is damaged ({error!r}): load another checkpoint") from error


def _notes(model: nn.Module, mode: str, measures: Sequence[str]) -> list[str]:
    """What limits the numbers; what nobody asked for is also warned of."""
    warned, asked_for = [], []
    without = left_out(model)
    if without:
        warned.append(
            f"{len(without)} parameters of integers, such as {without[0]!r}, cannot be trained and are not tracked"
        )
    if mode == "bf16":
        small = "where a record changes elements by less than 1/256 of themselves"
        asked_for.append(
            f"snapshots were kept in bfloat16: rwc_l1 and rwc_elementwise are right only on average {small}"
        )
        affected = [name for name in measures if name not in RIGHT_IN_BF16]
        if affected:
            warned.append(
                f"snapshots were kept in bfloat16: {', '.join(affected)} are wrong, some by factors, {small}; take "
                "snapshot='device' or 'cpu' for them"
            )
    for note in warned:
        warn(note, QualityWarning, stacklevel=3)
    return [*warned, *asked_for]
