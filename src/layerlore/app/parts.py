"""Pieces that the live pages share. Dash shows every text letter by letter: names need no escaping here."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import unquote

from dash import dcc, html, no_update
from dash.exceptions import PreventUpdate

from layerlore.app.figures import waiting_figure
from layerlore.app.folders import address
from layerlore.errors import LayerLoreError

FAST, SLOW = 1000, 5000
"""Milliseconds between two questions to the server: of a run that is being written, of one that is finished."""
MOST_SHOWN = 50
"""Notes and findings that are shown; of more, how many is said."""
GRAPH: Any = {"displayModeBar": False, "responsive": True}


def name(text: object) -> html.Span:
    """A name from a model, from data or from the disk."""
    return html.Span(str(text), className="name")


def place_of(pathname: object, kind: str = "run") -> str:
    """The place of the run that an address is of.

    Raises:
        PreventUpdate: it is of another page.

    >>> place_of("/run/a%20b")
    'a b'
    """
    if not isinstance(pathname, str) or not pathname.startswith(f"/{kind}/"):
        raise PreventUpdate
    return unquote(pathname.removeprefix(f"/{kind}/"), errors="replace")


def heading(words: Sequence[Any], place: str) -> list[Any]:
    """Title of a run's page, and where the run lies."""
    where = ["Run ", name(place)] if place else ["The served folder itself"]
    return [html.H1(list(words)), html.P([*where, ". ", html.A("All runs", href="/")], className="quiet")]


def live(kind: str) -> list[Any]:
    """What makes a page ask again: a clock, what it shows already, and a place for what goes wrong.

    Args:
        kind: of page; no two pages have the same ids.
    """
    return [
        dcc.Interval(id=f"{kind}-tick", interval=FAST),
        dcc.Store(id=f"{kind}-seen"),
        html.Div(id=f"{kind}-trouble", role="alert"),
    ]


def trouble(words: str) -> Any:
    """Why there is nothing new to show; nothing where there is no trouble."""
    if not words:
        return None
    return html.Section([html.H2("This run cannot be read further"), html.P(words)], className="warnings")


def listed(title: str, notes: Sequence[str], *, empty: str = "") -> Any:
    """Warnings, in a box."""
    if not notes:
        return html.P(empty, className="quiet") if empty else None
    rows = [html.Li(note) for note in notes[:MOST_SHOWN]]
    if len(notes) > MOST_SHOWN:
        rows.append(html.Li(f"and {len(notes) - MOST_SHOWN} more, which the full report has"))
    return html.Section([html.H2(title), html.Ul(rows)], className="warnings")


def drawn(id: str, caption: str, figure: Any = None) -> html.Figure:  # noqa: A002 (as Dash calls it)
    """A figure and how to read it."""
    shown = waiting_figure("waiting for the first numbers") if figure is None else figure
    return html.Figure([dcc.Graph(id=id, className="plot", config=GRAPH, figure=shown), html.Figcaption(caption)])


def report_link(place: str, words: str = "Full report") -> html.P:
    """The way to the page that `layerlore report` would write."""
    return html.P(
        [
            html.A(words, href=address("report", place)),
            " with everything that can be said of this run. It is made when it is asked for, which can take a minute.",
        ]
    )


def failure(error: Exception) -> str:
    """What a page says of an error that is a bug; the terminal is told where."""
    sys.stderr.write("".join(traceback.format_exception(error)))
    return f"The server failed ({type(error).__name__}); its terminal shows where."


def guarded(outputs: Sequence[str]) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """A callback that says on the page what went wrong, and leaves the rest as it was.

    Args:
        outputs: names of what it gives; one is ``trouble``. What it leaves out is left as it was.
    """

    def decorate(callback: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @wraps(callback)
        def checked(*arguments: Any) -> dict[str, Any]:
            nothing: dict[str, Any] = dict.fromkeys(outputs, no_update)
            try:
                return nothing | callback(*arguments)
            except PreventUpdate:
                raise
            except LayerLoreError as error:
                return nothing | {"trouble": trouble(str(error))}
            except Exception as error:  # a reader of the page should see more than a page that stands still
                return nothing | {"trouble": trouble(f"{failure(error)} It goes on trying.")}

        return checked

    return decorate
