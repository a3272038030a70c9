"""Breaking the tie between AND{i,j} + OR{i,j} and {i} + {j}."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from layerlore.interactions.moebius import reconstruct
from layerlore.interactions.solvers.pairs import merge_pairs_

SIZES = st.integers(0, 4).flatmap(
    lambda n: hnp.arrays(np.float64, (1 << n, 2, 3), elements=st.floats(-100, 100, allow_subnormal=False))
)


def rebuilt(effects: torch.Tensor) -> torch.Tensor:
    return reconstruct(effects[:, 0].T.contiguous(), effects[:, 1].T.contiguous())


@given(SIZES)
def test_norm_never_rises_and_the_rebuilt_game_stays(values):
    before = torch.from_numpy(values)
    after = before.clone()
    merge_pairs_(after)
    # At most 16 numbers of up to 100, each rounded a few times.
    slack = 1e-11
    assert (after.abs().sum((0, 1)) <= before.abs().sum((0, 1)) + slack).all()
    assert (rebuilt(after) - rebuilt(before)).abs().max() <= slack


@given(SIZES)
def test_no_tie_is_left_and_only_orders_one_and_two_move(values):
    before = torch.from_numpy(values)
    after = before.clone()
    merge_pairs_(after)
    for coalition in range(len(values)):
        if coalition.bit_count() == 2:
            assert (after[coalition, 0] * after[coalition, 1] <= 0).all()
        elif coalition.bit_count() != 1:
            assert torch.equal(after[coalition], before[coalition])


def test_the_tie_itself():
    effects = torch.zeros(4, 2, 1, dtype=torch.float64)
    effects[3] = torch.tensor([[-3.0], [-2.0]])
    merge_pairs_(effects)
    assert effects[:, 0, 0].tolist() == [0, -2, -2, -1]
    assert effects[:, 1, 0].tolist() == [0, 0, 0, 0]
