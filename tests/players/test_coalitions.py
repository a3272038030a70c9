import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerlore.errors import InputError
from layerlore.players import batches, check_players, coalition_table


@st.composite
def ranges(draw):
    n_players = draw(st.integers(2, 24))
    start = draw(st.integers(0, 2**n_players))
    return n_players, start, draw(st.integers(start, min(start + 50, 2**n_players)))


@given(ranges())
def test_table_is_the_binary_digits_player_0_lowest(case):
    n_players, start, stop = case
    table = coalition_table(n_players, start, stop)
    assert table.shape == (stop - start, n_players)
    assert table.dtype == torch.bool
    for row, coalition in zip(table.tolist(), range(start, stop), strict=True):
        assert row == [digit == "1" for digit in reversed(f"{coalition:0{n_players}b}")]


@given(st.integers(2, 12), st.integers(1, 5000))
def test_batches_cover_all_coalitions_once_in_order(n_players, n_masks):
    ranges = list(batches(n_players, n_masks))
    assert [index for start, stop in ranges for index in range(start, stop)] == list(range(2**n_players))
    assert all(stop - start == n_masks for start, stop in ranges[:-1])
    assert 1 <= ranges[-1][1] - ranges[-1][0] <= n_masks


def test_last_coalition_of_the_largest_game():
    assert coalition_table(24, 2**24 - 1, 2**24).all()


@pytest.mark.parametrize(
    ("n_players", "message"),
    [
        (1, r"n_players=1: an interaction needs at least 2 players; use smaller patches"),
        (0, r"n_players=0: an interaction needs"),
        (25, r"n_players=25: exact enumeration ends at 24 players.*16,777,216.*larger patches, superpixels.*count="),
    ],
)
def test_number_of_players(n_players, message):
    with pytest.raises(InputError, match=message):
        check_players(n_players)
    with pytest.raises(InputError, match=message):
        coalition_table(n_players, 0, 1)
    with pytest.raises(InputError, match=message):
        batches(n_players, 1)


@pytest.mark.parametrize("n_players", [2, 24])
def test_ends_of_the_range_are_allowed(n_players):
    check_players(n_players)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, 9)])
def test_range_of_coalitions(start, stop):
    with pytest.raises(InputError, match=rf"coalitions {start} to {stop} do not lie in 0 to 8"):
        coalition_table(3, start, stop)


def test_empty_batches_are_refused_at_the_call():
    with pytest.raises(InputError, match="n_masks=0"):
        batches(3, 0)
