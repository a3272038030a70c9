"""Small networks, data sets and a training loop: what the examples and studies run on."""

from layerlore.zoo.data import DataSets, load_data
from layerlore.zoo.lenet import LeNet5
from layerlore.zoo.mlp import mlp7
from layerlore.zoo.resnet import resnet20, small_resnet
from layerlore.zoo.training import accuracy, train

__all__ = ["DataSets", "LeNet5", "accuracy", "load_data", "mlp7", "resnet20", "small_resnet", "train"]
