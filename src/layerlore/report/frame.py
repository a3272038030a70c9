"""What every page shares: templates that escape, figures that stay data, and a policy that knows its scripts.

Names come from models and data and are hostile text. Three walls keep them
inert: the template escapes everything; figures get their names through
`layerlore.figures.style.inert`, and their JSON holds no ``<``; and the page
forbids every script but its own, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from layerlore.errors import missing_extra
from layerlore.figures.style import graph_objects
from layerlore.report import words
from layerlore.report.downloads import csv_text

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from jinja2 import Environment
    from markupsafe import Markup

PAGE = "report.html"
"""File of a run's page, in the folder of the run."""


@dataclass(frozen=True)
class Plot:
    """A figure as it stands in a page.

    Attributes:
        figure: plotly's JSON, inert.
        table: its numbers as CSV, in a string of JSON, inert.
    """

    figure: Markup
    table: Markup


def plot(figure: go.Figure, table: pd.DataFrame) -> Plot:
    """A figure with the numbers that it shows, both ready for a page.

    Args:
        figure: what is looked at.
        table: what is taken away: one row for each number drawn, its columns named in DESIGN's words.
    """
    return Plot(embedded(figure), embedded_json(json.dumps(csv_text(table))))


def term_id(term: str) -> str:
    """Where a glossary explains a word: the name that a link leads to.

    >>> term_id("shared, forgotten, new")
    'term-shared-forgotten-new'
    """
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def filled(template: str, extra: Sequence[str] = (), styles: Sequence[str] = (), **content: object) -> str:
    """A page as text: a template of this package with what it is to show, plotly and the scripts.

    Args:
        template: its file.
        extra: files of scripts that this page alone needs, which run after those of all pages.
        styles: files of its own style.
        **content: what the template shows.

    Raises:
        MissingExtraError: plotly or jinja2 is not installed.
    """
    environment = _environment()
    graph_objects()
    from plotly.offline import get_plotlyjs  # optional

    scripts = [_own_script(get_plotlyjs()), *(_own_script(_resource(file)) for file in ("page.js", *extra))]
    page = environment.get_template(template).render(
        **content,
        scripts=scripts,
        digests=[_digest(script) for script in scripts],
        style=_markup("\n".join(_resource(file) for file in ("page.css", *styles))),
    )
    # Half of a surrogate pair, as a hostile name may hold it, cannot be written.
    return page.encode("utf-8", "replace").decode("utf-8")


def embedded(figure: go.Figure) -> Markup:
    """A figure as JSON that cannot leave the ``<script>`` element it stands in."""
    return embedded_json(figure.to_json(engine="json") or "")


def embedded_json(text: str) -> Markup:
    r"""JSON without ``<``, ``>`` and ``&``, which inside its strings have other spellings.

    >>> print(embedded_json('["</script>"]'))
    ["\u003c/script\u003e"]
    """
    json.loads(text)
    for letter in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return _markup(text)


def _environment() -> Environment:
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined  # optional
    except ImportError:
        raise missing_extra("jinja2", "report", "writing a report") from None
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "share": words.share,
        "number": words.number,
        "significant": words.significant,
        "setting": words.setting,
        "sentence": words.sentence,
    }
    environment.globals["between"] = words.share_between
    environment.globals["term_id"] = term_id
    return environment


def _resource(name: str) -> str:
    return (resources.files("layerlore.report") / "templates" / name).read_text("utf-8")


def _own_script(text: str) -> Markup:
    """A script of ours, as it will stand in the page; a browser reads every line ending as a line feed."""
    return _markup(text.replace("\r\n", "\n").replace("\r", "\n"))


def _digest(script: str) -> str:
    """What the page's policy knows a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _markup(text: str) -> Any:
    from markupsafe import Markup  # comes with jinja2, optional

    return Markup(text)  # noqa: S704 (our own files, or JSON that was made inert)
