"""Memory that runs out: the batch is halved for good, the numbers stay, and what cannot fit is a clear error."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.errors import BudgetError, QualityWarning
from layerlore.interactions.task import create_arrays
from reference.tiny_networks import QUICK, Case, table

PLAYERS = ll.Columns(5)


class Small(nn.Module):
    """Runs out of memory for batches of more than ``most``."""

    most: float = 8
    error: BaseException = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, inputs):
        if len(inputs) > self.most:
            raise self.error
        return self.body(inputs)


def case_of(most=8, error=None) -> Case:
    model = Small(copy.deepcopy(table("named output").model.body)).eval()
    # Set from outside: what the network is must not depend on it.
    model.most = most
    if error is not None:
        model.error = error
    return table("named output").with_model(model)


def explained(case, **options):
    return ll.explain(case.model, case.probes, case.inputs, case.labels, players=PLAYERS, **{**QUICK, **options})


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried\nto"),
        MemoryError(),
    ],
)
def test_the_batch_is_halved_noted_and_the_scores_are_the_same(error, tmp_path):
    with pytest.warns(QualityWarning, match="out of memory with"):
        found = explained(case_of(error=error), run=tmp_path / "run")
    assert found.manifest["batch_size"] == 8
    first, second = found.notes
    assert first.startswith("out of memory with 32 masked inputs at once; continued with 16 (")
    assert second.startswith("out of memory with 16 masked inputs at once; continued with 8 (")
    scores = found.data["scores"].values
    expected = explained(case_of(most=1000), batch_size=8).data["scores"].values
    assert np.array_equal(scores, expected)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        explained(case_of(error=RuntimeError("mat1 and mat2 shapes cannot be multiplied")))


def test_a_single_masked_input_that_does_not_fit(tmp_path, monkeypatch):
    case = case_of(most=1)
    run = tmp_path / "run"

    def nothing_fits_from_now_on(folder, task):
        create_arrays(folder, task)
        case.model.most = 0

    monkeypatch.setattr("layerlore.interactions.explain.create_arrays", nothing_fits_from_now_on)
    with pytest.raises(BudgetError, match=r"a single masked input does not fit in memory .*fewer layers, or pooled"):
        explained(case, run=run)
    monkeypatch.undo()
    case.model.most = 1000
    with pytest.warns(QualityWarning, match="out of memory"):
        resumed = explained(case, run=run)
    assert resumed.manifest["batch_size"] == 1


def test_not_even_one_sample_fits(tmp_path):
    with pytest.raises(BudgetError, match="a single sample does not fit"):
        explained(case_of(most=0), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_budget_under_one_masked_input(tmp_path):
    with pytest.raises(BudgetError, match=r"one masked input needs about 256 B, the budget is 255 B: raise budget="):
        explained(case_of(most=1000), budget=255, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore::layerlore.errors.QualityWarning")
def test_the_budget_decides_the_batch():
    # The largest layer takes and gives 8 float32 numbers: 64 bytes for each input, held four times.
    assert explained(case_of(most=1000), budget=256 * 5 + 255).manifest["batch_size"] == 5
    assert explained(case_of(most=1000), budget=2**40).manifest["batch_size"] == 32
    assert explained(case_of(most=1000), batch_size=7).manifest["batch_size"] == 7


def test_a_network_that_cannot_run_in_float64_has_no_noise_floor():
    class Mixed(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, inputs):
            return self.body(inputs.float())

    case = table("named output").with_model(Mixed(copy.deepcopy(table("named output").model.body)).eval())
    with pytest.warns(QualityWarning, match="noise floor was not measured: the network does not run in float64"):
        found = explained(case, noise_samples=1)
    assert found.noise_floor() is None
    assert "effects" in found.data
