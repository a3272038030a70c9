"""A report: one HTML file, nothing fetched from anywhere, with the numbers of the result in it."""

import re
import tempfile
from pathlib import Path

import torch
from torch import nn

import layerlore as ll

torch.manual_seed(0)
model = nn.Sequential(*(part for _ in range(6) for part in (nn.Linear(16, 16), nn.Tanh())), nn.Linear(16, 4))
inputs = torch.randn(256, 16)
labels = inputs[:, :4].argmax(1)
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)

with tempfile.TemporaryDirectory() as folder:
    run = Path(folder) / "run"
    with ll.WeightTracker(model, run=run, name="A <small> network") as tracker:
        for _ in range(15):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimiser.step()
            tracker.step()
    page = ll.report(run).read_text(encoding="utf-8")

print(f"{len(page) / 1e6:.1f} MB")
assert len(page) < 8e6
assert "A &lt;small&gt; network" in page
assert "A <small> network" not in page
# No script, style, picture or font from elsewhere.
assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?(?:https?:)?//", page)
