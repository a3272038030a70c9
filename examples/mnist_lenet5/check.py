"""Does the probe of the last hidden layer speak for the network? Compares both on test images and on masked ones."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import layerlore as ll
from layerlore.networks import capture, read_out
from layerlore.zoo import LeNet5, load_data

LAYER = "fc.relu6"
LEAST_AGREEMENT = 0.97
LEAST_CORRELATION = 0.9


def main() -> None:
    """Print agreement and rank correlations of a finished run, and assert that they are high."""
    options = _options()
    knowledge = ll.load(options.run)
    probes = ll.Probes.load(options.run.with_name(f"{options.run.name}.probes.safetensors"))
    model = LeNet5().eval()
    model.load_state_dict(torch.load(options.weights, map_location="cpu", weights_only=True))
    probes.check_network(model)
    images = load_data("mnist", options.data).test.tensors[0]
    agreement = agreement_with_network(model, probes, images)
    correlations = np.array([_correlation(knowledge, sample) for sample in range(knowledge.n_samples)])
    print(f"{LAYER}: the probe predicts the network's class for {100 * agreement:.2f} % of {len(images)} test images")
    print(
        f"rank correlation of the scores over {2**knowledge.n_players} masked inputs, {knowledge.n_samples} samples: "
        f"mean {correlations.mean():.4f}, least {correlations.min():.4f}"
    )
    assert agreement > LEAST_AGREEMENT, f"agreement {agreement:.4f} is not above {LEAST_AGREEMENT}"
    assert correlations.mean() >= LEAST_CORRELATION, f"the mean rank correlation is below {LEAST_CORRELATION}"
    assert correlations.min() >= LEAST_CORRELATION, f"the least rank correlation is below {LEAST_CORRELATION}"


def agreement_with_network(model: LeNet5, probes: ll.Probes, images: Tensor) -> float:
    """Share of the images for which probe and network predict the same class."""
    probe = probes[LAYER]
    n_same = 0
    with torch.no_grad():
        for batch in images.split(500):
            with capture(model, [LAYER]) as captured:
                logits = model(batch)
            features = read_out(probe.read_out)(captured[LAYER])
            n_same += int((probe(features).argmax(1) == logits.argmax(1)).sum())
    return n_same / len(images)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's, ties sharing their mean rank."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _correlation(knowledge: ll.Knowledge, sample: int) -> float:
    scores = knowledge.scores(sample)[0]
    return rank_correlation(scores[knowledge.layers.index(LAYER)], scores[knowledge.layers.index("output")])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/mnist_lenet5"), help="folder that the explanation wrote")
    parser.add_argument("--data", type=Path, required=True, help="folder of the four files of MNIST")
    parser.add_argument("--weights", type=Path, required=True, help="mnist_cnn.pt")
    return parser.parse_args()


if __name__ == "__main__":
    main()
