"""The page: a run folder in, one HTML file out that needs no network.

Names come from models and data and are hostile text. Three walls keep them
inert: the template escapes everything; figures get their names through
`layerlore.figures.style.inert`, and their JSON holds no ``<``; and the page
forbids every script but its own two, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import InputError, missing_extra
from layerlore.figures import gaps_figure, probes_figure, ratios_figure, sparsity_figure, strength_figure
from layerlore.figures.style import graph_objects, spread
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger
from layerlore.report import words
from layerlore.report.examples import Example, examples
from layerlore.report.measured import measured, worst_gap
from layerlore.report.summary import LayerFacts, Step, layer_facts, steps
from layerlore.storage import write_text

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from jinja2 import Environment
    from markupsafe import Markup

FILE = "report.html"
MOST_PANELS, MOST_LINES = 12, 8
"""Layers that a figure with one panel, or one line, for each shows at most."""
FEW_SAMPLES = 10


@dataclass(frozen=True)
class TargetView:
    """All that the page shows of one target.

    Attributes:
        name: of the target.
        steps: rows of the ledger.
        told: those that are told in sentences.
        facts: of every layer.
        figures: of this target, by name.
        examples: samples with their strongest interactions.
    """

    name: str
    steps: list[Step]
    told: list[Step]
    facts: list[LayerFacts]
    figures: dict[str, Markup]
    examples: list[Example]


def report(run_folder: Path | str | Knowledge, path: Path | str | None = None) -> Path:
    """Write the report of a finished run: one HTML file with everything in it.

    Layers are compared with the reference that the run was explained with, so that nothing is solved again.

    Args:
        run_folder: folder that ``explain(run=...)`` wrote, or a `Knowledge`.
        path: file to write; None takes ``report.html`` in the run folder.

    Returns:
        The path of the file.

    Raises:
        RunError: the run is missing, damaged or unfinished, or the file cannot be written (an older one is unchanged).
        InputError: knowledge that lives in memory, and no path.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    knowledge = run_folder if isinstance(run_folder, Knowledge) else Knowledge.load(run_folder)
    if path is None:
        if knowledge.path is None:
            raise InputError(
                "this knowledge lives in memory and has no folder: pass path= to say where its report goes"
            )
        path = knowledge.path / FILE
    path = Path(path)
    write_text(path, render(knowledge))
    return path


def render(knowledge: Knowledge) -> str:
    """The page as text.

    Raises:
        MissingExtraError: plotly or jinja2 is not installed.
    """
    environment = _environment()
    graph_objects()
    from plotly.offline import get_plotlyjs  # optional

    ledger = knowledge.ledger(knowledge.manifest["settings"]["reference"])
    scripts = [_own_script(get_plotlyjs()), _own_script(_resource("page.js"))]
    return environment.get_template("page.html.j2").render(
        knowledge=knowledge,
        manifest=knowledge.manifest,
        ledger=ledger,
        few=knowledge.n_samples < FEW_SAMPLES,
        targets=[_target(knowledge, ledger, target) for target in range(int(knowledge.data.sizes["target"]))],
        probes_figure=embedded(probes_figure(knowledge)),
        most_panels=MOST_PANELS,
        most_lines=MOST_LINES,
        measured=measured(knowledge, ledger),
        worst_gap=worst_gap(knowledge),
        scripts=scripts,
        digests=[_digest(script) for script in scripts],
        style=_markup(_resource("page.css")),
    )


def _target(knowledge: Knowledge, ledger: Ledger, target: int) -> TargetView:
    found = steps(ledger, knowledge.layers, target)
    rows = [str(name) for name in ledger.total.layer.values]
    few_rows = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    few_layers = [knowledge.layers[layer] for layer in spread(len(knowledge.layers), MOST_LINES)]
    figures = {
        "ratios": ratios_figure(ledger, target),
        "strength": strength_figure(ledger, target, few_rows),
        "sparsity": sparsity_figure(knowledge, target, few_layers),
        "gaps": gaps_figure(knowledge, target),
    }
    return TargetView(
        name=_target_name(knowledge, target),
        steps=found,
        told=[found[row] for row in spread(len(found), 3)],
        facts=layer_facts(knowledge, target),
        figures={name: embedded(figure) for name, figure in figures.items()},
        examples=examples(knowledge, target),
    )


def _target_name(knowledge: Knowledge, target: int) -> str:
    coords = knowledge.manifest["coords"]
    classes = {row[target] for row in coords["target_class"]}
    one = f" (class {classes.pop()} in every sample)" if len(classes) == 1 else ""
    return coords["target"][target] + one


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
        "setting": words.setting,
    }
    environment.globals["between"] = words.share_between
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
