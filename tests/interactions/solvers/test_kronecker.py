"""Kronecker powers by sweeps against the explicit matrices."""

import functools

import numpy as np
import pytest
import torch

from layerlore.interactions.solvers.kronecker import KroneckerPower, diagonal_power, joint_eigen, total

CPU = torch.device("cpu")
MATRICES = [
    [[2.0, -1.0], [-1.0, 1.0]],
    [[0.7, 1.3], [-0.4, 2.0]],
    [[-1.0, 0.5], [3.0, 0.1]],
]


def power(matrix: np.ndarray, n_players: int) -> np.ndarray:
    return functools.reduce(np.kron, [matrix] * n_players)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("transposed", [False, True])
def test_power_is_the_explicit_kronecker_product(matrix, transposed):
    columns = torch.from_numpy(np.random.default_rng(0).standard_normal((16, 5)))
    explicit = power(np.array(matrix), 4)
    expected = (explicit.T if transposed else explicit) @ columns.numpy()
    found = KroneckerPower.of(torch.tensor(matrix, dtype=torch.float64), 4, CPU)(columns, transposed).numpy()
    # Diagonals are powers of up to 4 quotients; a few roundings each on numbers of the size of the largest.
    assert np.abs(found - expected).max() <= 1e-13 * np.abs(explicit).sum(1).max() * columns.abs().max().item()


def test_power_leaves_its_argument_alone():
    columns = torch.ones(8, 2, dtype=torch.float64)
    KroneckerPower.of(torch.tensor(MATRICES[0], dtype=torch.float64), 3, CPU)(columns)
    assert torch.equal(columns, torch.ones(8, 2, dtype=torch.float64))


def test_diagonal_power_multiplies_one_factor_for_each_player():
    expected = [3.0 ** (3 - T.bit_count()) * 5.0 ** T.bit_count() for T in range(8)]
    assert diagonal_power(3, 3, 5).tolist() == expected


def test_joint_eigen_makes_both_matrices_diagonal():
    left = torch.tensor([[2.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    right = torch.tensor([[1.5, 0.4], [0.4, 0.7]], dtype=torch.float64)
    values, basis = joint_eigen(left, right)
    assert torch.allclose(basis.T @ left @ basis, torch.diag(values), atol=1e-14)
    assert torch.allclose(basis.T @ right @ basis, torch.eye(2, dtype=torch.float64), atol=1e-14)
    assert values[0] != values[1]


def test_total_has_the_same_bits_at_any_width():
    generator = np.random.default_rng(1)
    values = torch.from_numpy(generator.standard_normal((1024, 33)) * 10.0 ** generator.integers(-8, 8, (1024, 33)))
    whole = total(values)
    for width in (1, 2, 7, 16):
        for start in (0, 5, 17):
            assert torch.equal(total(values[:, start : start + width].contiguous()), whole[start : start + width])
    assert torch.allclose(whole, values.sum(0), rtol=1e-9)
