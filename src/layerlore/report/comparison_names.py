"""What runs are called when they stand side by side: no two alike."""

from __future__ import annotations

from collections.abc import Sequence

from layerlore.dynamics.history import History
from layerlore.interactions.knowledge import Knowledge


def run_names(results: Sequence[Knowledge | History]) -> list[str]:
    """Names of runs: of their folders, with as many folders above as tell them apart; numbered where nothing does.

    What lives in memory is called by its network.
    """
    return distinct([result.path.absolute().parts if result.path else (_network(result),) for result in results])


def distinct(places: Sequence[Sequence[str]]) -> list[str]:
    """Short names for places, each different from the others.

    >>> distinct([("a", "x", "mlp"), ("a", "y", "mlp"), ("a", "vgg"), ("a", "vgg")])
    ['x/mlp', 'y/mlp', 'vgg', 'vgg (2)']
    """
    lengths = [1] * len(places)
    for length in range(2, max(map(len, places), default=1) + 1):
        names = [_named(place, taken) for place, taken in zip(places, lengths, strict=True)]
        wholes = {
            name: {tuple(place) for place, its in zip(places, names, strict=True) if its == name} for name in names
        }
        lengths = [length if len(wholes[name]) > 1 else taken for name, taken in zip(names, lengths, strict=True)]
    return numbered([_named(place, taken) for place, taken in zip(places, lengths, strict=True)])


def numbered(names: Sequence[str]) -> list[str]:
    """Names, with a number behind those that were there before.

    >>> numbered(["a", "a", "a (2)"])
    ['a', 'a (2)', 'a (2) (2)']
    """
    found: list[str] = []
    for name in names:
        number, tried = 1, name
        while tried in found:
            number += 1
            tried = f"{name} ({number})"
        found.append(tried)
    return found


def network_of(result: Knowledge | History) -> str:
    """What a run calls its network; empty where it does not say."""
    settings = result.manifest["settings"]
    name = settings.get("network") if isinstance(result, Knowledge) else settings.get("name")
    return str(name or "")


def _network(result: Knowledge | History) -> str:
    return network_of(result) or ("knowledge" if isinstance(result, Knowledge) else "history")


def _named(place: Sequence[str], length: int) -> str:
    return "/".join(place[-length:])
