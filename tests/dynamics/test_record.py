"""Records survive the journey through a file, and what is no record is refused."""

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.dynamics import Event, Record, Sink, WeightInfo
from layerlore.errors import RunError
from layerlore.storage import LineFile, read_lines

NAMES = ["layer1.0.conv1.weight", "größe.重み", "two\nlines", 'quote"\\', "<script>alert(1)</script>", "=1+1", " ", ""]
WEIGHT = WeightInfo("a.weight", "conv", (64, 3, 7, 7), 2, "float32", ("b.weight",))


def bits(numbers) -> list[bytes]:
    return [struct.pack("d", math.nan if math.isnan(number) else number) for number in numbers]


@given(st.lists(st.floats(), min_size=3, max_size=3), st.integers(0, 2**62), st.sampled_from(NAMES))
def test_a_record_comes_back_bit_by_bit(tmp_path_factory, numbers, step, name):
    path = tmp_path_factory.mktemp("record") / "file"
    record = Record(step, ("rwc_l1", "rwc_l2", "nonfinite"), {name: numbers}, (Event(step, name, "frozen"),))
    file = LineFile(path)
    file.append(record.to_json())
    file.close()
    back = Record.from_json(next(read_lines(path)))
    assert (back.step, back.columns, back.events) == (record.step, record.columns, record.events)
    assert list(back.values) == [name]
    assert bits(back.values[name]) == bits(numbers)


@given(st.permutations(NAMES))
def test_the_order_of_layers_is_kept(names):
    record = Record(1, ("x",), {name: [float(place)] for place, name in enumerate(names)})
    back = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert back == record
    assert list(back.values) == names


def test_one_number_by_its_names():
    record = Record(3, ("rwc_l1", "rwc_l2"), {"a": [1.0, 2.0], "b": [3.0, math.nan]})
    assert record.value("b", "rwc_l1") == 3
    assert math.isnan(record.value("b", "rwc_l2"))


@pytest.mark.usefixtures("without_type_checks")
def test_numpy_numbers_become_plain_ones():
    record = Record(np.int64(4), ("x",), {"a": np.array([0.1], np.float32)})
    line = record.to_json()
    assert [type(line["step"]), type(line["values"]["a"][0])] == [int, float]
    assert json.loads(json.dumps(line))["values"]["a"] == [float(np.float32(0.1))]


GOOD = {"step": 1, "columns": ["x"], "values": {"a": [1.0]}, "events": [{"step": 1, "layer": "a", "what": "added"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"step": None},
        {"step": 1.5},
        {"step": True},
        {"step": "1"},
        {"columns": 3},
        {"columns": ["x", "y"]},
        {"values": [1.0]},
        {"values": {"a": 1.0}},
        {"values": {"a": ["one"]}},
        {"values": {"a": [[1.0]]}},
        {"values": {"a": [10**400]}},
        {"events": None},
        {"events": [{"step": 1}]},
        {"events": [{"step": 1.5, "layer": "a", "what": "added"}]},
        {"events": ["added"]},
    ],
)
def test_what_is_no_record_is_refused(change):
    assert Record.from_json(GOOD).step == 1
    with pytest.raises(RunError, match=r"^a record is damaged \(.*\): restore the run or record again$"):
        Record.from_json(GOOD | change)


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_record_lacks_nothing(missing):
    line = {key: value for key, value in GOOD.items() if key != missing}
    with pytest.raises(RunError, match=rf"^a record is damaged \(KeyError\('{missing}'\)\)"):
        Record.from_json(line)


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_comes_back(name):
    weight = WeightInfo(name, "attention-q", (), 7, "bfloat16", (name + "2", name + "3"))
    assert WeightInfo.from_json(json.loads(json.dumps(weight.to_json()))) == weight


def test_the_size_of_a_weight():
    assert WEIGHT.size == 64 * 3 * 49
    assert WeightInfo("scale", "other", (), 0).size == 1
    assert WeightInfo("empty", "linear", (0, 5), 0).size == 0


@pytest.mark.parametrize(
    "change",
    [
        {"shape": 3},
        {"shape": ["3"]},
        {"shape": [2.5]},
        {"depth": None},
        {"depth": 1.5},
        {"aliases": None},
    ],
)
def test_what_is_no_weight_is_refused(change):
    with pytest.raises(RunError, match=r"does not describe a weight \(.*\): the run is damaged$"):
        WeightInfo.from_json(WEIGHT.to_json() | change)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("found", [None, 3, "a.weight", ["a"], {}])
def test_what_is_not_even_an_object_is_refused(found):
    with pytest.raises(RunError, match="does not describe a weight"):
        WeightInfo.from_json(found)


def test_a_class_with_the_three_methods_is_a_sink():
    class Whole:
        def open(self, weights, measures): ...
        def write(self, record): ...
        def close(self): ...

    class Half:
        def write(self, record): ...

    assert isinstance(Whole(), Sink)
    assert not isinstance(Half(), Sink)
