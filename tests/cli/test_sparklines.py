"""Lines of blocks: what is higher stands higher, what is missing is seen to be missing, and the ends are true."""

import math
from fractions import Fraction
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.cli.sparklines import ASCII, BLOCKS, WIDTH, marks_for, sparkline, thinned
from layerlore.errors import InputError

ANY = st.floats(allow_nan=True, allow_infinity=True)
POSITIVE = st.floats(min_value=1e-300, max_value=1e300)


def levels(text, marks=BLOCKS):
    return [marks.levels.index(letter) for letter in text if letter in marks.levels]


@given(st.lists(ANY, max_size=60), st.booleans(), st.integers(1, 20), st.sampled_from([BLOCKS, ASCII]))
def test_any_numbers_give_a_line_of_known_letters(values, logarithmic, width, marks):
    line = sparkline(np.array(values, dtype=np.float64), logarithmic=logarithmic, width=width, marks=marks)
    assert len(line.text) == min(width, len(values))
    assert set(line.text) <= {*marks.levels, marks.gap, marks.zero}
    placed = levels(line.text, marks)
    assert bool(placed) == math.isfinite(line.low) == math.isfinite(line.high)
    if placed:
        assert line.low <= line.high
        if logarithmic:
            assert line.low > 0


@given(st.lists(POSITIVE, min_size=1, max_size=WIDTH), st.booleans())
def test_rising_numbers_rise(values, logarithmic):
    values = sorted(values)
    line = sparkline(np.array(values), logarithmic=logarithmic)
    heights = levels(line.text)
    assert heights == sorted(heights)
    assert (line.low, line.high) == (values[0], values[-1])
    if f"{line.low:.3g}" != f"{line.high:.3g}":
        assert (heights[0], heights[-1]) == (0, 7)
    falling = sparkline(np.array(values[::-1]), logarithmic=logarithmic)
    assert falling.text == line.text[::-1]


@given(st.lists(POSITIVE, min_size=2, max_size=WIDTH), st.floats(0.001, 1000))
def test_a_logarithmic_line_does_not_see_the_unit(values, factor):
    heights, scaled = (levels(sparkline(np.array(values) * unit, logarithmic=True).text) for unit in (1.0, factor))
    # Rounding of a logarithm can move a number over the border between two letters.
    assert max(abs(a - b) for a, b in zip(heights, scaled, strict=True)) <= 1 or len(set(heights)) == 1


def test_gaps_zeros_and_constants():
    values = np.array([0.0, math.nan, 1.0, math.inf, -1.0, 8.0])
    assert sparkline(values, logarithmic=True).text == "_·▁··█"
    assert sparkline(values).text == "▂·▃·▁█"
    assert sparkline(values, logarithmic=True, marks=ASCII).text == "_?.??@"
    still = sparkline(np.full(5, 0.3) + 1e-9 * np.arange(5))
    assert (still.text, f"{still.low:.3g}", f"{still.high:.3g}") == ("▄▄▄▄▄", "0.3", "0.3")
    nothing = sparkline(np.zeros(3), logarithmic=True)
    assert nothing.text == "___"
    assert math.isnan(nothing.low)
    assert sparkline(np.empty(0)).text == ""


def test_the_largest_and_least_numbers_there_are():
    most = np.finfo(np.float64).max
    assert sparkline(np.array([0.0, 5e-324])).text == "▄▄"
    assert sparkline(np.array([-most, 0.0, most])).text == "▁▅█"
    assert sparkline(np.array([most, 0.5 * most, 0.75 * most, most]), width=1).high == 0.875 * most


def test_heights_are_even_on_their_scale():
    assert sparkline(np.arange(8.0)).text == BLOCKS.levels
    assert sparkline(10.0 ** np.arange(8), logarithmic=True).text == BLOCKS.levels


def test_given_ends_hold_what_lies_beyond_them():
    line = sparkline(np.array([-1.0, 0.0, 0.5, 1.0, 2.0]), ends=(0.0, 1.0))
    assert (line.text, line.low, line.high) == ("▁▁▅██", 0.0, 1.0)
    with pytest.raises(InputError, match=r"ends=\(0\.0, 1\.0\) of a logarithmic scale"):
        sparkline(np.ones(2), ends=(0.0, 1.0), logarithmic=True)


@given(st.lists(ANY, min_size=1, max_size=200), st.integers(1, 20))
def test_bins_are_medians(values, width):
    values = np.array(values, dtype=np.float64)
    for found, part in zip(thinned(values, width), np.array_split(values, min(width, len(values))), strict=True):
        finite = part[np.isfinite(part)]
        if len(finite) > len(part) / 2 or (len(part) == 1 and len(finite)):
            # The mean of two numbers is rounded twice at most; the least number there is has no half.
            exact = float(median(map(Fraction, finite.tolist())))
            assert math.isclose(found, exact, rel_tol=2**-52, abs_tol=5e-324)
        else:
            assert math.isnan(found)


def test_long_series_say_how_many_numbers_share_a_letter():
    values = np.repeat(np.arange(16.0), 100)
    values[250] = 1e9
    line = sparkline(values)
    assert (line.per_letter, line.high) == (100, 15.0)
    assert sparkline(values[:16]).per_letter == 1


@pytest.mark.parametrize(
    ("encoding", "marks"),
    [("utf-8", BLOCKS), (None, BLOCKS), ("ascii", ASCII), ("latin-1", ASCII), ("cp1252", ASCII), ("nonsense", ASCII)],
)
def test_letters_fit_the_encoding(encoding, marks):
    assert marks_for(encoding) is marks
