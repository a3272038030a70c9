"""A layer that was frozen by mistake, and one that was broken on the way: found by looking at the record."""

import torch
from torch import nn

import layerlore as ll

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4))
model[2].requires_grad_(False)
inputs = torch.randn(256, 8)
labels = inputs[:, :4].argmax(1)
optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=0.01)

weights_before = model[2].weight.clone()
with ll.WeightTracker(model) as tracker:
    for step in range(20):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
        if step == 14:
            with torch.no_grad():
                model[4].weight[0, 0] = torch.nan
            tracker.step()
            break
        tracker.step()

history = tracker.history()
health = ll.check_history(history)
print(health.to_dataframe()[["check", "severity", "layer", "step", "evidence"]].to_string(index=False))
found = {finding.check: (finding.layer, finding.step) for finding in health.findings}
assert found["frozen"][0] == "2.weight"
assert found["nonfinite"] == ("4.weight", 15)
assert not health.ok
# Looking changed nothing.
assert torch.equal(model[2].weight, weights_before)
