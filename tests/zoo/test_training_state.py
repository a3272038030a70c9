"""Tests of resuming, of 16-bit precision and of the schedule that rises first."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from layerlore.errors import InputError, RunError
from layerlore.zoo import DataSets, small_resnet, train
from layerlore.zoo.training import _share


def tiny_data(n_samples=40, name="tiny"):
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(n_samples, 1, 8, 8, generator=generator)
    labels = torch.randint(0, 3, (n_samples,), generator=generator)
    part = TensorDataset(images, labels)
    return DataSets(train=part, test=part, classes=("a", "b", "c"), name=name)


def tiny_model(dropout=0.2, channels=(2, 4, 4)):
    torch.manual_seed(5)
    return nn.Sequential(*small_resnet(3, channels=channels), nn.Dropout(dropout))


def weights(model):
    return torch.cat([tensor.detach().double().flatten() for tensor in model.state_dict().values()])


class Killed(Exception):
    pass


def killed_after(last):
    def progress(epoch, share):
        if epoch == last:
            raise Killed

    return progress


OPTIONS = {"epochs": 5, "batch_size": 16, "seed": 7}


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("last", [1, 4])
def test_a_resumed_training_has_the_bits_of_an_uninterrupted_one(tmp_path, optimiser, last):
    # Batch normalisation, dropout and augmentation: buffers, a random state and a generator must all come back.
    options = OPTIONS | {"optimiser": optimiser, "augment": "crop-flip", "schedule": "warm-up"}
    whole = train(tiny_model(), tiny_data(), **options)
    path = tmp_path / "state.pt"
    with pytest.raises(Killed):
        train(tiny_model(), tiny_data(), **options, resume=path, progress=killed_after(last))
    torch.rand(3)
    seen = []
    again = train(tiny_model(), tiny_data(), **options, resume=path, progress=lambda epoch, _share: seen.append(epoch))
    assert seen == list(range(last + 1, 6))
    assert torch.equal(weights(again), weights(whole))


def test_keeping_the_state_changes_no_bit_and_a_finished_training_is_only_read(tmp_path):
    whole = train(tiny_model(), tiny_data(), **OPTIONS)
    path = tmp_path / "deep" / "state.pt"
    path.parent.mkdir()
    kept = train(tiny_model(), tiny_data(), **OPTIONS, resume=str(path))
    assert torch.equal(weights(kept), weights(whole))
    before = path.read_bytes()
    read = train(tiny_model(), tiny_data(), **OPTIONS, resume=path, progress=lambda *_: pytest.fail("trained again"))
    assert torch.equal(weights(read), weights(whole))
    assert not read.training
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "other",
    [
        {"epochs": 6},
        {"batch_size": 8},
        {"learning_rate": 0.1},
        {"weight_decay": 0.1},
        {"optimiser": "sgd"},
        {"seed": 8},
        {"augment": "crop-flip"},
        {"schedule": "constant"},
        {"precision": "bfloat16"},
    ],
)
def test_the_state_of_another_training_is_refused(tmp_path, other):
    path = tmp_path / "state.pt"
    train(tiny_model(), tiny_data(), **OPTIONS, resume=path)
    with pytest.raises(RunError, match=rf"state\.pt belongs to another training \(.*{next(iter(other))}"):
        train(tiny_model(), tiny_data(), **(OPTIONS | other), resume=path)


def test_the_state_of_other_data_or_another_network_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    train(tiny_model(), tiny_data(), **OPTIONS, resume=path)
    with pytest.raises(RunError, match="another training"):
        train(tiny_model(), tiny_data(39), **OPTIONS, resume=path)
    with pytest.raises(RunError, match="another training"):
        train(tiny_model(), tiny_data(name="other"), **OPTIONS, resume=path)
    with pytest.raises(RunError, match="belongs to another network"):
        train(tiny_model(channels=(2, 4, 6)), tiny_data(), **OPTIONS, resume=path)


@pytest.mark.parametrize("content", [b"", b"no state", None])
def test_a_damaged_state_is_refused(tmp_path, content):
    path = tmp_path / "state.pt"
    train(tiny_model(), tiny_data(), **OPTIONS, resume=path)
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(RunError, match=r"state\.pt holds no state of a training"):
        train(tiny_model(), tiny_data(), **OPTIONS, resume=path)


def test_a_state_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    torch.save({"epoch": 1, "identity": nn.Linear(2, 2)}, path)
    with pytest.raises(RunError, match="holds no state of a training"):
        train(tiny_model(), tiny_data(), **OPTIONS, resume=path)


def test_bfloat16_leaves_weights_and_moments_in_float32():
    seen = []
    model = tiny_model(dropout=0.0)
    model[0].conv.register_forward_hook(lambda _module, _args, output: seen.append(output.dtype))
    train(model, tiny_data(), **OPTIONS, precision="bfloat16")
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    exact = train(tiny_model(dropout=0.0), tiny_data(), **OPTIONS)
    start = weights(tiny_model(dropout=0.0))
    moved = weights(exact) - start
    # Not the same bits, and yet the same path: a product in bfloat16 is off by 2**-9 of its size at most, an Adam step
    # by far less than its length for most weights.
    assert not torch.equal(weights(model), weights(exact))
    assert (weights(model) - weights(exact)).norm() < 0.3 * moved.norm()


def test_an_unknown_precision():
    with pytest.raises(InputError, match="precision='float16' is not known"):
        train(tiny_model(), tiny_data(), **OPTIONS, precision="float16")


@pytest.mark.parametrize("n_steps", [1, 7, 20, 40, 205])
def test_schedules_rise_and_fall_as_they_say(n_steps):
    shares = [_share(step, n_steps, "warm-up") for step in range(n_steps)]
    rise = n_steps // 20
    assert shares[:rise] == pytest.approx([(step + 1) / rise for step in range(rise)])
    # Then the cosine of the steps that are left, from 1 to just above 0.
    for step in range(rise, n_steps):
        assert shares[step] == pytest.approx(math.cos(math.pi * (step - rise) / (n_steps - rise) / 2) ** 2)
    assert max(shares) == 1
    assert min(shares) > 0
    assert {_share(step, n_steps, "constant") for step in range(n_steps)} == {1.0}
    cosine = [_share(step, n_steps, "cosine") for step in range(n_steps)]
    assert cosine == sorted(cosine, reverse=True)
    assert cosine[0] == 1
