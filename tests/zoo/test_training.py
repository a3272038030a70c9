"""Tests of the training loop: the same bits for the same seed, and nothing else touched."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, RunError
from layerlore.zoo import DataSets, accuracy, load_data, mlp7, small_resnet, train
from layerlore.zoo.augment import crop_flip


def tiny_data(n_samples=50, n_classes=3):
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(n_samples, 1, 8, 8, generator=generator)
    labels = torch.randint(0, n_classes, (n_samples,), generator=generator)
    part = TensorDataset(images, labels)
    return DataSets(train=part, test=part, classes=tuple("abc"[:n_classes]), name="tiny")


def tiny_model():
    torch.manual_seed(5)
    return nn.Sequential(*small_resnet(3, channels=(2, 4, 4)), nn.Dropout(0.2))


def weights(model):
    return torch.cat([tensor.detach().double().flatten() for tensor in model.state_dict().values()])


def random_states():
    # Not Python's: the run-time checks of annotations draw from it.
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.mark.parametrize("augment", [None, "crop-flip"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_the_same_seed_gives_the_same_bits(optimiser, augment):
    runs = []
    for other_draws in range(2):
        model = tiny_model()
        torch.rand(other_draws)
        before, threads = random_states(), torch.get_num_threads()
        train(model, tiny_data(), epochs=2, batch_size=16, optimiser=optimiser, augment=augment, seed=7)
        assert random_states() == before
        assert torch.get_num_threads() == threads
        runs.append(weights(model))
    assert torch.equal(*runs)


def test_another_seed_gives_other_weights():
    first, second = (weights(train(tiny_model(), tiny_data(), epochs=1, batch_size=16, seed=seed)) for seed in (0, 1))
    assert not torch.equal(first, second)


def test_reporting_progress_changes_no_bit():
    seen = []

    def progress(epoch, share):
        torch.rand(3)
        seen.append((epoch, share))

    data = tiny_data()
    watched = train(nn.Sequential(*list(tiny_model())[:-1]), data, epochs=3, batch_size=16, progress=progress)
    plain = train(nn.Sequential(*list(tiny_model())[:-1]), data, epochs=3, batch_size=16)
    assert torch.equal(weights(watched), weights(plain))
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert seen[-1][1] == accuracy(watched, data.test)


def test_a_tracker_sees_every_epoch_from_the_weights_before_training_and_changes_no_bit():
    model = tiny_model()
    before = model[0].conv.weight.detach().double().clone()
    with WeightTracker(model, measures=["rwc_l1", "distance_from_init"]) as tracker:
        train(model, tiny_data(), epochs=3, batch_size=16, tracker=tracker)
        # Finished by the training, with the last epoch.
        history = tracker.history()
        with pytest.raises(RunError, match="finished"):
            tracker.step(4)
    plain = train(tiny_model(), tiny_data(), epochs=3, batch_size=16)
    assert torch.equal(weights(model), weights(plain))
    assert history.steps.tolist() == [1, 2, 3]
    after = model[0].conv.weight.detach().double()
    distance = float((after - before).norm() / before.norm())
    # Weights in float32, sums in float64.
    assert history.values("distance_from_init")[0, -1] == pytest.approx(distance, rel=1e-6)


def test_the_model_ends_in_eval_mode_without_gradients():
    model = tiny_model()
    assert train(model, tiny_data(), epochs=1) is model
    assert not any(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_an_exception_leaves_eval_mode_and_the_random_state():
    model = tiny_model()
    before = random_states()

    def stop(epoch, share):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        train(model, tiny_data(), epochs=2, progress=stop)
    assert random_states() == before
    assert not any(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_frozen_parameters_stay():
    model = mlp7(64, 3, width=8)
    model.linear1.requires_grad_(False)
    before, trained = model.linear1.weight.clone(), model.linear2.weight.clone()
    train(model, tiny_data(), epochs=1)
    assert torch.equal(model.linear1.weight, before)
    assert not model.linear1.weight.requires_grad
    assert not torch.equal(model.linear2.weight, trained)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_steps_are_those_of_the_textbook(schedule):
    data = tiny_data(n_samples=8)
    model, slow = (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).double() for _ in range(2))
    slow.load_state_dict(model.state_dict())
    train(model, data, epochs=5, batch_size=8, optimiser="sgd", learning_rate=0.3, weight_decay=0.01, schedule=schedule)
    images, labels = data.train.tensors[0].double(), data.train.tensors[1]
    velocity = [torch.zeros_like(parameter) for parameter in slow.parameters()]
    for step in range(5):
        rate = 0.3 * (1 + math.cos(math.pi * step / 5)) / 2 if schedule == "cosine" else 0.3
        loss = -slow(images).log_softmax(-1)[range(8), labels].mean()
        gradients = torch.autograd.grad(loss, list(slow.parameters()))
        with torch.no_grad():
            for parameter, gradient, speed in zip(slow.parameters(), gradients, velocity, strict=True):
                speed.mul_(0.9).add_(gradient + 0.01 * parameter)
                parameter.sub_(rate * speed)
    # The order of the eight samples in each sum differs: a few roundings in float64.
    assert torch.allclose(weights(model), weights(slow), rtol=0, atol=1e-12)


def test_accuracy_counts_and_restores_every_mode():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Identity())
    model[2].eval()
    images = torch.eye(4)[:, None, :]
    dataset = TensorDataset(images, torch.tensor([0, 1, 2, 0]))
    assert accuracy(model, dataset, batch_size=3) == 0.75
    assert [module.training for module in model.modules()] == [True, True, True, False]


def test_accuracy_of_nothing_or_of_no_number_is_an_error():
    with pytest.raises(InputError, match="no samples"):
        accuracy(nn.Identity(), TensorDataset(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)))
    nan = TensorDataset(torch.full((2, 3), math.nan), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(InputError, match="not numbers"):
        accuracy(nn.Identity(), nan)
    with pytest.raises(InputError, match="batch_size=0"):
        accuracy(nn.Identity(), nan, batch_size=0)


def test_accuracy_needs_a_logit_for_each_class():
    labels = torch.tensor([0, 3])
    with pytest.raises(InputError, match="gives 3 logits and labels go up to 3: one per class is needed"):
        accuracy(nn.Identity(), TensorDataset(torch.rand(2, 3), labels))
    with pytest.raises(InputError, match="gives 1 logits and labels go up to 1"):
        accuracy(nn.Identity(), TensorDataset(torch.rand(2, 1), torch.tensor([0, 1])))


def test_a_model_for_other_classes_is_refused():
    with pytest.raises(InputError, match=r"gives \(50, 4\) for a batch of 50 samples and 3 classes"):
        train(mlp7(64, 4, width=4), tiny_data(), epochs=1)


def test_a_loss_that_is_no_number_is_refused():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(InputError, match=r"the loss is (nan|inf) in epoch \d with learning_rate=1e\+38"):
        train(linear, tiny_data(), epochs=9, batch_size=16, learning_rate=1e38, optimiser="sgd")
    data = tiny_data()
    data.train.tensors[0][7] = math.nan
    with pytest.raises(InputError, match=r"the loss is nan in epoch 1 .*pixels that are not finite"):
        train(small_resnet(3, channels=(2, 2, 2)), data, epochs=1, batch_size=16)


def test_a_model_with_nothing_to_train_is_refused():
    with pytest.raises(InputError, match="nothing to train"):
        train(mlp7(64, 3, width=4).requires_grad_(False), tiny_data(), epochs=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs=0 must be at least 1"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"learning_rate": math.nan}, "learning_rate=nan must be a positive number"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 must be a positive number"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0 must be 0 or a positive number"),
        ({"optimiser": "adm"}, "optimiser='adm' is not known; did you mean 'adam'"),
        ({"augment": "cropflip"}, "augment='cropflip' is not known; did you mean 'crop-flip'"),
        ({"schedule": "step"}, "schedule='step' is not known"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(InputError, match=message):
        train(mlp7(64, 3, width=4), tiny_data(), **{"epochs": 1, **options})


def test_crop_flip_is_a_shift_and_a_flip():
    images = torch.rand(40, 2, 5, 6) + 0.5
    result = crop_flip(images, torch.Generator().manual_seed(0), padding=2)
    shifts = set()
    for image, moved in zip(images, result, strict=True):
        padded = torch.zeros(2, 9, 10)
        padded[:, 2:7, 2:8] = image
        crops = {
            (row, column): padded[:, row : row + 5, column : column + 6] for row in range(5) for column in range(5)
        }
        found = [(*place, False) for place, crop in crops.items() if torch.equal(moved, crop)]
        found += [(*place, True) for place, crop in crops.items() if torch.equal(moved, crop.flip(-1))]
        assert len(found) == 1
        shifts.update(found)
    assert {row for row, _, _ in shifts} == {column for _, column, _ in shifts} == set(range(5))
    assert {flipped for _, _, flipped in shifts} == {False, True}


def test_small_resnet_learns_the_digits():
    data = load_data("digits")
    torch.manual_seed(0)
    model = train(small_resnet(10), data, epochs=20)
    # Seeds 0 to 2 give 0.984 to 0.988 in 3 to 4 seconds.
    assert accuracy(model, data.test) >= 0.97
