import pytest
from torch import nn

from layerlore.errors import LayerError
from layerlore.networks import layer_kinds


def kinds_of(model):
    return layer_kinds(model, [name for name, _ in model.named_modules() if name])


def test_convolutions():
    net = nn.Sequential(
        *[nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, groups=2)],
        *[nn.ConvTranspose1d(8, 8, 1), nn.Conv2d(1, 8, 3, groups=1), nn.Conv2d(8, 8, 1, groups=8), nn.Linear(8, 2)],
    )
    expected = ["conv", "depthwise", "pointwise", "conv", "pointwise", "conv", "depthwise", "head"]
    assert list(kinds_of(net).values()) == expected


def test_what_carries_no_weight():
    net = nn.Sequential(
        *[nn.Linear(4, 4), nn.LayerNorm((4, 4)), nn.BatchNorm1d(4), nn.GELU(), nn.Softmax(1), nn.AvgPool1d(2)],
        *[nn.AdaptiveAvgPool2d(1), nn.Dropout(), nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2)],
    )
    expected = ["linear", "norm", "norm", "activation", "activation", "pooling", "pooling", "other", "block"]
    assert list(kinds_of(net).values()) == [*expected, "linear", "activation", "head"]


def test_torch_transformer():
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    net = nn.Sequential(
        nn.Embedding(5, 8), nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Linear(8, 2)
    )
    kinds = kinds_of(net)
    assert kinds["0"] == "embedding"
    assert kinds["1.layers.0"] == kinds["1.layers.0.self_attn"] == "block"
    assert kinds["1.layers.0.self_attn.out_proj"] == "attention-o"
    assert kinds["1.layers.0.linear1"] == kinds["1.layers.0.linear2"] == "mlp"
    assert kinds["2"] == "head"


def test_plain_fully_connected_layers_are_no_mlp_of_a_transformer():
    class MLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.act, self.fc2 = nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)

    assert kinds_of(MLP()) == {"fc1": "linear", "act": "activation", "fc2": "head"}


def test_calls_aliases_and_unknown_names():
    shared = nn.Linear(2, 2)
    net = nn.ModuleDict({"a": shared, "b": shared, "c": nn.Linear(2, 2)})
    assert layer_kinds(net, ["a@1", "b", "c"]) == {"a@1": "linear", "b": "linear", "c": "head"}
    with pytest.raises(LayerError, match="no layer 'd'"):
        layer_kinds(net, ["d"])
