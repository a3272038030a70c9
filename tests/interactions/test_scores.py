"""Scores of outputs, judged by 100-digit arithmetic (METHODS A2)."""

import math

import numpy as np
import pytest
import torch

from layerlore.errors import InputError
from layerlore.interactions.scores import score_outputs
from reference.ledger_by_definition import log_odds

EPS = np.finfo(float).eps


def scored(logits, targets, score="log_odds"):
    return score_outputs(torch.tensor(logits, dtype=torch.float64), torch.tensor(targets), score).numpy()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_log_odds_of_any_size_are_those_of_exact_arithmetic(n_classes, scale):
    logits = np.random.default_rng(n_classes).standard_normal((20, n_classes)) * scale
    found = scored(logits, range(n_classes))
    exact = np.array([[log_odds(row, target) for target in range(n_classes)] for row in logits])
    # One sum of n exponentials, a logarithm, and two differences of numbers no larger than the logits.
    slack = (n_classes + 4) * EPS * (np.abs(logits).max(1, keepdims=True) + math.log(n_classes))
    assert (np.abs(found - exact) <= slack).all()


def test_saturated_logits_give_exact_finite_values():
    # p is 1 to float64 in the first row and 0 in the others: through a probability these would be infinite or clipped.
    found = scored([[800.0, -800.0], [-800.0, 800.0]], [0])[:, 0]
    assert found.tolist() == [1600.0, -1600.0]
    found = scored([[800.0, -800.0, -800.0], [-800.0, 800.0, 800.0]], [0])[:, 0]
    np.testing.assert_allclose(found, [1600 - math.log(2), -1600 - math.log(2)], rtol=EPS)


def test_two_classes_give_the_difference_of_logits():
    logits = np.random.default_rng(0).standard_normal((50, 2)) * 100
    found = scored(logits, [0, 1])
    assert np.array_equal(found[:, 1], logits[:, 1] - logits[:, 0])
    assert np.array_equal(found[:, 0], -found[:, 1])


@pytest.mark.parametrize("score", ["log_odds", "logit"])
def test_one_logit_is_for_target_1_and_against_target_0(score):
    logits = np.array([[800.0], [-3.5], [0.25]])
    found = scored(logits, [1, 0], score)
    assert np.array_equal(found, np.concatenate([logits, -logits], axis=1))


def test_one_logit_agrees_with_a_softmax_over_zero_and_itself():
    assert scored([[2.5]], [0, 1]).tolist() == scored([[0.0, 2.5]], [0, 1]).tolist()
    assert scored([[2.5]], [1])[0, 0] == pytest.approx(log_odds([2.5], 1), rel=4 * EPS)


def test_a_constant_added_to_all_logits_changes_no_log_odds():
    logits = np.random.default_rng(1).integers(-50, 50, (20, 5)).astype(float)
    # Differences of whole numbers are exact; only the last subtraction rounds, at the size of the shift.
    np.testing.assert_allclose(scored(logits + 1024, range(5)), scored(logits, range(5)), rtol=0, atol=4 * 1100 * EPS)


def test_a_logit_is_the_column_of_its_target_and_targets_keep_their_order():
    logits = np.arange(12.0).reshape(3, 4) ** 2
    assert np.array_equal(scored(logits, [3, 0, 3], "logit"), logits[:, [3, 0, 3]])
    assert np.array_equal(scored(logits, [3, 0]), scored(logits, [0, 3])[:, ::-1])


def test_a_function_gets_each_target_and_gives_float64():
    seen = []

    def score(outputs, target):
        seen.append(target)
        return (outputs[:, target] * 2).to(torch.float32)

    found = scored([[1.0, 2.0], [3.0, 4.0]], [1, 0], score)
    assert seen == [1, 0]
    assert found.dtype == np.float64
    assert found.tolist() == [[4.0, 2.0], [8.0, 6.0]]


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("logodds", "score='logodds' is not known; did you mean 'log_odds'"),
        (lambda outputs, target: outputs, r"score returned shape \(2, 3\) for outputs of shape \(2, 3\).*shape \(2,\)"),
        (lambda outputs, target: 1.0, r"score returned a float for outputs of shape \(2, 3\)"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_scores_that_cannot_be_used_are_refused(score, message):
    with pytest.raises(InputError, match=message):
        score_outputs(torch.zeros(2, 3, dtype=torch.float64), torch.tensor([0]), score)
