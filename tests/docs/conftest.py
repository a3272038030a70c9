"""What all tests of the documentation share."""

import os
import subprocess
import sys

import pytest

from reference.doc_pages import ROOT


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """An empty folder to work in, on a machine where nobody is logged in anywhere."""
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path.parent / f"{tmp_path.name}_home"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    for name in ("WANDB_DIR", "WANDB_MODE", "WANDB_API_KEY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path.parent / f"{tmp_path.name}_home").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    if "wandb" in sys.modules:
        sys.modules["wandb"].teardown()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built once, and what mkdocs said."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return folder, done
