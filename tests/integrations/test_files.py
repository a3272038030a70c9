"""Rows in files are what was recorded, to the last digit, whatever names there are and whenever writing ends."""

import csv
import io
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch

from layerlore.dynamics import Record, Sink
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, RunError
from layerlore.integrations.files import CsvSink, JsonLinesSink
from layerlore.storage import as_number, read_lines
from reference.records import COLUMNS, MEASURES, RECORDS, WEIGHTS, feed

HEADER = '"layer","step","kind","depth","size","rwc_l1","rotation"'
ROWS = f"""{HEADER}
"conv.weight",3,"conv",0,6,0.30000000000000004,0.3333333333333333
"größe/two\\nlines",3,"linear",1,20,,5e-324
"quote""\\\\,",3,"head",2,5,0.0,1e+300
"conv.weight",7,"conv",0,6,0.5,0.25
"größe/two\\nlines",7,"linear",1,20,inf,
"quote""\\\\,",7,"head",2,5,0.125,0.0625
"late.weight",7,,,,1.5,0.75
"""


@pytest.mark.parametrize("make", [CsvSink, JsonLinesSink])
def test_they_are_sinks(tmp_path, make):
    assert isinstance(make(tmp_path / "file"), Sink)


def test_a_csv_file_says_what_was_recorded(tmp_path):
    feed(CsvSink(tmp_path / "changes.csv"))
    assert (tmp_path / "changes.csv").read_text("utf-8") == ROWS


def test_other_readers_understand_the_csv_file(tmp_path):
    feed(CsvSink(tmp_path / "changes.csv"))
    rows = list(csv.reader(io.StringIO((tmp_path / "changes.csv").read_text("utf-8"))))
    assert {len(row) for row in rows} == {7}
    assert rows[3][0] == 'quote"\\\\,'
    frame = pd.read_csv(tmp_path / "changes.csv")
    expected = [(record, layer) for record in RECORDS for layer in record.values]
    assert frame["step"].tolist() == [record.step for record, _ in expected]
    for name in MEASURES:
        np.testing.assert_array_equal(frame[name], [record.value(layer, name) for record, layer in expected])


def test_json_lines_say_what_was_recorded(tmp_path):
    feed(JsonLinesSink(tmp_path / "changes.jsonl"))
    rows = list(read_lines(tmp_path / "changes.jsonl"))
    assert rows[0] == {
        "layer": "conv.weight",
        "step": 3,
        "kind": "conv",
        "depth": 0,
        "size": 6,
        "rwc_l1": 0.1 + 0.2,
        "rotation": 1 / 3,
    }
    found = [(row["layer"], row["step"], as_number(row["rwc_l1"]), as_number(row["rotation"])) for row in rows]
    expected = [
        (layer, record.step, record.value(layer, "rwc_l1"), record.value(layer, "rotation"))
        for record in RECORDS
        for layer in record.values
    ]
    np.testing.assert_equal(found, expected)
    assert (rows[-1]["kind"], rows[-1]["depth"], rows[-1]["size"]) == (None, None, None)
    assert rows[4]["rwc_l1"] == "inf"


def test_counts_on_request(tmp_path):
    feed(CsvSink(tmp_path / "a", counts=True))
    feed(JsonLinesSink(tmp_path / "b", counts=True))
    frame = pd.read_csv(tmp_path / "a")
    assert list(frame.columns[5:]) == list(COLUMNS)
    assert frame["nonfinite"].tolist() == [0, 0, 0, 0, 2, 0, 0]
    assert [row["nonfinite"] for row in read_lines(tmp_path / "b")] == [0, 0, 0, 0, 2, 0, 0]


@pytest.mark.parametrize("torn", ["", '"conv.weight",7,"co', '"größe/two\\nli'])
def test_a_csv_file_is_gone_on_with_and_has_one_header(tmp_path, torn):
    path = tmp_path / "changes.csv"
    feed(CsvSink(path), RECORDS[:1])
    with path.open("a", encoding="utf-8") as file:
        file.write(torn)
    feed(CsvSink(path), RECORDS[1:])
    assert path.read_text("utf-8") == ROWS


def test_a_torn_header_is_written_anew(tmp_path):
    (tmp_path / "changes.csv").write_text(HEADER[:20])
    feed(CsvSink(tmp_path / "changes.csv"))
    assert (tmp_path / "changes.csv").read_text("utf-8") == ROWS


def test_json_lines_are_gone_on_with(tmp_path):
    feed(JsonLinesSink(tmp_path / "whole"))
    feed(JsonLinesSink(tmp_path / "parts"), RECORDS[:1])
    with (tmp_path / "parts").open("a") as file:
        file.write('{"layer": "conv')
    feed(JsonLinesSink(tmp_path / "parts"), RECORDS[1:])
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("content", ['"layer","step"\n', "x\n" * 5000, HEADER + ',"more"\n'])
def test_a_csv_file_with_other_columns_is_left_alone(tmp_path, content):
    path = tmp_path / "changes.csv"
    path.write_text(content)
    with pytest.raises(RunError) as caught:
        feed(CsvSink(path))
    first = content.splitlines()[0]
    assert str(caught.value) == (
        f"{path} begins with {first!r}, expected {HEADER!r}: it holds other columns; choose another file"
    )
    assert path.read_text() == content


@pytest.mark.parametrize("make", [CsvSink, JsonLinesSink])
def test_a_folder_is_no_file(tmp_path, make):
    with pytest.raises(RunError, match=r"cannot be opened for writing \(Is a directory\)"):
        feed(make(tmp_path))


@pytest.mark.parametrize("make", [CsvSink, JsonLinesSink])
def test_a_record_without_a_column_is_refused(tmp_path, make):
    sink = make(tmp_path / "file")
    with pytest.raises(InputError, match=r"^step 9 has no 'rotation', which the first record had$"):
        feed(sink, [*RECORDS, Record(9, ("rwc_l1",), {"conv.weight": [1.0]})])
    sink.close()


@pytest.mark.parametrize("make", [CsvSink, JsonLinesSink])
def test_a_record_is_one_write(tmp_path, make, monkeypatch):
    sink = make(tmp_path / "file")
    sink.open(WEIGHTS, MEASURES)
    inner = sink._file if make is CsvSink else sink._file._file
    sizes = []
    append = inner.append
    monkeypatch.setattr(inner, "append", lambda content: (sizes.append(content.count(b"\n")), append(content)))
    sink.write(RECORDS[1])
    sink.close()
    assert sizes == [4]


def test_a_name_without_utf_8_is_written_all_the_same(tmp_path):
    record = Record(1, ("rwc_l1", "rotation"), {"\ud800": [1.0, 2.0]})
    feed(CsvSink(tmp_path / "a"), [record])
    feed(JsonLinesSink(tmp_path / "b"), [record])
    assert (tmp_path / "a").read_bytes().splitlines()[1] == b'"\\ud800",1,,,,1.0,2.0'
    assert next(read_lines(tmp_path / "b"))["layer"] == "\ud800"


def test_the_table_is_that_of_the_history(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    sinks = [CsvSink(tmp_path / "a.csv", counts=True), JsonLinesSink(tmp_path / "a.jsonl", counts=True)]
    with WeightTracker(network, sinks=sinks) as tracker, torch.no_grad():
        for _ in range(3):
            for parameter in network.parameters():
                parameter.mul_(1 + 0.1 * torch.rand_like(parameter))
            tracker.step()
    expected = tracker.history().to_dataframe().sort_values(["step", "depth"], ignore_index=True)
    frame = pd.read_csv(tmp_path / "a.csv")
    pd.testing.assert_frame_equal(frame, expected, check_exact=True, check_dtype=False)
    lines = pd.DataFrame([json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()])
    pd.testing.assert_frame_equal(lines, expected, check_exact=True, check_dtype=False)
    assert not math.isnan(frame["rwc_l1"].sum())
