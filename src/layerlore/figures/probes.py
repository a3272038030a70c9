"""How well a linear probe reads the task from each layer: the condition for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.figures.style import BLUE, GREY, ORANGE, VERMILLION, graph_objects, inert, layer_axis, styled
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    import plotly.graph_objects as go

NETWORK = "output"


def accuracies(knowledge: Knowledge) -> dict[str, Any]:
    """Accuracies from 0 to 1 (for probes that predict numbers: coefficients of determination).

    Returns:
        ``layer`` (names of the probed layers), ``train`` and ``validation`` (one number for each), ``network_train``,
        ``network_validation`` (the network's own output) and ``chance``.
    """
    rows = {row["layer"]: row for row in knowledge.manifest["quality"]}
    own = rows.pop(NETWORK)
    return {
        "layer": list(rows),
        "train": [row["train_accuracy"] for row in rows.values()],
        "validation": [row["validation_accuracy"] for row in rows.values()],
        "network_train": own["train_accuracy"],
        "network_validation": own["validation_accuracy"],
        "chance": knowledge.manifest["chance"],
    }


def probes_figure(knowledge: Knowledge) -> go.Figure:
    """Accuracy of every probe on training and validation data; lines for the network itself and for chance.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    values = accuracies(knowledge)
    names = [inert(name) for name in values["layer"]]
    figure = go.Figure()
    for part, colour, symbol in (("train", ORANGE, "diamond-open"), ("validation", BLUE, "circle")):
        figure.add_trace(
            go.Scatter(
                x=list(range(len(names))),
                y=values[part],
                customdata=names,
                mode="lines+markers",
                name=f"probe, {part}",
                line={"color": colour, "width": 2},
                marker={"size": 9, "symbol": symbol},
                hovertemplate="%{customdata}: %{y:.1%}",
            )
        )
    for words, height, colour, dash in (
        ("network itself", values["network_validation"], VERMILLION, "dash"),
        ("chance", values["chance"], GREY, "dot"),
    ):
        figure.add_trace(
            go.Scatter(
                x=[-0.5, len(names) - 0.5],
                y=[height, height],
                mode="lines",
                name=words,
                line={"color": colour, "width": 1.5, "dash": dash},
                hovertemplate="%{y:.1%}",
            )
        )
    styled(figure, 400)
    figure.update_xaxes(**layer_axis(values["layer"]))
    figure.update_yaxes(tickformat=".0%", title_text="accuracy", range=[min(0, *values["validation"]) - 0.02, 1.04])
    return figure
