"""Probes against scikit-learn's, trained on the same standardised features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch.utils.data import TensorDataset

from layerlore.networks import capture, evaluating
from layerlore.probes import fit_probes

PENALTY = 0.05
TIGHT = 1e-8


def features_of(model, layer, inputs):
    with evaluating(model), capture(model, [layer]) as captured:
        model(inputs)
    return captured[layer].flatten(1).numpy()


def standardised(train):
    deviation = train.std(0)
    return train.mean(0), np.where(deviation > 0, deviation, 1.0)


def folded(coefficients, intercept, mean, deviation):
    weight = np.atleast_2d(coefficients) / deviation
    return weight, intercept - weight @ mean


def bound(n_weights, deviation):
    """How far two minimisers with gradients below the tolerance can be apart.

    The objective curves at least like the penalty, so each is within ``sqrt(n) * tolerance / penalty`` of the minimum;
    scikit-learn's gradient is taken to be no larger than ten times its own tolerance. Unfolding divides by deviations.
    """
    return np.sqrt(n_weights) * 20 * TIGHT / PENALTY / deviation.min()


@pytest.mark.parametrize("n_classes", [3, 5])
def test_many_classes_agree_with_logistic_regression(data, net, n_classes):
    train, held = data(n_classes=n_classes), data(60, n_classes=n_classes, seed=5)
    model = net(n_outputs=n_classes)
    probes = fit_probes(model, ["0", "1"], train, held, penalties=[PENALTY], tolerance=TIGHT)
    for probe in probes:
        features = features_of(model, probe.layer, train.tensors[0])
        mean, deviation = standardised(features)
        reference = LogisticRegression(C=1 / (PENALTY * len(features)), tol=TIGHT, max_iter=10_000)
        reference.fit((features - mean) / deviation, train.tensors[1].numpy())
        weight, bias = folded(reference.coef_, reference.intercept_, mean, deviation)
        assert probe.converged
        assert probe.weight.dtype == torch.float64
        assert np.abs(probe.weight.numpy() - weight).max() < bound(weight.size, deviation)
        # A constant added to all biases changes nothing; means over deviations of the features multiply the error.
        slack = bound(weight.size, deviation) * (1 + np.abs(mean).sum())
        assert np.abs((probe.bias - probe.bias.mean()).numpy() - (bias - bias.mean())).max() < slack


def test_one_logit_agrees_with_binary_logistic_regression(data, net):
    train, held = data(n_classes=2), data(60, n_classes=2, seed=5)
    model = net(n_outputs=1)
    probe = fit_probes(model, ["0"], train, held, penalties=[PENALTY], tolerance=TIGHT)["0"]
    features = features_of(model, "0", train.tensors[0])
    mean, deviation = standardised(features)
    reference = LogisticRegression(C=1 / (PENALTY * len(features)), tol=TIGHT, max_iter=10_000)
    reference.fit((features - mean) / deviation, train.tensors[1].numpy())
    weight, bias = folded(reference.coef_, reference.intercept_, mean, deviation)
    assert probe.weight.shape == (1, 5)
    assert np.abs(probe.weight.numpy() - weight).max() < bound(weight.size, deviation)
    assert np.abs(probe.bias.numpy() - bias).max() < bound(weight.size, deviation) * (1 + np.abs(mean).sum())


def test_squared_loss_agrees_with_ridge(data, net):
    inputs = data().tensors[0]
    unit = (inputs - inputs.mean(0)) / inputs.std(0)
    targets = torch.stack([unit[:, 0] * 3 - unit[:, 5] + 2, unit[:, 2] ** 2 + unit[:, 5]], dim=1)
    train, held = TensorDataset(inputs[:80], targets[:80]), TensorDataset(inputs[80:], targets[80:])
    model = net(n_outputs=2)
    probe = fit_probes(model, ["0"], train, held, penalties=[PENALTY], tolerance=TIGHT, loss="squared")["0"]
    features = features_of(model, "0", inputs)
    mean, deviation = standardised(features[:80])
    # Ridge sums squared errors, a probe takes half their mean.
    reference = Ridge(alpha=PENALTY * 80, solver="cholesky").fit(
        (features[:80] - mean) / deviation, targets[:80].numpy()
    )
    weight, bias = folded(reference.coef_, reference.intercept_, mean, deviation)
    assert np.abs(probe.weight.numpy() - weight).max() < bound(weight.size, deviation)
    assert np.abs(probe.bias.numpy() - bias).max() < bound(weight.size, deviation) * (1 + np.abs(mean).sum())
    outputs = reference.predict((features - mean) / deviation)
    errors = outputs - targets.numpy()
    scatter = targets[80:] - targets[80:].mean(0)
    assert probe.quality.validation_loss == pytest.approx((errors[80:] ** 2).sum(1).mean() / 2, rel=1e-6)
    explained = 1 - (errors[80:] ** 2).sum() / float((scatter**2).sum())
    assert probe.quality.validation_accuracy == pytest.approx(explained, rel=1e-6)


@pytest.mark.filterwarnings("ignore:the probe of layer '0' is no better than chance")
def test_the_penalty_is_the_one_with_the_least_validation_loss(data):
    # More features than a tenth of the samples, so that too weak a penalty learns them by heart.
    train, held = data(60, 30), data(200, 30, seed=5)
    for part in (train, held):
        part.tensors[1][::4] = 0
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(30, 3)).double()
    grid = [1e-3, 1e-1, 1.0, 10.0]
    apart = [fit_probes(model, ["0"], train, held, penalties=[penalty])["0"] for penalty in grid]
    chosen = fit_probes(model, ["0"], train, held, penalties=grid)["0"]
    best = min(apart, key=lambda probe: probe.quality.validation_loss)
    assert best.penalty not in (grid[0], grid[-1])  # or the choice would not be tested
    assert chosen.penalty == best.penalty
    # Both meet the default tolerance of 1e-4 on 93 parameters.
    apart = (chosen.weight - best.weight) * train.tensors[0].std(0)
    assert apart.abs().max() < 93**0.5 * 2e-4 / best.penalty


def test_of_equally_good_penalties_the_strongest_is_chosen(net):
    # Features that tell nothing: every probe answers the shares of the classes.
    constant = TensorDataset(torch.ones(40, 6, dtype=torch.float64), torch.arange(40) % 2)
    with pytest.warns(UserWarning, match="no better than chance"):
        probe = fit_probes(net(n_outputs=2), ["0"], constant, penalties=[0.1, 1.0, 0.01])["0"]
    assert probe.penalty == 1.0
    assert not probe.weight.any()


@pytest.mark.parametrize("value", [0.0, 1e-30, 3.7, -1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_that_do_not_vary_get_weight_zero(data, net, value, dtype):
    inputs, labels = data(dtype=dtype).tensors
    inputs = torch.cat([inputs, inputs.new_full((len(inputs), 1), value)], dim=1)
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(7, 3)).to(dtype)
    probe = fit_probes(model, ["0"], TensorDataset(inputs, labels))["0"]
    assert not probe.weight[:, 6].any()
    assert probe.weight[:, :6].all()


def test_features_too_small_to_be_divided_by_get_weight_zero(data):
    inputs, labels = data(dtype=torch.float32).tensors
    inputs[:, 0] *= 1e-38
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(6, 3))
    probe = fit_probes(model, ["0"], TensorDataset(inputs, labels))["0"]
    assert torch.isfinite(probe.weight).all()
    assert np.isfinite(probe.quality.validation_loss)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_the_scale_of_the_features_does_not_matter(data, size):
    inputs, labels = data().tensors
    held = data(60, seed=5).tensors
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(6, 3)).double()
    settings = {"penalties": [PENALTY], "tolerance": TIGHT}
    one = fit_probes(model, ["0"], TensorDataset(inputs, labels), TensorDataset(*held), **settings)["0"]
    shifted = TensorDataset(inputs * size + 100 * size, labels)
    other = TensorDataset(held[0] * size + 100 * size, held[1])
    two = fit_probes(model, ["0"], shifted, other, **settings)["0"]
    torch.testing.assert_close(two.weight * size, one.weight, rtol=1e-5, atol=1e-7)
    assert two.quality.validation_loss == pytest.approx(one.quality.validation_loss, rel=1e-6)


def test_a_half_precision_network_is_probed_in_float32(data):
    inputs, labels = data(dtype=torch.bfloat16).tensors
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(6, 3))
    train = TensorDataset(inputs, labels)
    coarse = fit_probes(model.bfloat16(), ["0"], train, penalties=[PENALTY])["0"]
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(6, 3))
    fine = fit_probes(model.double(), ["0"], train, penalties=[PENALTY], tolerance=TIGHT)["0"]
    assert coarse.converged
    # Identity hands on the same numbers: what is left is the tolerance, sqrt(18) * 1e-4 / 0.05, over deviations.
    deviation = inputs.double().std(0)
    assert ((coarse.weight - fine.weight) * deviation).abs().max() < 18**0.5 * 1e-4 / PENALTY
