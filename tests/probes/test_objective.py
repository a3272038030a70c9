"""Tests of the loss of a stack of probes and its gradient."""

import pytest
import torch

from layerlore.probes.objective import agreement, losses, predictions, value_and_gradient

CASES = [("cross_entropy", 4), ("cross_entropy", 1), ("squared", 3), ("squared", 1)]


def drawn(loss, n_outputs, n_penalties=3, batch=9, n_features=5):
    generator = torch.Generator().manual_seed(4)
    numbers = {"generator": generator, "dtype": torch.float64}
    parameters = torch.randn(n_penalties, n_outputs, n_features + 1, **numbers)
    features = torch.randn(batch, n_features, **numbers)
    if loss == "squared":
        return parameters, features, torch.randn(batch, n_outputs, **numbers)
    return parameters, features, torch.randint(0, max(2, n_outputs), (batch,), generator=generator)


def reference(parameters, features, labels, loss):
    """The summed loss of one probe, by torch's own losses."""
    outputs = features @ parameters[:, :-1].T + parameters[:, -1]
    if loss == "squared":
        return torch.nn.functional.mse_loss(outputs, labels, reduction="sum") / 2
    if len(parameters) == 1:
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], labels.double(), reduction="sum")
    return torch.nn.functional.cross_entropy(outputs, labels, reduction="sum")


@pytest.mark.parametrize(("loss", "n_outputs"), CASES)
def test_value_and_gradient_agree_with_autograd(loss, n_outputs):
    parameters, features, labels = drawn(loss, n_outputs)
    value, gradient = value_and_gradient(parameters, features, labels, loss)
    for probe in range(len(parameters)):
        leaf = parameters[probe].clone().requires_grad_()
        expected = reference(leaf, features, labels, loss)
        expected.backward()
        # Sums of 9 to 27 numbers of size 1 to 10 in float64.
        assert float(value[probe]) == pytest.approx(expected.item(), rel=1e-12)
        assert (gradient[probe] - leaf.grad).abs().max() < 1e-12


@pytest.mark.parametrize(("loss", "n_outputs"), CASES)
def test_losses_are_the_terms_of_the_value(loss, n_outputs):
    parameters, features, labels = drawn(loss, n_outputs)
    each = losses(predictions(parameters, features), labels, loss)
    assert each.shape == (3, 9)
    torch.testing.assert_close(each.sum(1), value_and_gradient(parameters, features, labels, loss)[0])


def test_large_logits_neither_overflow_nor_saturate():
    parameters = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    features = torch.tensor([[800.0], [-800.0]], dtype=torch.float64)
    value, gradient = value_and_gradient(parameters, features, torch.tensor([0, 0]), "cross_entropy")
    assert float(value) == 800.0
    assert float(gradient[0, 0, 0]) == 800.0


def test_agreement_counts_hits():
    predicted = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]], dtype=torch.float64)
    assert agreement(predicted, torch.tensor([0, 1, 1]), "cross_entropy").tolist() == [1, 1, 0]
    single = torch.tensor([[0.5], [-0.5], [0.5]], dtype=torch.float64)
    assert agreement(single, torch.tensor([1, 0, 0]), "cross_entropy").tolist() == [1, 1, 0]
    assert agreement(single, torch.tensor([[0.5], [0.5], [2.5]]), "squared").tolist() == [0, 1, 4]


def test_products_in_float32_are_summed_in_float64():
    parameters, features, labels = drawn("cross_entropy", 4)
    value, gradient = value_and_gradient(parameters, features.float(), labels, "cross_entropy")
    exact = value_and_gradient(parameters, features, labels, "cross_entropy")
    assert value.dtype == gradient.dtype == torch.float64
    # Five products of size up to 10, each rounded to 6e-8 of itself, per logit; nine rows.
    assert (gradient - exact[1]).abs().max() < 9 * 10 * 5 * 6e-8
