"""`layerlore demo` and `layerlore report`, the demo's networks being smaller and trained for less long."""

import importlib
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import TensorDataset
from typer.testing import CliRunner

import layerlore
from layerlore.cli import demo
from layerlore.cli.app import app
from layerlore.cli.demo import Network
from layerlore.cli.index import index_page
from layerlore.zoo import DataSets, load_data, train

pytest.importorskip("sklearn")

# By name, because the package's own `report` is the function.
REPORT = importlib.import_module("layerlore.report")


def plain_report(run: Path, path: Path | None) -> Path:
    path = run / "report.html" if path is None else path
    path.write_text(f"a page of {run.name}")
    return path


def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))


@pytest.fixture
def small(monkeypatch):
    digits = load_data("digits")
    few = DataSets(TensorDataset(*digits.train[:200]), TensorDataset(*digits.test[:50]), digits.classes, "digits")
    monkeypatch.setattr(demo, "load_data", lambda name: few)
    networks = {"mlp7": Network("first <net>", build, 2), "small_resnet": Network("second", build, 1)}
    monkeypatch.setattr(demo, "NETWORKS", networks)
    monkeypatch.setattr(REPORT, "report", plain_report)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_demo_resumes_and_refuses_other_settings(tmp_path, small):
    out = tmp_path / "demo"
    words = ("demo", "--out", out, "--samples", "3", "--n-players", "4")
    first = run(*words)
    assert first.exit_code == 0, first.output
    for part in ("first <net>: ", "completeness", "probe accuracy", "2**4 = 16 coalitions", "none was sampled"):
        assert part in first.stdout
    assert re.search(r"worst certified gap: \d+\.\d\d % \(tolerance 2 %, met by 6 of 6 splits\)", first.stdout)
    assert re.search(
        r"time: training .* s, trends .* s, reports .* s, probes .* s, explanation .* s, together", first.stdout
    )
    assert layerlore.load(out / "mlp7").n_samples == 3
    assert (out / "small_resnet" / "report.html").read_text() == "a page of small_resnet"
    page = (out / "report.html").read_text()
    for name in demo.NETWORKS:
        for folder in (name, f"{name}_training"):
            assert f'href="{folder}/report.html"' in page
            assert (out / folder / "report.html").exists()
    assert "first &lt;net&gt;" in page

    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.suffix != ".html"}
    second = run(*words)
    assert second.exit_code == 0, second.output
    shown = [re.sub(r"time: .*", "", result.stdout) for result in (first, second)]
    assert shown[0] == shown[1]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept

    other = run(*words[:3], "--samples", "4", "--n-players", "4")
    assert other.exit_code == 4
    assert "--force" in other.stderr
    (out / "mine.txt").write_text("x")
    forced = run(*words[:3], "--samples", "4", "--n-players", "4", "--force")
    assert forced.exit_code == 0, forced.output
    assert layerlore.load(out / "mlp7").n_samples == 4
    assert (out / "mine.txt").exists()


def test_a_network_is_trained_once_for_a_seed(tmp_path, small):
    data = demo.load_data("digits")
    state = torch.random.get_rng_state()
    paths = [tmp_path / name for name in "abc"]
    for path, seed in zip(paths, (0, 0, 1), strict=True):
        demo.trained(demo.NETWORKS["mlp7"], path, path.with_suffix(".run"), data, seed)
    weights = [path.read_bytes() for path in paths]
    assert weights[0] == weights[1] != weights[2]
    assert torch.equal(torch.random.get_rng_state(), state)
    again = demo.trained(demo.NETWORKS["mlp7"], paths[2], paths[2].with_suffix(".run"), data, 0)
    assert torch.equal(again.state_dict()["1.bias"], load_file(paths[2])["1.bias"])


def test_the_training_is_watched_from_its_start(tmp_path, small):
    data = demo.load_data("digits")
    network = demo.NETWORKS["mlp7"]
    with torch.random.fork_rng():
        torch.manual_seed(5)
        start = build().state_dict()
    model = demo.trained(network, tmp_path / "net", tmp_path / "run", data, 5)
    history = layerlore.load(tmp_path / "run")
    assert (history.layers, history.steps.tolist()) == (["1.weight", "3.weight"], [1, 2])
    assert history.manifest["settings"] == {"name": "first <net>", "unit": "epoch"}
    assert history.manifest["finished"] is True
    for row, layer in enumerate(history.layers):
        before, after = start[layer].double(), model.state_dict()[layer].double()
        distance = float((after - before).norm() / before.norm())
        # Weights in float32, sums in float64.
        assert history.values("distance_from_init")[row, -1] == pytest.approx(distance, rel=1e-6)


def test_a_training_that_was_interrupted_starts_over(tmp_path, small, monkeypatch):
    data, network = demo.load_data("digits"), demo.NETWORKS["mlp7"]
    path, folder = tmp_path / "net", tmp_path / "run"
    whole = demo.trained(network, tmp_path / "whole", tmp_path / "whole.run", data, 0).state_dict()

    def stop(*given, progress, **options):
        def once(epoch, _accuracy):
            raise KeyboardInterrupt

        return train(*given, progress=once, **options)

    with monkeypatch.context() as patch:
        patch.setattr(demo, "train", stop)
        with pytest.raises(KeyboardInterrupt):
            demo.trained(network, path, folder, data, 0)
    assert layerlore.load(folder).steps.tolist() == [1]
    assert not path.exists()
    again = demo.trained(network, path, folder, data, 0).state_dict()
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert layerlore.load(folder).steps.tolist() == [1, 2]


def test_weights_without_their_run_are_trained_again(tmp_path, small):
    """A demo of an earlier version left weights, and no run through training."""
    data, network = demo.load_data("digits"), demo.NETWORKS["mlp7"]
    path, folder = tmp_path / "net", tmp_path / "run"
    demo.trained(network, path, folder, data, 0)
    weights = path.read_bytes()
    shutil.rmtree(folder)
    demo.trained(network, path, folder, data, 0)
    assert layerlore.load(folder).steps.tolist() == [1, 2]
    assert path.read_bytes() == weights


def test_a_network_too_small_for_trends_says_so(tmp_path, small, capsys):
    data, network = demo.load_data("digits"), demo.NETWORKS["mlp7"]
    demo.trained(network, tmp_path / "net", tmp_path / "run", data, 0)
    demo.learned(network, tmp_path / "run", demo.Clock())
    printed = capsys.readouterr().out
    assert "first <net>: how the layers changed over 2 epochs of training" in printed
    assert "no trends: the layers cannot be told apart" in printed
    assert "trend 0" not in printed


def test_a_file_or_a_foreign_folder_in_the_way(tmp_path, small):
    (tmp_path / "file").write_text("x")
    assert run("demo", "--out", tmp_path / "file").exit_code == 4
    (tmp_path / "mlp7").mkdir()
    (tmp_path / "mlp7_training").mkdir()
    for folder in ("mlp7", "mlp7_training"):
        (tmp_path / folder / "thesis.txt").write_text("x")
    assert run("demo", "--out", tmp_path, "--force", "--samples", "2", "--n-players", "2").exit_code == 4
    for folder in ("mlp7", "mlp7_training"):
        assert (tmp_path / folder / "thesis.txt").exists()


def test_what_is_missing_is_said_first(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "plotly" else True)
    result = run("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 5
    assert "pip install 'layerlore[demo]'" in result.stderr
    assert not (tmp_path / "demo").exists()


def test_report_writes_where_it_was_told(tmp_path, monkeypatch):
    monkeypatch.setattr(REPORT, "report", plain_report)
    result = run("report", tmp_path, "--out", tmp_path / "page.html")
    assert result.stdout == f"report: {tmp_path / 'page.html'}\n"
    assert run("report", tmp_path).stdout == f"report: {tmp_path / 'report.html'}\n"
    assert (tmp_path / "report.html").read_text() == f"a page of {tmp_path.name}"


def test_names_on_the_index_page_are_text():
    page = index_page({"a b": "<script>alert(1)</script>"}, {"a b": 0.5})
    assert "<script" not in page
    for folder in ("a%20b", "a%20b_training"):
        assert f'href="{folder}/report.html"' in page
    assert "50.0 %" in page
