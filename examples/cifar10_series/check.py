"""What was read from the files alone is what the tracker saw while the network trained."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import layerlore as ll


def main() -> None:
    """Compare the two histories, number by number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("live", type=Path, help="run folder of the tracker")
    parser.add_argument("series", type=Path, help="run folder that `layerlore series` wrote")
    options = parser.parse_args()
    live, series = ll.History.load(options.live), ll.History.load(options.series)
    assert live.layers == series.layers, "the two name different layers"
    assert live.steps.tolist() == series.steps.tolist(), "the two have different steps"
    worst = 0.0
    for measure in live.measures:
        ours, theirs = live.values(measure), series.values(measure)
        # The same float32 weights go through the same sums in float64, perhaps in another order.
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, err_msg=measure)
        worst = max(worst, float(np.nanmax(np.abs(theirs / ours - 1))))
    print(f"{len(live.layers)} layers, {len(live.steps)} steps, {len(live.measures)} measures: equal to {worst:.1e}")


if __name__ == "__main__":
    main()
