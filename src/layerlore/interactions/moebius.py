"""AND and OR transforms of a game, and their inverses.

Each is ``n_players`` in-place sweeps over an array of length ``2**n_players``:
``n * 2**(n-1)`` additions per game, in float64, over a whole batch at once. No
matrix is ever built.

Source: METHODS A3; Cheng et al. 2024 (arXiv 2409.08712), section 3. The AND
transform is the Harsanyi dividend (Moebius transform over the subset lattice).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from layerlore.errors import InputError
from layerlore.typing import ArrayLike, Effects, Games

Direction = Literal["up", "down"]
Halves = list[tuple[Tensor, ...]]
Kernel = Callable[[Tensor, Halves], None]
"""Transforms a contiguous tensor in place, given its `halves`."""

SMALL = 1 << 16
"""Length up to which a single game is transformed on a board."""


def n_players_of(length: int, what: str = "the last axis") -> int:
    """Number of players of a game with ``length`` coalitions.

    Raises:
        InputError: ``length`` is not a power of two.
    """
    n_players = length.bit_length() - 1
    if length < 1 or length != 1 << n_players:
        raise InputError(
            f"{what} has length {length}, which is no power of two: a game over n players has one "
            "score for each of its 2**n coalitions, coalition T at index sum(2**i for i in T)"
        )
    return n_players


def halves(values: Tensor, n_players: int, stride: int = 1) -> Halves:
    """For every player, the views (coalitions without it, the same with it).

    ``values`` is contiguous; ``stride`` is the distance between neighbouring
    coalitions: 1 where they lie on the last axis, the number of columns where
    they lie on the first.
    """
    flat = values.view(-1)
    # Unbinding makes both views in one call: for small games, making views is most of the work.
    return [flat.view(-1, 2, stride << player).unbind(1) for player in range(n_players)]


def sweep_(pairs: Halves, direction: Direction, sign: Literal[1, -1]) -> None:
    """Sum over subsets (``"up"``) or supersets (``"down"``), in place; ``sign=-1`` inverts."""
    for without, with_player in pairs:
        source, target = (without, with_player) if direction == "up" else (with_player, without)
        if sign > 0:
            target.add_(source)
        else:
            target.sub_(source)


def _moebius_(_values: Tensor, pairs: Halves) -> None:
    sweep_(pairs, "up", -1)


def _moebius_transposed_(_values: Tensor, pairs: Halves) -> None:
    sweep_(pairs, "down", -1)


def _zeta_(_values: Tensor, pairs: Halves) -> None:
    sweep_(pairs, "up", 1)


def _zeta_transposed_(_values: Tensor, pairs: Halves) -> None:
    sweep_(pairs, "down", 1)


def _or_effects_(values: Tensor, pairs: Halves) -> None:
    values.copy_(values.flip(-1).neg_())
    sweep_(pairs, "up", -1)
    values[..., 0] = 0


def _or_effects_transposed_(values: Tensor, pairs: Halves) -> None:
    values[..., 0] = 0
    sweep_(pairs, "down", -1)
    values.copy_(values.flip(-1).neg_())


def _or_zeta_(values: Tensor, pairs: Halves) -> None:
    # The effects that meet T are all effects less those inside the complement of T.
    values[..., 0] = 0
    sweep_(pairs, "up", 1)
    values.copy_(values[..., -1:] - values.flip(-1))


def _or_zeta_transposed_(values: Tensor, pairs: Halves) -> None:
    total = values.sum(-1)
    values.copy_(values.flip(-1).neg_())
    values[..., -1] += total
    sweep_(pairs, "down", 1)
    values[..., 0] = 0


class _Boards(threading.local):
    """Scratch games with their views, one per length and thread: for small games, making views is most of the work."""

    def __init__(self) -> None:
        self.made: dict[int, tuple[Tensor, Halves]] = {}

    def of(self, length: int) -> tuple[Tensor, Halves]:
        if length not in self.made:
            board = torch.empty(length, dtype=torch.float64)
            self.made[length] = board, halves(board, n_players_of(length))
        return self.made[length]


_boards = _Boards()


def _transformed(source: Tensor, kernel_: Kernel) -> Tensor:
    """The transform, in memory of its own."""
    if source.dim() == 1 and len(source) <= SMALL and source.device.type == "cpu":
        board, pairs = _boards.of(len(source))
        board.copy_(source)
        kernel_(board, pairs)
        return board.clone()
    result = source.clone(memory_format=torch.contiguous_format)
    kernel_(result, halves(result, n_players_of(result.shape[-1])))
    return result


class _Linear(torch.autograd.Function):
    """A linear kernel out of place; its gradient is the transposed kernel."""

    @staticmethod
    def forward(ctx, values: Tensor, kernel_: Kernel, transposed_: Kernel) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.kernels = transposed_, kernel_
        return _transformed(values, kernel_)

    @staticmethod
    def backward(ctx, gradient: Tensor):  # pyright: ignore[reportIncompatibleMethodOverride]
        return _Linear.apply(gradient, *ctx.kernels), None, None


def as_float64(values: ArrayLike, what: str) -> Tensor:
    """The same numbers as a float64 tensor, sharing memory where that is possible.

    Raises:
        InputError: not an array of real numbers, or an array without axes.
    """
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "fiub":
            raise InputError(f"{what} has dtype {values.dtype}: real numbers are needed")
        values = np.require(values, np.float64, ["C", "W"])
        # NumPy calls a reversed axis of length 1 contiguous; torch refuses its stride.
        values = torch.from_numpy(values.copy() if min(values.strides, default=0) < 0 else values)
    elif not isinstance(values, Tensor):
        raise InputError(f"{what} is a {type(values).__name__}: pass a NumPy array or a torch tensor")
    elif values.is_complex():
        raise InputError(f"{what} has dtype {values.dtype}: real numbers are needed")
    if values.dim() == 0:
        raise InputError(f"{what} is a single number: its last axis must hold the 2**n coalitions")
    return values.to(torch.float64)


def _transform(values: ArrayLike, kernel_: Kernel, transposed_: Kernel, out: ArrayLike | None) -> Any:
    source = as_float64(values, "the array")
    n_players_of(source.shape[-1])
    if source.requires_grad and torch.is_grad_enabled():
        if out is not None:
            raise InputError("out= cannot be used where a gradient is needed: leave it out, or detach the array")
        return _Linear.apply(source, kernel_, transposed_)
    if out is None:
        result = _transformed(source, kernel_)
        return result if isinstance(values, Tensor) else result.numpy()
    if type(out) is not type(values) or tuple(out.shape) != tuple(values.shape) or "float64" not in str(out.dtype):
        raise InputError(
            f"out is a {type(out).__name__} of shape {tuple(out.shape)} and dtype {out.dtype}; it must be a "
            f"{type(values).__name__} of shape {tuple(values.shape)} and dtype float64"
        )
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise InputError("out is read-only: pass an array that may be written, or leave it out")
    address = out.data_ptr() if isinstance(out, Tensor) else out.ctypes.data
    if out is values and source.is_contiguous() and source.data_ptr() == address:
        kernel_(source, halves(source, n_players_of(source.shape[-1])))
        return out
    # In memory of its own: out may overlap the input in any way.
    result = _transformed(source, kernel_)
    if isinstance(out, Tensor):
        return out.copy_(result)
    out[...] = result.numpy()
    return out


def moebius(game: Games, out: Effects | None = None) -> Effects:
    """AND effects of a game: the Moebius transform, or Harsanyi dividends.

    ``I(S) = sum over T inside S of (-1)**(|S|-|T|) v(T)``.

    Args:
        game: scores ``[..., 2**n_players]``, NumPy or torch, any real dtype.
        out: where to write, float64 and of the same kind and shape; may be
            ``game`` itself, which then is transformed in place.

    Returns:
        Effects of the same kind and shape, float64; index 0 is ``v(empty)``.
        Differentiable for torch tensors. Costs ``n * 2**(n-1)`` additions.

    Raises:
        InputError: the last axis is no power of two, or the values are not real.

    Source: METHODS A3. Inverse: `zeta`.

    >>> moebius(np.array([0.0, 1.0, 1.0, 5.0]))
    array([0., 1., 1., 3.])
    """
    return _transform(game, _moebius_, _moebius_transposed_, out)


def zeta(effects: Games, out: Effects | None = None) -> Effects:
    """The game that AND effects rebuild: ``v(T) = sum of I(S) over S inside T``.

    The inverse of `moebius`; arguments, return value and errors are the same.

    >>> zeta(np.array([0.0, 1.0, 1.0, 3.0]))
    array([0., 1., 1., 5.])
    """
    return _transform(effects, _zeta_, _zeta_transposed_, out)


def or_effects(game: Games, out: Effects | None = None) -> Effects:
    """OR effects of a game: ``I(S) = -sum over T inside S of (-1)**(|S|-|T|) v(N without T)``.

    The AND transform of the game read backwards, negated, with 0 at the empty
    set. Arguments, return value and errors are those of `moebius`.

    Source: METHODS A3. Inverse, for games that are 0 at the empty set: `or_zeta`.

    >>> or_effects(np.array([0.0, 2.0, 2.0, 2.0]))
    array([0., 0., 0., 2.])
    """
    return _transform(game, _or_effects_, _or_effects_transposed_, out)


def or_zeta(effects: Games, out: Effects | None = None) -> Effects:
    """The game that OR effects rebuild: ``v(T) = sum of I(S) over S that meet T``; 0 at the empty set.

    Index 0 of ``effects`` has no meaning and is not read. Arguments, return
    value and errors are those of `moebius`.

    >>> or_zeta(np.array([0.0, 0.0, 0.0, 2.0]))
    array([0., 2., 2., 2.])
    """
    return _transform(effects, _or_zeta_, _or_zeta_transposed_, out)


def reconstruct(and_effects: Effects, or_effects: Effects) -> Effects:
    """The game that AND and OR effects rebuild together (universal matching).

    ``v(T) = sum of I_and(S) over S inside T + sum of I_or(S) over S that meet T``,
    equal to ``game - delta`` of the `Split` that the effects come from.

    Source: METHODS A3; Cheng et al. 2024, Theorem 3.3.

    >>> reconstruct(np.array([1.0, 0.0, 0.0, 3.0]), np.array([0.0, 0.0, 0.0, 2.0]))
    array([1., 3., 3., 6.])
    """
    if and_effects.shape != or_effects.shape:
        raise InputError(
            f"and_effects has shape {tuple(and_effects.shape)} and or_effects {tuple(or_effects.shape)}: they must be "
            "the same"
        )
    return zeta(and_effects) + or_zeta(or_effects)


def orders(n_players: int) -> np.ndarray:
    """Order of each interaction: the number of players in it, ``int64[2**n_players]``.

    >>> orders(2)
    array([0, 1, 1, 2])
    """
    return np.bitwise_count(np.arange(1 << n_players, dtype=np.uint32)).astype(np.int64)
