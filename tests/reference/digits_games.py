"""Real games without the library's pipeline: a small network on scikit-learn's digits, and what its splits share.

Training takes about two seconds and happens once; every call returns the same numbers.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

N_TRAIN = 1297
WIDTH = 128
DEPTH = 7
PROBED = (1, 3, 5)
"""Hidden layers, of six, that are read by a probe; the network's own output comes after them."""
PATCHES = 4
"""Patches in a row, and in a column, of the 8x8 image."""

Reader = Callable[[Tensor], Tensor]


@functools.lru_cache(maxsize=1)
def _images() -> tuple[Tensor, Tensor]:
    """Images ``float32[1797, 8, 8]`` in 0 ... 1 and their classes, shuffled."""
    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(classes))
    return torch.tensor(images[order] / 16, dtype=torch.float32).view(-1, 8, 8), torch.tensor(classes[order])


def _train(images: Tensor, classes: Tensor) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = [64, *[WIDTH] * (DEPTH - 1), 10]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        network = nn.Sequential(*layers[:-1])
        optimiser = torch.optim.Adam(network.parameters(), 1e-3)
        for _ in range(30):
            for batch in torch.randperm(len(images)).split(128):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(images[batch]), classes[batch]).backward()
                optimiser.step()
    return network.eval()


def _probe(features: Tensor, classes: Tensor) -> Reader:
    """Logits of a linear probe on standardised features."""
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    fit = LogisticRegression(C=1.0, max_iter=500).fit(((features - mean) / deviation).numpy(), classes.numpy())
    weight, bias = torch.tensor(fit.coef_), torch.tensor(fit.intercept_)
    return lambda seen: (seen - mean) / deviation @ weight.T + bias


@functools.lru_cache(maxsize=1)
def _readers() -> Reader:
    """Logits of the probed layers and of the network itself, ``[n_layers, batch, 10]``, from images."""
    images, classes = _images()
    network = _train(images[:N_TRAIN], classes[:N_TRAIN]).double()

    @torch.no_grad()
    def hidden(batch: Tensor) -> list[Tensor]:
        seen, value = [], batch.double()
        for layer in network:
            value = layer(value)
            if isinstance(layer, nn.ReLU):
                seen.append(value)
        return [seen[index] for index in PROBED] + [value]

    known = hidden(images[:N_TRAIN])
    probes = [_probe(features, classes[:N_TRAIN]) for features in known[:-1]]

    def logits(batch: Tensor) -> Tensor:
        *features, own = hidden(batch)
        return torch.stack([probe(seen) for probe, seen in zip(probes, features, strict=True)] + [own])

    return logits


def _log_odds(logits: Tensor, target: int) -> Tensor:
    others = [index for index in range(logits.shape[-1]) if index != target]
    return logits[..., target] - logits[..., others].logsumexp(-1)


def _owners(image: Tensor, n_players: int) -> Tensor:
    """Player of each pixel, ``int64[8, 8]``: the patches of most energy, in reading order; -1 elsewhere."""
    side = 8 // PATCHES
    energy = (image - image.median()).square().view(PATCHES, side, PATCHES, side).sum((1, 3)).flatten()
    chosen = energy.argsort(descending=True, stable=True)[:n_players].sort().values
    players = torch.full((PATCHES * PATCHES,), -1)
    players[chosen] = torch.arange(n_players)
    return players.view(PATCHES, PATCHES).repeat_interleave(side, 0).repeat_interleave(side, 1)


@functools.lru_cache(maxsize=8)
def digits_games(n_players: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Games ``float64[n_samples, 4, 2**n_players]`` of images the network never saw, and their classes.

    Absent players and the background show the mean image. The score is ``z_y`` less the log-sum-exp of
    the other logits, for three probed layers and, last, the network's output.
    """
    images, classes = _images()
    mean = images[:N_TRAIN].mean(0)
    coalitions = torch.arange(1 << n_players)
    games = []
    for image, target in zip(images[N_TRAIN:][:n_samples], classes[N_TRAIN:][:n_samples], strict=True):
        owner = _owners(image, n_players)
        present = (coalitions[:, None, None] >> owner.clamp_min(0)) & 1
        masked = torch.where((owner >= 0) & (present == 1), image, mean)
        games.append(_log_odds(_readers()(masked), int(target)))
    return torch.stack(games).numpy(), classes[N_TRAIN:][:n_samples].numpy()


def noisy(games: np.ndarray, seed: int, share: float = 0.01) -> np.ndarray:
    """The games with independent Gaussian noise of ``share * |v(N) - v(empty)|`` on every coalition."""
    sigma = share * np.abs(games[..., -1:] - games[..., :1])
    return games + sigma * np.random.default_rng(seed).standard_normal(games.shape)


def stacked(and_effects: np.ndarray, or_effects: np.ndarray) -> np.ndarray:
    """Both kinds of effects ``[n_games, 2, 2**n]``, 0 at the empty set."""
    effects = np.stack([and_effects, or_effects], axis=-2)
    effects[..., 0] = 0
    return effects


def salient(effects: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Where effects ``[n_games, 2, 2**n]`` of one layer exceed ``share`` of the largest of them all (METHODS A5)."""
    return np.abs(effects) > share * np.abs(effects).max()


def completeness(earlier: np.ndarray, later: np.ndarray) -> float:
    """Share of the later layer's salient strength that the earlier shares, all games and orders pooled (METHODS A6).

    Both are effects ``[n_games, 2, 2**n]``.
    """
    both = salient(earlier) & salient(later) & (np.sign(earlier) == np.sign(later))
    shared = np.where(both, np.minimum(np.abs(earlier), np.abs(later)), 0).sum()
    return float(shared / np.abs(later)[salient(later)].sum())


def other_class(classes: np.ndarray) -> np.ndarray:
    """For each sample the next one of another class, going round."""
    n_samples = len(classes)
    following = [(start + step) % n_samples for start in range(n_samples) for step in range(1, n_samples)]
    table = np.array(following).reshape(n_samples, -1)
    return np.array(
        [next(row for row in rows if classes[row] != own) for own, rows in zip(classes, table, strict=True)]
    )
