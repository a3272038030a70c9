"""The look of print: every letter as it is, the same bytes each time, and nothing left behind."""

import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from figures.results import HOSTILE, words_in
from layerlore.errors import InputError, MissingExtraError, RunError
from layerlore.figures import printed
from layerlore.figures.groups import SYMBOLS, group_style
from layerlore.figures.printed.groups import MARKS, mark
from layerlore.figures.printed.style import (
    LONGEST_ENTRY,
    finished,
    layer_ticks,
    legend,
    letters,
    name_axes,
    name_ticks,
    new_figure,
    panels,
    write,
)
from layerlore.figures.style import diverging, ink_on


@pytest.fixture
def figure():
    return new_figure(3, 2)


def shown(name):
    return name.replace("\n", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_letter_by_letter(figure, name):
    ((axes,),) = panels(figure, 1, 1)
    (line,) = axes.plot([0, 1], [0, 1])
    name_axes(axes, name, name)
    write(axes, 0, 1, name)
    legend(figure, [(line, name)])
    name_ticks(axes.xaxis, [0, 1], [name[:16], "b"], 3)
    words = words_in(finished(figure))
    assert words.count(shown(name)) >= 4
    assert shown(name if len(name) <= 16 else name[:16]) in words
    svg = figure_bytes(figure, "svg")
    assert b"<img" not in svg


def figure_bytes(figure, kind):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        return printed.save_figure(figure, Path(folder) / f"figure.{kind}").read_bytes()


def test_letters_that_cannot_be_shown():
    assert letters("a\u2028b\x00\ud800") == "a" + "\N{REPLACEMENT CHARACTER}b" + 2 * "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_the_same_figure_gives_the_same_bytes(kind):
    made = []
    for _ in range(2):
        figure = new_figure(2, 1)
        ((axes,),) = panels(figure, 1, 1)
        axes.plot([1, 2], [3, 4])
        made.append(figure_bytes(finished(figure), kind))
    assert made[0] == made[1]
    assert made[0][:4] in (b"\x89PNG", b"%PDF", b"<?xm")


def test_the_page_is_white(figure, tmp_path):
    from PIL import Image

    panels(figure, 1, 1)
    image = np.asarray(Image.open(printed.save_figure(figure, tmp_path / "a.PNG")).convert("RGB"))
    assert (image[0, 0] == 255).all()
    assert image.shape == (600, 900, 3)


def test_figures_that_cannot_be_saved(figure, tmp_path):
    with pytest.raises(InputError, match=r"'a.jpg' must end in one of .png, .pdf, .svg"):
        printed.save_figure(figure, tmp_path / "a.jpg")
    with pytest.raises(RunError, match="could not be written"):
        printed.save_figure(figure, tmp_path / "missing" / "a.png")


@pytest.mark.parametrize("width", [0, -1.0, float("nan"), 1e9])
def test_sizes_that_are_none(width):
    with pytest.raises(InputError, match="cannot be printed"):
        new_figure(width, 2)


def test_settings_of_others_stay(figure, tmp_path):
    before = dict(mpl.rcParams)
    panels(figure, 1, 1)
    printed.save_figure(figure, tmp_path / "a.pdf")
    assert dict(mpl.rcParams) == before


def test_settings_of_others_do_not_read_formulas(figure):
    # As after `plt.rcParams["text.usetex"] = True`, for which TeX would have to be installed.
    with mpl.rc_context({"text.usetex": True, "text.parse_math": True}):
        ((axes,),) = panels(figure, 1, 1)
        write(axes, 0, 0, "$\\frac$")
        name_axes(axes, "$\\frac$")
        finished(figure)
    assert words_in(figure).count("$\\frac$") == 2


def test_pyplot_is_never_loaded_and_matplotlib_only_when_asked():
    code = (
        "import sys, layerlore.figures, layerlore.figures.printed as p; assert 'matplotlib' not in sys.modules; "
        "from layerlore.figures.printed.style import new_figure, panels, finished; f = new_figure(2, 1); "
        "panels(f, 1, 1); finished(f).canvas.draw(); p.save_figure(f, sys.argv[1]); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, f"{folder}/a.png"], check=False, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'matplotlib'.*layerlore\[print\]"):
        new_figure(3, 2)


def test_a_legend_keeps_to_the_width_and_the_panels_keep_their_height():
    figure = new_figure(3, 2)
    ((axes,),) = panels(figure, 1, 1)
    names = [f"{number} " + "x" * 60 for number in range(9)]
    legend(figure, [(axes.plot([0, 1])[0], name) for name in names])
    figure.canvas.draw()
    (found,) = figure.legends
    box = found.get_window_extent()
    assert box.x1 <= figure.bbox.x1
    lengths = {len(text.get_text()) for text in found.get_texts()}
    assert len(lengths) == 1
    assert 30 < lengths.pop() <= LONGEST_ENTRY
    assert axes.get_window_extent().height > 1.5 * figure.dpi
    assert box.y0 >= axes.get_window_extent().y1


def test_names_of_layers_stand_on_end_where_they_must(figure):
    left, right = panels(figure, 1, 2)[0]
    layer_ticks(left, ["a", "b"], 1.4)
    layer_ticks(right, [f"a.long.name{number}" for number in range(50)], 1.4)
    assert {label.get_rotation() for label in left.get_xticklabels()} == {0}
    assert {label.get_rotation() for label in right.get_xticklabels()} == {90}
    words_in(finished(figure))
    boxes = [label.get_window_extent() for label in right.get_xticklabels()]
    assert all(one.x1 <= two.x0 + 1 for one, two in pairwise(boxes))


def test_every_group_has_a_mark_of_its_own():
    assert set(SYMBOLS) <= set(MARKS)
    marks = [(group_style(label).colour, mark(label)) for label in (*range(10), -1, -2)]
    assert len(set(marks)) == len(marks)


def contrast(one, two):
    def luminance(colour):
        parts = np.array(to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("share", np.linspace(-1, 1, 41))
def test_words_on_every_colour_of_the_scale_can_be_read(share):
    colour = diverging(share)
    # WCAG 2.1, success criterion 1.4.3.
    assert contrast(colour, ink_on(colour)) >= 4.5
    assert ink_on(colour) == max(("#000000", "#FFFFFF"), key=lambda ink: contrast(colour, ink))
