"""The logic of the example, on tables of the published format that are written here."""

import csv
import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from reference.trends import planted, published_labels

SCRIPT = Path(__file__).parents[2] / "examples" / "weightscale" / "check.py"
pytestmark = pytest.mark.usefixtures("without_type_checks")


@pytest.fixture
def example():
    spec = spec_from_file_location("weightscale_check", SCRIPT)
    module = module_from_spec(spec)
    sys.modules["weightscale_check"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["weightscale_check"]


@pytest.fixture
def folder(example, tmp_path):
    """Four tables with planted trends, and the clusters that the notebooks' steps give for them."""
    clusters = {}
    for seed, (name, notebook) in enumerate(example.NOTEBOOKS.items()):
        history, _ = planted(seed, n_outliers=0, spikes=0.0)
        values = np.log(history.values()) + 12  # close on a linear scale too
        values[3, 2] = np.inf
        names = [f"blocks.{place}.conv_{'dw' if place % 2 else 'pw'}.weight" for place in range(len(values))]
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["layer", *(f"epoch_{step + 1}" for step in range(values.shape[1]))])
            rows.writerows([layer, *map(repr, map(float, row))] for layer, row in zip(names, values, strict=True))
        labels = published_labels(values, 3)
        members = {str(label): [names[place + 1] for place in np.flatnonzero(labels == label)] for label in range(3)}
        clusters[notebook] = {"k": 3, "clusters": members}
    (tmp_path / "published_clusters.json").write_text(json.dumps(clusters))
    return tmp_path


def test_a_table_is_read_with_its_kinds_and_clusters(example, folder):
    table = example.read_published(folder, "resnet34_cifar-10")
    assert table.n_clusters == 3
    assert table.wanted == 0.8
    assert table.history.steps.tolist() == list(range(1, 21))
    assert np.isinf(table.history.values()[3, 2])
    assert {weight.kind for weight in table.history.weights} >= {"depthwise", "pointwise"}
    assert len(table.clusters) == len(table.history.layers) - 2


def test_agreement_with_the_notebook_is_found_and_missed(example, folder):
    table = example.read_published(folder, "efficientnet-b4_cifar-100")
    assert example.against_notebook(table, 0) == 1.0
    layers = list(table.clusters)
    table.clusters.update(dict.fromkeys(layers[::2], 0))
    assert example.against_notebook(table, 0) < 0.8


def test_a_trend_that_is_too_small_stops_the_example(example, folder, monkeypatch):
    table = example.read_published(folder, "resnet34_cifar-100")
    monkeypatch.setattr(example, "SMALLEST_TREND", 11)
    with pytest.raises(AssertionError, match="a trend of 10 layers"):
        example.compare(table, 10)


def test_the_script_says_what_it_needs():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--data" in done.stderr
