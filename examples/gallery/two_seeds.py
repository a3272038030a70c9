"""Two networks of one kind that differ in their initial weights, and one of them trained a little further."""

from copy import deepcopy

import torch

import layerlore as ll
from layerlore.zoo import load_data, mlp7, train

data = load_data("digits")


def trained(seed: int) -> torch.nn.Module:
    """A network of this seed."""
    torch.manual_seed(seed)
    return train(mlp7(64, 10, width=64), data, epochs=12, seed=seed)


first = trained(0)
models = {"first": first, "further": train(deepcopy(first), data, epochs=2, learning_rate=3e-4), "second": trained(1)}
images, labels = data.test[:4]
found = []
for name, model in models.items():
    probes = ll.fit_probes(model, ["relu4"], data.train, penalties=[1e-3], progress=False)
    players = ll.ImagePatches(2, count=6)
    found.append(ll.explain(model, probes, images, labels, players=players, name=name, progress=False))

agreement = ll.agreement(*found, resamples=200)
print(agreement.matrix().round(2))
corrected = agreement.matrix()
assert corrected.loc["first", "further"] > corrected.loc["first", "second"] + 0.2
assert (corrected.values.diagonal() == 1).all()
assert ((agreement.total["chance"] > 0) & (agreement.total["chance"] < 1)).all()
