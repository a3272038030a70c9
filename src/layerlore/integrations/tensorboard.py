"""Records as TensorBoard scalars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layerlore.dynamics import Record, WeightInfo
from layerlore.errors import missing_extra
from layerlore.integrations.scalars import Scalars


class TensorBoardSink:
    """Writes records into a folder that ``tensorboard --logdir`` shows, one chart group for each measure.

    Values that are not finite are left out (`Scalars`).

    Args:
        log_dir: folder for event files. Give each run its own.
        counts: write `COUNTS` too.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    def __init__(self, log_dir: Path | str, *, counts: bool = False) -> None:
        try:
            from torch.utils.tensorboard import FileWriter
        except ImportError as error:
            raise missing_extra("tensorboard", "tensorboard", "writing to TensorBoard") from error
        self.log_dir = Path(log_dir)
        self._counts = counts
        self._make_writer = FileWriter

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:  # noqa: ARG002 (a `Sink`)
        """Begin an event file."""
        self._scalars = Scalars(weights, counts=self._counts)
        self._writer = self._make_writer(str(self.log_dir))

    def write(self, record: Record) -> None:
        """Write the scalars of one record, as one event: an event each would take ten times longer."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        values = [Summary.Value(tag=name, simple_value=value) for name, value in self._scalars.of(record).items()]
        self._writer.add_summary(Summary(value=values), record.step)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()
