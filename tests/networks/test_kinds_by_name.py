"""Kinds from names and shapes, beside those that the modules themselves tell."""

import pytest
import torch
from torch import nn

from layerlore.dynamics.tracked import tracked_weights
from layerlore.networks.kinds_by_name import definition_order, is_buffer, kind_of_weight
from layerlore.zoo import LeNet5, mlp7, resnet20

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TOKENS = {"vocab_size": 30, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


def distilbert():
    sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "vocab_size": 30}
    return transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig(**sizes))


def t5():
    sizes = {"d_model": 16, "num_layers": 2, "num_heads": 2, "d_ff": 32, "d_kv": 8, "vocab_size": 30}
    return transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes))


def efficientnet():
    sizes = {"width_coefficient": 0.25, "depth_coefficient": 0.3, "hidden_dim": 64, "image_size": 32}
    return transformers.EfficientNetForImageClassification(transformers.EfficientNetConfig(**sizes))


def resnet():
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2], "layer_type": "bottleneck"}
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(**sizes))


def gpt2():
    config = transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=16, **TOKENS)
    return transformers.GPT2LMHeadModel(config)


NETWORKS = {
    "bert": lambda: transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=30, **SMALL)),
    "distilbert": distilbert,
    "gpt2": gpt2,
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**TOKENS, **SMALL)),
    "t5": t5,
    "vit": lambda: transformers.ViTForImageClassification(transformers.ViTConfig(image_size=8, patch_size=4, **SMALL)),
    "swin": lambda: transformers.SwinForImageClassification(
        transformers.SwinConfig(embed_dim=8, depths=[1, 1], num_heads=[2, 2], image_size=32, window_size=4)
    ),
    "convnext": lambda: transformers.ConvNextForImageClassification(
        transformers.ConvNextConfig(hidden_sizes=[4, 8, 8, 8], depths=[1, 1, 1, 1])
    ),
    "efficientnet": efficientnet,
    "resnet": resnet,
    "lenet": LeNet5,
    "resnet20": resnet20,
    "mlp7": lambda: mlp7(64, 10),
    "encoder": lambda: nn.Sequential(
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 1, enable_nested_tensor=False),
        nn.LSTM(8, 4),
        nn.Linear(8, 2),
    ),
}


def told(model):
    """For each weight, what the modules and what the names say."""
    infos = [weight.info for weight in tracked_weights(model, biases=True, norms=True)]
    names = [info.layer for info in infos if len(info.shape) > 1]
    return {info.layer: (info.kind, kind_of_weight(info.layer, info.shape, names)) for info in infos}


@pytest.mark.parametrize("network", NETWORKS)
def test_names_tell_what_modules_tell(network):
    torch.manual_seed(0)
    kinds = told(NETWORKS[network]())
    # Other parameters with one dimension, such as the layer scales of ConvNeXt, are `other` in both.
    differing = {name: pair for name, pair in kinds.items() if pair[0] != pair[1]}
    assert not differing
    assert len({kind for kind, _ in kinds.values()}) > 1


def test_where_names_cannot_tell():
    model = nn.Sequential(
        nn.Embedding(5, 8), nn.Linear(8, 8), nn.PReLU(), nn.Conv2d(8, 8, 3, groups=4), nn.Linear(8, 2)
    )
    assert {name: pair for name, pair in told(model).items() if pair[0] != pair[1]} == {
        "0.weight": ("embedding", "linear"),
        "2.weight": ("other", "norm"),
    }
    config = transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=16, **TOKENS)
    kinds = told(transformers.GPT2Model(config))
    assert {name for name, pair in kinds.items() if pair[0] != pair[1]} == {"h.1.mlp.c_proj.weight"}
    assert kinds["h.1.mlp.c_proj.weight"] == ("head", "mlp")


EFFICIENTNET = [
    ("conv_stem.weight", (48, 3, 3, 3), "conv"),
    ("blocks.0.0.conv_dw.weight", (48, 1, 3, 3), "depthwise"),
    ("blocks.0.0.se.conv_reduce.weight", (12, 48, 1, 1), "pointwise"),
    ("blocks.0.0.se.conv_expand.weight", (48, 12, 1, 1), "pointwise"),
    ("blocks.0.0.conv_pw.weight", (24, 48, 1, 1), "pointwise"),
    ("blocks.1.0.conv_pwl.weight", (32, 144, 1, 1), "pointwise"),
    ("conv_head.weight", (1792, 448, 1, 1), "pointwise"),
    ("classifier.weight", (10, 1792), "head"),
]
RESNET = [
    ("conv1.weight", (64, 3, 3, 3), "conv"),
    ("layer1.0.conv1.weight", (64, 64, 3, 3), "conv"),
    ("layer2.0.shortcut.0.weight", (128, 64, 1, 1), "pointwise"),
    ("layer2.0.downsample.0.weight", (128, 64, 1, 1), "pointwise"),
    ("linear.weight", (10, 512), "head"),
]


@pytest.mark.parametrize("table", [EFFICIENTNET, RESNET])
def test_published_names_with_and_without_shapes(table):
    names = [name for name, _, _ in table]
    for name, shape, kind in table:
        assert kind_of_weight(name, shape, names) == kind
        assert kind_of_weight(name, (), names) == kind


def test_grey_images_and_many_dimensions():
    names = ["conv1.weight", "conv2.weight", "fc.weight"]
    assert kind_of_weight("conv1.weight", (6, 1, 5, 5), names) == "conv"
    assert kind_of_weight("conv2.weight", (6, 1, 5, 5), names) == "depthwise"
    assert kind_of_weight("conv2.weight", (6, 3, 5), names) == "conv"
    assert kind_of_weight("conv2.weight", (6, 3, 1, 1, 1), names) == "pointwise"


@pytest.mark.parametrize(
    ("name", "shape", "buffer"),
    [
        ("bn1.running_var", (4,), True),
        ("bn1.num_batches_tracked", (), True),
        ("h.0.attn.bias", (1, 1, 8, 8), True),
        ("h.0.attn.bias", (8,), False),
        ("embeddings.position_ids", (1, 512), True),
        ("attn.relative_position_index", (49, 49), True),
        ("fc.weight", (4, 4), False),
    ],
)
def test_buffers(name, shape, buffer):
    assert is_buffer(name, shape) is buffer


@pytest.mark.parametrize("network", ["convnext", "resnet20", "lenet", "mlp7"])
def test_order_of_definition(network):
    names = [weight.info.layer for weight in tracked_weights(NETWORKS[network]())]
    assert definition_order(sorted(names)) == names


def test_order_is_right_between_blocks():
    names = [weight.info.layer for weight in tracked_weights(NETWORKS["llama"]())]
    found = definition_order(sorted(names))
    assert (found[0], found[-1]) == ("model.embed_tokens.weight", "lm_head.weight")
    blocks = [name.split(".")[2] for name in found[1:-1]]
    assert blocks == sorted(blocks)
