"""Saved weights: opened whatever their format, read one tensor at a time, put in the order of their steps."""

from layerlore.networks.checkpoints.checkpoint import Checkpoint, TensorInfo
from layerlore.networks.checkpoints.opening import find_checkpoints, open_checkpoint
from layerlore.networks.checkpoints.steps import Steps, sort_checkpoints, unit_of

__all__ = ["Checkpoint", "Steps", "TensorInfo", "find_checkpoints", "open_checkpoint", "sort_checkpoints", "unit_of"]
