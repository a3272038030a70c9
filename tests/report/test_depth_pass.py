"""One reading of the run gives what each method of the result gives with a reading of its own."""

import dataclasses
import gc
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import xarray as xr

from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.shares import shares
from layerlore.report.depth_pass import depth_pass
from report.planted import planted
from report.tiny import tiny


def with_reference(knowledge, reference):
    """As if the run had been explained with this reference: its effects and lines stay, and mean something else."""
    settings = knowledge.manifest["settings"] | {"reference": reference}
    return dataclasses.replace(knowledge, manifest=knowledge.manifest | {"settings": settings})


@pytest.fixture(scope="module", params=["final", "previous", "tanh2", "two targets", "no unit"])
def one(request):
    if request.param == "two targets":
        return tiny("table", 2)
    if request.param == "no unit":
        found = tiny("table")
        units = [[0.0, *found.normalisers()[0, 1:].tolist()]]
        return dataclasses.replace(found, manifest=found.manifest | {"normalisers": units})
    return with_reference(tiny("table"), request.param)


def test_the_ledger(one):
    ours, theirs = depth_pass(one).ledger, one.ledger(one.manifest["settings"]["reference"])
    xr.testing.assert_identical(ours.total, theirs.total)
    xr.testing.assert_identical(ours.by_order, theirs.by_order)


def test_how_long_interactions_last(one):
    found = depth_pass(one)
    xr.testing.assert_identical(found.survival, one.survival())
    np.testing.assert_array_equal(
        found.lives[:, 0].sum((0, 3, 4)).T / one.n_samples, one.survival().appearing.sum(("op", "order")).values
    )


def test_salient_interactions_and_what_they_rebuild(one):
    found = depth_pass(one)
    np.testing.assert_array_equal(found.salient, one.salient().sum(("op", "coalition")).values)
    np.testing.assert_array_equal(found.rebuild_error, one.rebuild_error().with_delta.values)


def test_sums_are_those_of_all_coalitions(one):
    """Against `shares` of every coalition, which the pass does not look at."""
    found, units, thresholds = depth_pass(one), one.normalisers(), one.thresholds()
    guides = {"final": (2, 2, None), "previous": (1, 2, None), "tanh2": (1, None, 1)}
    rows = [(layer, guide) for layer, guide in enumerate(guides[found.ledger.reference]) if guide is not None]
    with np.errstate(divide="ignore", invalid="ignore"):
        limits = thresholds / units
        for sample in range(one.n_samples):
            effects = one.effects(sample) / np.where(units > 0, units, np.nan)[..., None, None]
            for row, (layer, guide) in enumerate(rows):
                first, last = sorted((layer, guide))
                slow = shares(effects[:, first], effects[:, last], limits[:, first], limits[:, last]).stacked()
                # Sums of at most 32 numbers of one sign, added in another order: 32 roundings.
                np.testing.assert_allclose(found.sums[sample, :, row], slow, rtol=32 * 2**-53, atol=0)


def test_every_sample_is_read_once(monkeypatch):
    read: Counter[tuple[str, int]] = Counter()
    for name in ("effects", "scores"):
        own = getattr(Knowledge, name)

        def counted(self, sample, name=name, own=own):
            read[name, sample] += 1
            return own(self, sample)

        monkeypatch.setattr(Knowledge, name, counted)
    depth_pass(tiny("table"))
    assert read == Counter([(name, sample) for name in ("effects", "scores") for sample in range(4)])


def test_memory_does_not_grow_with_the_samples(tmp_path):
    """Of each sample the sums are kept, once as a list and once stacked, and its weights in the bootstrap.

    That is ``2 * (5 + 3) * 2 * n * n_layers`` numbers and three times the 1000 resamples, here 16 kB and 24 kB, while
    its effects alone have 131 kB: a pass that kept them, or a table of what is salient beside, would be found out.
    """
    peaks = []
    for n_samples in (4, 12):
        found = planted(tmp_path / f"run{n_samples}", n_samples, n_layers=4, n_players=11)
        depth_pass(found)
        gc.collect()
        tracemalloc.start()
        depth_pass(found)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert found.effects(0).nbytes == 131_072
    assert (peaks[1] - peaks[0]) / 8 < 60_000
