"""The page of a run through depth: how far each stage is, and what the finished samples tell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from layerlore.app import parts
from layerlore.app.explaining import Explaining
from layerlore.app.figures import ends_figure
from layerlore.app.folders import locate
from layerlore.app.listing import QUIET, duration
from layerlore.app.opened import OpenRuns
from layerlore.figures.gaps import gaps_figure
from layerlore.figures.ledger import strength_figure
from layerlore.figures.probes import probes_figure
from layerlore.figures.ratios import ratios_figure
from layerlore.figures.style import spread
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.stages import STAGES

FIGURES = ("ends", "gaps")
CONTENT = ("trouble", "state", "stages", "notes", "more", "finished")
OUTPUTS = (*CONTENT, *FIGURES, "seen", "pace")
MOST_PANELS = 8
MOST_EFFECTS = 1 << 26
"""Effects of a run up to which this page draws its ledger; of a larger one the full report does."""
IN_WORDS = {
    "scores": "Scores: the output for every combination of players shown and hidden",
    "splits": "Splits: each layer's scores as a sum of few interactions",
    "calibration": "Calibration: what full agreement and none would look like",
}
CAPTIONS = {
    "ends": "The score that each layer gives the target class, with all players shown and with none; players are the "
    "parts of a sample that are shown or hidden together. A layer that holds something about these samples keeps the "
    "two apart. Points are finished samples.",
    "gaps": "A split writes the scores of a layer as a sum of few interactions. A point is a finished split: how far "
    "it may be from the sparsest one, at most. The dashed line is the tolerance.",
}


def layout(place: str, manifest: dict[str, Any]) -> list[Any]:
    """The page, which fills itself."""
    known = manifest.get("settings", {})
    network = known.get("network") if isinstance(known, dict) else None
    title = ["What each layer", *([" of ", parts.name(network)] if network else []), " holds"]
    return [
        *parts.heading(title, place),
        *parts.live("depth"),
        html.P("Reading the run.", id="depth-state"),
        html.Div(id="depth-notes"),
        html.Div(id="depth-more"),
        html.Div(id="depth-stages"),
        html.H2("Scores at both ends"),
        parts.drawn("depth-ends", CAPTIONS["ends"]),
        html.H2("How sure the splits are"),
        parts.drawn("depth-gaps", CAPTIONS["gaps"]),
        html.Div(id="depth-finished"),
    ]


def register(app: Dash, root: Path, runs: OpenRuns) -> None:
    """Answer the page's questions.

    Args:
        app: of all pages.
        root: the served folder.
        runs: open ones.
    """
    outputs = {name: Output(f"depth-{name}", "children") for name in CONTENT}
    outputs |= {name: Output(f"depth-{name}", "figure") for name in FIGURES}
    outputs |= {"seen": Output("depth-seen", "data"), "pace": Output("depth-tick", "interval")}

    @app.callback(
        outputs, Input("depth-tick", "n_intervals"), State("depth-seen", "data"), State("address", "pathname")
    )
    @parts.guarded(OUTPUTS)
    def look(_: object, seen: object, pathname: object) -> dict[str, Any]:
        place = parts.place_of(pathname)
        path = locate(root, place)
        with runs.use("depth", path, Explaining) as run:
            run.look()
            return answer(run, place, seen)


def answer(run: Explaining, place: str, seen: object) -> dict[str, Any]:
    """What the page should show now; what is left out stays as it is.

    Args:
        run: after a look.
        place: of the run.
        seen: what the page shows already, as ``seen`` of an earlier answer.

    Raises:
        PreventUpdate: nothing is new.
    """
    state = _state(run, time.time())
    now = [run.version, state]
    if now == seen:
        raise PreventUpdate
    found: dict[str, Any] = {
        "seen": now,
        "trouble": parts.trouble(run.trouble),
        "state": state,
        "stages": None if run.finished else _stages(run),
        "notes": parts.listed("Read this first", [str(note) for note in run.manifest.get("notes", [])]),
        "more": parts.report_link(place) if run.finished else None,
        "pace": parts.SLOW if run.finished and not run.unread else parts.FAST,
    }
    if isinstance(seen, list) and seen[:1] == now[:1]:
        return found
    if run.n_read:
        found["ends"] = ends_figure(run.layers, run.ends()[:, 0])
    splits = run.splits()
    if splits is not None:
        found["gaps"] = gaps_figure(splits)
    if run.finished:
        found["finished"] = _finished(run.knowledge())
    return found


def _state(run: Explaining, now: float) -> str:
    if not run.n_samples:
        return "Begun; nothing is finished yet."
    what = f"{run.n_samples:,} samples, {len(run.layers)} layers, {run.manifest['coords']['n_players']} players"
    if run.finished:
        return f"Finished: {what}."
    silence = now - run.changed
    if silence < QUIET:
        return f"Being written: {what}."
    return f"Not finished, and nothing new for {duration(silence)}: {what}. The same call of explain goes on with it."


def _stages(run: Explaining) -> list[Any]:
    rows = []
    for stage in STAGES:
        done, total = run.done(stage), max(1, run.n_samples)
        count = f"{done:,} of {run.n_samples:,} samples"
        rows += [html.Dt(IN_WORDS[stage]), html.Dd([html.Progress(value=str(done), max=str(total)), f" {count}"])]
    return [
        html.H2("How far it is"),
        html.Dl(rows, className="stages"),
        html.P(
            "Which interactions matter is decided at the end: the threshold is a share of the largest effect in all "
            "samples. Until then this page counts none.",
            className="quiet",
        ),
    ]


def _finished(knowledge: Knowledge) -> list[Any]:
    found = [
        html.H2("What can be read off each layer"),
        parts.drawn(
            "depth-probes",
            "Share of right answers of the probe on each layer, and of the network itself; dotted: chance.",
            probes_figure(knowledge),
        ),
    ]
    effects = knowledge.n_samples * len(knowledge.layers) << (knowledge.n_players + 1)
    if effects > MOST_EFFECTS:
        return [*found, html.P("The run is large: what the layers share is in the full report alone.")]
    ledger = knowledge.ledger(knowledge.manifest["settings"]["reference"])
    rows = [str(layer) for layer in ledger.total.layer.values]
    few = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    some = "" if len(few) == len(rows) else f" Shown: {len(few)} of {len(rows)} layers, evenly spread."
    return [
        *found,
        html.H2("What the layers share"),
        parts.drawn(
            "depth-ratios",
            "Completeness is the share of the output's strength that a layer holds already, redundancy the share of "
            "its own strength that is forgotten later. Dashed: a layer in full agreement, dotted: an unrelated one.",
            ratios_figure(ledger),
        ),
        parts.drawn(
            "depth-strength",
            "Strength of the interactions that matter, by the number of players in them (order), in units of the "
            "layer, mean over samples." + some,
            strength_figure(ledger, layers=few),
        ),
    ]
