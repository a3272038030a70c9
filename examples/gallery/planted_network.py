"""A network that computes one AND of two columns: its explanation says so, at the layer that computes it and after."""

import torch
from torch import nn
from torch.utils.data import TensorDataset

import layerlore as ll


class AndGate(nn.Module):
    """Class 1 if columns 1 and 3 are both on; the other columns play no part."""

    def __init__(self) -> None:
        super().__init__()
        self.copy = nn.Linear(5, 5, bias=False)
        self.gate = nn.Sequential(nn.Linear(5, 1), nn.ReLU())
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.copy.weight.copy_(torch.eye(5))
            self.gate[0].weight.copy_(torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]]))
            self.gate[0].bias.fill_(-1.0)
            self.head.weight.copy_(torch.tensor([[0.0], [6.0]]))
            self.head.bias.copy_(torch.tensor([3.0, 0.0]))

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of rows."""
        return self.head(self.gate(self.copy(columns)))


torch.manual_seed(0)
rows = (torch.rand(400, 5) < 0.5).float()
labels = (rows[:, 1] * rows[:, 3]).long()
model = AndGate().eval()
assert (model(rows).argmax(1) == labels).all()

probes = ll.fit_probes(model, ["gate"], TensorDataset(rows, labels))
explained = torch.tensor([[1.0, 1, 1, 1, 1], [1, 1, 1, 0, 1]])  # column 3 is off in the second row
players = ll.Columns(5, names=["a", "b", "c", "d", "e"])
knowledge = ll.explain(model, probes, explained, [1, 0], players=players, baseline="zero", progress=False)

table = knowledge.to_dataframe()
print(table[["sample", "layer", "op", "players", "effect"]].to_string(index=False))
for layer in knowledge.layers:
    found = table[table["layer"] == layer]
    assert found[["sample", "op", "players"]].values.tolist() == [[0, "and", (1, 3)]]
