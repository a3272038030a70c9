"""`explain` from end to end: every score against the slow oracle, every effect against universal matching."""

import copy
import json

import numpy as np
import pytest
import torch

import layerlore as ll
from layerlore.errors import InputError
from reference.slow_scores import activations, column, log_odds, reader, slow_scores
from reference.tiny_networks import QUICK, Case, digits_mlp, digits_resnet, table

GROUPS = ll.Columns([0, 1, [2, 3]])
"""Three players over five columns; the last column is background."""
OWNER = np.array([0, 1, 2, 2, -1])
EXACT = 1e-10
"""Both sides in float64: a few hundred additions of numbers of size 1 to 100."""


def explained(case: Case, players=GROUPS, **options):
    return ll.explain(case.model, case.probes, case.inputs, options.pop("targets", case.labels), players=players,
                      **{**QUICK, **options})  # fmt: skip


def by_hand(case: Case, owners, baseline, targets, score=log_odds, levels=(1.0,), prefix="", body=None):
    read = reader(body or case.model, case.probes, prefix)
    samples = case.inputs.double().numpy()
    return np.stack(
        [
            slow_scores(read, sample, baseline, owner, int(target), levels, score)
            for sample, owner, target in zip(samples, owners, targets, strict=True)
        ]
    )


def close(found, expected, share=EXACT):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= share * np.abs(expected).max()


def scores_of(knowledge, target=0):
    return knowledge.data["scores"].values[:, target]


def mean_of(case: Case) -> np.ndarray:
    return case.probes.input_mean.double().numpy()


@pytest.mark.parametrize("background", ["keep", "mask", "average"])
def test_digits_scores_are_those_of_each_masked_input_alone(background):
    case = digits_mlp().in_float64()
    players = ll.ImagePatches(2, count=4, background=background)
    knowledge = explained(case, players)
    owners = [players.plan(image, index).owner.numpy() for index, image in enumerate(case.inputs)]
    levels = {"keep": (1.0,), "mask": (0.0,), "average": (0.1, 0.3, 0.5, 0.7, 0.9)}[background]
    close(scores_of(knowledge), by_hand(case, owners, mean_of(case), case.labels, levels=levels))
    assert knowledge.layers == ["relu2", "relu5", "output"]
    assert (owners[0] >= 0).sum() == 16
    assert (owners[0] != owners[1]).any()


def test_float32_scores_are_those_of_float64_up_to_rounding():
    case = digits_mlp()
    players = ll.ImagePatches(4)
    owner = players.plan(case.inputs[0], 0).owner.numpy()
    expected = by_hand(case, [owner] * 4, mean_of(case), case.labels)
    # Seven layers of dot products over at most 64 numbers, each rounded to 6e-8.
    close(scores_of(explained(case, players)), expected, 1e-5)


def test_scores_of_a_residual_network_with_pooled_read_outs():
    case = digits_resnet().in_float64()
    players = ll.ImagePatches(4)
    knowledge = explained(case, players, baseline="zero")
    owner = players.plan(case.inputs[0], 0).owner.numpy()

    @torch.no_grad()
    def read(image):
        first = case.model.layer1(case.model.stem(torch.from_numpy(image)[None]))
        second = case.model.layer2(first)
        pooled = [hidden[0].numpy().sum((1, 2)) / hidden[0, 0].numel() for hidden in (first, second)]
        rows = [probe.weight.numpy() @ row + probe.bias.numpy() for probe, row in zip(case.probes, pooled, strict=True)]
        return [*rows, case.model.head(case.model.layer3(second))[0].numpy()]

    expected = [
        slow_scores(read, image, np.zeros((1, 8, 8)), owner, int(target))
        for image, target in zip(case.inputs.numpy(), case.labels, strict=True)
    ]
    close(scores_of(knowledge), np.stack(expected))


def test_effects_rebuild_the_scores_within_kappa():
    case = table()
    knowledge = explained(case, max_iterations=300, pull=0.1)
    scores, effects = knowledge.data["scores"].values, knowledge.data["effects"].values
    n_coalitions = scores.shape[-1]
    shown = np.arange(n_coalitions)
    contained = (shown[:, None] & shown) == shown
    met = (shown[:, None] & shown) != 0
    rebuilt = scores[..., :1] + effects[..., 0, :] @ contained.T + effects[..., 1, :] @ met.T
    reach = np.abs(scores[..., -1:] - scores[..., :1])
    assert (np.abs(rebuilt - scores) <= 0.04 * reach * (1 + 1e-9)).all()
    assert (effects[..., 0] == 0).all()
    assert (effects[..., 1, [1, 2, 4]] == 0).all()
    assert knowledge.data["converged"].values.all()
    np.testing.assert_allclose(knowledge.normalisers(), reach[..., 0].mean(0), rtol=1e-12)
    np.testing.assert_allclose(knowledge.thresholds(), 0.05 * np.abs(effects).max((0, 3, 4)), rtol=1e-12)


@pytest.mark.parametrize(("kind", "prefix"), [("classes", ""), ("one logit", ""), ("named output", "body.")])
def test_classifiers_of_every_form(kind, prefix):
    case = table(kind).in_float64()
    body = case.model.body if prefix else case.model
    expected = by_hand(case, [OWNER] * 4, mean_of(case), case.labels, prefix=prefix, body=body)
    close(scores_of(explained(case)), expected)


def test_probabilities_score_as_their_log_odds():
    case = table("probabilities").in_float64()

    def read(sample):
        *probed, shares = reader(case.model, case.probes)(sample)
        return [*probed, shares]

    def score(outputs, target):
        is_shares = abs(outputs.sum() - 1) < 1e-9 and (outputs > 0).all()
        return float(np.log(outputs[target]) - np.log1p(-outputs[target])) if is_shares else log_odds(outputs, target)

    expected = by_hand(case, [OWNER] * 4, mean_of(case), case.labels, score)
    # 1 - p loses digits where p is near 1; here no probability is within 1e-5 of it.
    close(scores_of(explained(case)), expected, 1e-9)


@pytest.mark.parametrize(
    ("score", "by_column"), [("logit", column), (lambda outputs, target: outputs[:, target].tanh(), None)]
)
def test_regression(score, by_column):
    case = table("numbers").in_float64()
    knowledge = explained(case, targets=[1, 0, 1, 1], score=score)
    expected = by_hand(case, [OWNER] * 4, mean_of(case), [1, 0, 1, 1], by_column or (lambda row, at: np.tanh(row[at])))
    close(scores_of(knowledge), expected)
    assert "label" not in knowledge.data.coords


def test_logit_and_callable_scores_of_a_classifier():
    case = table().in_float64()
    close(scores_of(explained(case, score="logit")), by_hand(case, [OWNER] * 4, mean_of(case), case.labels, column))
    margin = explained(case, score=lambda outputs, target: outputs[:, target] - outputs.mean(1))
    expected = by_hand(case, [OWNER] * 4, mean_of(case), case.labels, lambda row, at: row[at] - row.mean())
    close(scores_of(margin), expected)


@pytest.mark.filterwarnings("ignore:all samples have the same")
def test_the_logit_of_a_sigmoid_network_turns_its_sign_with_the_class():
    case = table("one logit").in_float64()
    one, zero = (scores_of(explained(case, targets=target, score="logit")) for target in (1, 0))
    assert np.array_equal(one, -zero)
    close(one, by_hand(case, [OWNER] * 4, mean_of(case), [1] * 4))


@pytest.mark.parametrize("baseline", [0.25, "own", "function"])
def test_baselines(baseline):
    case = table().in_float64()
    own = torch.linspace(-1, 1, 20, dtype=torch.float64).view(4, 5)
    given = {"own": own, "function": lambda samples: samples * 0 + own}.get(baseline, baseline)
    knowledge = explained(case, baseline=given)
    baselines = own.numpy() if isinstance(baseline, str) else np.full((4, 5), baseline)
    read = reader(case.model, case.probes)
    expected = [
        slow_scores(read, sample, hidden, OWNER, int(target))
        for sample, hidden, target in zip(case.inputs.numpy(), baselines, case.labels, strict=True)
    ]
    close(scores_of(knowledge), np.stack(expected))


def show_sorted(sample, baseline, coalitions):
    """Player 0 owns columns 0 and 4, player 1 the rest; columns 0 and 4 are exchanged."""
    shown = coalitions[:, [0, 1, 1, 1, 0]]
    return torch.where(shown, sample, baseline)[:, [4, 1, 2, 3, 0]]


def test_custom_players():
    case = table().in_float64()
    knowledge = explained(case, ll.CustomPlayers(2, show_sorted))
    read = reader(case.model, case.probes)
    owner = np.array([0, 1, 1, 1, 0])
    expected = [
        slow_scores(lambda row: read(row[[4, 1, 2, 3, 0]]), sample, mean_of(case), owner, int(target))
        for sample, target in zip(case.inputs.numpy(), case.labels, strict=True)
    ]
    close(scores_of(knowledge), np.stack(expected))
    assert knowledge.manifest["coords"]["players"][0] == ["player 0", "player 1"]


@pytest.mark.filterwarnings("ignore:all samples have the same")
def test_several_targets_equal_single_ones():
    case = table()
    targets = torch.stack([case.labels, torch.full_like(case.labels, 2)], 1)
    both = explained(case, targets=targets)
    assert both.data["target_class"].values.tolist() == targets.tolist()
    for position in range(2):
        alone = explained(case, targets=targets[:, position])
        for name in ("scores", "effects", "objective"):
            assert np.array_equal(both.data[name].values[:, position], alone.data[name].values[:, 0]), name


@pytest.mark.filterwarnings("ignore:all samples have the same")
def test_ways_to_name_targets():
    case = table()
    predicted = case.model(case.inputs).argmax(1)
    wanted = explained(case, targets=predicted)
    for targets in ("predicted", predicted.tolist()):
        found = explained(case, targets=targets)
        assert np.array_equal(scores_of(found), scores_of(wanted))
    assert wanted.data["predicted"].values.tolist() == predicted.tolist()
    every = explained(case, targets=1, labels=case.labels)
    assert every.data["target_class"].values.tolist() == [[1]] * 4
    assert every.data["label"].values.tolist() == case.labels.tolist()
    assert "label" not in explained(case, targets=1).data.coords


def test_no_layers_gives_the_networks_own_output_alone():
    case = table()
    alone, all_layers = explained(case, layers=[]), explained(case)
    assert alone.layers == ["output"]
    assert np.array_equal(scores_of(alone)[:, 0], scores_of(all_layers)[:, -1])


@pytest.mark.parametrize("form", ["read-only", "reversed twice", "float64", "requires grad"])
def test_forms_of_inputs(form):
    case = table()
    inputs = {
        "read-only": case.inputs.numpy().copy(),
        "reversed twice": case.inputs.numpy()[::-1].copy()[::-1],
        "float64": case.inputs.double(),
        "requires grad": case.inputs.clone().requires_grad_(),
    }[form]
    if form == "read-only":
        inputs.setflags(write=False)
    found = ll.explain(case.model, case.probes, inputs, case.labels, players=GROUPS, **QUICK)
    expected = by_hand(case, [OWNER] * 4, mean_of(case), case.labels)
    close(scores_of(found), expected, 1e-5)


class InPlace(torch.nn.Module):
    """Shifts its input in place, as carelessly written preprocessing does."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, inputs):
        inputs -= 0.5
        return self.body(inputs)


def test_a_network_that_writes_to_its_input():
    plain = table("named output")
    model = InPlace(copy.deepcopy(plain.model.body)).eval()
    case = plain.with_model(model).in_float64()
    before = case.inputs.clone()
    read = reader(model.body, case.probes, "body.")
    expected = [
        slow_scores(lambda row: read(row - 0.5), sample, mean_of(case), OWNER, int(target))
        for sample, target in zip(before.numpy(), case.labels, strict=True)
    ]
    close(scores_of(explained(case)), np.stack(expected))
    assert torch.equal(case.inputs, before)


def test_the_manifest_tells_where_the_numbers_come_from(tmp_path):
    case = table()
    knowledge = ll.explain(
        case.model, case.probes, case.inputs, case.labels, players=GROUPS, run=tmp_path / "run", **QUICK, seed=3
    )

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"), parse_constant=refuse)
    assert manifest == knowledge.manifest
    identity = manifest["identity"]
    assert identity["network"] == case.probes.identity["network"]
    assert identity["probes"] == case.probes.digest()
    assert {len(identity[name]) for name in ("inputs", "baselines", "targets", "plans")} == {64}
    assert identity["players"] == GROUPS.settings()
    assert identity["score"] == "log_odds"
    assert identity["seed"] == 3
    assert identity["split"]["kappa"] == 0.04
    assert identity["split"]["tolerance"] == 0.9
    assert identity["baseline"] == "mean"
    assert manifest["settings"]["device"] == "cpu"
    assert manifest["settings"]["network"] == type(case.model).__qualname__
    assert manifest["quality"] == case.probes.quality()
    assert manifest["chance"] == pytest.approx(case.probes.chance)
    assert manifest["versions"]["torch"] == torch.__version__
    assert set(manifest["versions"]) == {"layerlore", "torch", "numpy", "zarr", "python"}
    assert manifest["coords"]["players"] == [["column 0", "column 1", "columns 2, 3"]] * 4
    stored = knowledge._run.read("inputs"), knowledge._run.read("owner")
    assert np.array_equal(stored[0], case.inputs.numpy())
    assert np.array_equal(stored[1], np.broadcast_to(OWNER, (4, 5)))


def test_the_oracle_is_another_implementation_than_the_network():
    case = table()
    found = activations(case.model, case.inputs[0].numpy())
    np.testing.assert_allclose(found["4"], case.model(case.inputs[:1])[0].detach().numpy(), rtol=1e-5)


def test_labels_beside_several_targets_are_checked():
    case = table()
    with pytest.raises(InputError, match=r"label 3 of sample 2 is no class: classes run from 0 to 2"):
        explained(case, labels=[0, 1, 3, 0])


def test_a_name_for_people_is_no_part_of_the_identity(tmp_path):
    case = table()
    options = {"players": GROUPS, "run": tmp_path / "run"} | QUICK
    first = ll.explain(case.model, case.probes, case.inputs, case.labels, name="<b>mine</b>", **options)
    again = ll.explain(case.model, case.probes, case.inputs, case.labels, **options)
    assert first.manifest["settings"]["network"] == "<b>mine</b>"
    assert again.manifest == first.manifest
    page = ll.report(first, tmp_path / "page.html").read_text("utf-8")
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "<b>mine</b>" not in page
