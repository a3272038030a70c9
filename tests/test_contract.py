"""Imports point one way, and the check that says so can fail."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import layerlore

SOURCE = Path(layerlore.__file__).parent
ROOT = SOURCE.parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

pytestmark = pytest.mark.skipif(not LINT_IMPORTS.exists(), reason="import-linter is not installed")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied_tree(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE, tmp_path / "src" / "layerlore", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contract_is_kept(copied_tree):
    result = lint(copied_tree)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_an_upward_import_breaks_the_contract_even_inside_a_function(copied_tree):
    with (copied_tree / "src" / "layerlore" / "networks" / "__init__.py").open("a") as file:
        file.write("\n\ndef upward() -> None:\n    import layerlore.interactions\n")
    result = lint(copied_tree)
    assert result.returncode == 1
    assert "layerlore.networks -> layerlore.interactions" in result.stdout


def test_only_the_registry_imports_by_name():
    # The lazy public face needs it too: it is above everything.
    allowed = {"registry.py", "__init__.py"}
    by_name = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert by_name <= allowed
    assert "registry.py" in by_name
