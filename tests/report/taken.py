"""What a reader takes away from a page: its numbers as CSV, and the words that it explains."""

import csv
import io
import json

import pandas as pd


def tables(page) -> dict[str, pd.DataFrame]:
    """The numbers of every figure, by the name of their file; every figure has a button for them."""
    found = {}
    for tools in page.all("div", class_="tools"):
        button, script = tools.all("button", class_="csv")[0], tools.all("script", class_="csv-data")[0]
        file = button.attributes["data-file"]
        assert file not in found
        found[file] = read_csv(json.loads(script.text))
    for figure in page.all("figure"):
        assert len(figure.all("button", class_="csv")) == 1
    return found


def read_csv(text: str) -> pd.DataFrame:
    """CSV as it was written, no digit less: a column is of numbers where all its cells are numbers or empty."""
    names, *rows = csv.reader(io.StringIO(text, newline=""))
    return pd.DataFrame({name: _column([row[place] for row in rows]) for place, name in enumerate(names)})


def _column(cells: list[str]) -> list[str] | list[float]:
    try:
        return [float(cell or "nan") for cell in cells]
    except ValueError:
        return cells


def assert_links_resolve(page) -> None:
    """Every link within a page leads to an element, and no two elements have one name."""
    ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    aims = [link.attributes["href"][1:] for link in page.all("a") if link.attributes["href"].startswith("#")]
    assert len(aims) > 5
    assert set(aims) <= set(ids)
