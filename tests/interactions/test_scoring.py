"""Scoring of one sample and the network's own outputs, with memory that runs out."""

import numpy as np
import pytest
import torch
from torch import nn

from layerlore.errors import BudgetError, InputError
from layerlore.interactions.scoring import Scorer, check_scores, unmasked_logits
from layerlore.networks import as_logits, check_logits, evaluating
from layerlore.players import Plan
from reference.tiny_networks import table


class Counting(nn.Module):
    """Counts batches and fails for those larger than ``most``."""

    def __init__(self, body, most=10_000, error=None):
        super().__init__()
        self.body, self.most, self.sizes = body, most, []
        self.error = error or torch.OutOfMemoryError("out of memory")

    def forward(self, inputs):
        if len(inputs) > self.most:
            raise self.error
        self.sizes.append(len(inputs))
        return self.body(inputs)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("can't allocate memory: x")]
)
def test_the_unmasked_pass_takes_smaller_batches_where_memory_runs_out(error):
    case = table()
    model = Counting(case.model, most=1, error=error)
    found = unmasked_logits(model, case.inputs, "logits", 64)
    with torch.no_grad():
        expected = case.model(case.inputs).double()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert model.sizes == [1, 1, 1, 1]


def test_a_single_sample_that_does_not_fit_is_a_budget_error():
    with pytest.raises(BudgetError, match=r"a single sample does not fit in memory .*more memory"):
        unmasked_logits(Counting(table().model, most=0), table().inputs, "logits", 4)


def test_other_errors_of_the_network_pass():
    with pytest.raises(RuntimeError, match="shapes differ"):
        unmasked_logits(
            Counting(table().model, most=0, error=RuntimeError("shapes differ")), table().inputs, "logits", 4
        )


def test_one_forward_pass_for_all_layers_and_targets():
    case = table()
    model = Counting(case.model)
    scorer = Scorer(model, {f"body.{probe.layer}": probe for probe in case.probes}, "logits", "log_odds")
    plan = Plan(("a", "b", "c"), torch.tensor([0, 1, 2, 2, -1]))
    told = []
    with evaluating(model):
        found = scorer.score_sample(
            case.inputs[0], torch.zeros(5), plan, (0.0, 1.0), torch.tensor([0, 2]), 3, told.append
        )
    assert found.shape == (2, 3, 8)
    assert model.sizes == told == [3, 3, 3, 3, 2, 2]


def test_scores_that_are_not_finite_name_sample_layer_and_coalition():
    scores = np.zeros((1, 2, 4))
    check_scores(scores, ["relu", "output"], 3)
    scores[0, 1, 2] = np.nan
    with pytest.raises(InputError, match=r"layer 'output' for sample 3 at coalition 2 is not finite.*another baseline"):
        check_scores(scores, ["relu", "output"], 3)


def test_probabilities_must_be_probabilities():
    shares = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    assert torch.equal(as_logits(shares, "probabilities"), shares.double().log())
    for wrong, message in (
        ([[-0.1, 1.1]], r"values from -0.1 to 1.1: leave outputs='logits'"),
        ([[0.5, 0.5], [0.9, 0.8]], r"a row .* sums to 1.7, not 1.*return logits"),
    ):
        with pytest.raises(InputError, match=message):
            as_logits(torch.tensor(wrong), "probabilities")
    assert as_logits(torch.tensor([[torch.nan, 0.5]]), "probabilities").isnan().any()
    single = torch.tensor([[0.25]])
    assert as_logits(single, "probabilities").item() == pytest.approx(np.log(1 / 3))


def test_logits_that_are_probabilities_are_refused():
    with pytest.raises(InputError, match=r"look like probabilities.*rows that sum to 1.*drop the final softmax"):
        check_logits(torch.tensor([[0.25, 0.75]]))
    with pytest.raises(InputError, match=r"look like probabilities"):
        check_logits(torch.full((8, 1), 0.5))
    check_logits(torch.tensor([[0.25, 0.85]]))
    check_logits(torch.tensor([[-0.25, 1.25]]))
