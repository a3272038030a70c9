"""The first page: every run under the served folder."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from layerlore.app import parts
from layerlore.app.folders import MOST_FOLDERS, address
from layerlore.app.listing import Entry, Listing

OUTPUTS = ("trouble", "seen", "runs")
COLUMNS = ("run", "kind", "network", "layers", "holds", "created (UTC)", "state")


def layout(listing: Listing) -> list[Any]:
    """The page, which fills itself."""
    return [
        html.H1(["Runs in ", parts.name(listing.root.name or listing.root)]),
        html.P(
            "A run through training holds how the weights of a network changed, one through depth what its layers "
            "know. The list looks after new ones by itself.",
            className="quiet",
        ),
        *parts.live("runs"),
        html.Div("Looking for runs.", id="runs-runs"),
    ]


def register(app: Dash, listing: Listing) -> None:
    """Answer the page's questions."""

    @app.callback(
        {name: Output(f"runs-{name}", "data" if name == "seen" else "children") for name in OUTPUTS},
        Input("runs-tick", "n_intervals"),
        State("runs-seen", "data"),
        State("address", "pathname"),
    )
    @parts.guarded(OUTPUTS)
    def look(_: object, seen: object, pathname: object) -> dict[str, Any]:
        if pathname != "/":
            raise PreventUpdate
        entries, complete = listing.entries()
        # The time of the newest file changes with every record, and is not shown.
        now = repr([(one.place, one.facts.amount, one.state, one.facts.created) for one in entries])
        if now == seen:
            raise PreventUpdate
        return {"trouble": None, "seen": now, "runs": shown(entries, complete)}


def shown(entries: list[Entry], complete: bool, within: str = "") -> list[Any]:
    """The list as a table.

    Args:
        entries: its lines.
        complete: whether all folders were looked into.
        within: place of the folder that the places of the entries start from.
    """
    if not entries:
        return [
            html.P("There is no run here yet."),
            html.P("explain, WeightTracker and read_series write one into the folder that run= names."),
        ]
    more = [] if complete else [html.P(f"There are more than {MOST_FOLDERS:,} folders here: not all were looked into.")]
    head = html.Thead(html.Tr([html.Th(words) for words in COLUMNS]))
    body = html.Tbody([_row(entry, within) for entry in entries])
    return [html.Table([head, body], className="runs-table"), *more]


def _row(entry: Entry, within: str) -> html.Tr:
    facts = entry.facts
    label = parts.name(entry.place or "this folder")
    place = f"{within}/{entry.place}".strip("/")
    cells = (
        html.A(label, href=address("run", place)) if facts.kind else label,
        facts.kind,
        parts.name(facts.network) if facts.network else "",
        "" if facts.n_layers is None else f"{facts.n_layers:,}",
        facts.amount,
        facts.created,
        html.Span(entry.state, className=f"state {entry.mark}"),
    )
    # On a narrow screen a row is a card: empty cells would be lines that say nothing.
    return html.Tr(
        [
            html.Td(cell, className="" if cell else "empty", **_label(words))
            for words, cell in zip(COLUMNS, cells, strict=True)
        ]
    )


def _label(words: str) -> Any:
    return {"data-label": words}
