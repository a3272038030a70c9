import pytest
import torch
from torch import nn

from layerlore.errors import InputError
from layerlore.networks import check_finite_weights, device_of, dtype_of, evaluating, to_model


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))


def test_device_and_dtype():
    assert device_of(net()) == torch.device("cpu")
    assert device_of(net().to("meta")) == torch.device("meta")
    assert device_of(nn.BatchNorm1d(2, affine=False).to("meta")) == torch.device("meta")
    assert device_of(nn.ReLU()) == torch.device("cpu")
    assert dtype_of(nn.ReLU()) == torch.float32
    assert dtype_of(net().to(torch.bfloat16)) == torch.bfloat16


def test_the_first_floating_parameter_gives_the_dtype():
    module = nn.ParameterList([nn.Parameter(torch.zeros(2, dtype=torch.int8), requires_grad=False)])
    assert dtype_of(module) == torch.float32
    module.append(nn.Parameter(torch.zeros(2, dtype=torch.float64)))
    assert dtype_of(module) == torch.float64


def test_several_devices_are_an_error():
    model = net()
    model[1].to("meta")
    with pytest.raises(InputError, match=r"'0.weight' on cpu and '1.weight' on meta"):
        device_of(model)
    with pytest.raises(InputError, match="several devices"), evaluating(model):
        pass
    assert model.training


@pytest.mark.parametrize("model_dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("batch_dtype", [torch.float16, torch.float32, torch.float64])
def test_floats_take_the_dtype_of_the_model(model_dtype, batch_dtype):
    batch = torch.tensor([[1.5, torch.nan, torch.inf]], dtype=batch_dtype)
    moved = to_model(net().to(model_dtype), batch)
    assert moved.dtype == model_dtype
    assert torch.equal(moved.nan_to_num(), batch.to(model_dtype).nan_to_num())


def test_inputs_go_to_the_device_of_the_model():
    assert to_model(net().to("meta"), torch.zeros(2, 3)).device.type == "meta"
    assert to_model(net().to("meta"), {"x": torch.zeros(2, 3)})["x"].device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_integers_need_an_embedding(dtype):
    batch = torch.ones(2, 3, dtype=dtype)
    message = f"inputs have dtype {str(dtype)[6:]}, but Sequential computes in float32.*convert and scale them"
    with pytest.raises(InputError, match=message):
        to_model(net(), batch)
    with pytest.raises(InputError, match=message):
        to_model(net(), {"x": batch})
    assert to_model(nn.Sequential(nn.Embedding(2, 3), nn.Linear(3, 2)), batch) is batch
    assert to_model(nn.ReLU(), batch) is batch


def test_named_inputs_may_mix_floats_and_masks():
    batch = {"x": torch.zeros(2, 3, dtype=torch.float64), "mask": torch.ones(2, 3, dtype=torch.bool)}
    moved = to_model(net(), batch)
    assert {name: tensor.dtype for name, tensor in moved.items()} == {"x": torch.float32, "mask": torch.bool}


def test_evaluating_restores_every_flag_and_the_random_state():
    model = net().train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    flags = [module.training for module in model.modules()]
    frozen = [weight.requires_grad for weight in model.parameters()]
    state, buffers = torch.get_rng_state(), model[1].running_mean.clone()

    def failing():
        with evaluating(model):
            assert not any(module.training for module in model.modules())
            assert not model(torch.randn(5, 3)).requires_grad
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert [module.training for module in model.modules()] == flags == [True, True, False, True, True]
    assert [weight.requires_grad for weight in model.parameters()] == frozen
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(model[1].running_mean, buffers)


def test_evaluating_does_not_call_train_to_restore():
    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    model = nn.Sequential(nn.Linear(2, 2), Frozen(2))
    model[1].training = True
    with evaluating(model):
        assert not model[1].training
    assert model[1].training


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_must_be_finite(value):
    model = net()
    check_finite_weights(model)
    model[1].running_var[2] = value
    with pytest.raises(InputError, match=r"buffer '1.running_var' of the model has 1 of 4 values that are NaN or"):
        check_finite_weights(model)
    with torch.no_grad():
        model[0].weight[1:3] = value
    with pytest.raises(InputError, match=r"parameter '0.weight' of the model has 6 of 12 values"):
        check_finite_weights(model)


def test_an_attention_mask_is_a_finite_weight_to_us():
    model = net()
    model.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))
    check_finite_weights(model)
    model.mask[0, 0] = torch.inf
    with pytest.raises(InputError, match="buffer 'mask'"):
        check_finite_weights(model)
    model.mask = None
    with torch.no_grad():
        model[3].bias.copy_(torch.tensor([0.0, -torch.inf]))
    with pytest.raises(InputError, match=r"parameter '3.bias'"):
        check_finite_weights(model)
