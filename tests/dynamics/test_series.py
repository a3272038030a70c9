"""Histories from checkpoint files: the numbers, what is taken, stopping and going on, and what is refused."""

import json
import signal
import subprocess
import sys
import warnings
import weakref
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from layerlore.dynamics import MEASURES, ROBUST, History
from layerlore.dynamics.series import read_series, reading
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, QualityWarning, RunError
from layerlore.networks.checkpoints.checkpoint import Checkpoint
from reference.saved_series import FORMATS, copied, trained, training, write
from reference.series_by_definition import changes

WEIGHTS = ["0.weight", "3.weight", "4.weight", "7.weight", "9.weight"]
ALL = (*MEASURES, *ROBUST)


def read(*words, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        return read_series(*words, **options)


@pytest.mark.parametrize("fmt", FORMATS)
def test_numbers_are_those_of_the_definitions(fmt, tmp_path):
    states = training()[:4]
    write(tmp_path, states, fmt)
    history = read(tmp_path, measures=ALL)
    assert history.layers == WEIGHTS
    assert history.steps.tolist() == ([100, 200, 300] if fmt == "lightning" else [1, 2, 3])
    for row, name in enumerate(WEIGHTS):
        expected = changes(states, name)
        for measure in ALL:
            # Both sum in float64; the definition of the angle loses digits where it is small.
            np.testing.assert_allclose(history.values(measure)[row], expected[measure], rtol=1e-9, err_msg=measure)


def test_numbers_are_those_of_the_tracker(tmp_path):
    trackers, states = [], []

    def on_epoch(model: nn.Module, epoch: int) -> None:
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        if epoch == 0:
            trackers.append(WeightTracker(model, measures=ALL, biases=True, norms=True))
        else:
            trackers[0].step(epoch)

    trained(on_epoch)
    live = trackers[0].history()
    write(tmp_path, states, "pt")
    history = read_series(tmp_path, measures=ALL, biases=True, norms=True)
    assert history.layers == live.layers
    assert history.steps.tolist() == live.steps.tolist()
    assert history.weights == live.weights
    assert list(history.data.data_vars) == list(live.data.data_vars)
    for name in history.data.data_vars:
        np.testing.assert_array_equal(history.data[name].values, live.data[name].values, err_msg=str(name))


def test_workers_and_the_order_of_paths_change_nothing(tmp_path):
    paths = write(tmp_path, training()[:5])
    one = read_series(paths)
    for other in (read_series(paths[::-1], workers=3), read_series([*paths[3:], *paths[:3]])):
        for measure in MEASURES:
            np.testing.assert_array_equal(one.values(measure), other.values(measure))


@pytest.mark.parametrize("fmt", ["safetensors", "pt", "distributed"])
@pytest.mark.parametrize("measures", [None, "rwc_l1"])
def test_each_tensor_is_read_once_and_three_are_in_memory(fmt, measures, tmp_path, monkeypatch):
    write(tmp_path, training()[:6], fmt)
    reads: dict[tuple[Path, str], int] = {}
    most = 0
    load, tensor, read_into = reading.load_weight, Checkpoint.tensor, Checkpoint.read_into

    def counted(method):
        def call(self, name, *rest):
            reads[self.path, name] = reads.get((self.path, name), 0) + 1
            return method(self, name, *rest)

        return call

    held: list[weakref.ref[torch.Tensor]] = []

    def loaded(*words):
        nonlocal most
        found = load(*words)
        held.append(weakref.ref(found))
        alive = {one.data_ptr() for one in (reference() for reference in held) if one is not None}
        most = max(most, len(alive))
        return found

    monkeypatch.setattr(Checkpoint, "read_into", counted(read_into))
    if fmt == "distributed":
        monkeypatch.setattr(Checkpoint, "tensor", counted(tensor))
    monkeypatch.setattr(reading, "load_weight", loaded)
    read_series(tmp_path, measures=measures, include="7.weight")
    assert set(reads.values()) == {1}
    assert len(reads) == 6
    assert most == (3 if measures is None else 2)


def test_biases_norms_and_patterns(tmp_path):
    write(tmp_path, training()[:2])
    everything = read_series(tmp_path, biases=True, norms=True)
    kinds = {weight.layer: weight.kind for weight in everything.weights}
    assert kinds["1.weight"] == "norm"
    assert kinds["7.bias"] == "bias"
    assert not any("running" in name or "num_batches" in name for name in kinds)
    assert "1.weight" not in read_series(tmp_path, biases=True).layers
    assert read_series(tmp_path, include="7.*").layers == ["7.bias", "7.weight"]
    assert read_series(tmp_path, exclude=["7.*", "0.weight"]).layers == ["3.weight", "4.weight", "9.weight"]
    with pytest.raises(InputError, match=r"include='8\.weihgt' matches no tensor; did you mean"):
        read_series(tmp_path, include="8.weihgt")
    with pytest.raises(InputError, match="holds no weight to measure"):
        read_series(tmp_path, exclude="*.weight")


def test_kinds_depths_and_notes(tmp_path):
    write(tmp_path / "a", training()[:2], "lightning")
    history = read_series(tmp_path / "a", name="mine")
    assert [weight.kind for weight in history.weights] == ["conv", "depthwise", "pointwise", "linear", "head"]
    assert [weight.depth for weight in history.weights] == [0, 1, 2, 3, 4]
    assert history.notes == ["weights were taken from the key 'state_dict'"]
    assert history.manifest["settings"] == {"name": "mine", "unit": "step"}
    states = [state | {"packed.qweight": torch.zeros(3, 3, dtype=torch.int32)} for state in training()[:2]]
    write(tmp_path / "b", states)
    notes = read_series(tmp_path / "b").notes
    assert any("1 tensors of whole numbers were left out, such as 'packed.qweight'" in note for note in notes)
    assert any("a guess from their names" in note for note in notes)


def test_tied_weights_count_once(tmp_path):
    generator = torch.Generator().manual_seed(0)
    states, other = [], torch.rand(6, 4, generator=generator)
    for step in range(3):
        shared = torch.rand(6, 4, generator=generator)
        states.append(
            {
                "wte.weight": shared,
                "body.weight": torch.rand(6, 4, generator=generator),
                "late.weight": shared.clone() if step else other,
                "zeros_a.weight": torch.zeros(6, 4),
                "zeros_b.weight": torch.zeros(6, 4),
                "lm_head.weight": shared.clone(),
            }
        )
    write(tmp_path / "copies", states)
    copies = read_series(tmp_path / "copies")
    assert {weight.layer: weight.aliases for weight in copies.weights if weight.aliases} == {
        "wte.weight": ("lm_head.weight",)
    }
    assert len(copies.layers) == 5
    assert [weight.depth for weight in copies.weights] == list(range(5))
    same = [state | {"lm_head.weight": state["wte.weight"]} for state in states]
    write(tmp_path / "memory", same, "pt")
    assert read_series(tmp_path / "memory").weights[0].aliases == ("lm_head.weight",)


def test_lora_that_starts_at_zero(tmp_path):
    states = [{"a.weight": torch.full((2, 3), value), "b.weight": torch.ones(2, 3)} for value in (0.0, 0.0, 1.0, 1.5)]
    write(tmp_path, states)
    history = read_series(tmp_path)
    np.testing.assert_array_equal(history.values("rwc_l1"), [[0, np.nan, 0.5], [0, 0, 0]])
    np.testing.assert_array_equal(history.data["zero_start"].values[0], [0, 1, 0])


def test_nan_and_infinity_are_counted_and_said(tmp_path):
    states = copied(training()[:4])
    states[2]["7.weight"].fill_(torch.nan)
    states[3]["7.weight"][0, :2] = torch.inf
    write(tmp_path, states)
    with pytest.warns(
        QualityWarning, match=r"1 weights hold NaN or infinite elements at some step, such as '7.weight'"
    ):
        history = read_series(tmp_path, measures=ALL)
    row = history.layers.index("7.weight")
    for measure in ALL:
        if measure not in ("rotation_from_init", "distance_from_init"):
            assert np.isnan(history.values(measure)[row, 1:]).all()
        assert np.isfinite(history.values(measure)[:row]).all()
    size = states[0]["7.weight"].numel()
    assert history.data["nonfinite"].values[row].tolist() == [0, size, size]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.complex64, torch.float8_e4m3fn])
def test_dtypes(dtype, tmp_path):
    generator = torch.Generator().manual_seed(0)
    states = [{"w.weight": torch.randn(8, 9, generator=generator).to(dtype)} for _ in range(3)]
    write(tmp_path, states)
    history = read_series(tmp_path, measures="rwc_l1")
    wide = torch.complex128 if dtype.is_complex else torch.float64
    values = [state["w.weight"].to(wide).numpy() for state in states]
    expected = [np.abs(b - a).sum() / np.abs(a).sum() for a, b in pairwise(values)]
    np.testing.assert_allclose(history.values()[0], expected, rtol=1e-6)  # moduli of complex64 are rounded
    assert history.weights[0].dtype == str(dtype).removeprefix("torch.")


def test_a_stopped_reading_goes_on(tmp_path):
    write(tmp_path / "ckpt", training()[:4])
    command = [sys.executable, "-m", "reference.killed_series", str(tmp_path / "ckpt"), str(tmp_path / "run")]
    found = subprocess.run(command, cwd=Path(__file__).parents[1], check=False)
    assert found.returncode == -signal.SIGKILL
    lines = (tmp_path / "run" / "series.jsonl").read_bytes().split(b"\n")
    assert len(lines) == 3
    assert not lines[2].endswith(b"}")
    with pytest.raises(RunError, match="holds no finished record yet"):
        History.load(tmp_path / "run")
    told = []
    history = read_series(
        tmp_path / "ckpt", run=tmp_path / "run", progress=lambda what, done, total: told.append((what, done, total))
    )
    assert told == [("tensors read", done, 20) for done in (8, 12, 16, 20)]
    whole = read_series(tmp_path / "ckpt")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["manifest.json", "records.jsonl"]
    for measure in MEASURES:
        np.testing.assert_array_equal(history.values(measure), whole.values(measure))
    assert history.weights == whole.weights


def test_a_finished_run_is_read_and_not_computed(tmp_path, monkeypatch):
    paths = write(tmp_path / "ckpt", training()[:3])
    first = read_series(paths, run=tmp_path / "run")

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("layerlore.dynamics.series.read.read_weight", never)
    again = read_series(paths, run=tmp_path / "run")
    np.testing.assert_array_equal(first.values(), again.values())
    assert History.load(tmp_path / "run").weights == first.weights


def test_a_run_of_something_else_is_not_touched(tmp_path):
    paths = write(tmp_path / "ckpt", training()[:3])
    read_series(paths, run=tmp_path / "run")
    with pytest.raises(RunError, match=r"other options \(measures: asked \['rwc_l1'\], found"):
        read_series(paths, run=tmp_path / "run", measures="rwc_l1")
    with pytest.raises(RunError, match=r"belongs to another series"):
        read_series(paths[:2], run=tmp_path / "run")
    save_file({name: value + 0.5 for name, value in training()[1].items()}, paths[1])
    with pytest.raises(RunError, match=r"belongs to another series.*files: asked"):
        read_series(paths, run=tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match=r"holds no manifest.json"):
        read_series(paths, run=tmp_path / "other")
    with pytest.raises(RunError, match="is a file"):
        read_series(paths, run=paths[0])
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "manifest.json").write_text(json.dumps({"format": 1, "kind": "knowledge"}))
    with pytest.raises(RunError, match="holds a 'knowledge' run"):
        read_series(paths, run=tmp_path / "depth")


def test_damaged_lines_of_a_stopped_reading(tmp_path, monkeypatch):
    paths = write(tmp_path / "ckpt", training()[:3])
    monkeypatch.setattr("layerlore.dynamics.series.progress.SeriesRun.finish", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read_series(paths, run=tmp_path / "run")
    monkeypatch.undo()
    lines = tmp_path / "run" / "series.jsonl"
    lines.write_text(lines.read_text().replace('"sums": [[', '"sums": [["x", ', 1))
    with pytest.raises(RunError, match=r"series.jsonl is damaged .* remove .*run to start over"):
        read_series(paths, run=tmp_path / "run")


def broken(change):
    states = copied(training()[:4])
    change(states)
    return states


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda states: states[2].pop("7.weight"), r"'7.weight' is missing at step 2 \(.*step_2.safetensors\)"),
        (lambda states: states[1].update({"new.weight": torch.ones(2, 2)}), "'new.weight' is missing at step 0"),
        (
            lambda states: states[3].update({"7.weight": torch.ones(20, 5)}),
            r"'7.weight' is float32 \[20, 192\] at step 0 and float32 \[20, 5\] at step 3",
        ),
        (
            lambda states: states[1].update({"7.weight": states[1]["7.weight"].half()}),
            r"'7.weight' is float32 \[20, 192\] at step 0 and float16 \[20, 192\] at step 1",
        ),
        (
            lambda states: [states[2].pop(name) for name in WEIGHTS[1:]],
            "are of different networks: step 2 .* has only 1 of the 5 weights",
        ),
        (
            lambda states: [state.update({"0.weight": torch.ones(0, 3)}) for state in states],
            "'0.weight' has no elements",
        ),
    ],
)
def test_weights_that_are_not_the_same(change, message, tmp_path):
    write(tmp_path, broken(change))
    with pytest.raises(InputError, match=message):
        read_series(tmp_path)


def test_what_is_not_measured_may_differ(tmp_path):
    def change(states):
        states[2].pop("7.bias")
        states[1]["1.running_mean"] = torch.ones(1)
        states[3]["9.weight"] = torch.ones(1, 1)

    write(tmp_path, broken(change))
    assert read_series(tmp_path, exclude="9.*").layers == WEIGHTS[:4]


def test_wrong_calls(tmp_path, without_type_checks):
    paths = write(tmp_path, training()[:2])
    with pytest.raises(InputError, match=r"step_0.safetensors is the only checkpoint: a change needs two"):
        read_series(paths[0])
    with pytest.raises(InputError, match="no checkpoints are given"):
        read_series([])
    with pytest.raises(InputError, match="measures='rwc_l3' is not known; did you mean"):
        read_series(paths, measures="rwc_l3")
    for workers in (0, True, 1.5):
        with pytest.raises(InputError, match="workers="):
            read_series(paths, workers=workers)
    with pytest.raises(InputError, match="include holds 3"):
        read_series(paths, include=[3])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_breaks_off_while_it_is_read(workers, tmp_path, monkeypatch):
    paths = write(tmp_path / "ckpt", training()[:3])
    plan = "layerlore.dynamics.series.read.plan_series"
    from layerlore.dynamics.series.plan import plan_series

    def cut(series, **options):
        found = plan_series(series, **options)
        paths[1].write_bytes(paths[1].read_bytes()[:300])
        return found

    monkeypatch.setattr(plan, cut)
    with pytest.raises(InputError, match=r"step_1.safetensors ends after"):
        read_series(paths, workers=workers)
