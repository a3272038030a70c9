"""The ledger of a small network on handwritten digits: layers come closer to the output, all above chance."""

import torch

import layerlore as ll
from layerlore.zoo import accuracy, load_data, mlp7, train

data = load_data("digits")
torch.manual_seed(0)
model = train(mlp7(64, 10, width=64), data, epochs=15)
print(f"{100 * accuracy(model, data.test):.0f} % of the test images right")

probes = ll.fit_probes(model, ["relu1", "relu3", "relu6"], data.train, progress=False)
images, labels = data.test[:6]
players = ll.ImagePatches(2, count=6)
knowledge = ll.explain(model, probes, images, labels, players=players, progress=False)

ledger = knowledge.ledger()
total = ledger.total.isel(target=0)
columns = ["completeness", "redundancy", "floor_completeness", "ceiling_completeness"]
print(total[columns].to_dataframe()[columns].round(2))

# What is shared and what is missing make up the whole, and so do what is shared and what is forgotten.
assert abs(total["overlap"] + total["new"] - total["all_later"]).max() < 1e-9
assert abs(total["overlap"] + total["forget"] - total["all_earlier"]).max() < 1e-9
assert total["completeness"][-1] > total["completeness"][0]
assert (total["completeness"][1:] > total["floor_completeness"][1:]).all()
assert (total["completeness"] < total["ceiling_completeness"]).all()
