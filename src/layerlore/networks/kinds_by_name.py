"""What kind of layer a saved weight belongs to, told from its name and shape: for files and tables, without a network.

Read beside `kinds`, which sees the modules and is right where the two differ. Names are those of torchvision, timm and
transformers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from layerlore.networks.checkpoints.names import natural_key
from layerlore.networks.kinds import _ATTENTION, _MLP, _projection

_NORM = re.compile(
    r"(layer|batch|group|instance|rms)_?norm|norm(_?\w)?$|norm[_\d]|^(bn|ln|gn|in)(\d+|_\w+)?$|_(bn|ln)\d*$",
    re.IGNORECASE,
)
_EMBEDDING = re.compile(
    r"embed|^w[tp]e$|_emb$|^(cls|class|mask|dist|distillation)_token$|^shared$|relative_(position|attention)_bias",
    re.IGNORECASE,
)
_DEPTHWISE = re.compile(r"dw|depth_?wise", re.IGNORECASE)
_POINTWISE = re.compile(r"_pwl?$|point_?wise|^conv_(reduce|expand|head)$|^pw_?conv", re.IGNORECASE)
_SHORTCUT = re.compile(r"^(shortcut|downsample)$")
_CONV = re.compile(r"conv", re.IGNORECASE)
_RECURRENT = re.compile(r"weight_[ih]h_l\d+(_reverse)?")
_BIAS = re.compile(r"(.*_)?bias|bias_([kv]|[ih]h_l\d+.*|[ih]h)")
_BUFFER = re.compile(
    r"(running_mean|running_var|num_batches_tracked|position_ids|token_type_ids|masked_bias|inv_freq|"
    r"relative_position_index|relative_coords_table|attn_mask|causal_mask)$"
)
_RANKS = (
    (
        0,
        re.compile(
            r"embed|^w[tp]e$|_emb$|_token$|^shared$|^stem|_stem$|^(conv|bn|norm)[01]$|^q(uery)?(_proj|_lin)?$|^expan(d|sion)|"
            r"^(self_|rel_)?(attn|attention)$",
            re.IGNORECASE,
        ),
    ),
    (
        2,
        re.compile(
            r"^(decoder|shortcut|downsample|conv_head|top_conv|conv_1x1|output|o_proj|out_(proj|lin)|c_proj|down_proj|"
            r"projection)$"
        ),
    ),
    (
        3,
        re.compile(
            r"^(fc|classifiers?|heads?|lm_head|score|qa_outputs|cls|pooler|pre_classifier|linear|logits_proj|"
            r"sequence_summary)$"
        ),
    ),
)
"""Where a part of a name comes among its siblings; 1 where nothing matches."""


def is_buffer(name: str, shape: Sequence[int] = ()) -> bool:
    """Whether a tensor is a known buffer, which nothing trains: statistics of norms, positions, masks.

    >>> is_buffer("bn1.running_mean"), is_buffer("h.0.attn.bias", (1, 1, 8, 8)), is_buffer("fc.bias", (10,))
    (True, True, False)
    """
    *above, leaf = name.split(".")
    # The causal mask of GPT-2 and its kin is called bias.
    is_mask = leaf == "bias" and len(shape) == 4 and tuple(shape[:2]) == (1, 1) and bool(above)
    return is_mask or bool(_BUFFER.search(leaf))


def kind_of_weight(name: str, shape: Sequence[int], names: Iterable[str]) -> str:
    """The kind of layer that a weight belongs to.

    Args:
        name: qualified name of the tensor, such as ``layer1.0.conv1.weight``.
        shape: of the tensor; empty where it is not known, and then the name alone decides.
        names: of all weights of the network, in order of definition: the last weight layer is the head, and a linear
            layer beside attention belongs to the feed-forward part. Names of biases may be among them.

    Returns:
        ``conv``, ``depthwise``, ``pointwise``, ``linear``, ``attention-q``, ``attention-k``, ``attention-v``,
        ``attention-o``, ``mlp``, ``embedding``, ``head``, ``norm``, ``bias`` or ``other``. What names cannot tell: a
        one-dimensional ``weight`` is called ``norm`` (it may be that of PReLU); a convolution of one input channel is
        called ``depthwise`` unless it is the first weight; grouped convolutions with fewer groups are ``conv``; the
        last weight of a language model without a head of its own keeps its kind, where `layer_kinds` says ``head``.

    >>> kind_of_weight("blocks.1.0.conv_dw.weight", (96, 1, 3, 3), ["conv_stem.weight", "blocks.1.0.conv_dw.weight"])
    'depthwise'
    """
    place = _place(tuple(names))
    *module, leaf = name.split(".")
    if is_buffer(name, shape):
        return "other"
    if _BIAS.fullmatch(leaf):
        return "bias"
    if _is_norm(module, leaf, shape):
        return "norm"
    if _RECURRENT.fullmatch(leaf):
        return "linear"
    kind = _weight_kind(name, [*module, *([] if leaf == "weight" else [leaf])], shape, place)
    return "head" if name == place.head and kind in ("conv", "pointwise", "linear") else kind


def definition_order(names: Iterable[str]) -> list[str]:
    """Names in the order in which a network probably defines them, for files that sort them.

    Numbers in names count as numbers; stems and embeddings come first among their siblings, decoders and shortcuts
    late, heads last.

    >>> definition_order(["classifier.weight", "bert.layer.10.w", "bert.layer.9.w", "bert.embeddings.w"])
    ['bert.embeddings.w', 'bert.layer.9.w', 'bert.layer.10.w', 'classifier.weight']
    """
    return sorted(names, key=lambda name: [(_rank(part), natural_key(part)) for part in name.split(".")])


@dataclass(frozen=True)
class _Place:
    """What the names around a weight tell."""

    first: str | None
    head: str | None
    beside_attention: frozenset[str]


@lru_cache(maxsize=8)
def _place(names: tuple[str, ...]) -> _Place:
    weights = [name for name in names if _may_be_weight(name)]
    beside = set()
    for name in names:
        parts = name.split(".")
        for depth, part in enumerate(parts[:-1]):
            if depth and _ATTENTION.search(part):
                # In T5 the parts of a block are numbered, and attention is in the first.
                holder = parts[: depth - 1] if parts[depth - 1].isdigit() and depth > 1 else parts[:depth]
                beside |= {".".join(parts[:depth]), *([".".join(holder)] if _is_split_block(parts, depth) else [])}
    first, head = (weights[0], weights[-1]) if weights else (None, None)
    return _Place(first, head, frozenset(beside))


def _is_split_block(parts: Sequence[str], depth: int) -> bool:
    return depth > 3 and parts[depth - 1].isdigit() and parts[depth - 3].isdigit()


def _may_be_weight(name: str) -> bool:
    *module, leaf = name.split(".")
    return leaf in ("weight", "in_proj_weight") and not _is_norm(module, leaf, ())


def _is_norm(module: Sequence[str], leaf: str, shape: Sequence[int]) -> bool:
    own = next((part for part in reversed(module) if not part.isdigit()), "")
    if _NORM.search(own) and len(shape) < 4:
        return True
    return len(shape) == 1 and leaf in ("weight", "gamma", "beta", "scale")


def _weight_kind(name: str, parts: Sequence[str], shape: Sequence[int], place: _Place) -> str:
    own = next((part for part in reversed(parts) if not part.isdigit()), "")
    in_attention = any(_ATTENTION.search(part) for part in parts[:-1])
    if _EMBEDDING.search(own) and len(shape) < 4:
        return "embedding"
    if in_attention and len(shape) < 4:
        return _projection(parts)
    if len(shape) > 2 or (not shape and _looks_convolved(parts)):
        return _conv_kind(name, parts, shape, place)
    if len(shape) == 1:
        return "other"
    above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
    if any(_MLP.search(part) for part in parts[:-1]) or any(ancestor in place.beside_attention for ancestor in above):
        return "mlp"
    return "linear" if name.rpartition(".")[2] == "weight" or not shape else "other"


def _looks_convolved(parts: Sequence[str]) -> bool:
    return any(pattern.search(part) for part in parts[-2:] for pattern in (_CONV, _DEPTHWISE, _POINTWISE, _SHORTCUT))


def _conv_kind(name: str, parts: Sequence[str], shape: Sequence[int], place: _Place) -> str:
    if shape:
        # A first convolution sees grey images; later ones have one input channel only where each channel has its own.
        if shape[1] == 1 and shape[0] > 1 and name != place.first:
            return "depthwise"
        return "pointwise" if set(shape[2:]) == {1} else "conv"
    own = next(part for part in reversed(parts) if not part.isdigit())
    if _DEPTHWISE.search(own):
        return "depthwise"
    return "pointwise" if _POINTWISE.search(own) or _SHORTCUT.search(own) else "conv"


def _rank(part: str) -> int:
    return next((rank for rank, pattern in _RANKS if pattern.search(part)), 1)
