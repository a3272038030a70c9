"""Names of curves sort by depth, never collide, and are taken by every tool; what is sent can be drawn."""

import math
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerlore.dynamics import Record, WeightInfo
from layerlore.dynamics.measures import COUNTS, MEASURES, ROBUST
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import QualityWarning
from layerlore.integrations import scalars as scalars_module
from layerlore.integrations.scalars import LONGEST, Scalars, scalar_name
from reference.records import NAMED, RECORDS, WEIGHTS


def test_the_measure_comes_first_and_then_the_depth():
    assert scalar_name("rwc_l1", "layer1.0.conv1.weight", 3, 20) == "rwc_l1/03 layer1.0.conv1.weight"
    assert scalar_name("rwc_l1", "a", 3, 1001) == "rwc_l1/0003 a"
    assert scalar_name("rwc_l1", "a", 3, 1) == "rwc_l1/03 a"


@pytest.mark.parametrize("n_weights", [1, 99, 100, 101, 1000])
def test_names_sort_by_depth(n_weights):
    names = [scalar_name("rwc_l1", f"layer{place}", place, n_weights) for place in range(n_weights)]
    assert sorted(names) == names


@given(
    st.lists(st.text(st.characters(codec=None)), min_size=1, max_size=20), st.sampled_from(sorted(MEASURES | ROBUST))
)
def test_names_never_collide_and_are_taken_by_every_tool(layers, measure):
    names = [scalar_name(measure, layer, place, len(layers)) for place, layer in enumerate(layers)]
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name) <= LONGEST
        # MLflow's rule is the strictest; a path of two parts with nothing that could lead out of it.
        assert re.fullmatch(r"[\w]+/\d+ [\w.\- ]*\S", name)


def test_long_names_lose_their_middle():
    name = scalar_name("rwc_l1", "first." + "x" * 400 + ".last", 1, 2)
    assert len(name) in (LONGEST, LONGEST - 1)
    assert name.startswith("rwc_l1/01 first.x")
    assert name.endswith("x.last")


def test_what_cannot_be_drawn_is_left_out_and_an_alarm_is_sent():
    scalars = Scalars(WEIGHTS)
    assert {record.step: dict(scalars.of(record)) for record in RECORDS} == NAMED


def test_counts_on_request():
    found = Scalars(WEIGHTS, counts=True).of(RECORDS[0])
    assert {name.partition("/")[0] for name in found} == {"rwc_l1", "rotation", *COUNTS}
    assert found["zero_start/01 größe_two_lines"] == 1
    assert found["nonfinite/00 conv.weight"] == 0
    assert len(found) == 3 * 5 - 1


def test_gradient_norms_are_measures():
    record = Record(1, ("rwc_l1", "gradient_norm", *COUNTS), {"a": [1.0, 2.0, 0.0, 0.0, 0.0]})
    found = Scalars([WeightInfo("a", "conv", (1,), 0)]).of(record)
    assert dict(found) == {"rwc_l1/00 a": 1.0, "gradient_norm/00 a": 2.0}


def test_a_weight_that_comes_later_keeps_its_name():
    scalars = Scalars(WEIGHTS[:1])
    first = scalars.of(Record(1, ("rwc_l1",), {"conv.weight": [1.0], "x": [2.0]}))
    second = scalars.of(Record(2, ("rwc_l1",), {"y": [3.0], "x": [4.0]}))
    assert list(first) == ["rwc_l1/00 conv.weight", "rwc_l1/01 x"]
    assert list(second) == ["rwc_l1/02 y", "rwc_l1/01 x"]


def test_the_loop_in_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (Path(scalars_module.__file__).parent / "README.md").read_text("utf-8")
    (loop,) = re.findall(r"## In a loop of your own\n\n```python\n(.*?)```", text, re.DOTALL)
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(loop, names)
    assert capsys.readouterr().out.startswith("History(2 layers, 3 steps from 10 to 25; rwc_l1, ")
    assert names["tracker"].history().steps.tolist() == [10, 20, 25]
    assert len((tmp_path / "changes.csv").read_text().splitlines()) == 1 + 3 * 2


def test_a_service_that_fails_does_not_stop_training():
    class Broken:
        closed = False

        def open(self, weights, measures):
            self.opened = [weight.layer for weight in weights], tuple(measures)

        def write(self, record):
            raise ConnectionError("no route to host")

        def close(self):
            self.closed = True

    sink = Broken()
    network = torch.nn.Linear(2, 2)
    tracker = WeightTracker(network, sinks=[sink], measures="rwc_l1")
    with torch.no_grad():
        network.weight.mul_(2)
        with pytest.warns(QualityWarning, match="Broken raised ConnectionError in write"):
            tracker.step()
        network.weight.mul_(2)
    record = tracker.step()
    assert record is not None
    assert math.isclose(record.value("weight", "rwc_l1"), 1)
    tracker.finish()
    assert sink.opened == (["weight"], ("rwc_l1",))
