"""Boxes of the noise-to-signal ratio in print. Source: Cheng et al. 2024, Figure 12; METHODS A8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.figures.noise import NOTHING, TITLE, highest_whisker, noise_boxes, noise_orders
from layerlore.figures.printed.style import COLUMN, finished, name_axes, new_figure, panels, write
from layerlore.figures.style import BLUE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerlore.interactions.stability import Stability

FAINT = "#CCE3F0"


def noise_figure(stability: Stability, width: float = COLUMN) -> Figure:
    """A box for each order: half of the ratios lie within it, 90 % within its whiskers.

    Args:
        stability: see `layerlore.figures.noise_boxes`.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    found = noise_boxes(stability)
    figure = new_figure(width, 0.65 * width)
    ((axes,),) = panels(figure, 1, 1)
    names = {"whislo": "low", "q1": "lower", "med": "median", "q3": "upper", "whishi": "high"}
    boxes = [
        {theirs: found[ours][place] for theirs, ours in names.items()} | {"fliers": []}
        for place in range(len(found["order"]))
    ]
    if boxes:
        line = {"color": BLUE, "linewidth": 0.8}
        looks: dict[str, Any] = {
            "boxprops": {"facecolor": FAINT, "edgecolor": BLUE, "linewidth": 0.8},
            "medianprops": line,
        }
        looks |= {"whiskerprops": line, "capprops": line}
        axes.bxp(boxes, positions=found["order"], widths=0.6, patch_artist=True, showfliers=False, **looks)
    else:
        write(axes, 0.5, 0.5, NOTHING, ha="center", va="center")
    highest = noise_orders(stability)
    ticks = list(range(1, highest + 1, 1 if highest <= 12 else 2))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set(xlim=(0.4, highest + 0.6), ylim=(0, highest_whisker(found)))
    name_axes(axes, "order", TITLE)
    return finished(figure)
