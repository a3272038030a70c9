"""Sentences from end to end, against a slow loop that hides tokens by hand and asks the network one input at a time."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.errors import InputError
from layerlore.networks import capture, evaluating, read_out, read_out_size, trace
from layerlore.players import Samples, Words
from layerlore.probes import network_digest
from layerlore.probes.probes import Probe, Probes, Quality
from layerlore.storage import Run
from reference.slow_scores import log_odds
from reference.tiny_language import VOCABULARY, bert, byte_level, distilbert, gpt2, sentencepiece, wordpiece, xlnet
from reference.tiny_networks import QUICK

pytest.importorskip("transformers")

SENTENCES = ("Unwatchable film, don't watch!", "A great affecting film", 'It is "charming" and affecting.')
UNPADDED = (
    "[CLS] un ##watch ##able film , don ' t watch ! [SEP]",
    "[CLS] a great affect ##ing film [SEP]",
    '[CLS] it is " charm ##ing " and affect ##ing . [SEP]',
)
OWNERS = (
    [-1, 0, 0, 0, 1, -1, 2, 2, 2, 3, -1, -1],
    [-1, 0, 1, 2, 2, 3, -1],
    [-1, 0, 1, -1, 2, 2, -1, -1, 3, 3, -1, -1],
)
GOOD = Quality(0.1, 0.9, 0.1, 0.9)
TARGETS = torch.tensor([0, 1, 1])
MASK = VOCABULARY.index("[MASK]")
BLOCKS = ["bert.embeddings", *(f"bert.encoder.layer.{block}" for block in range(3))]


def sentences(names=("input_ids", "attention_mask", "token_type_ids"), **options):
    words = Words(wordpiece(), SENTENCES, exclude=["and"], **options)
    return words, {name: part for name, part in words.inputs.items() if name in names}


def probed(model, inputs, kind="cls"):
    """Probes of random weights on all layers: what they know does not matter here.

    Those of the embeddings read all positions, for the first token's embedding is the same for all sentences.
    """
    generator = torch.Generator().manual_seed(5)
    probes = []
    for layer, shape in trace(model, inputs).items():
        read = kind if probes else "flatten"
        weight = torch.randn(2, read_out_size(read, shape), generator=generator)
        bias = torch.randn(2, dtype=torch.float64, generator=generator)
        probes.append(Probe(layer, read, shape, weight, bias, 1.0, True, GOOD))
    identity = {"network": network_digest(model), "outputs": "logits"}
    return Probes(tuple(probes), 2, "cross_entropy", GOOD, 0.5, 10, None, identity)


@functools.lru_cache(maxsize=1)
def of_bert():
    model = bert()
    _, inputs = sentences()
    return model, probed(model, inputs)


def explained(model, probes, inputs, words, **options):
    return ll.explain(model, probes, inputs, TARGETS[: len(words.words)], players=words, **{**QUICK, **options})


@functools.lru_cache(maxsize=1)
def plain():
    """The explanation that others are compared with."""
    words, inputs = sentences()
    return explained(*of_bert(), inputs, words)


def in_float64(model, probes):
    wide = model.double()
    return wide, replace(probes, identity=probes.identity | {"network": network_digest(wide)})


def slow_scores(model, probes, rows, owners, hidden, extra=None, pad=0, side="right"):
    """Scores ``[sample, layer, coalition]``; every input alone and without padding.

    Only what reads the embeddings of all positions gets the padding, too: its weights are of these.
    """
    found = []
    for row, owner, target in zip(rows, owners, TARGETS.tolist(), strict=False):
        games = []
        for coalition in range(16):
            tokens = [
                hidden if player >= 0 and not coalition >> player & 1 else token
                for token, player in zip(row, owner, strict=True)
            ]
            outputs, logits = alone(model, probes.layers, tokens, extra(row) if extra else {})
            missing = [pad] * (probes.probes[0].shape[0] - len(row))
            filled = missing + tokens if side == "left" else tokens + missing
            outputs[probes.layers[0]] = alone(model, probes.layers[:1], filled, {})[0][probes.layers[0]]
            places = {"flatten": slice(None), "cls": 0, "last": -1}
            features = [outputs[probe.layer][places[probe.read_out]].reshape(-1) for probe in probes]
            scores = [
                log_odds(probe.weight.double().numpy() @ vector + probe.bias.numpy(), target)
                for probe, vector in zip(probes, features, strict=True)
            ]
            games.append([*scores, log_odds(logits, target)])
        found.append(np.transpose(games))
    return np.stack(found)


def alone(model, layers, tokens, extra):
    """Outputs of layers and logits for one input."""
    batch = {"input_ids": torch.tensor([tokens])} | {name: torch.tensor([part]) for name, part in extra.items()}
    with torch.no_grad(), capture(model, layers) as outputs:
        logits = model(**batch).logits[0].double().numpy()
    return {name: output[0].double().numpy() for name, output in outputs.items()}, logits


def ids(text):
    return [VOCABULARY.index(token) for token in text.split()]


def scores_of(knowledge):
    return knowledge.data["scores"].values[:, 0]


def assert_within_rounding(found, expected):
    """DESIGN's promise for float32: padding and batching only change the order of sums."""
    largest = np.abs(expected).max((0, 2), keepdims=True)
    assert (np.abs(found - expected) <= 1e-5 * largest).all()
    # The loop has something to say: hiding words changes scores at every layer that sees them.
    assert (np.ptp(expected, axis=-1) > 1e-2).all()


def test_all_layers_of_bert_in_one_pass_with_the_scores_of_the_slow_loop():
    model, probes = of_bert()
    words, inputs = sentences()
    seen = dict.fromkeys(("", "bert.embeddings", "bert.encoder.layer.2"), 0)

    def count(name):
        def look(_module, _arguments, output):
            tensor = output.logits if name == "" else output[0] if isinstance(output, tuple) else output
            seen[name] += len(tensor)

        return look

    handles = [model.get_submodule(name).register_forward_hook(count(name)) for name in seen]
    knowledge = explained(model, probes, inputs, words)
    for handle in handles:
        handle.remove()
    assert knowledge.layers == [*BLOCKS, "output"]
    # Three samples as they are, one for the memory, and each coalition of each sample once, whatever the layers.
    assert seen == dict.fromkeys(seen, 3 + 1 + 3 * 16)
    expected = slow_scores(model, probes, map(ids, UNPADDED), OWNERS, MASK)
    assert_within_rounding(scores_of(knowledge), expected)


def test_in_float64_the_scores_are_those_of_the_slow_loop_to_rounding():
    """Sums of fewer than a thousand terms in float64: errors stay under 1e-12 of the largest, bad masks do not."""
    words, inputs = sentences()
    model, probes = in_float64(bert(), of_bert()[1])
    knowledge = explained(model, probes, inputs, words)
    expected = slow_scores(model, probes, map(ids, UNPADDED), OWNERS, MASK)
    np.testing.assert_allclose(scores_of(knowledge), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["[UNK]", "[PAD]"])
def test_other_tokens_in_place_of_words(name):
    """Hidden words are not attended to where they are padding."""
    words, inputs = sentences()
    model, probes = in_float64(bert(), of_bert()[1])
    knowledge = explained(model, probes, inputs, words, baseline=name)
    hidden = VOCABULARY.index(name)
    expected = []
    for row, owner, target in zip(map(ids, UNPADDED), OWNERS, TARGETS.tolist(), strict=True):
        games = []
        for coalition in range(16):
            gone = [player >= 0 and not coalition >> player & 1 for player in owner]
            tokens = [hidden if off else token for token, off in zip(row, gone, strict=True)]
            attended = [int(not (off and name == "[PAD]")) for off in gone]
            with torch.no_grad():
                logits = model(torch.tensor([tokens]), attention_mask=torch.tensor([attended])).logits[0]
            games.append(log_odds(logits.numpy(), target))
        expected.append(games)
    np.testing.assert_allclose(scores_of(knowledge)[:, -1], expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert knowledge.manifest["identity"]["baseline"] == name


def test_embedded_sentences_have_the_scores_of_their_ids():
    model, probes = of_bert()
    words, _ = sentences()
    embedded = explained(model, probes, words.embed(model), words)
    assert np.array_equal(scores_of(embedded), scores_of(plain()))
    assert embedded.inputs(0).dtype == np.float32
    assert embedded.inputs(0).shape == (12, 16)
    mean = explained(model, probes, words.embed(model), words, baseline="mean")
    assert mean.manifest["identity"]["baseline"] == "mean"
    assert np.abs(scores_of(mean) - scores_of(plain())).max() > 1e-2


class First(nn.Module):
    """What BERT's pooler does without its weights: the first token's hidden state."""

    def forward(self, hidden):
        return hidden[:, 0]


def test_the_last_read_out_is_what_the_classifier_sees():
    """A probe with the classifier's own weights on the last hidden state scores what the network scores."""
    model = bert()
    model.bert.pooler = First()
    words, inputs = sentences()
    probes = probed(model, inputs)
    own = [part.detach() for part in (model.classifier.weight, model.classifier.bias)]
    last = probes[BLOCKS[-1]]
    assert last.read_out == "cls"
    copy = Probe(last.layer, "cls", last.shape, own[0], own[1].double(), 1.0, True, last.quality)
    knowledge = explained(model, replace(probes, probes=(*probes.probes[:-1], copy)), inputs, words)
    scores = scores_of(knowledge)
    # The same products and sums, in float32.
    np.testing.assert_allclose(scores[:, -2], scores[:, -1], rtol=0, atol=1e-6 * np.abs(scores).max())
    assert np.abs(scores[:, -3] - scores[:, -1]).max() > 1e-2


@pytest.mark.parametrize(("make", "place"), [(bert, "bert.pooler.dense"), (distilbert, "pre_classifier")])
def test_the_features_of_the_last_block_go_into_the_classifier(make, place):
    model = make()
    names = ("input_ids", "attention_mask")
    _, inputs = sentences(names)
    last = ll.find_layers(model)[-1]
    seen = []
    handle = model.get_submodule(place).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with evaluating(model), capture(model, [last]) as outputs:
        model(**inputs)
    handle.remove()
    assert torch.equal(read_out("cls")(outputs[last]), seen[0])


def test_distilbert_takes_ids_and_mask_or_ids_alone():
    words, inputs = sentences(("input_ids", "attention_mask"))
    model = distilbert()
    model, probes = in_float64(model, probed(model, inputs))
    expected = slow_scores(model, probes, map(ids, UNPADDED), OWNERS, MASK)
    found = explained(model, probes, inputs, words)
    np.testing.assert_allclose(scores_of(found), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert "pieces" in found.manifest["coords"]
    # Without a mask padding is attended to; the first and the last sentence have none.
    unmasked = explained(model, probes, inputs["input_ids"], words)
    np.testing.assert_allclose(scores_of(unmasked)[[0, 2]], expected[[0, 2]], rtol=0, atol=1e-11)
    assert np.abs(scores_of(unmasked)[1] - expected[1]).max() > 1e-3


@pytest.mark.parametrize("side", ["right", "left"])
def test_gpt2_with_padding_on_either_side(side):
    """Right padding changes nothing for a causal network; left padding moves positions, as it does in training."""
    words = Words(byte_level(side), SENTENCES, 4)
    inputs = words.inputs
    assert (inputs["attention_mask"][:, 0 if side == "left" else -1] == 0).any()
    model = gpt2()
    model, probes = in_float64(model, probed(model, inputs, "cls" if side == "right" else "last"))
    found = explained(model, probes, inputs, words, baseline="[UNK]")
    rows, owners = unpadded(words) if side == "right" else padded(words)
    extra = None if side == "right" else lambda row: {"attention_mask": [int(token != 0) for token in row]}
    expected = slow_scores(model, probes, rows, owners, byte_level().unk_token_id, extra)
    np.testing.assert_allclose(scores_of(found), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert (np.ptp(expected[:, -1], axis=-1) > 1e-2).all()
    with pytest.raises(InputError, match=r"baseline='\[MASK\]', but .* has no mask_token: choose '\[PAD\]' or"):
        explained(model, probes, inputs, words)


def test_xlnet_reads_its_last_token():
    """Its positions are relative, so that padding on the left changes nothing."""
    words = Words(sentencepiece(), SENTENCES, 4)
    inputs = words.inputs
    assert (inputs["attention_mask"][:, 0] == 0).any()
    model = xlnet()
    model, probes = in_float64(model, probed(model, inputs, "last"))
    assert probes.layers == ["transformer.word_embedding", "transformer.layer.0", "transformer.layer.1"]
    found = explained(model, probes, inputs, words)
    rows, owners = unpadded(words)
    # The last token is of a segment of its own.
    segments = lambda row: {"token_type_ids": [0] * (len(row) - 1) + [2]}  # noqa: E731
    hidden, pad = sentencepiece().mask_token_id, sentencepiece().pad_token_id
    expected = slow_scores(model, probes, rows, owners, hidden, segments, pad, "left")
    np.testing.assert_allclose(scores_of(found), expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert (np.ptp(expected[:, 1:], axis=-1) > 1e-3).all()


def padded(words):
    plans = [words.plan(sample, index) for index, sample in enumerate(Samples.of(words.inputs))]
    return words.inputs["input_ids"].tolist(), [plan.owner.tolist() for plan in plans]


def unpadded(words):
    rows, owners = padded(words)
    kept = [[place for place, on in enumerate(mask) if on] for mask in words.inputs["attention_mask"].tolist()]
    return tuple(
        [[row[place] for place in places] for row, places in zip(part, kept, strict=True)] for part in (rows, owners)
    )


def test_what_the_knowledge_says_of_its_sentences(tmp_path):
    model, probes = of_bert()
    words, inputs = sentences()
    explained(model, probes, inputs, words, run=tmp_path / "run")
    knowledge = ll.load(tmp_path / "run")
    assert isinstance(knowledge, ll.Knowledge)
    assert knowledge.inputs(0).dtype == np.int64
    assert knowledge.inputs(0).tolist() == ids(UNPADDED[0])
    assert knowledge.inputs(1, "attention_mask").tolist() == [1] * 7 + [0] * 5
    assert knowledge.inputs(1, "input_ids").tolist() == knowledge.inputs(1).tolist()
    with pytest.raises(InputError, match=r"name of an input tensor='input_id' is not known; did you mean 'input_ids'"):
        knowledge.inputs(0, "input_id")
    assert knowledge.owner(1).tolist() == OWNERS[1] + [-1] * 5
    coords = knowledge.manifest["coords"]
    assert coords["players"][0] == ["Unwatchable", "film", "don't", "watch"]
    assert coords["pieces"][1][:6] == ["[CLS]", "A", "great", "affect", "##ing", "film"]
    assert knowledge.ledger(resamples=10).total is not None
    copy = tmp_path / "copy"
    knowledge.save(copy)
    assert ll.load(copy).inputs(2).tolist() == knowledge.inputs(2).tolist()


def test_plain_numbers_have_no_pieces(knowledge):
    assert "pieces" not in knowledge.manifest["coords"]
    assert "inputs" not in knowledge.manifest["coords"]
    with pytest.raises(InputError, match="name of an input tensor='x' is not known; there are none"):
        knowledge.inputs(0, "x")


OPTIONS = {"pull": 0.1, "noise_samples": 1, "batch_size": 5}


def arrays_of(knowledge):
    return {str(name): np.asarray(array[:]).tobytes() for name, array in knowledge._run._group.arrays()}


@pytest.fixture(scope="module")
def whole():
    """What a run that nothing stops holds."""
    words, inputs = sentences()
    return explained(*of_bert(), inputs, words, **OPTIONS)


@pytest.mark.parametrize("stage", ["inputs", "scores", "splits", "calibration"])
def test_a_stopped_run_resumes_to_the_same_bits(stage, whole, tmp_path, monkeypatch):
    model, probes = of_bert()
    words, inputs = sentences()

    class Stopped(Exception):
        pass

    def finish(run, name, index):
        if name == stage and index == 1:
            raise Stopped
        original(run, name, index)

    original = Run.finish
    monkeypatch.setattr(Run, "finish", finish)
    with pytest.raises(Stopped):
        explained(model, probes, inputs, words, run=tmp_path / "run", **OPTIONS)
    monkeypatch.undo()
    # Another process makes its own words, and names the tensors in another order.
    again, turned = sentences()
    resumed = explained(model, probes, dict(reversed(turned.items())), again, run=tmp_path / "run", **OPTIONS)
    assert arrays_of(resumed) == arrays_of(whole)
    assert resumed.manifest | {"created": None} == whole.manifest | {"created": None}


def test_other_sentences_or_baselines_are_another_explanation(tmp_path):
    model, probes = of_bert()
    words, inputs = sentences()
    explained(model, probes, inputs, words, run=tmp_path / "run")
    turned = Words(wordpiece(), SENTENCES[::-1], exclude=["and"])
    for players, given, options in ((turned, turned.inputs, {}), (words, inputs, {"baseline": "[UNK]"})):
        with pytest.raises(OSError, match="belongs to another explanation"):
            explained(model, probes, given, players, run=tmp_path / "run", **options)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_scores_do_not_depend_on_the_batch_size(batch_size):
    model, probes = of_bert()
    words, inputs = sentences()
    parts = explained(model, probes, inputs, words, batch_size=batch_size)
    assert plain().manifest["batch_size"] == 16
    assert_within_rounding(scores_of(parts), scores_of(plain()))


def test_the_noise_floor_is_measured_and_the_costs_are_forecast():
    model, probes = of_bert()
    words, inputs = sentences()
    floor = explained(model, probes, inputs, words, noise_samples=2).noise_floor()
    assert 0 < float(floor.max()) < 1e-3
    cost = ll.explain(model, probes, inputs, TARGETS, players=words, dry_run=True)
    assert cost.forward_passes == 3 * 16


def test_bad_input_is_told_before_anything_is_written(tmp_path):
    model, probes = of_bert()
    words, inputs = sentences()
    longer, long_inputs = sentences(max_length=20)
    hooks = [len(module._forward_hooks) for module in model.modules()]
    cases = [
        ({"inputs": {name: part.flip(0) for name, part in inputs.items()}}, "sample 0 is not the encoding of sentence"),
        ({"baseline": "mean"}, r"the mean of ids is no id"),
        ({"baseline": {"input_ids": 400}}, "hold the id 400, and the network's embedding has 30 rows"),
        ({"players": ll.Columns(12)}, r"Columns divides samples that are one tensor; these .*\(input_ids, .*use Words"),
        (
            {"inputs": long_inputs, "players": longer},
            r"layer 'bert.embeddings' gives \(20, 16\) .*'flatten' of \(12, 16\).*padded to one length, max_length=",
        ),
    ]
    for changed, message in cases:
        given = {"model": model, "probes": probes, "inputs": inputs} | {"players": words} | changed
        with pytest.raises(InputError, match=message):
            ll.explain(**given, targets=TARGETS, run=tmp_path / "run", **QUICK)
        assert not (tmp_path / "run").exists()
        assert [len(module._forward_hooks) for module in model.modules()] == hooks


def test_a_longer_encoding_is_no_matter_to_the_first_token():
    """Padding to another length than the probes were trained on goes where the read-out has no positions."""
    model, probes = of_bert()
    words, inputs = sentences(max_length=20)
    longer = explained(model, probes, inputs, words, layers=BLOCKS[1:])
    assert_within_rounding(scores_of(longer), scores_of(plain())[:, 1:])


def test_a_network_that_takes_one_tensor_of_ids():
    """A plain PyTorch network: the mean of a sentence's embeddings."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.EmbeddingBag(len(VOCABULARY), 6, mode="mean"), nn.Tanh(), nn.Linear(6, 2)).eval()
    words, inputs = sentences()
    rows = torch.randint(0, 30, (400, 12), generator=torch.Generator().manual_seed(0))
    probes = ll.fit_probes(model, ["1"], [(rows, (rows == 16).any(1).long())], penalties=(1e-3,), seed=1)
    assert probes.input_mean is None
    found = explained(model, probes, inputs["input_ids"], words)
    weight, layer = model[0].weight.detach().double().numpy(), model[2]
    for row, owner, target, scores in zip(
        inputs["input_ids"].tolist(), padded(words)[1], TARGETS.tolist(), scores_of(found), strict=True
    ):
        for coalition in range(16):
            tokens = [
                MASK if player >= 0 and not coalition >> player & 1 else token
                for token, player in zip(row, owner, strict=True)
            ]
            hidden = np.tanh(np.mean([weight[token] for token in tokens], axis=0))
            logits = layer.weight.detach().double().numpy() @ hidden + layer.bias.detach().double().numpy()
            # Rounding of sums of a dozen numbers of float32 below 10.
            assert scores[1, coalition] == pytest.approx(log_odds(logits, target), abs=1e-5)
