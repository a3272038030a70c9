"""What the README tells people to run does run, and its links lead somewhere."""

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a block of the README's Python in an empty folder; gives its names."""
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)

    def run_block(block: int) -> dict:
        code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[block]
        names: dict = {}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            exec(compile(code, "README.md", "exec"), names)
        assert list(tmp_path.iterdir()) == []
        return names

    return run_block


def test_the_example_through_depth_runs(run, capsys):
    names = run(0)
    printed = capsys.readouterr().out
    assert "completeness" in printed
    assert "relu6" in printed
    assert names["knowledge"].layers == [f"relu{number}" for number in range(1, 7)] + ["output"]


def test_the_example_through_training_runs(run, capsys):
    history = run(1)["history"]
    assert "linear1.weight" in capsys.readouterr().out
    assert history.steps.tolist() == [1, 2, 3, 4, 5]
    assert (history.values("rwc_l1") > 0).all()


def test_links_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "src/layerlore/cli/README.md", *ROOT.glob("examples/*/README.md")]
    pages += ROOT.glob("docs/**/*.md")
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))]
    local = [(page, link) for page, link in links if not link.startswith("https://")]
    assert local
    assert [link for page, link in local if not (page.parent / link).exists()] == []


def test_the_two_commands_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
