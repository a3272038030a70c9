"""A training on digits in a process of its own: says each step, and when it was recorded.

    python live_training.py FOLDER PAUSE_SECONDS N_STEPS PLAIN_OR_HOSTILE

Each step is one line on stdout: its number and the seconds since 1970.
"""

import sys
import time
from collections import OrderedDict

import torch
from torch import nn

import layerlore as ll
from layerlore.zoo import load_data

NAMES = {
    "plain": ("first", "second", "third"),
    "hostile": ("<img src=x onerror=alert(1)>", "</script><script>alert(2)<", "<b>a&amp;b</b>"),
}


def main(folder: str, pause: float, n_steps: int, kind: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names = NAMES[kind]
    layers = [(names[0], nn.Linear(64, 32)), ("act1", nn.Tanh()), (names[1], nn.Linear(32, 32)), ("act2", nn.Tanh())]
    model = nn.Sequential(OrderedDict([("flat", nn.Flatten()), *layers, (names[2], nn.Linear(32, 10))]))
    images, labels = load_data("digits").train.tensors
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    words = {"name": "<u>Net</u>", "unit": "<i>lap</i>"} if kind == "hostile" else {}
    with ll.WeightTracker(model, run=folder, biases=True, **words) as tracker:
        for step in range(1, n_steps + 1):
            batch = torch.randint(len(images), (32,))
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
            tracker.step()
            print(step, time.time(), flush=True)
            time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
