"""Checkpoint files give the numbers that a tracker saw, bit for bit; files in the wrong order are found out."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import layerlore as ll

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4))
inputs = torch.randn(256, 8)
labels = inputs[:, :4].argmax(1)
optimiser = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)

with tempfile.TemporaryDirectory() as folder:
    files = [Path(folder) / f"step_{step}.safetensors" for step in range(9)]
    save_file(model.state_dict(), files[0])
    with ll.WeightTracker(model) as tracker:
        for file in files[1:]:
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimiser.step()
            tracker.step()
            save_file(model.state_dict(), file)

    watched, read = tracker.history(), ll.read_series(folder)
    assert ll.check_series(folder).ok
    for measure in watched.measures:
        assert np.array_equal(watched.values(measure), read.values(measure))
    print(f"{len(watched.measures)} measures, {len(watched.layers)} layers, {len(watched.steps)} steps: equal")

    fourth, fifth = files[4].read_bytes(), files[5].read_bytes()
    files[4].write_bytes(fifth)
    files[5].write_bytes(fourth)
    swapped = [finding for finding in ll.check_series(folder).findings if finding.check == "swapped"]
    print(swapped[0].evidence)
    assert [finding.step for finding in swapped] == [4]
