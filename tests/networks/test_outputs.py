from types import SimpleNamespace

import pytest
import torch
from torch import nn

from layerlore.errors import InputError, LayerError
from layerlore.networks import forward, logits_of, tensor_of

logits = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


@pytest.mark.parametrize(
    "output",
    [logits, SimpleNamespace(logits=logits), {"loss": 1.0, "logits": logits}, (logits, None), [logits]],
)
def test_logits_are_found(output):
    assert logits_of(output) is logits


def test_one_logit_becomes_a_column():
    assert torch.equal(logits_of(logits[:, 0]), logits[:, :1])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (logits[None], r"shape \(1, 3, 2\)"),
        (torch.tensor(1.0), r"shape \(\)"),
        (torch.tensor([1, 2]), "dtype torch.int64"),
        (None, "returned None, in which there are no logits"),
        ({"scores": logits}, r"a dict with the keys \['scores'\]"),
        ((None, logits), r"a tuple of \['NoneType', 'Tensor'\]"),
        ((), r"a tuple of \[\]"),
        (SimpleNamespace(logits=None), "a SimpleNamespace"),
    ],
)
def test_no_logits_is_an_error(output, message):
    with pytest.raises(InputError, match=message):
        logits_of(output)


def test_a_nested_tensor_is_no_output():
    nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged)
    with pytest.raises(LayerError, match=r"'a' returned a nested tensor.*enable_nested_tensor=False"):
        tensor_of(nested, "a")


def test_forward_passes_named_inputs_by_name():
    bilinear = nn.Bilinear(2, 3, 4)
    first, second = torch.randn(5, 2), torch.randn(5, 3)
    assert torch.equal(forward(bilinear, {"input2": second, "input1": first}), bilinear(first, second))
    linear = nn.Linear(2, 3)
    assert torch.equal(forward(linear, first), linear(first))
