"""Findings about series: each is found where it was planted, and nowhere else."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from layerlore.dynamics import History
from layerlore.dynamics.health import CHECKS, Finding, Health, check_history, check_series
from layerlore.dynamics.series import read_series
from layerlore.errors import InputError, QualityWarning, RunError
from reference.saved_series import FORMATS, copied, training, write

STEPS = range(9)


def checked(folder, states, steps=None, fmt="safetensors", **options):
    write(folder, states, fmt, steps)
    return check_series(folder, **options)


def grave(health):
    return [(one.check, one.severity, one.layer, one.step) for one in health.findings if one.severity != "note"]


def walk(count, size=2000, drift=0.0, n_weights=4, seed=0):
    """Weights that take independent steps, with a drift that all of them share."""
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(size // 10, 10, generator=generator) for _ in range(n_weights)]
    ways = [torch.randn(size // 10, 10, generator=generator) for _ in range(n_weights)]
    states = []
    for _ in range(count):
        states.append({f"{place}.weight": weight.clone() for place, weight in enumerate(weights)})
        for weight, way in zip(weights, ways, strict=True):
            weight.add_(0.01 * torch.randn(weight.shape, generator=generator) + drift * way)
    return states


@pytest.mark.filterwarnings("ignore::layerlore.errors.QualityWarning")
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_real_training_is_healthy(fmt, tmp_path):
    health = checked(tmp_path, training(), fmt=fmt)
    assert health.findings == []
    assert health.ok
    assert health.checked["n_tensors"] == 14
    assert health.checked["steps"] == [100 * step if fmt == "lightning" else step for step in STEPS]


@pytest.mark.parametrize("drift", [0.0, 0.01, 0.1])
def test_random_walks_are_healthy(drift, tmp_path):
    assert checked(tmp_path, walk(10, drift=drift)).findings == []


def test_noise_around_one_point_is_healthy(tmp_path):
    generator = torch.Generator().manual_seed(0)
    centre = torch.randn(200, 10, generator=generator)
    states = [{"a.weight": centre + 0.01 * torch.randn(200, 10, generator=generator)} for _ in range(10)]
    assert checked(tmp_path, states).findings == []


def test_going_back_and_forth_is_not_swapped(tmp_path):
    states = walk(10)
    for step, state in enumerate(states):
        for weight in state.values():
            weight.add_(0.1 * (-1) ** step)
    assert checked(tmp_path, states).findings == []


def test_one_odd_checkpoint_in_the_middle_is_not_swapped(tmp_path):
    states = walk(10)
    for weight in states[4].values():
        weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(5)))
    assert "swapped" not in {one.check for one in checked(tmp_path, states).findings}


@pytest.mark.parametrize("states", [training(), walk(9), walk(9, drift=0.03)], ids=["training", "walk", "drift"])
@pytest.mark.parametrize("pair", range(8))
def test_neighbours_that_are_swapped(states, pair, tmp_path):
    mixed = list(states)
    mixed[pair], mixed[pair + 1] = mixed[pair + 1], mixed[pair]
    found = checked(tmp_path, mixed)
    severity = "warning" if pair in (0, 7) else "error"
    assert grave(found) == [("swapped", severity, None, pair)]
    (finding,) = found.findings
    assert finding.values["with_step"] == pair + 1
    assert f"with steps {pair} and {pair + 1} exchanged" in finding.evidence
    assert ("one odd checkpoint looks the same" in finding.evidence) == (severity == "warning")


def test_equal_checkpoints_wherever_they_are(tmp_path):
    states = list(training())
    states[5] = states[4]
    states[7] = states[1]
    health = checked(tmp_path, states)
    found = [one for one in health.findings if one.check == "equal"]
    assert [(one.step, one.values["same_as"], one.severity) for one in found] == [(5, 4, "error"), (7, 1, "error")]
    assert found[0].evidence == "all 14 tensors have the same bytes as at step 4"
    assert "frozen" not in {one.check for one in health.findings}


def test_all_equal(tmp_path):
    assert {one.check for one in checked(tmp_path, [training()[3]] * 4).findings} == {"equal"}


def test_one_element_makes_a_difference(tmp_path):
    states = copied(training())
    states[5] = {name: value.clone() for name, value in states[4].items()}
    states[5]["9.bias"][0] += 1e-3
    assert "equal" not in {one.check for one in checked(tmp_path, states).findings}


def test_frozen_weights(tmp_path):
    states = copied(training())
    for state in states:
        state["7.weight"].copy_(states[0]["7.weight"])
        state["7.bias"].copy_(states[0]["7.bias"])
    health = checked(tmp_path, states)
    assert grave(health) == [("frozen", "warning", "7.weight", None)]
    assert [(one.layer, one.severity) for one in health.findings] == [("7.weight", "warning"), ("7.bias", "note")]
    assert health.findings[0].evidence == "none of its 3,840 elements changes in 8 steps between checkpoints"
    states[8]["7.weight"][3, 3] += 1
    assert grave(checked(tmp_path / "thawed", states)) == []


def test_training_of_a_few_weights_is_only_noted(tmp_path):
    states = copied(training())
    for state in states:
        for name in state:
            if name not in ("9.weight", "9.bias"):
                state[name].copy_(states[0][name])
    health = checked(tmp_path, states)
    assert grave(health) == []
    assert "most weights of this series are frozen" in health.findings[0].evidence


def test_dead_weights(tmp_path):
    states = copied(training())
    for state in states[3:]:
        state["4.weight"].zero_()
    for state in states:
        state["9.weight"].fill_(0.25)
    states[0]["7.weight"].zero_()
    health = checked(tmp_path, states)
    found = {one.layer: one for one in health.findings if one.check == "dead"}
    assert set(found) == {"4.weight", "9.weight"}
    assert found["4.weight"].evidence == "its 72 elements are all zero since step 3"
    assert found["9.weight"].evidence == "its 200 elements are all 0.25 in all checkpoints"
    assert "frozen" not in {one.check for one in health.findings}


def test_exploding_weights(tmp_path):
    states = copied(training())
    for step in range(5, 9):
        states[step]["7.weight"] *= 30.0 ** (step - 4)
    health = checked(tmp_path, states)
    assert grave(health) == [("exploding", "warning", "7.weight", 5)]
    assert "times the median of its past" in health.findings[0].evidence


def test_growing_together_or_from_almost_nothing_is_no_explosion(tmp_path):
    together = copied(walk(9))
    for step, state in enumerate(together):
        for weight in state.values():
            weight.mul_(1.6**step)
    assert checked(tmp_path / "together", together).findings == []
    lora = walk(9)
    for step, state in enumerate(lora):
        state["b.weight"] = (1e-6 * 4.0**step if step else 0.0) * state["0.weight"]
    assert checked(tmp_path / "lora", lora).findings == []


def test_a_network_that_explodes_as_a_whole(tmp_path):
    states = copied(walk(9))
    for step in range(6, 9):
        for weight in states[step].values():
            weight.mul_(1000.0)
    found = checked(tmp_path, states).findings
    # Those that are not below the median size of all.
    assert {one.check for one in found} == {"exploding"}
    assert all(one.step == 6 for one in found)
    assert len(found) >= 2


def test_nan_and_infinity(tmp_path):
    states = copied(training())
    states[4]["7.weight"][:2] = torch.nan
    states[6]["7.weight"][0, 0] = -torch.inf
    states[8]["1.running_var"][1] = torch.inf
    health = checked(tmp_path, states)
    assert grave(health) == [("nonfinite", "error", "7.weight", 4), ("nonfinite", "error", "1.running_var", 8)]
    assert health.findings[0].values["counts"] == {"4": 384, "6": 1}
    assert "384 of 3,840 elements are NaN or infinite at step 4" in health.findings[0].evidence
    assert not health.ok


def test_looking_in_pieces_finds_the_same(tmp_path, monkeypatch):
    states = copied(training())
    states[4]["7.weight"][3:5] = torch.nan
    for step in range(5, 9):
        states[step]["0.weight"] *= 30.0
        states[step]["4.weight"].zero_()
    whole = checked(tmp_path, states).to_json()
    assert {one["check"] for one in whole["findings"]} == {"nonfinite", "dead", "exploding"}
    monkeypatch.setattr("layerlore.dynamics.health.courses._PIECE", 7)
    pieces = check_series(tmp_path).to_json()
    for one, other in zip(whole["findings"], pieces["findings"], strict=True):
        assert one["evidence"] == other["evidence"]


def test_swapped_neighbours_of_a_training_of_few_weights(tmp_path):
    states = copied(training())
    for state in states:
        for name in ("0.weight", "3.weight", "7.weight"):
            state[name].copy_(states[0][name])
    states[3], states[4] = states[4], states[3]
    assert grave(checked(tmp_path, states)) == [("swapped", "error", None, 3)]


def test_a_layer_that_is_all_nan(tmp_path):
    states = copied(training())
    for state in states:
        state["7.weight"].fill_(torch.nan)
    assert grave(checked(tmp_path, states)) == [("nonfinite", "error", "7.weight", 0)]


def test_tensors_that_do_not_fit_each_other(tmp_path):
    states = copied(training())
    states[2].pop("7.weight")
    states[3]["9.weight"] = torch.ones(10, 7)
    states[5]["4.weight"] = states[5]["4.weight"].double()
    states[6]["new.weight"] = torch.ones(2, 2)
    states[7]["empty.weight"] = torch.ones(0, 2)
    health = checked(tmp_path, states)
    found = {(one.check, one.layer, one.step): one.evidence for one in health.findings}
    assert found["missing", "7.weight", 2] == "8 of 9 checkpoints have it; it is missing at step 2"
    assert (
        found["missing", "new.weight", 0]
        == "1 of 9 checkpoints have it; it is missing at steps 0, 1, 2, 3, 4 and 3 more"
    )
    assert found["shape", "9.weight", 3] == "float32 [10, 20] at step 2, float32 [10, 7] at step 3"
    assert found["shape", "9.weight", 4] == "float32 [10, 7] at step 3, float32 [10, 20] at step 4"
    assert found["shape", "4.weight", 5] == "float32 [12, 6, 1, 1] at step 4, float64 [12, 6, 1, 1] at step 5"
    assert found["empty", "empty.weight", 7] == "it is float32 [0, 2]: there is nothing in it"
    assert {check for check, _, _ in found} == {"missing", "shape", "empty"}


def test_other_networks(tmp_path):
    write(tmp_path, training()[:2])
    write(tmp_path, [{"other.weight": torch.ones(3, 3)}], steps=[2])
    assert {check for check, _, _, _ in grave(check_series(tmp_path))} == {"missing", "dead"}


def test_files_that_cannot_be_read(tmp_path):
    paths = write(tmp_path, training())
    paths[3].write_bytes(paths[3].read_bytes()[:5000])
    health = check_series(tmp_path)
    assert grave(health) == [("unreadable", "error", None, 3)]
    assert "step_3.safetensors was cut off" in health.findings[0].evidence
    for path in paths:
        path.write_bytes(b"nothing")
    assert [one.check for one in check_series(tmp_path).findings] == ["unreadable"] * 9


def test_a_part_that_is_missing_is_found_when_it_is_read(tmp_path):
    paths = write(tmp_path, training()[:5], "distributed")
    (paths[2] / "__0_0.distcp").unlink()
    (finding,) = [one for one in check_series(tmp_path).findings if one.severity != "note"]
    assert (finding.check, finding.step) == ("unreadable", 2)
    assert finding.evidence.startswith("14 tensors cannot be read: ")
    assert "__0_0.distcp cannot be read (No such file" in finding.evidence


@pytest.mark.parametrize(
    ("steps", "missing"),
    [
        ([0, 10, 20, 50, 60, 70], [30, 40]),
        ([5, 10, 15, 25], [20]),
        ([0, 10, 20, 30, 35], []),
        ([1, 2, 4, 8, 16, 32], []),
        ([0, 1, 2, 4, 8, 1000, 2000, 3000, 4000, 5000, 6000, 7000], []),
        ([0, 10, 25, 35, 45], []),
        ([0, 10], []),
        ([0, 10, 30], []),
    ],
)
def test_gaps(steps, missing, tmp_path):
    findings = checked(tmp_path, walk(len(steps)), steps).findings
    assert [step for one in findings for step in one.values["missing"]] == missing
    if missing:
        assert (findings[0].check, findings[0].severity) == ("gap", "warning")


def test_options(tmp_path, without_type_checks):
    states = copied(training())
    states[4]["7.weight"][:2] = torch.nan
    write(tmp_path, states)
    assert check_series(tmp_path, exclude="7.*").ok
    assert check_series(tmp_path, include="7.weight").checked["n_tensors"] == 1
    told = []
    two = check_series(tmp_path, workers=2, progress=lambda *words: told.append(words))
    assert two.to_json() == check_series(tmp_path).to_json()
    assert told[-1] == ("tensors checked", 126, 126)
    with pytest.raises(InputError, match="workers=0"):
        check_series(tmp_path, workers=0)
    with pytest.raises(InputError, match="is the only checkpoint"):
        check_series(tmp_path / "step_1.safetensors")
    save_file({"a": torch.ones(2)}, tmp_path / "init.safetensors")
    with pytest.raises(InputError, match="order of these checkpoints cannot be told"):
        check_series(tmp_path)


def test_results_travel(tmp_path):
    states = copied(training())
    states[4]["7.weight"][:2] = torch.nan
    health = checked(tmp_path / "ckpt", states, [0, 1, 2, 3, 4, 5, 6, 7, 9])
    (tmp_path / "run").mkdir()
    health.save(tmp_path / "run")
    found = Health.from_json(json.loads((tmp_path / "run" / "health.json").read_text()))
    assert found == health
    table = health.to_dataframe()
    assert table["check"].tolist() == ["nonfinite", "gap"]
    assert table["layer"].tolist()[0] == "7.weight"
    assert repr(health) == "Health(1 errors, 1 warnings, 0 notes)"
    assert {one.check for one in health.findings} <= set(CHECKS)
    for nonsense in ({}, {"findings": [{}], "checked": {}}, {"findings": 3, "checked": {}}):
        with pytest.raises(RunError, match="the findings are damaged"):
            Health.from_json(nonsense)
    with pytest.raises(InputError, match="severity='grave' is not known"):
        health.count("grave")


def history(table, measure="rwc_l2", **more):
    return History.from_table(
        [f"l{row}" for row in range(len(table))], np.asarray(table, float), measure=measure, **more
    )


def test_a_healthy_history(tmp_path):
    write(tmp_path, training())
    health = check_history(read_series(tmp_path))
    assert health.findings == []
    assert health.checked["checks"] == ["gap", "frozen", "nonfinite", "exploding"]
    generator = np.random.default_rng(0)
    assert check_history(history(np.exp(generator.normal(-3, 0.5, (12, 20))))).findings == []


def test_a_history_with_faults():
    table = np.full((6, 7), 0.01)
    table[1] = 0
    table[4, 5] = 40.0
    found = check_history(history(table, steps=[1, 2, 3, 4, 5, 7, 8])).findings
    assert [(one.check, one.severity, one.layer, one.step) for one in found] == [
        ("gap", "warning", None, 7),
        ("frozen", "warning", "l1", None),
        ("exploding", "warning", "l4", 7),
    ]
    assert "its rwc_l2 is 40 at step 7, 4e+03 times its median" in found[2].evidence
    table[:] = 0
    assert check_history(history(table)).findings == []
    table[0] = 1
    assert {one.severity for one in check_history(history(table)).findings} == {"note"}


def test_a_history_tells_of_nan(tmp_path):
    states = copied(training())
    states[4]["7.weight"][:2] = torch.nan
    write(tmp_path, states)
    with pytest.warns(QualityWarning, match="NaN"):
        found = check_history(read_series(tmp_path)).findings
    assert [(one.check, one.layer, one.step) for one in found] == [("nonfinite", "7.weight", 4)]
    assert found[0].values["counts"] == {"4": 384, "5": 384}


def test_a_history_of_another_measure_says_what_was_checked():
    health = check_history(history(np.ones((3, 4)), measure="rwc_elementwise"))
    assert health.checked["checks"] == ["gap"]


def test_findings_are_sorted():
    from layerlore.dynamics.health.findings import make_health

    findings = [
        Finding("gap", "warning", None, 9, ""),
        Finding("frozen", "note", "a", None, ""),
        Finding("nonfinite", "error", "b", 5, ""),
        Finding("nonfinite", "error", "a", 3, ""),
        Finding("unreadable", "error", None, 7, ""),
    ]
    order = [(one.check, one.step) for one in make_health(findings, {}).findings]
    assert order == [("unreadable", 7), ("nonfinite", 3), ("nonfinite", 5), ("gap", 9), ("frozen", None)]


def test_findings_come_back_from_a_run_folder(tmp_path):
    assert Health.load(tmp_path) is None
    health = Health([Finding("frozen", "warning", "a.weight", None, "never changes", {"pairs": 3})], {"steps": [1, 2]})
    health.save(tmp_path)
    assert Health.load(tmp_path) == health
    (tmp_path / "health.json").write_text("{")
    with pytest.raises(RunError, match=r"health\.json cannot be read .*: remove it and check the series again"):
        Health.load(tmp_path)
