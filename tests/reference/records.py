"""Records to feed to sinks: two steps of three weights with all kinds of numbers, and one weight that appears late."""

from __future__ import annotations

import math

from layerlore.dynamics import Event, Record, Sink, WeightInfo

COLUMNS = ("rwc_l1", "rotation", "zero_weights", "zero_start", "nonfinite")
MEASURES = COLUMNS[:2]
WEIGHTS = [
    WeightInfo("conv.weight", "conv", (2, 3), 0, "float32"),
    WeightInfo("größe/two\nlines", "linear", (4, 5), 1, "float32"),
    WeightInfo('quote"\\,', "head", (5,), 2, "float32"),
]
RECORDS = [
    Record(
        3,
        COLUMNS,
        {
            "conv.weight": [0.1 + 0.2, 1 / 3, 0.0, 0.0, 0.0],
            "größe/two\nlines": [math.nan, 5e-324, 1.0, 1.0, 0.0],
            'quote"\\,': [0.0, 1e300, 0.0, 0.0, 0.0],
        },
    ),
    Record(
        7,
        COLUMNS,
        {
            "conv.weight": [0.5, 0.25, 0.0, 0.0, 0.0],
            "größe/two\nlines": [math.inf, math.nan, 0.0, 0.0, 2.0],
            'quote"\\,': [0.125, 0.0625, 0.0, 0.0, 0.0],
            "late.weight": [1.5, 0.75, 0.0, 0.0, 0.0],
        },
        (Event(7, "late.weight", "added"),),
    ),
]


NAMED = {
    3: {
        "rwc_l1/00 conv.weight": 0.1 + 0.2,
        "rotation/00 conv.weight": 1 / 3,
        "rotation/01 größe_two_lines": 5e-324,
        "rwc_l1/02 quote___": 0.0,
        "rotation/02 quote___": 1e300,
    },
    7: {
        "rwc_l1/00 conv.weight": 0.5,
        "rotation/00 conv.weight": 0.25,
        "nonfinite/01 größe_two_lines": 2.0,
        "rwc_l1/02 quote___": 0.125,
        "rotation/02 quote___": 0.0625,
        "rwc_l1/03 late.weight": 1.5,
        "rotation/03 late.weight": 0.75,
    },
}
"""What tools that draw curves are told: by step and name."""


def feed(sink: Sink, records: list[Record] = RECORDS) -> None:
    """All that a tracker does with a sink."""
    sink.open(WEIGHTS, MEASURES)
    for record in records:
        sink.write(record)
    sink.close()
