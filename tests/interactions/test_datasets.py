"""Labelled arrays to strict JSON and back, and files that are something else."""

import json

import numpy as np
import pytest
import xarray as xr

from layerlore.errors import RunError
from layerlore.interactions.datasets import plain, read_datasets, rows, write_datasets

DATA = xr.Dataset(
    {"value": (("layer", "order"), [[0.1 + 0.2, np.nan], [np.inf, -1.0]]), "count": ("layer", [3, 4])},
    {"layer": ["</script>", "b"], "order": [1, 2], "owner": ("layer", ["x", "y"]), "flag": ("order", [True, False])},
)


def test_rows_are_cells():
    found = rows(DATA)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [row["value"] for row in found] == [0.1 + 0.2, None, None, -1.0]
    assert found[3] == {"layer": "b", "order": 2, "value": -1.0, "count": 4, "owner": "y", "flag": False}
    assert plain(np.float32(0.5)) == 0.5


def test_there_and_back(tmp_path):
    write_datasets(tmp_path / "a.json", "Thing", {"data": DATA}, {"seed": 1})
    found, settings = read_datasets(tmp_path / "a.json", "Thing")
    # What is not finite has no number in JSON and comes back as NaN; all else comes back bit by bit.
    xr.testing.assert_identical(found["data"], DATA.where(np.isfinite(DATA.value), np.nan).assign(count=DATA["count"]))
    assert found["data"]["count"].dtype == np.int64
    assert settings == {"seed": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[1]", "holds None, not 'Thing'"),
        ('{"kind": "Other"}', "holds 'Other', not 'Thing'"),
        ('{"kind": "Thing", "format": 7}', "format 7"),
        ('{"kind": "Thing", "format": 1, "data": {"a": {"coords": 3}}, "settings": {}}', "damaged"),
    ],
)
def test_other_files(tmp_path, content, words):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(RunError, match=words):
        read_datasets(tmp_path / "file.json", "Thing")
