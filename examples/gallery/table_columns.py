"""A table with a category in one-hot code: the category is one player, and its baseline a row that can exist."""

import torch
from torch import nn
from torch.utils.data import TensorDataset

import layerlore as ll

# Columns: age, hours, and a country of three in one-hot code. The label: more hours than age, unless in country 2.
torch.manual_seed(0)
country = torch.randint(0, 3, (600,))
numbers = torch.randn(600, 2)
rows = torch.cat([numbers, nn.functional.one_hot(country, 3).float()], 1)
labels = ((numbers[:, 1] > numbers[:, 0]) & (country != 2)).long()

model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
optimiser = torch.optim.Adam(model.parameters(), 0.01)
for _ in range(300):
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(rows), labels).backward()
    optimiser.step()
model.eval()

players = ll.Columns({"age": 0, "hours": 1, "country": [2, 3, 4]}, one_hot=True)
typical = players.typical(rows)
assert sorted(typical[2:].tolist()) == [0.0, 0.0, 1.0]

probes = ll.fit_probes(model, ["1", "3"], TensorDataset(rows, labels), progress=False)
two = torch.tensor([[0.0, 1.5, 0.0, 0.0, 1.0], [0.0, 1.5, 1.0, 0.0, 0.0]])
knowledge = ll.explain(model, probes, two, [0, 1], players=players, baseline=typical, progress=False)
print(knowledge.manifest["coords"]["players"][0])
shapley = knowledge.shapley().isel(target=0).sel(layer="output")
print(shapley.values.round(1))
# In country 2 the country speaks for class 0 more than all else; the Shapley values add up to the way of the score.
assert shapley[0].values.argmax() == 2
moved = knowledge.scores(0)[0, -1, -1] - knowledge.scores(0)[0, -1, 0]
assert abs(float(shapley[0].sum()) - moved) < 1e-9
