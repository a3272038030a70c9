"""Networks from transformers, randomly initialised: default layers, kinds, capture, logits."""

import pytest
import torch

from layerlore.errors import LayerError
from layerlore.networks import capture, evaluating, find_layers, forward, layer_kinds, logits_of, to_model, trace

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


def bert():
    config = transformers.BertConfig(vocab_size=20, max_position_embeddings=16, **SMALL)
    return transformers.BertForSequenceClassification(config)


def distilbert():
    sizes = {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 16}
    config = transformers.DistilBertConfig(vocab_size=20, max_position_embeddings=16, **sizes)
    return transformers.DistilBertForSequenceClassification(config)


def gpt2():
    tokens = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    config = transformers.GPT2Config(vocab_size=20, n_positions=16, n_embd=8, n_layer=2, n_head=2, **tokens)
    return transformers.GPT2ForSequenceClassification(config)


def albert():
    config = transformers.AlbertConfig(vocab_size=20, embedding_size=4, max_position_embeddings=16, **SMALL)
    return transformers.AlbertForSequenceClassification(config)


def vit():
    return transformers.ViTForImageClassification(transformers.ViTConfig(image_size=8, patch_size=4, **SMALL))


def resnet():
    sizes = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [2, 1], "layer_type": "basic"}
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(**sizes))


tokens = {
    "input_ids": torch.arange(1, 13).view(2, 6),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]),
}
images = {"pixel_values": torch.linspace(-1, 1, 2 * 3 * 8 * 8, dtype=torch.float64).view(2, 3, 8, 8)}

CASES = {
    bert: (tokens, {"bert.embeddings": (6, 8), "bert.encoder.layer.0": (6, 8), "bert.encoder.layer.1": (6, 8)}),
    distilbert: (
        tokens,
        {
            "distilbert.embeddings": (6, 8),
            "distilbert.transformer.layer.0": (6, 8),
            "distilbert.transformer.layer.1": (6, 8),
        },
    ),
    gpt2: (tokens, {"transformer.drop": (6, 8), "transformer.h.0": (6, 8), "transformer.h.1": (6, 8)}),
    albert: (
        tokens,
        {
            "albert.encoder.embedding_hidden_mapping_in": (6, 8),
            "albert.encoder.albert_layer_groups.0.albert_layers.0@0": (6, 8),
            "albert.encoder.albert_layer_groups.0.albert_layers.0@1": (6, 8),
        },
    ),
    vit: (images, {"vit.embeddings": (5, 8), "vit.layers.0": (5, 8), "vit.layers.1": (5, 8)}),
    resnet: (
        images,
        {
            "resnet.embedder": (4, 2, 2),
            "resnet.encoder.stages.0.layers.0": (4, 2, 2),
            "resnet.encoder.stages.0.layers.1": (4, 2, 2),
            "resnet.encoder.stages.1.layers.0": (8, 1, 1),
        },
    ),
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_default_layers_and_their_shapes(make):
    model = make().train()
    batch, expected = CASES[make]
    if make is vit and "vit.layers.0" not in dict(model.named_modules()):
        expected = {name.replace("vit.layers", "vit.encoder.layer"): shape for name, shape in expected.items()}
    shapes = trace(model, batch)
    assert shapes == expected
    assert list(shapes) == list(expected)
    assert {name.split("@")[0] for name in shapes} == set(find_layers(model))
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_capturing_changes_no_logit(make):
    model = make()
    batch = to_model(model, CASES[make][0])
    with evaluating(model):
        plain = logits_of(forward(model, batch))
        with capture(model) as captured:
            watched = logits_of(forward(model, batch))
    assert torch.equal(plain, watched)
    assert list(captured) == list(trace(model, batch))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_block_outputs_are_the_hidden_states_of_the_library():
    model = bert()
    with evaluating(model), capture(model) as captured:
        states = model(**tokens, output_hidden_states=True).hidden_states
    assert len(states) == len(captured) == 3
    for state, output in zip(states, captured.values(), strict=True):
        assert torch.equal(state, output)


def test_a_module_that_returns_a_model_output_gives_its_last_hidden_state():
    model = bert()
    with evaluating(model), capture(model, ["bert", "bert.encoder.layer.1"]) as captured:
        model(**tokens)
    assert torch.equal(captured["bert"], captured["bert.encoder.layer.1"])


def test_position_embeddings_have_no_batch():
    with pytest.raises(LayerError, match=r"position_embeddings' returned shape \(1, 6, 8\) for a batch of 2"):
        trace(bert(), tokens, ["bert.embeddings.position_embeddings"])


def test_kinds_of_bert():
    model = bert()
    block = "bert.encoder.layer.1."
    expected = {
        "bert.embeddings": "embedding",
        "bert.embeddings.word_embeddings": "embedding",
        block + "attention.self.query": "attention-q",
        block + "attention.self.key": "attention-k",
        block + "attention.self.value": "attention-v",
        block + "attention.output.dense": "attention-o",
        block + "attention.output.LayerNorm": "norm",
        block + "intermediate.dense": "mlp",
        block + "intermediate.intermediate_act_fn": "activation",
        block + "output.dense": "mlp",
        block + "output.dropout": "other",
        block[:-1]: "block",
        "bert.pooler.dense": "linear",
        "classifier": "head",
    }
    assert layer_kinds(model, expected) == expected


def test_kinds_of_gpt2_and_distilbert():
    expected = {
        "transformer.wte": "embedding",
        "transformer.h.0.attn.c_attn": "linear",
        "transformer.h.0.attn.c_proj": "attention-o",
        "transformer.h.0.mlp.c_fc": "mlp",
        "transformer.h.0.mlp.c_proj": "mlp",
        "score": "head",
    }
    assert layer_kinds(gpt2(), expected) == expected
    block = "distilbert.transformer.layer.0."
    expected = {block + "attention.q_lin": "attention-q", block + "attention.out_lin": "attention-o"}
    expected |= {block + "ffn.lin1": "mlp", "pre_classifier": "linear"}
    assert layer_kinds(distilbert(), expected) == expected
