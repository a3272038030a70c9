"""The look of figures in print: sizes of a journal's columns, quiet axes, words shown letter by letter.

Only objects of matplotlib are used, never ``pyplot``: a figure leaves no trace in the state that others share. Colours
are those of the pages (`layerlore.figures.style`); the typeface is left to the reader's own settings of matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import InputError, RunError, missing_extra
from layerlore.figures.axes import even
from layerlore.figures.style import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.35, 6.9
"""Inches of a column and of both columns of a journal's page."""
SIZE = 7.0
"""Points of all words."""
INK, GRID = "#333333", "#DDDDDD"
LONGEST_ENTRY, LONGEST_TICK = 44, 16
LETTER, WIDE_LETTER = 0.6, 0.65
"""Width of letters on average, and in names of wide ones, as a share of their size: what names will need."""
HANDLE = 4
"""Room beside a legend's words, as a multiple of their size."""
RESOLUTION = 300
FORMATS = ("png", "pdf", "svg")
LINES = {"dash": (0, (3, 1.5)), "dot": (0, (1, 1.5)), "solid": "solid"}


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure that lays itself out; nothing but the caller holds it.

    Args:
        width: in inches.
        height: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: a size that is no size.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # optional
        from matplotlib.figure import Figure  # optional
    except ImportError:
        raise missing_extra("matplotlib", "print", "drawing figures for print") from None
    if not (0 < width < 100 and 0 < height < 1000):
        raise InputError(f"a figure of {width} x {height} inches cannot be printed: take a width such as {COLUMN}")
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.03, h_pad=0.03)
    return figure


def panels(figure: Figure, rows: int, columns: int, **options: Any) -> list[list[Axes]]:
    """Quiet axes in rows and columns; options go to ``Figure.subplots``."""
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    for axes in grid.flat:
        quiet(axes)
    return [list(row) for row in grid]


def quiet(axes: Axes) -> None:
    """Thin lines, small words, a grid of levels, no box."""
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.grid(False)
    axes.grid(True, axis="y", color=GRID, linewidth=0.5)
    axes.tick_params(labelsize=SIZE, labelcolor=INK, color=GRID, width=0.5, length=2)
    axes.tick_params(which="minor", length=0)
    for name, spine in axes.spines.items():
        spine.set(visible=name in ("left", "bottom"), color=GRID, linewidth=0.5)


def name_axes(axes: Axes, x: str | None = None, y: str | None = None) -> None:
    """Titles of the axes, letter by letter."""
    for words, put in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
        if words is not None:
            put(letters(words), fontsize=SIZE, color=INK, labelpad=2)


def write(axes: Axes, x: float, y: float, words: str, **options: Any) -> Any:
    """Words at shares of the panel, 0 to 1 (or in data with ``transform=axes.transData``), letter by letter."""
    options = {"transform": axes.transAxes, "fontsize": SIZE, "color": INK} | options
    return axes.text(x, y, letters(words), parse_math=False, **options)


def letters(name: str) -> str:
    r"""A name in one line: what cannot be shown, line ends among it, is a box with a question mark.

    >>> letters("conv\n1")
    'conv\ufffd1'
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)


def name_ticks(
    axis: Axis, places: Sequence[float], names: Sequence[str], room: float, longest: int = LONGEST_TICK
) -> None:
    """Names along an axis, letter by letter; on end where they would not stand side by side.

    Args:
        axis: of a panel.
        places: of the names.
        names: to show.
        room: inches that the axis has.
        longest: letters of a name.
    """
    shown = [letters(shortened(name, longest)) for name in names]
    axis.set_ticks(list(places), shown)
    widest = max((len(name) for name in shown), default=0) + 1
    on_end = name_of(axis) == "x" and len(shown) * widest * LETTER * SIZE / 72 > room
    for label in axis.get_ticklabels():
        label.set_parse_math(False)
        label.set_rotation(90 if on_end else 0)


def layer_ticks(axes: Axes, layers: Sequence[str], room: float) -> None:
    """Layer ``i`` stands at ``i`` of the first axis; as many are named as fit on end."""
    places = even(len(layers), max(2, int(room * 72 / (1.3 * SIZE))))
    name_ticks(axes.xaxis, places, [layers[place] for place in places], room)
    axes.set_xlim(-0.5, max(len(layers), 1) - 0.5)


def name_of(axis: Axis) -> str:
    """``"x"`` or ``"y"``; matplotlib's annotations know it of no axis in general."""
    return str(axis.axis_name)  # pyright: ignore[reportAttributeAccessIssue]


def log_scale(axis: Axis, low: float, high: float, ticks: Sequence[float]) -> None:
    """A logarithmic axis whose ticks are written out; matplotlib's own are formulas."""
    axes, name = axis.axes, name_of(axis)
    getattr(axes, f"set_{name}scale")("log")
    getattr(axes, f"set_{name}lim")(low, high)
    axis.set_ticks(list(ticks), [f"{tick:g}" for tick in ticks])
    axis.set_ticks([], minor=True)


def legend(figure: Figure, entries: Sequence[tuple[Any, str]], most: int | None = None) -> None:
    """A legend above all panels, as many entries in a line as fit.

    Args:
        figure: that has its panels.
        entries: what is drawn, and its words.
        most: entries in a line at most.
    """
    if not entries:
        return
    handles = [handle for handle, _ in entries]
    room = figure.get_figwidth() * 72
    longest = min(LONGEST_ENTRY, int((room - HANDLE * SIZE) / (WIDE_LETTER * SIZE)))
    words = [letters(shortened(name, max(longest, 3))) for _, name in entries]
    for columns in range(min(len(entries), most or len(entries)), 0, -1):
        # Versions of matplotlib leave out an entry whose name starts with an underscore: names are put in afterwards.
        found = figure.legend(
            handles,
            ["."] * len(handles),
            loc="outside upper left",
            ncols=columns,
            fontsize=SIZE,
            frameon=False,
            handlelength=2.4,
            columnspacing=1.2,
            handletextpad=0.5,
            borderpad=0.1,
            labelspacing=0.25,
        )
        for text, name in zip(found.get_texts(), words, strict=True):
            text.set(text=name, color=INK, parse_math=False)
        canvas: Any = figure.canvas
        extent = found.get_window_extent(canvas.get_renderer())
        if columns == 1 or extent.width * 72 / figure.dpi <= room:
            # The panels keep their height, however many entries there are.
            figure.set_figheight(figure.get_figheight() + extent.height / figure.dpi)
            return
        found.remove()


def patch(**look: Any) -> Any:
    """A square for a legend."""
    from matplotlib.patches import Patch  # optional

    return Patch(**look)


def cell(x: float, y: float, colour: str, width: float = 1.0) -> Any:
    """A box of height 1 around a point, to be added to axes; matrices of few cells stay vectors."""
    from matplotlib.patches import Rectangle  # optional

    return Rectangle((x - width / 2, y - 0.5), width, 1, facecolor=colour, edgecolor="white", linewidth=0.8)


def finished(figure: Figure) -> Figure:
    """The same figure, no word of which matplotlib reads as a formula."""
    from matplotlib.text import Text  # optional

    for text in figure.findobj(Text):
        text.set(parse_math=False, usetex=False)  # pyright: ignore[reportAttributeAccessIssue]
    return figure


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Write a figure as png (300 dots per inch), pdf or svg; the same figure gives the same bytes.

    Args:
        figure: from a function of this package.
        path: whose ending tells the format.

    Raises:
        InputError: another ending.
        RunError: it could not be written.
    """
    import matplotlib as mpl  # optional

    path = Path(path)
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InputError(f"{path.name!r} must end in one of {', '.join('.' + name for name in FORMATS)}")
    undated: dict[str, Any] = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    # Words stay words in a pdf (TrueType); in an svg they are outlines, which look alike everywhere.
    look: dict[Any, Any] = {
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "layerlore",
        "savefig.bbox": None,
    }
    try:
        with mpl.rc_context(look):
            figure.savefig(path, format=kind, dpi=RESOLUTION, metadata=undated[kind], facecolor="white")
    except OSError as error:
        raise RunError(f"{path} could not be written ({error}): give a file in a folder that exists") from error
    return path
