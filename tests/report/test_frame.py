"""What all pages share: figures with their numbers, and words with their meaning."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from hypothesis import given
from hypothesis import strategies as st

from layerlore.report import frame
from layerlore.report.downloads import FORMULA, csv_text
from layerlore.report.frame import plot, term_id

TEMPLATES = Path(frame.__file__).parent / "templates"
GLOSSARIES = {
    path: re.findall(r'<dt id="([^"]+)">(.*?)</dt>', path.read_text("utf-8")) for path in TEMPLATES.glob("glossary_*")
}


def test_numbers_are_written_in_full():
    table = pd.DataFrame({"layer": ["a", "b", "c"], "change": [1 / 3, float("nan"), 1e-300], "step": [1, 2, 3]})
    header, *rows = csv.reader(io.StringIO(csv_text(table), newline=""))
    assert header == ["layer", "change", "step"]
    assert [row[0] for row in rows] == ["a", "b", "c"]
    assert (float(rows[0][1]), rows[1][1], float(rows[2][1])) == (1 / 3, "", 1e-300)
    assert [int(row[2]) for row in rows] == [1, 2, 3]


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_no_name_is_read_as_a_formula(name):
    text = csv_text(pd.DataFrame({"layer": [name], "x": [-1.0]}))
    header, row = text.split("\r\n", 1)
    assert header == "layer,x"
    assert not row.lstrip('"').startswith(FORMULA)
    assert row.endswith(",-1.0\r\n")


def test_a_script_in_a_name_cannot_leave_its_element():
    table = pd.DataFrame({"layer": ["</script><img src=x>"], "x": np.zeros(1)})
    shown = plot(go.Figure(), table)
    assert "<" not in str(shown.table) + str(shown.figure)
    assert json.loads(str(shown.table)) == csv_text(table)


def test_every_word_of_a_glossary_can_be_linked_to():
    assert sum(map(len, GLOSSARIES.values())) > 40
    for path, terms in GLOSSARIES.items():
        assert path.read_text("utf-8").count("<dt") == len(terms)
        for found, words in terms:
            assert found == term_id(re.sub("<[^>]+>", "", words))


def test_no_word_stands_in_two_glossaries():
    """A study's page shows two of them, and an id counts once."""
    every = [found for terms in GLOSSARIES.values() for found, _ in terms]
    assert len(every) == len(set(every))
