"""TensorBoard shows what was recorded."""

import math
import sys

import numpy as np
import pytest

from layerlore.dynamics import Sink
from layerlore.errors import MissingExtraError
from reference.records import NAMED, RECORDS, feed


def read_back(folder) -> dict[int, dict[str, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    found: dict[int, dict[str, float]] = {}
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            found.setdefault(event.step, {})[name] = event.value
    return found


def as_float32(named):
    return {step: {name: float(np.float32(value)) for name, value in row.items()} for step, row in named.items()}


def test_what_was_recorded_is_shown(tmp_path):
    from layerlore.integrations.tensorboard import TensorBoardSink

    sink = TensorBoardSink(tmp_path / "log")
    assert isinstance(sink, Sink)
    with np.errstate(over="ignore"):
        feed(sink)
        expected = as_float32(NAMED)
    # TensorBoard keeps float32: 1e300 is infinite there.
    assert read_back(tmp_path / "log") == expected
    assert math.isinf(expected[3]["rotation/02 quote___"])


def test_counts_on_request(tmp_path):
    from layerlore.integrations.tensorboard import TensorBoardSink

    feed(TensorBoardSink(tmp_path, counts=True), RECORDS[1:])
    found = read_back(tmp_path)[7]
    assert found["zero_weights/00 conv.weight"] == 0
    assert found["nonfinite/01 größe_two_lines"] == 2
    assert "rwc_l1/01 größe_two_lines" not in found


def test_a_record_is_on_disk_at_once(tmp_path):
    from layerlore.integrations.tensorboard import TensorBoardSink

    sink = TensorBoardSink(tmp_path)
    sink.open([], [])
    sink.write(RECORDS[1])
    assert len(read_back(tmp_path)[7]) == 7
    sink.close()


def test_a_missing_tensorboard_names_the_extra(tmp_path, monkeypatch):
    from layerlore.integrations.tensorboard import TensorBoardSink

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(
        MissingExtraError, match=r"writing to TensorBoard needs.*pip install 'layerlore\[tensorboard\]'"
    ):
        TensorBoardSink(tmp_path)
