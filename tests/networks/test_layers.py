import re

import pytest
import torch
from torch import nn

from layerlore.errors import LayerError
from layerlore.networks import find_layers, layer_aliases


class Block(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return torch.relu(x + self.bn(self.conv(x)))


class SmallResNet(nn.Module):
    def __init__(self, depths=(2, 1)):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(*[Block() for _ in range(depths[0])])
        self.layer2 = nn.Sequential(*[Block() for _ in range(depths[1])])
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.layer2(self.layer1(self.bn1(self.conv1(x)))).mean((2, 3)))


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.act = nn.ReLU()
        self.again = self.first
        self.head = nn.Linear(4, 2)


def mlp():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))


def test_default_of_an_mlp_is_its_activations():
    assert find_layers(mlp()) == ["1", "3"]


def test_default_takes_the_last_module_that_changes_values_before_the_next_weight():
    net = nn.Sequential(
        *[nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3)],
        *[nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(4, 8), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)],
        nn.Softmax(1),
    )
    assert find_layers(net) == ["3", "5", "8", "10"]


def test_default_of_vgg_crosses_its_plain_containers():
    net = nn.ModuleDict(
        {
            "features": nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.MaxPool2d(2)),
            "classifier": nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)),
        }
    )
    assert find_layers(net) == ["features.1", "features.4", "classifier.1"]


def test_default_of_a_resnet_is_stem_and_blocks_also_in_stages_of_one_block():
    assert find_layers(SmallResNet()) == ["bn1", "layer1.0", "layer1.1", "layer2.0"]
    assert find_layers(SmallResNet((1, 1))) == ["bn1", "layer1.0", "layer2.0"]


def test_default_keeps_a_repeated_attention_as_one_weight_layer():
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 8, batch_first=True), 2, enable_nested_tensor=False
    )
    net = nn.Sequential(nn.Embedding(5, 8), encoder, nn.Flatten(), nn.Linear(8, 2))
    assert find_layers(net) == ["0", "1.layers.0", "1.layers.1"]


def test_default_leaves_out_a_last_block_that_is_the_output():
    assert find_layers(nn.Sequential(Block(), Block(), Block())) == ["0", "1"]
    assert find_layers(nn.Sequential(Block(), Block(), nn.Linear(4, 2))) == ["0", "1"]


def test_default_has_no_stem_without_weights_before_the_blocks():
    assert find_layers(nn.Sequential(nn.Dropout(), Block(), Block(), nn.Linear(4, 2))) == ["1", "2"]


def test_default_stem_is_never_a_part_of_what_feeds_the_blocks():
    embeddings = nn.ModuleList([nn.Embedding(3, 4), nn.Embedding(3, 4)])
    net = nn.ModuleDict({"embeddings": embeddings, "blocks": nn.ModuleList([Block()]), "head": nn.Linear(4, 2)})
    assert find_layers(net) == ["blocks.0"]


def test_default_needs_a_layer_before_the_head():
    with pytest.raises(LayerError, match=r"Linear has no layer before its last weight layer.*pass an empty list"):
        find_layers(nn.Linear(2, 2))
    assert find_layers(nn.Linear(2, 2), []) == []


def test_pattern_crosses_dots_and_skips_containers_that_are_never_called():
    net = SmallResNet()
    assert find_layers(net, "layer*conv") == ["layer1.0.conv", "layer1.1.conv", "layer2.0.conv"]
    lists = nn.ModuleDict({"blocks": nn.ModuleList([Block(), Block()])})
    assert find_layers(lists, "blocks*") == [
        *["blocks.0", "blocks.0.conv", "blocks.0.bn", "blocks.1", "blocks.1.conv", "blocks.1.bn"]
    ]
    with pytest.raises(LayerError, match=re.escape("'blocks' matches only containers that are never called (blocks)")):
        find_layers(lists, "blocks")


def test_pattern_counts_case_and_names_what_is_close():
    with pytest.raises(LayerError, match=r"no layer matches 'Layer1'; did you mean 'layer1'"):
        find_layers(SmallResNet(), "Layer1")


def test_names_come_in_order_of_definition():
    assert find_layers(SmallResNet(), ["fc", "layer1.1@1", "layer1.1@0", "conv1"]) == [
        *["conv1", "layer1.1@0", "layer1.1@1", "fc"]
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["layer1.O"], r"no layer 'layer1.O'; did you mean .*'layer1.0'"),
        (["fc@x"], r"no layer 'fc@x'; "),
        (["fc@-1"], r"no layer 'fc@-1'; "),
        ([""], "is the network itself"),
        (["fc", "fc"], "'fc' is asked for twice"),
        (["fc", "fc@1"], "'fc@1' is asked for twice: 'fc' is or includes"),
        (["fc@1", "fc"], "'fc' is asked for twice: 'fc@1' is or includes"),
        (["fc@1", "fc@01"], "'fc@01' is asked for twice: 'fc@1'"),
    ],
)
def test_wrong_names_are_errors(names, message):
    with pytest.raises(LayerError, match=message):
        find_layers(SmallResNet(), names)


def test_a_container_by_name_is_an_error_that_names_its_children():
    net = nn.ModuleDict({"blocks": nn.ModuleList([Block(), Block()])})
    with pytest.raises(LayerError, match=r"'blocks' is a ModuleList.*blocks\.0, blocks\.1"):
        find_layers(net, ["blocks"])


def test_output_is_reserved_at_the_top_only():
    net = nn.ModuleDict({"body": nn.ModuleDict({"output": nn.ReLU()}), "output": nn.Linear(2, 2)})
    assert find_layers(net, ["body.output"]) == ["body.output"]
    for asked in ("*", ["output"], ["output@0"]):
        with pytest.raises(LayerError, match="cannot be named 'output'"):
            find_layers(net, asked)


def test_aliases_resolve_to_the_first_name():
    net = Shared()
    assert layer_aliases(net) == {"first": ("again",)}
    assert layer_aliases(mlp()) == {}
    assert find_layers(net, ["again"]) == ["first"]
    assert find_layers(net, ["again@1"]) == ["first@1"]
    assert find_layers(net, "ag*") == ["first"]
    assert find_layers(net, "*") == ["first", "act", "head"]
    with pytest.raises(LayerError, match="'again' is asked for twice: 'first'"):
        find_layers(net, ["first", "again"])


def test_aliases_of_a_shared_block_include_its_parts():
    block = Block()
    assert layer_aliases(nn.Sequential(block, block, block)) == {
        "0": ("1", "2"),
        "0.conv": ("1.conv", "2.conv"),
        "0.bn": ("1.bn", "2.bn"),
    }
    assert find_layers(nn.Sequential(block, block, nn.Linear(4, 2))) == ["0"]
    towers = {"left": nn.ModuleList([block]), "right": nn.ModuleList([block]), "head": nn.Linear(4, 2)}
    assert find_layers(nn.ModuleDict(towers)) == ["left.0"]


def test_parametrized_weights_are_weights():
    hidden = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    assert find_layers(nn.Sequential(hidden, nn.ReLU(), nn.Linear(4, 2))) == ["1"]
    assert find_layers(nn.Sequential(hidden, nn.Linear(4, 2))) == ["0"]


def test_a_norm_is_no_weight_layer_however_its_scale_is_shaped():
    assert find_layers(nn.Sequential(nn.Linear(4, 4), nn.LayerNorm((4, 4)), nn.ReLU(), nn.Linear(4, 2))) == ["2"]
