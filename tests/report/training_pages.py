"""What tests of pages of runs through training share: a page, and where on it things stand."""

import importlib

import numpy as np

from layerlore.dynamics.health import Finding, Health
from layerlore.report.training import training_page
from report.histories import values
from report.reading import read

# By name, because the package's own `report` is the function.
FOUND = importlib.import_module("layerlore.report.found")

HEALTHY = Health([], {"steps": [1, 2], "n_tensors": 24, "checks": ["gap"]})
ILL = Health(
    [
        Finding("nonfinite", "error", "block3.conv.weight", 4, "3 of 9 elements are NaN", {}),
        Finding("frozen", "warning", "block2.conv.weight", None, "its change is 0 in all 18 records", {}),
    ],
    {"steps": [1, 2], "n_tensors": 24, "checks": ["gap", "nonfinite"]},
)


def page_of(made, found=None, health=HEALTHY):
    return read(training_page(made, found, health))


def section(page, name):
    return page.all("section", id=name)[0]


def told(page, what):
    return next(item for item in section(page, "summary").all("li") if item.attributes.get("class") == f"told-{what}")


def body(page, table):
    return [row.all("td") for row in page.all("table", class_=table)[0].all("tbody")[0].all("tr")]


def by_hand(row):
    """Median of a layer's finite changes over all steps, the first six and the last six."""
    parts = values()[row], values()[row, :6], values()[row, 12:]
    return [float(np.median(part[np.isfinite(part)])) for part in parts]
