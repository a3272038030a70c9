"""Runs to be compared: two splits of one explanation, and trainings that share some of their layers."""

import dataclasses
import importlib
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest

import layerlore as ll
from layerlore import History
from layerlore.dynamics.trends import find_trends
from report.histories import history, values
from report.tiny import tiny


@contextmanager
def quick_trends():
    """Within the block, trends are found with few resamples, each history's once."""
    found = {}

    def find(made):
        return found.setdefault(id(made), (made, find_trends(made, resamples=10)))[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module("layerlore.report.found"), "find_trends", find)
        yield


@cache
def coarse() -> ll.Knowledge:
    """The tiny explanation with fewer, larger interactions."""
    return ll.resplit(tiny("table"), kappa=0.2)


@cache
def longer() -> History:
    """Another training of the same layers but the last two, of twice as many steps, half as large."""
    table = 0.5 * np.repeat(values(), 2, axis=1)[:-2]
    found = History.from_table(history().layers[:-2], table, steps=range(10, 370, 10), measure="rwc_l1")
    return dataclasses.replace(found, manifest=found.manifest | {"settings": {"name": "longer", "unit": "round"}})


def saved_runs(folder):
    """Both explanations and both trainings in folders; two of them have the same name."""
    places = [folder / "seed0" / "net", folder / "seed1" / "net", folder / "first", folder / "second"]
    for result, place in zip((tiny("table"), coarse(), history(), longer()), places, strict=True):
        result.save(place)
    return places
