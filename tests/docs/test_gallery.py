"""Every example of the gallery runs to its end, which is an assertion, and the gallery's page shows it."""

import ast
import runpy

import pytest
import torch

from reference.doc_pages import ROOT

EXAMPLES = sorted((ROOT / "examples" / "gallery").glob("*.py"))
LONGEST = 60
"""Lines."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example, tmp_path, monkeypatch, capsys):
    for package in ("sklearn", "jinja2", "plotly", "safetensors"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_ends_by_asserting_its_result(example):
    text = example.read_text(encoding="utf-8")
    tree = ast.parse(text)
    claims = [node for node in ast.walk(tree.body[-1]) if isinstance(node, ast.Assert)]
    assert claims
    # A comparison, or a call or a name that is true or false; never that there is something at all.
    assert all("None" not in ast.unparse(claim) for claim in claims)
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(tree)


def test_the_page_shows_all_of_them():
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert len(EXAMPLES) >= 8
    for example in EXAMPLES:
        assert f'--8<-- "{example.name}"' in page
        assert str(ast.get_docstring(ast.parse(example.read_text(encoding="utf-8")))) in page
    assert page.count("--8<--") == len(EXAMPLES)
