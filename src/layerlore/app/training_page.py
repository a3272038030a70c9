"""The page of a run through training, which follows it while it is written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate

from layerlore.app import parts
from layerlore.app.folders import locate
from layerlore.app.following import Following
from layerlore.app.listing import QUIET, duration
from layerlore.app.opened import OpenRuns
from layerlore.dynamics.health import Health
from layerlore.dynamics.history import RECORDS, History, title_of
from layerlore.errors import RunError
from layerlore.figures.axes import unit_of
from layerlore.figures.changes import changes_figure
from layerlore.figures.depth import depth_figure
from layerlore.figures.heatmap import heatmap_figure
from layerlore.report.found import found_health
from layerlore.report.words import sentence

FIGURES = {"changes": changes_figure, "heatmap": heatmap_figure, "depth": depth_figure}
CONTENT = ("trouble", "state", "notes", "health", "missed", "more")
OUTPUTS = (*CONTENT, *FIGURES, "measures", "measure", "seen", "pace")
CAPTIONS = {
    "changes": "One line for each layer. Colours go with depth, from blue (first layers) to orange and red (last); "
    "at most eight layers have names. Exact zeros and undefined values are gaps.",
    "heatmap": "One row for each layer, the first at the top; one column for each recorded step. Grey, where there is "
    "any, means exactly 0; red means that there is no value.",
    "depth": "Each layer in the median step of the first third and of the last third of what was recorded so far. "
    "Where the two lie together, a layer has not settled.",
}


@dataclass(frozen=True, eq=False)
class View:
    """A run as it stands at one look.

    Attributes:
        history: what was kept of it; None before the first record.
        version: goes up with every change.
        n_records: read so far.
        stride: every so many of them are kept.
        unread: bytes that are still to be read.
        finished: whether nothing more will come.
        trouble: why nothing more can be read.
        changed: when its records were written last, in seconds since 1970.
    """

    history: History | None
    version: int
    n_records: int
    stride: int
    unread: int
    finished: bool
    trouble: str
    changed: float


def layout(place: str, manifest: dict[str, Any]) -> list[Any]:
    """The page, which fills itself."""
    known = manifest.get("settings", {})
    network = known.get("name") if isinstance(known, dict) else None
    title = ["How each layer", *([" of ", parts.name(network)] if network else []), " changes"]
    return [
        *parts.heading(title, place),
        *parts.live("training"),
        html.P("Reading the run.", id="training-state"),
        html.Div(id="training-notes"),
        html.Div(id="training-more"),
        html.Div(
            [
                html.Div(
                    [
                        html.Label("Measure", htmlFor="training-measure"),
                        dcc.Dropdown(id="training-measure", clearable=False, searchable=False),
                    ]
                ),
                html.Div(
                    [
                        html.Label("Only layers whose name holds", htmlFor="training-layers"),
                        dcc.Input(
                            id="training-layers", type="search", debounce=0.4, maxLength=200, placeholder="all layers"
                        ),
                    ]
                ),
            ],
            className="controls",
        ),
        html.Div(id="training-missed", role="status"),
        html.H2("How the change develops"),
        parts.drawn("training-changes", CAPTIONS["changes"]),
        html.H3("Every layer at every step"),
        parts.drawn("training-heatmap", CAPTIONS["heatmap"]),
        html.H3("Through depth"),
        parts.drawn("training-depth", CAPTIONS["depth"]),
        html.H2("Health"),
        html.Div(id="training-health"),
    ]


def register(app: Dash, root: Path, runs: OpenRuns) -> None:
    """Answer the page's questions.

    Args:
        app: of all pages.
        root: the served folder.
        runs: open ones.
    """
    outputs = {name: Output(f"training-{name}", "children") for name in CONTENT}
    outputs |= {name: Output(f"training-{name}", "figure") for name in FIGURES}
    outputs |= {
        "measures": Output("training-measure", "options"),
        "measure": Output("training-measure", "value"),
        "seen": Output("training-seen", "data"),
        "pace": Output("training-tick", "interval"),
    }

    @app.callback(
        outputs,
        Input("training-tick", "n_intervals"),
        Input("training-measure", "value"),
        Input("training-layers", "value"),
        State("training-seen", "data"),
        State("address", "pathname"),
    )
    @parts.guarded(OUTPUTS)
    def look(_: object, measure: object, words: object, seen: object, pathname: object) -> dict[str, Any]:
        place = parts.place_of(pathname)
        path = locate(root, place)
        with runs.use("training", path, Following) as run:
            run.look()
            view = View(
                history=run.history(),
                version=run.version,
                n_records=run.n_records,
                stride=run.stride,
                unread=run.unread,
                finished=run.finished,
                trouble=run.trouble,
                changed=_changed(path / RECORDS),
            )
        return answer(view, place, measure, words, seen)


def answer(view: View, place: str, measure: object, words: object, seen: object) -> dict[str, Any]:
    """What the page should show now; what is left out stays as it is.

    Args:
        view: the run.
        place: of the run.
        measure: that was chosen, as the page sent it.
        words: that names of layers have to hold, likewise.
        seen: what the page shows already, as ``seen`` of an earlier answer.

    Raises:
        PreventUpdate: nothing is new.
    """
    state = _state(view, time.time())
    history = view.history
    chosen = _chosen(history, measure)
    now = [view.version, chosen, words, state]
    if now == seen:
        raise PreventUpdate
    found: dict[str, Any] = {
        "seen": now,
        "trouble": parts.trouble(view.trouble),
        "state": state if history is None else _newest(history, state),
        "pace": parts.SLOW if view.finished and not view.unread else parts.FAST,
        "more": parts.report_link(place) if view.finished and history is not None else None,
    }
    if history is None:
        return found
    # A new choice changes figures alone.
    if not isinstance(seen, list) or seen[:1] != now[:1]:
        found |= {
            "notes": parts.listed("Read this first", history.notes),
            "health": _health(history, view.stride),
            "measures": [{"label": sentence(title_of(name)), "value": name} for name in history.measures],
            "measure": chosen,
        }
    shown = with_names(history, str(words or "").strip())
    found["missed"] = None if shown is not None else _missed(words)
    if shown is not None and (not isinstance(seen, list) or seen[:3] != now[:3]):
        found |= {name: figure(shown, chosen) for name, figure in FIGURES.items()}
    return found


def _chosen(history: History | None, measure: object) -> str | None:
    if history is None:
        return None
    return next((name for name in history.measures if name == measure), history.default_measure)


def with_names(history: History, words: str) -> History | None:
    """The layers whose names hold some words, capitals or not; None where there are none."""
    if not words:
        return history
    rows = [row for row, name in enumerate(history.layers) if words.casefold() in name.casefold()]
    if not rows:
        return None
    weights = [history.manifest["weights"][row] for row in rows]
    return History(history.data.isel(layer=rows), history.manifest | {"weights": weights}, history.path)


def _state(view: View, now: float) -> str:
    if view.unread:
        return f"Reading what was recorded before: {view.n_records:,} records so far."
    count = f"{view.n_records:,} record{'s' if view.n_records != 1 else ''}"
    if view.stride > 1:
        count += f", of which this page keeps every {_nth(view.stride)}"
    if view.finished:
        return f"Finished: {count}."
    silence = now - view.changed
    if not view.n_records:
        return "Begun; the first record comes with the second snapshot."
    if silence < QUIET:
        return f"Being written: {count}."
    return f"Not finished, and nothing new for {duration(silence)}: {count}."


def _nth(stride: int) -> str:
    """A power of two as an ordinal number.

    >>> _nth(2), _nth(4), _nth(32)
    ('2nd', '4th', '32nd')
    """
    return f"{stride}{'nd' if stride % 10 == 2 and stride % 100 != 12 else 'th'}"


def _newest(history: History, state: str) -> list[Any]:
    step = html.Span(str(int(history.steps[-1])), id="training-newest", className="figures")
    return [state, f" {len(history.layers):,} layers. Newest {unit_of(history)}: ", step, "."]


def _missed(words: object) -> html.P:
    return html.P(["No layer has ", parts.name(words), " in its name; the figures are still those of before."])


def _health(history: History, stride: int) -> list[Any]:
    part = [html.P(f"Looked at in every {_nth(stride)} record; the full report looks at all.")] if stride > 1 else []
    try:
        health: Health = found_health(history)
    except RunError as error:
        return [html.P(str(error))]
    if not health.findings:
        return [html.P("Nothing was found so far."), *part]
    rows = [
        html.Li(
            [
                html.Strong(sentence(finding.severity)),
                ": ",
                *([parts.name(finding.layer), ": "] if finding.layer is not None else []),
                finding.evidence,
                ".",
            ]
        )
        for finding in health.findings[: parts.MOST_SHOWN]
    ]
    left = len(health.findings) - len(rows)
    more = [html.P(f"and {left} more, which the full report has.")] if left else []
    return [html.Ul(rows), *more, *part]


def _changed(records: Path) -> float:
    try:
        return records.stat().st_mtime
    except OSError:
        return 0.0
