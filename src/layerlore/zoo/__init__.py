"""The papers' networks, data sets, a training loop and the studies: what examples and studies run on."""

from layerlore.zoo.alexnet import alexnet
from layerlore.zoo.build import NETWORKS, build
from layerlore.zoo.data import DataSets, Sentences, load_data, load_sentences
from layerlore.zoo.language import fine_tune, pretrained, sentence_accuracy
from layerlore.zoo.lenet import LeNet5
from layerlore.zoo.mlp import mlp7
from layerlore.zoo.resnet import resnet18, resnet20, resnet32, resnet34, resnet44, resnet56, small_resnet
from layerlore.zoo.training import accuracy, train
from layerlore.zoo.vgg import vgg11, vgg19_bn

__all__ = [
    "NETWORKS",
    "DataSets",
    "LeNet5",
    "Sentences",
    "accuracy",
    "alexnet",
    "build",
    "fine_tune",
    "load_data",
    "load_sentences",
    "mlp7",
    "pretrained",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet56",
    "sentence_accuracy",
    "small_resnet",
    "train",
    "vgg11",
    "vgg19_bn",
]
