import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from layerlore.dynamics.tracked import left_out, tracked_weights
from layerlore.errors import InputError
from layerlore.zoo import resnet20


def kinds(model: nn.Module, **which: bool) -> dict[str, str]:
    return {weight.info.layer: weight.info.kind for weight in tracked_weights(model, **which)}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.mixing = nn.Parameter(torch.ones(3, 3))
        self.layer_scale = nn.Parameter(torch.ones(4))
        self.fc = nn.Linear(4, 4)
        self.norm = nn.LayerNorm((2, 4))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(10, 4)
        self.body = nn.Linear(4, 4, bias=False)
        self.again = self.body
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.tokens.weight


def test_resnet20_has_its_weights_in_order() -> None:
    weights = tracked_weights(resnet20())
    assert len(weights) == 20
    assert [weight.info.depth for weight in weights] == list(range(20))
    assert weights[0].info.layer == "conv1.weight"
    assert [weight.info.kind for weight in weights] == ["conv"] * 19 + ["head"]
    assert weights[1].info.shape == (16, 16, 3, 3)
    assert weights[1].info.dtype == "float32"


def test_kinds_are_those_of_the_layers() -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1), nn.ConvTranspose2d(8, 8, 3), nn.Flatten(), nn.Linear(8, 2)
    )
    assert kinds(model) == {
        "0.weight": "depthwise",
        "1.weight": "pointwise",
        "2.weight": "conv",
        "4.weight": "head",
    }


def test_biases_and_norms_are_off_by_default() -> None:
    model = Block()
    assert kinds(model) == {"cls_token": "embedding", "mixing": "other", "fc.weight": "head"}
    assert kinds(model, biases=True) == kinds(model) | {"fc.bias": "bias", "norm.bias": "bias"}
    assert kinds(model, norms=True) == kinds(model) | {"layer_scale": "other", "norm.weight": "norm"}


def test_attention_and_recurrent_weights() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.ModuleDict({"layer": layer, "rnn": nn.LSTM(8, 4), "head": nn.Linear(4, 2)})
    assert kinds(model) == {
        "layer.self_attn.in_proj_weight": "linear",
        "layer.self_attn.out_proj.weight": "attention-o",
        "layer.linear1.weight": "mlp",
        "layer.linear2.weight": "mlp",
        "rnn.weight_ih_l0": "linear",
        "rnn.weight_hh_l0": "linear",
        "head.weight": "head",
    }
    apart = nn.ModuleDict(
        {"attn": nn.MultiheadAttention(8, 2, kdim=4, vdim=4, add_bias_kv=True), "head": nn.Linear(2, 2)}
    )
    found = kinds(apart)
    assert [found[f"attn.{part}_proj_weight"] for part in "qkv"] == ["attention-q", "attention-k", "attention-v"]
    assert "attn.bias_k" not in found
    assert kinds(apart, biases=True)["attn.bias_k"] == "bias"


def test_a_single_layer_is_a_network() -> None:
    assert kinds(nn.Linear(3, 2)) == {"weight": "head"}
    assert kinds(nn.Linear(3, 2), biases=True) == {"weight": "head", "bias": "bias"}


def test_a_shared_weight_counts_once_under_its_first_name() -> None:
    weights = tracked_weights(Tied())
    assert [(weight.info.layer, weight.info.kind, weight.info.aliases) for weight in weights] == [
        ("tokens.weight", "embedding", ("head.weight",)),
        ("body.weight", "linear", ("again.weight",)),
    ]


def test_frozen_weights_are_tracked() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).requires_grad_(False)
    assert len(tracked_weights(model)) == 2


def test_wrappers_leave_no_trace_in_names() -> None:
    plain = Block()
    names = list(kinds(plain))
    assert list(kinds(nn.DataParallel(plain))) == names
    compiled = torch.compile(plain, backend="eager")
    assert isinstance(compiled, nn.Module)
    assert kinds(compiled) == kinds(plain)
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0] = torch.compile(model[0], backend="eager")
    assert list(kinds(model)) == ["0.weight", "1.weight"]


def test_a_module_that_is_called_module_keeps_its_name() -> None:
    assert list(kinds(nn.ModuleDict({"module": nn.Linear(2, 2)}))) == ["module.weight"]


def test_parametrised_weights_are_the_tensors_that_are_trained() -> None:
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Conv2d(2, 2, 3)), parametrizations.spectral_norm(nn.Linear(2, 2))
    )
    spectral = model[1].parametrizations.weight[0]._u.clone()
    assert kinds(model) == {
        "0.parametrizations.weight.original1": "conv",
        "1.parametrizations.weight.original": "head",
    }
    assert kinds(model, norms=True)["0.parametrizations.weight.original0"] == "norm"
    # Computing the weight would have moved the estimate of its norm on.
    assert torch.equal(model[1].parametrizations.weight[0]._u, spectral)


def test_old_weight_norm() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Sequential(nn.utils.weight_norm(nn.Linear(3, 2)), nn.Linear(2, 2))
    assert kinds(model) == {"0.weight_v": "linear", "1.weight": "head"}
    assert kinds(model, norms=True)["0.weight_g"] == "norm"


def test_integers_are_left_out() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.packed = nn.Parameter(torch.zeros(4, 1, dtype=torch.uint8), requires_grad=False)
    assert list(kinds(model)) == ["0.weight"]
    assert left_out(model) == ["packed"]


def test_lazy_modules_are_refused() -> None:
    with pytest.raises(InputError, match=r"'0\.weight' is not initialised: run one forward pass first"):
        tracked_weights(nn.Sequential(nn.LazyLinear(4)))


def test_the_meta_device_is_refused() -> None:
    with pytest.raises(InputError, match="'weight' is on the meta device and has no values"):
        tracked_weights(nn.Linear(2, 2, device="meta"))


def test_a_network_without_weights_is_refused() -> None:
    with pytest.raises(InputError, match="BatchNorm2d has no weight to track: none of its 2 parameters"):
        tracked_weights(nn.BatchNorm2d(3))
    with pytest.raises(InputError, match="ReLU has no weight to track: none of its 0 parameters"):
        tracked_weights(nn.ReLU())


def test_zero3_is_refused() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    weight = nn.Parameter(torch.empty(0))
    weight.ds_id, weight.ds_shape = 0, torch.Size((2, 2))
    model[0].weight = weight
    with pytest.raises(InputError, match=r"'0\.weight' is partitioned by DeepSpeed ZeRO-3.*fully_shard"):
        tracked_weights(model)


def test_flat_parameters_are_refused() -> None:
    from torch.distributed.fsdp import FlatParameter

    model = nn.Sequential(nn.Linear(2, 2))
    # Its own constructor wants to be called by FSDP.
    flat = torch.Tensor._make_subclass(nn.Parameter, torch.zeros(6))
    flat.__class__ = FlatParameter
    flat._is_flat_param = True
    model.register_parameter("_flat_param", flat)
    with pytest.raises(InputError, match=r"sharded by FSDP1 .* Use FSDP2"):
        tracked_weights(model)


def test_fsdp1_with_original_parameters_is_refused() -> None:
    from torch.distributed.fsdp import FullyShardedDataParallel

    # Making a real one needs an accelerator.
    wrapper = FullyShardedDataParallel.__new__(FullyShardedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper._modules["_fsdp_wrapped_module"] = nn.Linear(2, 2)
    model = nn.Sequential()
    model._modules["body"] = wrapper
    with pytest.raises(InputError, match=r"'body' is sharded by FSDP1 .* Use FSDP2"):
        tracked_weights(model)
