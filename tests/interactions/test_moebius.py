"""The in-place sweeps against the double loop over subsets, over every kind of input they take."""

import numpy as np
import pytest
import torch

import layerlore as ll
from layerlore.errors import InputError
from layerlore.interactions.moebius import orders
from reference import lattice

SIZES = range(1, 9)
TRANSFORMS = [ll.moebius, ll.zeta, ll.or_effects, ll.or_zeta]
ORACLES = {
    ll.moebius: lattice.and_effects,
    ll.zeta: lambda effects: lattice.rebuilt(effects, np.zeros_like(effects)),
    ll.or_effects: lattice.or_effects,
    ll.or_zeta: lambda effects: lattice.rebuilt(np.zeros_like(effects), effects),
}

every_transform = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda function: function.__name__)


def random_games(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape)


def rounding(values: np.ndarray) -> float:
    # n sweeps, each adding two numbers of at most the total size: n + 1 roundings of eps of that total.
    return (len(values).bit_length() + 1) * np.finfo(float).eps * float(np.abs(values).sum())


@every_transform
@pytest.mark.parametrize("n_players", SIZES)
def test_agrees_with_the_double_loop(transform, n_players):
    game = random_games(1 << n_players)
    expected = ORACLES[transform](game)
    np.testing.assert_allclose(transform(game), expected, rtol=0, atol=rounding(game))
    np.testing.assert_allclose(transform(torch.from_numpy(game)).numpy(), expected, rtol=0, atol=rounding(game))


@pytest.mark.parametrize("n_players", SIZES)
def test_reconstruction_agrees_with_the_double_loop(n_players):
    and_effects, or_effects = random_games(2, 1 << n_players)
    expected = lattice.rebuilt(and_effects, or_effects)
    atol = rounding(and_effects) + rounding(or_effects)
    np.testing.assert_allclose(ll.reconstruct(and_effects, or_effects), expected, rtol=0, atol=atol)


def test_no_player_is_a_game_too():
    assert [transform(np.array([3.0])).tolist() for transform in TRANSFORMS] == [[3.0], [3.0], [0.0], [0.0]]


@every_transform
def test_a_batch_has_the_bits_of_its_games(transform):
    games = random_games(3, 2, 16)
    one_by_one = np.array([[transform(game) for game in row] for row in games])
    assert np.array_equal(transform(games), one_by_one)
    assert torch.equal(transform(torch.from_numpy(games)), torch.from_numpy(one_by_one))


@every_transform
@pytest.mark.parametrize("shape", [(0, 8), (2, 0, 8)])
def test_an_empty_batch_stays_empty(transform, shape):
    assert transform(np.zeros(shape)).shape == shape
    assert transform(torch.zeros(shape)).shape == shape


@every_transform
@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "int64", "uint8", "bool"])
def test_every_real_dtype_is_computed_in_float64(transform, dtype):
    # Small integers: exact in each dtype, while sums of 64 of them overflow int8, uint8 and bool.
    game = np.random.default_rng(0).integers(0, 100, size=64).astype(dtype)
    expected = transform(game.astype(np.float64))
    result, torch_result = transform(game), transform(torch.from_numpy(game))
    assert result.dtype == np.float64
    assert torch_result.dtype == torch.float64
    assert np.array_equal(result, expected)
    assert np.array_equal(torch_result.numpy(), expected)


def test_bfloat16_is_computed_in_float64():
    game = torch.arange(8, dtype=torch.bfloat16)
    assert torch.equal(ll.moebius(game), ll.moebius(game.double()))


LAYOUTS = {
    "transposed": lambda games: games.T,
    "strided": lambda games: np.repeat(games.T, 2, axis=1)[:, ::2],
    "reversed": lambda games: games[::-1, ::-1].T,
    "one reversed game": lambda games: games[:, :1].T.copy()[::-1],
    "fortran": lambda games: np.asfortranarray(games.T),
    "broadcast": lambda games: np.broadcast_to(games[:, 0], (5, len(games))),
    "read-only": lambda games: _read_only(games.T.copy()),
}


def _read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values


@every_transform
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_memory_layout_does_not_matter(transform, layout):
    games = layout(random_games(16, 5))
    before = games.copy()
    assert np.array_equal(transform(games), transform(before))
    assert np.array_equal(games, before)


@every_transform
def test_torch_views_do_not_matter(transform):
    games = torch.from_numpy(random_games(16, 6))
    for view in (games.T, games.T[::2], games[:, :1].T.expand(5, 16)):
        assert torch.equal(transform(view), transform(view.contiguous()))


@every_transform
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_the_input_is_left_alone(transform, of):
    game = of(random_games(16))
    before = game.copy() if of is np.asarray else game.clone()
    transform(game)
    assert (game == before).all()


@every_transform
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_out_is_filled_and_returned(transform, of):
    game = of(random_games(3, 16))
    expected = transform(game)
    out = of(np.full((3, 16), np.nan))
    assert transform(game, out=out) is out
    assert (out == expected).all()
    assert transform(game, out=game) is game
    assert (game == expected).all()


@every_transform
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_out_may_have_any_layout(transform, of):
    game = random_games(3, 16)
    expected = transform(game)
    out = of(np.zeros((16, 3))).T
    assert transform(of(game), out=out) is out
    assert np.array_equal(np.asarray(out), expected)
    in_place = of(np.asfortranarray(game))
    assert transform(in_place, out=in_place) is in_place
    assert np.array_equal(np.asarray(in_place), expected)


@every_transform
@pytest.mark.parametrize("rows", [1, 3])
def test_out_may_run_backwards(transform, rows):
    game = random_games(rows, 16)
    out = np.zeros((rows, 16))[::-1]
    assert transform(game, out=out) is out
    assert np.array_equal(out, transform(game))


@every_transform
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize(("start", "out_start"), [(0, 4), (4, 0)])
def test_out_may_overlap_the_input(transform, of, start, out_start):
    memory = random_games(20)
    expected = transform(memory[start : start + 16].copy())
    memory = of(memory)
    result = transform(memory[start : start + 16], out=memory[out_start : out_start + 16])
    assert np.array_equal(np.asarray(result), expected)


@every_transform
@pytest.mark.parametrize("of", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_out_may_be_the_input_turned(transform, of):
    games = random_games(8, 8)
    expected = transform(games.T.copy())
    games = of(games)
    assert np.array_equal(np.asarray(transform(games.T, out=games)), expected)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros(4), r"out is a ndarray of shape \(4,\) and dtype float64; it must be a ndarray of shape \(8,\)"),
        (np.zeros(8, dtype=np.float32), r"out is a ndarray of shape \(8,\) and dtype float32; it must be.* float64"),
        (torch.zeros(8, dtype=torch.float64), r"out is a Tensor of shape \(8,\).*it must be a ndarray"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_an_out_that_does_not_fit_is_refused(out, message):
    with pytest.raises(InputError, match=message):
        ll.moebius(np.zeros(8), out=out)


def test_an_out_that_is_read_only_is_refused_and_kept():
    out = _read_only(np.zeros(8))
    with pytest.raises(InputError, match="out is read-only"):
        ll.moebius(np.ones(8), out=out)
    assert not out.any()


def test_an_out_where_a_gradient_is_needed_is_refused():
    game = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    with pytest.raises(InputError, match="out= cannot be used where a gradient is needed"):
        ll.moebius(game, out=torch.zeros(4, dtype=torch.float64))


@every_transform
def test_gradients_are_those_of_finite_differences(transform):
    game = torch.from_numpy(random_games(2, 8)).requires_grad_()
    assert torch.autograd.gradcheck(transform, (game,))
    assert torch.autograd.gradgradcheck(transform, (game,))


@every_transform
def test_a_gradient_reaches_inputs_of_other_dtypes_and_layouts(transform):
    game = torch.from_numpy(random_games(8, 2)).float().requires_grad_()
    weights = torch.from_numpy(random_games(2, 8))
    (transform(game.T) * weights).sum().backward()
    double = game.detach().double().T.contiguous().requires_grad_()
    (transform(double) * weights).sum().backward()
    assert torch.equal(game.grad, double.grad.T.float())


def test_no_gradient_is_kept_where_none_is_asked_for():
    game = torch.zeros(4, requires_grad=True)
    with torch.no_grad():
        assert not ll.moebius(game).requires_grad


@every_transform
@pytest.mark.parametrize("length", [0, 3, 6, 12, 1000])
@pytest.mark.parametrize("of", [np.zeros, torch.zeros], ids=["numpy", "torch"])
def test_a_length_that_is_no_power_of_two_is_refused(transform, length, of):
    with pytest.raises(InputError, match=rf"the last axis has length {length}, which is no power of two"):
        transform(of((2, length)))


@pytest.mark.usefixtures("without_type_checks")
def test_shapes_that_differ_are_refused_by_reconstruct():
    with pytest.raises(InputError, match=r"and_effects has shape \(4,\) and or_effects \(8,\)"):
        ll.reconstruct(np.zeros(4), np.zeros(8))


def test_orders_count_players():
    assert orders(5).tolist() == [lattice.size(coalition) for coalition in range(32)]
    assert orders(0).tolist() == [0]


BAD = {
    "complex NumPy": (np.zeros(4, dtype=complex), "the array has dtype complex128: real numbers are needed"),
    "complex torch": (torch.zeros(4, dtype=torch.complex64), "the array has dtype torch.complex64: real numbers"),
    "text": (np.array(["a", "b"]), "the array has dtype <U1: real numbers are needed"),
    "0-d NumPy": (np.array(1.0), "the array is a single number: its last axis must hold the 2\\*\\*n coalitions"),
    "0-d torch": (torch.tensor(1.0), "the array is a single number"),
    "list": ([0.0, 1.0], "the array is a list: pass a NumPy array or a torch tensor"),
}


@every_transform
@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD)
def test_what_is_no_game_is_refused(transform, values, message):
    with pytest.raises(InputError, match=message):
        transform(values)
