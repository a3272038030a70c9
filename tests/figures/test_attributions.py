"""Integrated Gradients against formulas, a slow sum, and what they must add up to."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from layerlore.errors import InputError, MissingExtraError, QualityWarning
from layerlore.figures import integrated_gradients
from layerlore.interactions.scores import score_outputs


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


INPUTS = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
TARGETS = torch.tensor([0, 1, 2, 0])
OWNER = torch.tensor([[0, 0, 1, 2, -1, 1]]).repeat(4, 1)


def scores_of(model, inputs):
    outputs = model(inputs).double()
    return torch.stack(
        [score_outputs(row[None], target[None], "log_odds")[0, 0] for row, target in zip(outputs, TARGETS, strict=True)]
    )


def test_players_add_up_to_what_showing_them_changes(network):
    baseline = torch.full((6,), 0.3)
    found = integrated_gradients(network, INPUTS, TARGETS, baseline, OWNER)
    start = torch.where(OWNER >= 0, baseline, INPUTS)
    reach = (scores_of(network, INPUTS) - scores_of(network, start)).detach().numpy()
    # 128 points of a smooth function in float32: what is left is rounding, about 1e-6 of the score.
    np.testing.assert_allclose(found.sum(1), reach, rtol=1e-4, atol=1e-5)


def test_a_slow_sum_gives_the_same(network):
    baseline = torch.zeros(6)
    found = integrated_gradients(network, INPUTS, TARGETS, baseline, OWNER)
    model, inputs = network.double(), INPUTS.double()
    start = torch.where(OWNER >= 0, baseline.double(), inputs)
    shares = (torch.arange(200) + 0.5) / 200
    points = (start + shares[:, None, None] * (inputs - start)).requires_grad_()
    total = torch.autograd.grad(sum(scores_of(model, point).sum() for point in points), points)[0].mean(0)
    values = total * (inputs - start)
    for player in range(3):
        expected = torch.where(player == OWNER, values, 0.0).sum(1)
        # The midpoint rule's error at 200 points is below 1e-5 of the score; float32 gives about the same.
        np.testing.assert_allclose(found[:, player], expected, rtol=1e-4, atol=1e-5)


def test_a_linear_score_is_shared_exactly():
    class Linear(nn.Module):
        def forward(self, inputs):
            return inputs @ torch.tensor([1.0, -2.0, 3.0])

    found = integrated_gradients(
        Linear(), torch.tensor([[1.0, 1, 1], [2, 0, 1]]), torch.tensor([1, 0]), torch.zeros(3),
        np.array([[0, 1, 1], [0, 1, 1]]),
    )  # fmt: skip
    # One logit: z for class 1, -z for class 0.
    np.testing.assert_allclose(found, [[1, 1], [-2, -3]], rtol=1e-6)


def test_channels_of_an_image_share_their_pixel(network):
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    images = torch.randn(2, 3, 2, 2)
    owner = np.array([[[0, 1], [-1, 1]]] * 2)
    found = integrated_gradients(model, images, torch.tensor([0, 1]), torch.zeros(3, 2, 2), owner)
    wide = np.broadcast_to(owner[:, None], images.shape).reshape(2, 12)
    flat = integrated_gradients(nn.Sequential(model[1]), images.flatten(1), torch.tensor([0, 1]), torch.zeros(12), wide)
    np.testing.assert_allclose(found, flat, rtol=1e-6)
    with_axis = integrated_gradients(model, images, torch.tensor([0, 1]), torch.zeros(3, 2, 2), owner[:, None])
    np.testing.assert_array_equal(found, with_axis)


class Reader(nn.Module):
    """Sums the embeddings of the tokens that the mask shows, three numbers each, into logits."""

    def forward(self, inputs_embeds, attention_mask):
        pooled = (inputs_embeds * attention_mask[..., None]).sum(1)
        return {"logits": torch.stack([pooled[:, 0], torch.tanh(pooled[:, 1]), pooled[:, 2]], 1)}


def test_embeddings_with_their_mask():
    torch.manual_seed(0)
    inputs = {"inputs_embeds": torch.randn(2, 5, 3), "attention_mask": torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]])}
    owner = np.array([[-1, 0, 0, 1, -1], [-1, 0, 1, 1, 1]])
    baseline = torch.randn(5, 3)
    found = integrated_gradients(Reader(), inputs, torch.tensor([0, 2]), baseline, owner)
    assert found.shape == (2, 2)
    for sample in range(2):
        embeds, mask = inputs["inputs_embeds"][sample], inputs["attention_mask"][sample]
        start = torch.where(torch.tensor(owner[sample])[:, None] >= 0, baseline, embeds)
        ends = [Reader()(part[None], mask[None])["logits"].double() for part in (embeds, start)]
        target = torch.tensor([0, 2])[sample : sample + 1]
        full, empty = (float(score_outputs(end, target, "log_odds")[0, 0]) for end in ends)
        np.testing.assert_allclose(found[sample].sum(), full - empty, rtol=1e-4, atol=1e-5)
    # What the mask hides adds nothing: without it the second player of the second sample is the third token alone.
    owner[1, 3:] = -1
    np.testing.assert_allclose(
        integrated_gradients(Reader(), inputs, torch.tensor([0, 2]), baseline, owner)[1], found[1], rtol=1e-6
    )


def test_the_network_is_left_as_found(network):
    network.train()
    network[0].eval()
    before = [weight.clone() for weight in network.parameters()]
    inputs = INPUTS.clone()
    integrated_gradients(network, inputs, TARGETS, torch.zeros(6), OWNER)
    assert (network.training, network[0].training, torch.is_grad_enabled()) == (True, False, True)
    assert all(torch.equal(one, two) for one, two in zip(before, network.parameters(), strict=True))
    assert all(weight.grad is None for weight in network.parameters())
    assert not inputs.requires_grad
    assert torch.equal(inputs, INPUTS)


def test_too_few_steps_are_said(network):
    class Kink(nn.Module):
        def forward(self, inputs):
            return torch.relu(inputs.sum(1) - 2.5) * 10

    with pytest.warns(QualityWarning, match=r"Integrated Gradients of sample 0 miss .* take more than steps=1"):
        integrated_gradients(
            Kink(), torch.ones(1, 3), torch.tensor([1]), torch.zeros(3), np.array([[0, 1, 2]]), steps=1
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": INPUTS.long()}, r"inputs has dtype torch.int64, which has no gradients"),
        ({"inputs": {"input_ids": INPUTS.long()}}, r"inputs holds \['input_ids'\], without 'inputs_embeds'"),
        ({"baselines": torch.zeros(5)}, r"baselines has shape \(5,\): that of the inputs, \(4, 6\)"),
        ({"owner": OWNER[:3]}, r"owner has shape \(3, 6\), which does not fit inputs of shape \(4, 6\)"),
        ({"owner": OWNER[:, :5]}, r"owner has shape \(4, 5\), which does not fit"),
        ({"owner": OWNER[:, None, None]}, r"owner has shape \(4, 1, 1, 6\), which does not fit"),
        ({"targets": TARGETS[:2]}, r"targets has shape \(2,\) for 4 samples"),
        ({"steps": 0}, r"steps=0"),
        ({"score": "odds"}, r"score='odds' is not known"),
    ],
)
def test_bad_input(network, change, message, without_type_checks):
    given = {"inputs": INPUTS, "targets": TARGETS, "baselines": torch.zeros(6), "owner": OWNER} | change
    with pytest.raises(InputError, match=message):
        integrated_gradients(network, **given)


def test_probabilities_are_refused(network):
    with pytest.raises(InputError, match="look like probabilities"):
        integrated_gradients(nn.Sequential(network, nn.Softmax(1)), INPUTS, TARGETS, torch.zeros(6), OWNER)


def test_missing_captum_is_named(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'captum'.*layerlore\[attributions\]"):
        integrated_gradients(network, INPUTS, TARGETS, torch.zeros(6), OWNER)
