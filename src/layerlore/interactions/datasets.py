"""Labelled arrays as JSON: rows for people and scripts, or whole, to be read back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.errors import RunError
from layerlore.storage import write_json

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 1


def rows(data: xr.Dataset) -> list[dict[str, Any]]:
    """One dictionary for each cell, of types that JSON knows; NaN becomes None."""
    found = data.to_dataframe().reset_index().to_dict("records")
    return [{str(key): plain(value) for key, value in row.items()} for row in found]


def plain(value: Any) -> Any:
    """A number or word as JSON knows it; what is not finite becomes None."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_datasets(
    path: Path | str, kind: str, datasets: Mapping[str, xr.Dataset], settings: Mapping[str, Any]
) -> None:
    """Write datasets and settings as one strict JSON file, whole or not at all.

    Raises:
        RunError: it could not be written.
    """
    packed = {name: _packed(data) for name, data in datasets.items()}
    write_json(Path(path), {"format": FORMAT, "kind": kind, "settings": dict(settings), "data": packed})


def read_datasets(path: Path | str, kind: str) -> tuple[dict[str, xr.Dataset], dict[str, Any]]:
    """What `write_datasets` wrote.

    Raises:
        RunError: no file, not JSON, damaged, of another kind or of a newer format.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}): give the file that {kind}.save wrote") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        found = content.get("kind") if isinstance(content, dict) else None
        raise RunError(f"{path} holds {found!r}, not {kind!r}: give the file that {kind}.save wrote")
    if content.get("format") != FORMAT:
        raise RunError(
            f"{path} has format {content.get('format')!r}, this version of LayerLore reads {FORMAT}: update layerlore"
        )
    try:
        return {name: _unpacked(part) for name, part in content["data"].items()}, content["settings"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path} is damaged ({error}): make it again") from error


def _packed(data: xr.Dataset) -> dict[str, Any]:
    parts = {"coords": data.coords, "variables": data.data_vars}
    return {
        part: {
            str(name): {"dims": list(values.dims), "dtype": values.dtype.kind, "values": _listed(values.values)}
            for name, values in variables.items()
        }
        for part, variables in parts.items()
    }


def _listed(values: np.ndarray) -> Any:
    if values.dtype.kind != "f":
        return values.tolist()
    return np.where(np.isfinite(values), values, None).tolist()  # pyright: ignore[reportCallIssue, reportArgumentType]


def _unpacked(part: Mapping[str, Any]) -> xr.Dataset:
    import xarray as xr

    kinds = {"f": np.float64, "i": np.int64, "b": np.bool_}
    coords, variables = (
        {
            name: (found["dims"], np.asarray(found["values"], dtype=kinds.get(found["dtype"], np.str_)))
            for name, found in part[key].items()
        }
        for key in ("coords", "variables")
    )
    return xr.Dataset(variables, coords)
