"""Quality, warnings, files and reuse of probes."""

import dataclasses
import json
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import TensorDataset

from layerlore.errors import ConvergenceWarning, ProbeError, QualityWarning, RunError
from layerlore.networks import capture, evaluating
from layerlore.probes import Probes, fit_probes, network_digest, poor
from layerlore.probes.survey import held_out

LAYERS = ["0", "1"]


class Counting(nn.Module):
    """Counts the samples it has seen."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.seen = inner, 0

    def forward(self, inputs):
        self.seen += len(inputs)
        return self.inner(inputs)


def outputs_of(model, layers, inputs):
    with evaluating(model), capture(model, layers) as captured:
        logits = model(inputs)
    return dict(captured) | {"output": logits}


@pytest.mark.parametrize(("n_outputs", "dtype"), [(3, torch.float64), (1, torch.float64), (3, torch.float32)])
def test_quality_is_that_of_the_saved_weights(data, net, tmp_path, n_outputs, dtype):
    train, held = (data(n, n_classes=max(2, n_outputs), seed=seed, dtype=dtype) for n, seed in ((150, 0), (90, 5)))
    model = net(n_outputs=n_outputs, dtype=dtype)
    fit_probes(model, LAYERS, train, held, path=tmp_path / "probes.safetensors")
    rows = Probes.load(tmp_path / "probes.safetensors").quality()
    probes = Probes.load(tmp_path / "probes.safetensors")
    assert [row["layer"] for row in rows] == ["0", "1", "output"]
    for part, (inputs, labels) in (("train", train.tensors), ("validation", held.tensors)):
        found = outputs_of(model, LAYERS, inputs)
        for row in rows:
            logits = found[row["layer"]].double()
            if row["layer"] != "output":
                probe = probes[row["layer"]]
                logits = logits @ probe.weight.double().T + probe.bias
            two = torch.cat([torch.zeros_like(logits), logits], dim=1) if n_outputs == 1 else logits
            loss = torch.nn.functional.cross_entropy(two, labels).item()
            # The weights are folded exactly; in float32 sums of terms up to 1e4 (the largest feature) cancel.
            assert row[f"{part}_loss"] == pytest.approx(loss, rel=1e-10 if dtype == torch.float64 else 1e-4)
            assert row[f"{part}_accuracy"] == pytest.approx((two.argmax(1) == labels).double().mean().item())


def test_a_probe_called_gives_its_logits(data, net):
    model, train = net(), data()
    probe = fit_probes(model, ["0"], train)["0"]
    features = outputs_of(model, ["0"], train.tensors[0])["0"]
    torch.testing.assert_close(probe(features), features @ probe.weight.T + probe.bias)
    assert probe(features.float()).dtype == torch.float64
    assert torch.equal(probe.on(torch.device("cpu"))(features), probe(features))


@pytest.mark.parametrize(("dtype", "kept"), [(torch.float64, torch.float64), (torch.float32, torch.float32)])
def test_weights_have_the_dtype_of_the_features(data, net, dtype, kept):
    probe = fit_probes(net(dtype=dtype), ["0"], data(dtype=dtype))["0"]
    assert probe.weight.dtype == kept
    features = torch.randn(5, probe.weight.shape[1], generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    # Narrower features are widened, not the weight narrowed.
    exact = features.to(torch.float64) @ probe.weight.to(torch.float64).T + probe.bias
    torch.testing.assert_close(probe(features), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("large", [0.0, 1e6])
def test_folding_is_exact_where_the_mean_dwarfs_the_deviation(data, large):
    inputs, labels = data(dtype=torch.float32).tensors
    inputs = (inputs - inputs.mean(0)) / inputs.std(0) + large
    model = nn.Sequential(nn.Identity(), nn.Linear(6, 3))
    probe = fit_probes(model, ["0"], TensorDataset(inputs, labels), TensorDataset(inputs, labels))["0"]
    logits = inputs.double() @ probe.weight.double().T + probe.bias
    # Standardised features are rounded to 6e-8 of themselves; the folded mean must not add 1e6 times as much.
    assert probe.quality.train_loss == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)


def test_chance_is_the_commonest_class_of_the_validation_data(data, net):
    held = TensorDataset(data().tensors[0][:10], torch.tensor([0] * 6 + [1] * 3 + [2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        probes = fit_probes(net(), ["0"], data(), held)
    assert probes.chance == 0.6
    assert probes.n_validation == 10


def test_random_labels_give_a_warning_and_no_more(net):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 6, generator=generator, dtype=torch.float64)
    train = TensorDataset(inputs, torch.randint(0, 3, (200,), generator=generator))
    with pytest.warns(QualityWarning, match="the probe of layer '0' is no better than chance: validation accuracy 0"):
        probes = fit_probes(net(), ["0"], train)
    assert poor(probes) == ["0"]


def test_what_beats_chance_by_luck_is_poor(data, net):
    probes = fit_probes(net(), ["0"], data())
    # Of 100 answers with chance 1/2, 58 are right with probability 7 % and 59 with 4 %: the bar is 58.2.
    for accuracy, expected in ((0.5, ["0"]), (0.58, ["0"]), (0.59, []), (float("nan"), ["0"])):
        quality = dataclasses.replace(probes["0"].quality, validation_accuracy=accuracy)
        changed = dataclasses.replace(
            probes, probes=(dataclasses.replace(probes["0"], quality=quality),), chance=0.5, n_validation=100
        )
        assert poor(changed) == expected


def test_targets_that_cannot_be_predicted_give_a_warning_in_its_own_words(net):
    generator = torch.Generator().manual_seed(0)
    train = TensorDataset(*(torch.randn(200, n, generator=generator, dtype=torch.float64) for n in (6, 1)))
    with pytest.warns(QualityWarning, match="validation coefficient of determination .*, always answering the mean"):
        fit_probes(net(n_outputs=1), ["0"], train, loss="squared")


def test_too_few_passes_give_a_warning_and_are_recorded(data, net):
    with pytest.warns(ConvergenceWarning, match="the probes of '0', '1' did not reach the tolerance in 3 passes"):
        probes = fit_probes(net(), LAYERS, data(), max_passes=3)
    assert [probe.converged for probe in probes] == [False, False]


def test_a_tolerance_below_rounding_is_said_not_to_be_met(data, net):
    with pytest.warns(ConvergenceWarning, match="or before rounding stopped them"):
        probes = fit_probes(net(), ["0"], data(), tolerance=1e-100)
    assert not probes["0"].converged


@pytest.mark.parametrize("seed", [0, 1])
def test_the_held_out_tenth_is_stratified_and_seeded(seed):
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 4 + [3])
    held = held_out(labels, "cross_entropy", seed)
    assert labels[held].bincount(minlength=4).tolist() == [5, 3, 1, 0]
    assert torch.equal(held, held_out(labels, "cross_entropy", seed))
    assert not torch.equal(held, held_out(labels, "cross_entropy", seed + 1))
    assert held_out(torch.randn(40, 2), "squared", seed).sum() == 4


def test_the_input_mean_is_that_of_the_training_data(data, net):
    train, held = data(), data(60, seed=5)
    probes = fit_probes(net(), ["0"], train, held, batch_size=50)
    torch.testing.assert_close(probes.input_mean, train.tensors[0].mean(0))


@pytest.fixture
def saved(data, net, tmp_path):
    probes = fit_probes(net(), LAYERS, data())
    probes.save(tmp_path / "probes.safetensors")
    return probes, tmp_path / "probes.safetensors"


def test_what_is_saved_is_loaded(saved):
    probes, path = saved
    loaded = Probes.load(path)
    assert loaded.digest() == probes.digest()
    assert loaded.quality() == probes.quality()
    assert torch.equal(loaded.input_mean, probes.input_mean)
    for field in ("n_outputs", "loss", "network", "chance", "n_validation", "identity"):
        assert getattr(loaded, field) == getattr(probes, field)
    for before, after in zip(probes, loaded, strict=True):
        assert torch.equal(before.weight, after.weight)
        assert torch.equal(before.bias, after.bias)
        assert (before.layer, before.read_out, before.shape) == (after.layer, after.read_out, after.shape)


def test_layers_are_found_by_name_and_selected_in_order(saved):
    probes, _ = saved
    assert probes.select(["1", "0"]).layers == ["0", "1"]
    assert probes.select(["1"]).layers == ["1"]
    assert len(probes) == 2
    with pytest.raises(ProbeError, match="there is no probe for the layer '7'; the known ones are '0', '1'"):
        probes.select(["7"])


def test_digests_tell_probes_apart(saved, data, net):
    probes, _ = saved
    assert probes.digest() != fit_probes(net(), LAYERS, data(), seed=1).digest()
    other = dataclasses.replace(probes, input_mean=probes.input_mean + 1)
    assert other.digest() != probes.digest()


@pytest.mark.parametrize("kept", [0, 4, 0.5, -1])
def test_a_truncated_file_is_refused(saved, kept):
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(ProbeError, match="holds no probes that can be read"):
        Probes.load(path)


def test_a_changed_byte_is_refused(saved):
    _, path = saved
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ProbeError, match="is damaged: its numbers are not those that were written"):
        Probes.load(path)


def test_files_of_others_are_refused(tmp_path, data):
    with pytest.raises(ProbeError, match="holds no probes that can be read"):
        Probes.load(tmp_path / "missing")
    weights = {"weight": torch.zeros(2)}
    save_file(weights, tmp_path / "foreign")
    with pytest.raises(ProbeError, match=r"holds no probes that can be read \('layerlore'\)"):
        Probes.load(tmp_path / "foreign")
    save_file(weights, tmp_path / "newer", metadata={"layerlore": json.dumps({"format": 99})})
    with pytest.raises(ProbeError, match="newer has format 99, this version reads up to 1: update layerlore"):
        Probes.load(tmp_path / "newer")
    save_file(weights, tmp_path / "odd", metadata={"layerlore": json.dumps({"format": 1, "probes": 3})})
    with pytest.raises(ProbeError, match="odd holds no probes that can be read"):
        Probes.load(tmp_path / "odd")


def test_probes_belong_to_one_network(saved, net):
    probes, _ = saved
    probes.check_network(net())
    with pytest.raises(ProbeError, match=r"belong to another network .* Fit probes for this network with fit_probes"):
        probes.check_network(net(seed=9))


def test_the_digest_of_a_network_is_that_of_all_that_decides_its_outputs():
    def digest(*layers):
        torch.manual_seed(0)
        return network_digest(nn.Sequential(nn.Linear(4, 4), *layers))

    assert digest(nn.ReLU()) == digest(nn.ReLU())
    assert digest(nn.ReLU()) != digest(nn.GELU())
    assert digest(nn.LeakyReLU(0.1)) != digest(nn.LeakyReLU(0.2))
    norm = nn.BatchNorm1d(4)
    before = digest(norm)
    norm.running_mean += 1
    assert digest(norm) != before
    half = nn.Linear(4, 4).bfloat16()
    before = network_digest(half)
    half.weight.data[0, 0] += 1
    assert network_digest(half) != before


def test_probes_in_a_file_are_reused_without_training(data, net, tmp_path):
    model, train, path = Counting(net()), data(), tmp_path / "sub" / "probes.safetensors"
    layers = ["inner.0"]
    first = fit_probes(model, layers, train, path=path)
    written, model.seen = path.read_bytes(), 0
    again = fit_probes(model, layers, train, path=path, batch_size=50)
    # A look at the data, and one batch to see the shapes: no pass over features.
    assert model.seen == 120 + 50
    assert again.digest() == first.digest()
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    "change", ["weights", "labels", "inputs", "seed", "penalties", "layers", "tolerance", "validation"]
)
def test_probes_that_do_not_match_are_trained_anew(data, net, tmp_path, change):
    path = tmp_path / "probes.safetensors"
    first = fit_probes(net(), ["0"], data(), path=path, penalties=[0.1])
    model, train, layers, options = net(), data(), ["0"], {"penalties": [0.1]}
    if change == "weights":
        with torch.no_grad():
            model[3].weight[0, 0] += 1e-9
    elif change == "labels":
        train.tensors[1][3] = (train.tensors[1][3] + 1) % 3
    elif change == "inputs":
        train.tensors[0][3, 3] += 1e-9
    elif change == "layers":
        layers = ["1"]
    else:
        new = {"seed": 1, "penalties": [0.2], "tolerance": 1e-5, "validation": data(60, seed=5)}
        options |= {change: new[change]}
    second = fit_probes(model, layers, train, path=path, **options)
    assert second.digest() != first.digest()
    assert Probes.load(path).digest() == second.digest()


def test_a_file_that_cannot_be_written_leaves_nothing(data, net, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=r"could not write .*file/probes.safetensors"):
        fit_probes(net(), ["0"], data(), path=tmp_path / "file" / "probes.safetensors")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_file(saved, data, net, monkeypatch):
    _, path = saved
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match=r"could not write .* \(No space left on device\)"):
        fit_probes(net(), LAYERS, data(), seed=1, path=path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
