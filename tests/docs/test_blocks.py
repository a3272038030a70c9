"""Every block of Python in the README and the docs runs, and prints what the page shows below it."""

from pathlib import Path

import pytest
import torch

from reference.doc_pages import ROOT, blocks, in_words, last_decimals, numbers, printed_beside, run

pytestmark = [
    pytest.mark.usefixtures("without_type_checks"),  # as readers run it
    # What the library has to say about small data is part of what a reader sees.
    pytest.mark.filterwarnings("ignore::layerlore.errors.LayerLoreWarning"),
    # What Lightning says about small data and no GPU, and what it and MLflow use of others.
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:lightning"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
]

PAGES = sorted(path for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")] if any(b.runs for b in blocks(path)))
NEEDED = {
    "docs/how_to/lightning.md": ["lightning"],
    "docs/how_to/transformers.md": ["transformers", "accelerate"],
    "docs/how_to/logging.md": ["tensorboard", "mlflow", "wandb"],
    "docs/tutorials/language_model.md": ["transformers"],
}
RELATIVE = 0.02
"""Other processors add in another order and draw normal numbers in another way, to the last digit; training makes such
differences larger. In float32 they reached two thirds of some numbers of the tutorials that explain a trained network:
those train in float64, where three kinds of arithmetic (``ATEN_CPU_CAPABILITY=default``, ``MKL_CBWR=COMPATIBLE`` and
neither) print the same numbers, but for the last digit that is shown, which may round to the other side."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_runs_and_prints_what_it_shows(page, reader):
    for package in ["sklearn", "matplotlib", "plotly", "jinja2", *NEEDED.get(name_of(page), [])]:
        pytest.importorskip(package)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dtype = torch.get_default_dtype()
        try:
            said = run(page)
        finally:
            torch.set_default_dtype(dtype)
    for place, shown in printed_beside(page).items():
        assert in_words(said[place]) == in_words(shown.code), f"{page.name}, line {shown.line}"
        allowed = [
            pytest.approx(number, rel=RELATIVE, abs=1.01 * digit)
            for number, digit in zip(numbers(shown.code), last_decimals(shown.code), strict=True)
        ]
        assert numbers(said[place]) == allowed, f"line {shown.line}"


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/tutorials/[!i]*.md")), ids=name_of)
def test_a_tutorial_checks_itself_and_shows_what_it_prints(page):
    python = [block for block in blocks(page) if block.runs]
    shown = printed_beside(page)
    printing = [place for place, block in enumerate(blocks(page)) if block.runs and "print(" in block.code]
    assert "\nassert " in "\n".join(block.code for block in python) or "    assert " in python[-2].code
    assert sorted(shown) == printing


def test_pictures_are_those_that_the_code_draws():
    for page in sorted(ROOT.glob("docs/tutorials/*.md")):
        text = page.read_text(encoding="utf-8")
        for picture in sorted((ROOT / "docs/assets").glob(f"{page.stem}_*.png")):
            drawn = picture.name.removeprefix(f"{page.stem}_")
            assert f"save_figure(printed.{drawn.removesuffix('.png')}_figure(" in text, picture.name
            assert f"(../assets/{picture.name})" in text, picture.name


def test_a_block_that_fails_names_the_line_of_its_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nx = 1\n```\n\nWords.\n\n```python\nprint(x)\n\nraise ValueError(x)\n```\n")
    with pytest.raises(ValueError, match=r"^1$") as failure:
        run(page)
    assert failure.traceback[-1].lineno + 1 == 12


def test_what_is_printed_is_compared_in_words_and_numbers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nprint('a', 1.5, 'b2')\n```\n\n```text\na  1.4 b2\n```\n\nWords\n\n```text\nother\n```\n"
    )
    (said,) = run(page).values()
    ((place, shown),) = printed_beside(page).items()
    assert (place, shown.code) == (0, "a  1.4 b2\n")
    assert in_words(said) == in_words(shown.code) == ["a", "#", "b2"]
    assert (numbers(said), numbers(shown.code)) == ([1.5], [1.4])
    assert in_words("a 1 c") != in_words("a 1 b")
