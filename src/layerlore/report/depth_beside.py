"""Results that belong to a run and lie in files of their own: stability and agreement.

``stability.json`` and ``agreement.json`` are looked for in the run folder, where `Stability.save` and `Agreement.save`
are asked to put them, then beside it, where studies do: ``NAME_stability.json`` and ``agreement.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from layerlore.errors import RunError
from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.stability import Stability
from layerlore.storage import differences

STABILITY, AGREEMENT = "stability.json", "agreement.json"

Found = TypeVar("Found", Stability, Agreement)


@dataclass(frozen=True)
class Beside:
    """What was found.

    Attributes:
        stability: of this run, or None.
        agreement: of this run with others, or None.
        notes: why a file that is there is not shown.
    """

    stability: Stability | None
    agreement: Agreement | None
    notes: tuple[str, ...]


def places(folder: Path) -> tuple[Path, Path, Path, Path]:
    """Where `beside` looks: for a stability in the run folder and next to it, for an agreement likewise."""
    next_to_it = folder.with_name(f"{folder.name}_{STABILITY}"), folder.with_name(AGREEMENT)
    return folder / STABILITY, next_to_it[0], folder / AGREEMENT, next_to_it[1]


def beside(knowledge: Knowledge, within: Path | None = None) -> Beside:
    """Stability and agreement of a run, where they are and belong to it; nothing for a run in memory.

    Args:
        knowledge: from `explain` or `load`.
        within: a folder, resolved, outside of which no file is looked for; None has no such limit.
    """
    if knowledge.path is None:
        return Beside(None, None, ())
    folder, notes = knowledge.path.absolute(), list[str]()
    own_stability, next_stability, own_agreement, next_agreement = places(folder)
    steady = _first(
        _there(within, own_stability, next_stability),
        Stability.load,
        lambda found: stability_differs(found, knowledge),
        notes,
    )
    shared = _first(
        _there(within, own_agreement), Agreement.load, lambda found: agreement_differs(found, knowledge), notes
    )
    if shared is None:
        # A study keeps one file for all of its runs, some of which it leaves out.
        unsaid: list[str] = []
        shared = _first(
            _there(within, next_agreement),
            Agreement.load,
            lambda found: agreement_differs(found, knowledge) if folder.name in found.names else "another network",
            unsaid,
        )
    return Beside(steady, shared, tuple(notes))


def stability_differs(stability: Stability, knowledge: Knowledge) -> str:
    """In what a stability is of another explanation, in words; empty where it is of this one."""
    identity = knowledge.manifest["identity"]
    asked = {name: identity.get(name) for name in ("network", "probes", "inputs", "players", "baseline", "split")}
    settings = stability.settings
    found = {**settings["identity"], "split": settings["split"]}
    other = [layer for layer in stability.layers if layer not in knowledge.layers]
    return differences(asked, found) or (f"layer {other[0]!r}" if other else "")


def agreement_differs(agreement: Agreement, knowledge: Knowledge) -> str:
    """In what an agreement is of other explanations, as far as it tells: samples, players and layers."""
    asked = {"n_samples": knowledge.n_samples, "n_players": knowledge.n_players}
    different = differences(asked, {name: agreement.settings[name] for name in asked})
    layers = agreement.settings["layers"].values()
    return different or ("" if set(layers) & set(knowledge.layers) else f"layers {', '.join(layers)}")


def _first(
    files: Iterator[Path], load: Callable[[Path], Found], differs: Callable[[Found], str], notes: list[str]
) -> Found | None:
    """The first file that can be read and belongs to the run; why another does not, in ``notes``."""
    for file in files:
        try:
            found = load(file)
            different = differs(found)
        except (RunError, KeyError, TypeError, AttributeError):
            # The error's own words name folders of the machine that the page is made on.
            notes.append(f"{file.name} is damaged or holds something else, and is not shown: make it again")
            continue
        if not different:
            return found
        notes.append(f"{file.name} is of another explanation ({different}), and is not shown")
    return None


def _there(within: Path | None, *files: Path) -> Iterator[Path]:
    return (file for file in files if file.is_file() and (within is None or file.resolve().is_relative_to(within)))
