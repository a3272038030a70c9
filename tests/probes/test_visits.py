"""The same probes whatever the memory, the batches and the loader; the network left as found."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

from layerlore.errors import InputError
from layerlore.probes import fit_probes
from layerlore.probes.fit import MAX_PASSES

LAYERS = ["0", "1"]
LITTLE = 40_000
"""Bytes that hold the probes of `LAYERS` and not the features beside them."""


def same(first, second):
    return all(
        torch.equal(a.weight, b.weight)
        and torch.equal(a.bias, b.bias)
        and a.quality == b.quality
        and a.penalty == b.penalty
        for a, b in zip(first, second, strict=True)
    )


def close(first, second):
    """Equal but for the rounding of sums taken in another order, which the training can amplify by its conditioning."""
    return all(
        (a.weight - b.weight).abs().max() <= 1e-7 * a.weight.abs().max() for a, b in zip(first, second, strict=True)
    )


class Counting(nn.Module):
    """Counts its forward passes."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls = inner, 0

    def forward(self, inputs):
        self.calls += 1
        return self.inner(inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_streaming_gives_the_same_bits_as_features_in_memory(data, net, dtype):
    train, held = data(700, dtype=dtype), data(100, seed=5, dtype=dtype)
    model = Counting(net(dtype=dtype))
    kept = fit_probes(model, ["inner.0", "inner.1"], train, held)
    few, model.calls = model.calls, 0
    streamed = fit_probes(model, ["inner.0", "inner.1"], train, held, budget=LITTLE)
    assert same(kept, streamed)
    # Four batches: one visit to survey, one to remember; and one for each pass where nothing is remembered.
    assert few == 4 + 1 + 4
    assert model.calls > 20 * 4


def test_progress_is_told_and_changes_nothing(data, net):
    told = []
    model, train = net(), data()
    plain = fit_probes(model, LAYERS, train)
    watched = fit_probes(model, LAYERS, train, progress=lambda *what: told.append(what), batch_size=50)
    assert close(plain, watched)
    steps = Counter(what for what, _, _ in told)
    assert set(steps) == {"read data", "standardise features", "train probes", "judge probes"}
    assert [done for what, done, _ in told if what == "read data"] == [50, 100, 120]
    # It takes fewer passes than there may be, and then it is done.
    _, done, total = [one for one in told if one[0] == "train probes"][-1]
    assert done == total < 120 * MAX_PASSES
    assert told[-1] == ("judge probes", 120, 120)
    assert all(total is None or done <= total for _, done, total in told)


@pytest.mark.parametrize("batch_size", [7, 64, 256])
def test_the_size_of_batches_does_not_matter(data, net, batch_size):
    model, train = net(), data(300)
    settings = {"tolerance": 1e-8, "penalties": [0.1]}
    whole = fit_probes(model, LAYERS, train, batch_size=300, **settings)
    parts = fit_probes(model, LAYERS, train, batch_size=batch_size, **settings)
    # Two points with gradients below 1e-8 differ by less than sqrt(18) * 2e-8 / 0.1 on standardised features.
    for a, b in zip(whole, parts, strict=True):
        assert (a.weight - b.weight).abs().max() < 1e-6 * max(1, a.weight.abs().max())
    assert whole.identity == parts.identity


def test_one_layer_at_a_time_gives_the_same_bits(data, net):
    model, train = net(), data()
    together = fit_probes(model, LAYERS, train)
    apart = [fit_probes(model, [layer], train)[layer] for layer in LAYERS]
    assert same(together, apart)


def test_the_seed_decides_and_nothing_else(data, net):
    model, train = net(), data()
    first = fit_probes(model, LAYERS, train, seed=3)
    torch.rand(5)
    assert same(first, fit_probes(model, LAYERS, train, seed=3))
    assert not same(first, fit_probes(model, LAYERS, train, seed=4))


def shuffled(train):
    return DataLoader(train, batch_size=32, shuffle=True)


def dropping(train):
    return DataLoader(train, batch_size=32, drop_last=True)


def weighted(train):
    sampler = torch.utils.data.WeightedRandomSampler([1.0] * len(train), 10)
    return DataLoader(train, batch_size=32, sampler=sampler)


def in_batches(train):
    inputs, labels = train.tensors
    return list(zip(inputs.split(32), labels.split(32), strict=True))


def in_arrays(train):
    return [(inputs.numpy(), labels.numpy()) for inputs, labels in in_batches(train)]


@pytest.mark.parametrize("wrap", [shuffled, dropping, weighted, in_batches, in_arrays])
def test_every_sample_is_seen_once_in_order_whatever_the_loader(data, net, wrap):
    model, train = net(), data()
    before = torch.get_rng_state()
    loaded = fit_probes(model, LAYERS, wrap(train))
    assert torch.equal(torch.get_rng_state(), before)
    assert same(loaded, fit_probes(model, LAYERS, train, batch_size=32))


def test_a_sampler_that_chooses_a_part_still_does(data, net):
    model, train = net(), data()
    chosen = list(range(0, 120, 2))
    loader = DataLoader(train, batch_size=32, sampler=SubsetRandomSampler(chosen))
    before = torch.get_rng_state()
    probes = fit_probes(model, LAYERS, loader)
    assert torch.equal(torch.get_rng_state(), before)
    part = TensorDataset(*(tensor[chosen] for tensor in train.tensors))
    assert same(probes, fit_probes(model, LAYERS, part, batch_size=32))
    assert probes.identity == fit_probes(model, LAYERS, part).identity


def test_named_inputs_reach_the_network_by_name(data, net):
    class Named(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, *, left, right):
            return {"logits": self.inner(torch.cat([left, right], dim=1))}

    model, train = net(), data()
    named = [({"left": inputs[:, :2], "right": inputs[:, 2:]}, labels) for inputs, labels in in_batches(train)]
    probes = fit_probes(Named(model), ["inner.0", "inner.1"], named)
    assert same(probes, fit_probes(model, LAYERS, train, batch_size=32))
    assert probes.input_mean is None


def test_a_module_called_twice_has_two_probes(data):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.relu, self.second = nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)

        def forward(self, inputs):
            return self.second(self.relu(self.first(self.relu(inputs))))

    model, train = Twice(), data(300)
    with torch.no_grad():
        model.double().first.weight.copy_(torch.eye(6))
    probes = fit_probes(model, ["relu"], train)
    assert probes.layers == ["relu@0", "relu@1"]
    plain = nn.Sequential(nn.ReLU(), nn.Linear(6, 3)).double()
    assert torch.equal(fit_probes(plain, ["0"], train)["0"].weight, probes["relu@0"].weight)
    by_name = fit_probes(model, ["relu"], train, read_out={"relu@1": "flatten"})
    assert same(by_name, probes)


def test_a_transformer_of_transformers(without_type_checks):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8, num_labels=3
    )
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(config)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 20, (90, 5), generator=generator)
    batches = [({"input_ids": part, "attention_mask": torch.ones_like(part)}, part[:, 0] % 3) for part in ids.split(30)]
    layers = ["bert.encoder.layer.0", "bert.encoder.layer.1"]
    probes = fit_probes(model, layers, batches, read_out="cls")
    assert [probe.weight.shape for probe in probes] == [(3, 8), (3, 8)]
    # The first token decides the class and is position 0 of the first layer.
    assert probes[layers[0]].quality.train_accuracy > 0.9


class Mood(Dataset):
    """A data set whose inputs depend on how often it was read."""

    def __init__(self, train, change):
        self.train, self.change, self.reads = train, change, 0

    def __len__(self):
        return len(self.train)

    def __getitem__(self, index):
        self.reads += 1
        inputs, label = self.train[index]
        return self.change(inputs, label, self.reads)


def noisy(inputs, label, reads):
    return inputs + 1e-9 * reads, label


def relabelled(inputs, label, reads):
    return inputs, label if reads <= 240 else (label + 1) % 3


@pytest.mark.parametrize("change", [noisy, relabelled])
@pytest.mark.parametrize("budget", [None, LITTLE])
def test_data_that_change_between_visits_are_refused(data, net, change, budget):
    with pytest.raises(InputError, match="the data changed between two visits: switch augmentation and shuffling off"):
        fit_probes(net(), LAYERS, Mood(data(), change), budget=budget)


class Counted(IterableDataset):
    """Gives fewer or more samples at each visit."""

    def __init__(self, train, counts):
        self.train, self.counts = train, iter(counts)

    def __iter__(self):
        return iter([self.train[index % len(self.train)] for index in range(next(self.counts))])


@pytest.mark.parametrize(("later", "said"), [(100, "and 100 later"), (130, "and more later")])
def test_a_number_of_samples_that_changes_is_refused(data, net, later, said):
    with pytest.raises(InputError, match=f"120 samples at the first visit {said}"):
        fit_probes(net(), LAYERS, Counted(data(), [120, later, later]))


class Boom(RuntimeError):
    """Raised on purpose."""


class Fragile(nn.Module):
    """Fails in a later forward pass, if asked to."""

    def __init__(self, inner, good_passes):
        super().__init__()
        self.inner, self.good_passes = inner, good_passes

    def forward(self, inputs):
        self.good_passes -= 1
        if self.good_passes < 0:
            raise Boom
        torch.rand(1)
        return self.inner(inputs)


def state(model):
    return (
        [module.training for module in model.modules()],
        [parameter.requires_grad for parameter in model.parameters()],
        [parameter.grad for parameter in model.parameters()],
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        torch.get_rng_state().tolist(),
        torch.is_grad_enabled(),
        [tensor.tolist() for tensor in model.state_dict().values()],
    )


@pytest.mark.parametrize("budget", [None, LITTLE])
@pytest.mark.parametrize("good_passes", [0, 4, 6, 15, 10**9])
def test_the_network_is_left_as_found(data, net, good_passes, budget):
    model = Fragile(net(), good_passes)
    model.train()
    model.inner[1].eval()
    model.inner[0].weight.requires_grad_(False)
    before = state(model)
    try:
        fit_probes(model, ["inner.0", "inner.1"], data(), batch_size=40, budget=budget)
        failed = False
    except Boom:
        failed = True
    assert failed == (good_passes < (3 + 1 + 3 if budget is None else 10**3))
    assert state(model) == before


def test_dropout_is_off_while_probes_are_trained(data, net):
    model, train = net(), data()
    probes = fit_probes(model.train(), ["2"], train)
    assert torch.equal(probes["2"].weight, fit_probes(model, ["1"], train)["1"].weight)


def test_a_network_that_writes_to_its_input_leaves_the_batches_alone(data):
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(6, 3, dtype=torch.float64)

        def forward(self, inputs):
            return self.linear(inputs.mul_(2))

    inputs, labels = data().tensors
    before = inputs.clone()
    fit_probes(Writes(), ["linear"], [(inputs[:60], labels[:60]), (inputs[60:], labels[60:])])
    assert torch.equal(inputs, before)
