"""A history is what was recorded: labelled, saved, read back, and refused where something does not fit."""

import json
import math
import re
import struct
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerlore.dynamics import MEASURES, Event, History, Record, WeightInfo
from layerlore.dynamics.history import RECORDS, new_manifest, title_of
from layerlore.dynamics.measures import COUNTS
from layerlore.errors import InputError, RunError
from layerlore.storage import LineFile, write_json

HOSTILE = ["größe.重み", "two\nlines", 'quote"\\', "</script><b>", "=1+1", " ", "a/../b", "x" * 300, "\x00"]
COLUMNS = ("rwc_l2", "rwc_l1", "nonfinite")


def weights_of(names):
    return [WeightInfo(name, "conv", (2, 3), depth, "float32") for depth, name in enumerate(names)]


def example() -> History:
    """Two weights, three records; ``b`` appears at the second, and holds all kinds of numbers."""
    records = [
        Record(1, COLUMNS, {"a": [0.1, 0.2, 0.0]}),
        Record(5, COLUMNS, {"a": [0.1 + 0.2, 0.0, 0.0], "b": [math.inf, 5e-324, 1.0]}, (Event(5, "b", "added"),)),
        Record(6, COLUMNS, {"b": [-math.inf, math.nan, 2.0], "a": [1 / 3, -0.0, 0.0]}, (Event(6, "a", "frozen"),)),
    ]
    manifest = new_manifest({"source": "test"}, notes=["a note"], settings={"every": 1})
    return History.from_records(weights_of(["a", "b"]), records, manifest)


def bits(table) -> list[bytes]:
    return [struct.pack("d", math.nan if math.isnan(number) else number) for number in np.ravel(table).tolist()]


def assert_same(found: History, expected: History) -> None:
    assert found.layers == expected.layers
    assert found.steps.tolist() == expected.steps.tolist()
    assert list(found.data.data_vars) == list(expected.data.data_vars)
    for name in expected.data.data_vars:
        assert bits(found.values(str(name))) == bits(expected.values(str(name)))
    assert found.weights == expected.weights
    assert found.events == expected.events
    assert found.notes == expected.notes
    assert found.manifest == expected.manifest
    for name in ("kind", "depth", "size", "shape", "dtype"):
        assert found.data[name].values.tolist() == expected.data[name].values.tolist()


def test_records_become_tables():
    history = example()
    assert history.layers == ["a", "b"]
    assert history.steps.tolist() == [1, 5, 6]
    assert history.measures == ["rwc_l2", "rwc_l1"]
    assert history.default_measure == "rwc_l1"
    nan, inf = math.nan, math.inf
    np.testing.assert_array_equal(history.values("rwc_l2"), [[0.1, 0.1 + 0.2, 1 / 3], [nan, inf, -inf]])
    np.testing.assert_array_equal(history.values(), [[0.2, 0.0, -0.0], [nan, 5e-324, nan]])
    np.testing.assert_array_equal(history.values("nonfinite"), [[0, 0, 0], [nan, 1, 2]])
    assert history.events == [Event(5, "b", "added"), Event(6, "a", "frozen")]
    assert history.notes == ["a note"]
    assert repr(history) == "History(2 layers, 3 steps from 1 to 6; rwc_l2, rwc_l1)"
    assert history.data["rwc_l1"].dims == ("layer", "step")
    assert history.data["size"].values.tolist() == [6, 6]
    assert history.data["shape"].values.tolist() == ["2x3", "2x3"]
    assert float(history.data["rwc_l2"].sel(layer="a", step=5)) == 0.1 + 0.2


def test_saved_and_loaded_is_the_same(tmp_path):
    history = example()
    history.save(tmp_path / "run")
    back = History.load(tmp_path / "run")
    assert_same(back, history)
    assert back.path == tmp_path / "run"
    assert history.path is None
    back.save(tmp_path / "again")
    assert (tmp_path / "again" / RECORDS).read_bytes() == (tmp_path / "run" / RECORDS).read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["again", "run"]


@given(st.lists(st.lists(st.floats(), min_size=3, max_size=3), min_size=1, max_size=4))
def test_any_table_comes_back_bit_by_bit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("history") / "run"
    history = History.from_table([f"layer{place}" for place in range(len(values))], np.array(values), [3, 4, 90])
    history.save(path)
    assert_same(History.load(path), history)
    assert bits(history.values()) == bits(values)


def test_hostile_names_come_back_and_write_nothing_elsewhere(tmp_path):
    history = History.from_table(HOSTILE, np.arange(18.0).reshape(9, 2), kinds=HOSTILE)
    history.save(tmp_path / "run")
    back = History.load(tmp_path / "run")
    assert_same(back, history)
    assert back.layers == HOSTILE
    assert [weight.kind for weight in back.weights] == HOSTILE
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == ["manifest.json", RECORDS]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["run"]
    assert back.to_dataframe()["layer"].tolist() == [name for name in HOSTILE for _ in range(2)]


def test_a_data_frame_has_one_row_for_each_layer_and_step():
    frame = example().to_dataframe()
    assert list(frame.columns) == ["layer", "step", "kind", "depth", "size", "rwc_l2", "rwc_l1", "nonfinite"]
    assert frame["layer"].tolist() == ["a"] * 3 + ["b"] * 3
    assert frame["step"].tolist() == [1, 5, 6, 1, 5, 6]
    assert frame["size"].tolist() == [6] * 6
    assert frame["depth"].tolist() == [0] * 3 + [1] * 3
    row = frame[(frame["layer"] == "b") & (frame["step"] == 5)].iloc[0]
    assert (row["kind"], row["rwc_l2"], row["rwc_l1"], row["nonfinite"]) == ("conv", math.inf, 5e-324, 1.0)


def test_json_is_strict():
    found = json.loads(json.dumps(example().to_json(), allow_nan=False))
    assert found["values"]["rwc_l2"] == [[0.1, 0.1 + 0.2, 1 / 3], [None, None, None]]
    assert (found["layers"], found["steps"], found["notes"]) == (["a", "b"], [1, 5, 6], ["a note"])
    assert found["events"][0] == {"step": 5, "layer": "b", "what": "added"}
    assert found["weights"][1]["shape"] == [2, 3]


def test_a_table_of_others():
    values = np.array([[1.0, math.inf], [math.nan, 0.5]])
    history = History.from_table(["a", "b"], values, kinds=["conv", "linear"], shapes=[(3, 4), (5,)])
    assert history.steps.tolist() == [1, 2]
    assert (history.measures, history.default_measure) == (["rwc_elementwise"], "rwc_elementwise")
    assert history.data["kind"].values.tolist() == ["conv", "linear"]
    assert history.data["size"].values.tolist() == [12, 5]
    values[0, 0] = 7
    assert history.values()[0, 0] == 1, "the table is a copy"
    bare = History.from_table(["a", "b"], values, [10, 20], "mine")
    assert bare.data["kind"].values.tolist() == ["other", "other"]
    assert bare.data["size"].values.tolist() == [0, 0]
    assert (bare.measures, bare.steps.tolist()) == (["mine"], [10, 20])


@pytest.mark.usefixtures("without_type_checks")
def test_a_table_may_come_in_other_types():
    expected = [[1.0, 2.0], [3.0, 4.0]]
    array = np.array(expected)
    for values in ([[1, 2], [3, 4]], torch.tensor(expected), array.astype(np.float32), array.astype(object)):
        assert History.from_table(("a", "b"), values, np.array([1, 2])).values().tolist() == expected
    assert History.from_table(["a", "b"], np.array(expected), [1.0, np.float64(2)]).steps.tolist() == [1, 2]


def test_a_scalar_weight_has_one_element():
    weight = WeightInfo("scale", "other", (), 0, "float32")
    history = History.from_records([weight], [Record(1, ("rwc_l1",), {"scale": [0.5]})])
    assert history.data["size"].values.tolist() == [1]


TABLE = np.ones((2, 3))


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], TABLE), "values has shape (2, 3); expected (layer, step) with 1 layers"),
        ((["a", "b"], TABLE[0]), "values has shape (3,); expected (layer, step) with 2 layers"),
        (([], np.ones((0, 3))), "values has shape (0, 3): there is nothing in it"),
        ((["a", "b"], np.ones((2, 0))), "values has shape (2, 0): there is nothing in it"),
        ((["a", "a"], TABLE), "layer_names holds 'a' twice: each layer needs a name of its own"),
        ((["a", "b"], TABLE, [1, 2]), "steps has 2 entries for 3 columns of values"),
        ((["a", "b"], TABLE, [1, 3, 3]), "steps must increase, and 3 follows 3"),
        ((["a", "b"], TABLE, [3, 2, 1]), "steps must increase, and 2 follows 3"),
        ((["a", "b"], TABLE, [1, 2, 2.5]), "steps holds 2.5: steps are whole numbers"),
        ((["a", "b"], TABLE, [1, 2, math.nan]), "steps holds nan: steps are whole numbers"),
        ((["a", "b"], TABLE, ["1", "2", "3"]), "steps holds '1': steps are whole numbers"),
        (
            (["a", "b"], TABLE, None, "depth"),
            "measure='depth' must be a word like 'rwc_l1' that does not name a count or a property of layers",
        ),
        (
            (["a", "b"], TABLE, None, "nonfinite"),
            "measure='nonfinite' must be a word like 'rwc_l1' that does not name a count or a property of layers",
        ),
        (
            (["a", "b"], TABLE, None, "two words"),
            "measure='two words' must be a word like 'rwc_l1' that does not name a count or a property of layers",
        ),
        (
            (["a", "b"], np.full((2, 3), "0.5")),
            "values is no table of numbers (its dtype is <U3)",
        ),
        ((["a", "b"], TABLE * 1j), "values is no table of numbers (its dtype is complex128)"),
        (
            (["a", "b"], np.array([["x"] * 3] * 2, object)),
            "values is no table of numbers (could not convert string to float: 'x')",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        History.from_table(*arguments)


@pytest.mark.usefixtures("without_type_checks")
def test_a_ragged_table_is_refused():
    with pytest.raises(InputError, match=r"^values is no table of numbers \(.*inhomogeneous shape"):
        History.from_table(["a", "b"], [[1.0], [1.0, 2.0]])


def test_kinds_and_shapes_fit_the_layers():
    with pytest.raises(InputError, match=r"^kinds has 1 entries for 2 layers$"):
        History.from_table(["a", "b"], TABLE, kinds=["conv"])
    with pytest.raises(InputError, match=r"^shapes has 3 entries for 2 layers$"):
        History.from_table(["a", "b"], TABLE, shapes=[(1,)] * 3)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there is no record yet: a change needs two snapshots; record at least one more step"),
        ([Record(2, ("x",), {}), Record(2, ("x",), {})], "steps must increase, and 2 follows 2"),
        (
            [Record(1, ("x",), {}), Record(2, ("y",), {})],
            "step 2 records ('y',), the first record ('x',): one history has one set of measures",
        ),
        ([Record(1, ("x",), {"c": [1.0]})], "step 1 records 'c', which is not among the weights"),
        (
            [Record(1, ("x",), {"a": [1.0, 2.0]})],
            "step 1 records 2 numbers for 'a'; expected 1, one for each column",
        ),
        (
            [Record(1, ("depth",), {"a": [1.0]})],
            "step 1 records ('depth',): columns need names, each once, other than layer, step, kind, depth, size, "
            "shape, dtype",
        ),
        (
            [Record(1, ("x", "x"), {"a": [1.0, 2.0]})],
            "step 1 records ('x', 'x'): columns need names, each once, other than layer, step, kind, depth, size, "
            "shape, dtype",
        ),
        (
            [Record(1, (), {"a": []})],
            "step 1 records (): columns need names, each once, other than layer, step, kind, depth, size, shape, dtype",
        ),
    ],
)
def test_records_that_do_not_fit_are_refused(records, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        History.from_records(weights_of(["a", "b"]), records)


def test_two_weights_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"^two weights have the same name$"):
        History.from_records(weights_of(["a", "a"]), [Record(1, ("x",), {"a": [1.0]})])


def test_an_unknown_measure_is_answered_with_the_closest():
    with pytest.raises(InputError, match=r"^measure='rwc_l3' was not recorded; did you mean 'rwc_l2' or 'rwc_l1'\?$"):
        example().values("rwc_l3")


def test_a_run_is_never_overwritten(tmp_path):
    example().save(tmp_path / "run")
    before = (tmp_path / "run" / RECORDS).read_bytes()
    with pytest.raises(RunError, match=rf"^{tmp_path}/run exists already: choose another name or remove it first$"):
        example().save(tmp_path / "run")
    assert (tmp_path / "run" / RECORDS).read_bytes() == before


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(RunError, match=r"could not write .*manifest.json \(No space left on device\)"):
        example().save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def damaged(tmp_path, **changes):
    """A saved run whose manifest was changed; None removes an entry."""
    example().save(tmp_path / "run")
    file = tmp_path / "run" / "manifest.json"
    manifest = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}))
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "knowledge"}, "{run} holds a 'knowledge' run, not a 'history' run"),
        ({"weights": None}, "{run} is damaged (its manifest has no 'weights'): restore it or record again"),
        ({"identity": None}, "{run} is damaged (its manifest has no 'identity'): restore it or record again"),
        (
            {"weights": []},
            "{run}/records.jsonl is damaged (step 1 records 'a', which is not among the weights): restore it or record "
            "again",
        ),
        (
            {"weights": [3]},
            "{run} is damaged (3 does not describe a weight (TypeError(\"'int' object is not subscriptable\")): the "
            "run is damaged): restore it or record again",
        ),
        ({"weights": 3}, "{run} is damaged ('int' object is not iterable): restore it or record again"),
        (
            {"format": 99},
            "{run}/manifest.json has format 99, this version of LayerLore reads up to 1: update layerlore",
        ),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_a_damaged_manifest_is_an_error(tmp_path, changes, message):
    run = damaged(tmp_path, **changes)
    with pytest.raises(RunError) as caught:
        History.load(run)
    assert str(caught.value) == message.format(run=run)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({}, ", line 4: a record is damaged (KeyError('columns')): restore the run or record again"),
        (
            {"step": 6, "columns": list(COLUMNS), "values": {}, "events": []},
            " is damaged (steps must increase, and 6 follows 6): restore it or record again",
        ),
        (
            {"step": 7, "columns": ["x"], "values": {}, "events": []},
            f" is damaged (step 7 records ('x',), the first record {COLUMNS}: one history has one set of measures): "
            "restore it or record again",
        ),
    ],
)
def test_a_damaged_record_is_named(tmp_path, line, message):
    example().save(tmp_path / "run")
    file = LineFile(tmp_path / "run" / RECORDS)
    file.append(line)
    file.close()
    with pytest.raises(RunError) as caught:
        History.load(tmp_path / "run")
    assert str(caught.value) == f"{tmp_path / 'run' / RECORDS}{message}"


def test_a_line_that_is_no_json_is_named(tmp_path):
    example().save(tmp_path / "run")
    file = tmp_path / "run" / RECORDS
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[1][:30] + b"\n" + lines[2])
    with pytest.raises(RunError, match=rf"^{file}, line 2, is damaged \(.*\): restore the file or record again$"):
        History.load(tmp_path / "run")


def test_a_run_that_is_still_written_is_read_up_to_its_last_whole_line(tmp_path):
    example().save(tmp_path / "run")
    file = tmp_path / "run" / RECORDS
    file.write_bytes(file.read_bytes()[:-7])
    back = History.load(tmp_path / "run")
    assert back.steps.tolist() == [1, 5]
    assert back.events == [Event(5, "b", "added")]


@pytest.mark.parametrize("content", [None, b"", b'{"step": 1'])
def test_a_run_without_a_finished_record_says_so(tmp_path, content):
    example().save(tmp_path / "run")
    file = tmp_path / "run" / RECORDS
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(RunError, match=rf"^{tmp_path}/run holds no finished record yet: a change needs two snapshots$"):
        History.load(tmp_path / "run")


def test_loading_grows_with_the_number_of_records_and_takes_seconds(tmp_path):
    # 2,000 records of 22 layers with all measures took 0.4 s on two busy cores. The limit is for a machine ten times
    # slower; a load that went over all records for each record would take minutes.
    weights = weights_of([f"layer{place}.weight" for place in range(22)])
    columns = (*MEASURES, *COUNTS)
    numbers = np.random.default_rng(0).random((22, len(columns)))
    (tmp_path / "run").mkdir()
    file = LineFile(tmp_path / "run" / RECORDS)
    for step in range(2000):
        rows = {weight.layer: (numbers[weight.depth] + step).tolist() for weight in weights}
        file.append(Record(step, columns, rows).to_json())
    file.close()
    write_json(
        tmp_path / "run" / "manifest.json",
        new_manifest({}, weights=[weight.to_json() for weight in weights], events=[]),
    )
    start = time.perf_counter()
    history = History.load(tmp_path / "run")
    assert time.perf_counter() - start < 5
    assert history.values("rwc_l2").shape == (22, 2000)
    assert history.values("rwc_l2")[3, 1999] == numbers[3, 1] + 1999


def test_titles():
    assert title_of("rwc_median") == "relative weight change, median over elements"
    assert title_of("gradient_norm") == "norm of the gradient, L2"
    assert title_of("mine") == "mine"
