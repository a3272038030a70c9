"""Noise on embedded sentences, and agreement of language models with different tokenizers."""

import functools

import numpy as np
import pytest
import torch

import layerlore as ll
from layerlore.errors import InputError
from layerlore.interactions.agreement import agreement
from layerlore.interactions.stability import stability
from layerlore.networks import read_out_size, trace
from layerlore.players import Words
from layerlore.probes import network_digest
from layerlore.probes.probes import Probe, Probes, Quality
from reference.tiny_language import bert, distilbert, sentencepiece, wordpiece, xlnet
from reference.tiny_networks import QUICK

pytest.importorskip("transformers")

SENTENCES = ("Unwatchable film, don't watch!", "A great affecting film")
GOOD = Quality(0.1, 0.9, 0.1, 0.9)
TARGETS = torch.tensor([0, 1])
SIGMA, DRAWS = 0.05, 3


def probed(model, inputs):
    """A probe of random weights on the last layer: what it knows does not matter here."""
    layer, shape = list(trace(model, inputs).items())[-1]
    weight = torch.randn(2, read_out_size("mean", shape), generator=torch.Generator().manual_seed(5))
    probe = Probe(layer, "mean", shape, weight, torch.zeros(2, dtype=torch.float64), 1.0, True, GOOD)
    return Probes(
        (probe,), 2, "cross_entropy", GOOD, 0.5, 10, None, {"network": network_digest(model), "outputs": "logits"}
    )


@functools.lru_cache
def prepared(make, tokenizer):
    words = Words(tokenizer(), SENTENCES)
    model = make()
    return model, probed(model, words.inputs), words


def test_noise_on_embedded_sentences_spares_mask_and_baseline():
    model, probes, words = prepared(bert, wordpiece)
    embedded = words.embed(model)
    seen = []
    handle = model.register_forward_pre_hook(lambda _module, _args, given: seen.append(given), with_kwargs=True)
    try:
        found = stability(
            model, probes, embedded, TARGETS, players=words, sigma=SIGMA, draws=DRAWS, batch_size=16, progress=False,
            tolerance=0.9, max_iterations=60, pull=0.0, resamples=10,
        )  # fmt: skip
    finally:
        handle.remove()
    assert found.by_order["n_effects"].sum() > 0
    last, clean = seen[-1], embedded["inputs_embeds"][1]
    assert {name for name in last if last[name] is not None} == set(embedded)
    assert (last["attention_mask"] == embedded["attention_mask"][1]).all()
    noise = SIGMA * np.random.default_rng([0, DRAWS - 1, 1, 0]).standard_normal(tuple(clean.shape))
    moved = clean + torch.from_numpy(noise).to(clean.dtype)
    # The full coalition shows the noisy sentence, the empty one the baseline on every word, without noise.
    assert torch.equal(last["inputs_embeds"][-1], moved)
    owner = words.plan({name: part[1] for name, part in embedded.items()}, 1).owner
    mask = model.get_input_embeddings().weight[words._tokenizer.mask_token_id].detach()
    hidden = last["inputs_embeds"][0]
    assert torch.equal(hidden[owner >= 0], mask.expand(int((owner >= 0).sum()), -1))
    assert torch.equal(hidden[owner < 0], moved[owner < 0])
    whole = clean[owner >= 0].double().norm()
    ratios = []
    for draw in range(DRAWS):
        noise = torch.from_numpy(SIGMA * np.random.default_rng([0, draw, 1, 0]).standard_normal(tuple(clean.shape)))
        ratios.append(float(noise[owner >= 0].norm() / whole))
    top = found.noise_ratio.sel(sample=1, order=words.n_players)
    np.testing.assert_allclose(top.sel(quantile=[0, 0.5, 1]), np.sort(ratios), rtol=1e-6)


def test_ids_are_told_to_be_embedded():
    model, probes, words = prepared(bert, wordpiece)
    with pytest.raises(InputError, match=r"inputs\['input_ids'\] has dtype int64.*words\.embed\(model\)"):
        stability(model, probes, words.inputs, TARGETS, players=words)


def test_language_models_with_different_tokenizers_are_compared_by_their_words():
    explained = []
    for make, tokenizer in ((bert, wordpiece), (distilbert, wordpiece), (xlnet, sentencepiece)):
        model, probes, words = prepared(make, tokenizer)
        inputs = {name: part for name, part in words.inputs.items() if name != "token_type_ids"}
        explained.append(ll.explain(model, probes, inputs, TARGETS, players=words, progress=False, **QUICK))
    assert not np.array_equal(explained[0].inputs(0), explained[2].inputs(0))
    found = agreement(*explained)
    assert found.by_order.pair.size == 3
    assert np.isfinite(found.total.iou.sel(op="all")).all()
    model, probes, _ = prepared(bert, wordpiece)
    turned = Words(wordpiece(), SENTENCES[::-1])
    other = ll.explain(model, probes, turned.inputs, TARGETS, players=turned, progress=False, **QUICK)
    with pytest.raises(InputError, match="different players: in sample 0"):
        agreement(explained[0], other)
