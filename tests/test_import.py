"""Importing is cheap: fresh interpreters tell what ``import layerlore`` brings along."""

import os
import subprocess
import sys

import layerlore

HEAVY = {
    "IPython",
    "accelerate",
    "dask",
    "hypothesis",
    "jinja2",
    "lightning",
    "matplotlib",
    "mlflow",
    "numba",
    "pandas",
    "plotly",
    "pyarrow",
    "pydantic",
    "pytorch_lightning",
    "rich",
    "safetensors",
    "scipy",
    "shapiq",
    "skimage",
    "sklearn",
    "tensorboard",
    "torchmetrics",
    "transformers",
    "typer",
    "umap",
    "wandb",
    "xarray",
    "yaml",
    "zarr",
}

LIST_MODULES = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def run(code: str) -> str:
    """What a fresh interpreter prints, warnings being errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_import_loads_no_heavy_package():
    # Some packages may come with torch itself, depending on what is installed beside it.
    unavoidable = set(run(f"import torch, numpy, jaxtyping; {LIST_MODULES}").split())
    loaded = set(run(f"import layerlore; {LIST_MODULES}").split())
    assert "layerlore" in loaded
    assert (loaded - unavoidable) & HEAVY == set()


def test_sinks_load_their_library_when_they_are_made():
    unavoidable = set(run(f"import torch, numpy, jaxtyping; {LIST_MODULES}").split())
    sinks = ", ".join(f"layerlore.integrations.{name}" for name in ("files", "mlflow", "tensorboard", "wandb"))
    loaded = set(run(f"import {sinks}; {LIST_MODULES}").split())
    assert (loaded - unavoidable) & HEAVY == set()


def test_import_is_silent():
    assert run("import layerlore") == ""


def test_every_public_name_is_there():
    assert [name for name in layerlore.__all__ if not hasattr(layerlore, name)] == []
    assert len(set(layerlore.__all__)) == len(layerlore.__all__)
    assert set(layerlore.__all__) <= set(dir(layerlore))
    assert not hasattr(layerlore, "no_such_name")
