"""What a hidden column is replaced by changes what its effect means: against the mean, against zero, against a row."""

import torch
from torch import nn
from torch.utils.data import TensorDataset

import layerlore as ll

# The score is the sum of two columns, one of which is 10 on average.
torch.manual_seed(0)
rows = torch.randn(300, 2) + torch.tensor([10.0, 0.0])
labels = (rows.sum(1) > 10).long()
model = nn.Sequential(nn.Identity(), nn.Linear(2, 1)).eval()
with torch.no_grad():
    model[1].weight.copy_(torch.tensor([[1.0, 1.0]]))
    model[1].bias.fill_(-10.0)

probes = ll.fit_probes(model, ["0"], TensorDataset(rows, labels), progress=False)
explained = torch.tensor([[11.0, 2.0], [8.0, 1.0]])
players = ll.Columns(2, names=["level", "rest"])
typical = players.typical(rows, numeric="median")
for name, baseline in {"mean": "mean", "zero": "zero", "median": typical}.items():
    found = ll.explain(model, probes, explained, [1, 0], players=players, baseline=baseline, progress=False)
    level, rest = found.shapley().isel(sample=0, target=0).sel(layer="output").values
    print(f"{name:7} level {level:+6.2f}   rest {rest:+5.2f}")
    # The score for class 1 of a single logit is the logit itself, so an effect is the distance from the baseline.
    there = {"mean": rows.mean(0), "zero": torch.zeros(2), "median": typical}[name]
    assert abs(level - float(11.0 - there[0])) < 1e-4
    assert abs(rest - float(2.0 - there[1])) < 1e-4
