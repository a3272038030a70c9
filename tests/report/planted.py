"""Runs whose effects are planted instead of solved, of any size: those of `benchmarks/report.py`."""

import importlib.util
from pathlib import Path

from layerlore.interactions.knowledge import Knowledge

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "report.py"


def planted(path: Path, n_samples: int, n_layers: int, n_players: int) -> Knowledge:
    """A finished run folder, read back."""
    spec = importlib.util.spec_from_file_location("benchmarks_report", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write_run(path, n_samples, n_layers, n_players)
    return Knowledge.load(path)
