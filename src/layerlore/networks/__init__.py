"""Networks: finding, naming and capturing layers, and calling a model so that it is left as found."""

from layerlore.networks.activations import activation_bytes
from layerlore.networks.capture import Captured, Visit, capture
from layerlore.networks.checkpoints import Checkpoint, open_checkpoint, sort_checkpoints
from layerlore.networks.kinds import layer_kinds
from layerlore.networks.kinds_by_name import kind_of_weight
from layerlore.networks.layers import find_layers
from layerlore.networks.model import check_finite_weights, device_of, dtype_of, evaluating, needs_floats, to_model
from layerlore.networks.names import layer_aliases
from layerlore.networks.outputs import Batch, forward, logits_of, tensor_of
from layerlore.networks.probabilities import OutputKind, as_logits, check_logits
from layerlore.networks.read_outs import READ_OUTS, ReadOut, read_out, read_out_size
from layerlore.networks.trace import trace

__all__ = [
    "READ_OUTS",
    "Batch",
    "Captured",
    "Checkpoint",
    "OutputKind",
    "ReadOut",
    "Visit",
    "activation_bytes",
    "as_logits",
    "capture",
    "check_finite_weights",
    "check_logits",
    "device_of",
    "dtype_of",
    "evaluating",
    "find_layers",
    "forward",
    "kind_of_weight",
    "layer_aliases",
    "layer_kinds",
    "logits_of",
    "needs_floats",
    "open_checkpoint",
    "read_out",
    "read_out_size",
    "sort_checkpoints",
    "tensor_of",
    "to_model",
    "trace",
]
