"""A study folder is written whole, read back the same, and damage is named."""

import dataclasses
import json
import math

import numpy as np
import pytest

from layerlore.errors import InputError, RunError
from layerlore.storage import read_manifest
from layerlore.zoo.studies.names import plain_name
from layerlore.zoo.studies.page import study_markdown, write_page
from layerlore.zoo.studies.pictures import draw_pictures
from layerlore.zoo.studies.result import FILE, KIND, Study, in_words, p_in_words
from layerlore.zoo.studies.verdict import FAILS, HOLDS, OPEN
from zoo.studies.studies import HOSTILE, saved, saved_training, three_claims


def test_written_and_read_back(tmp_path):
    study = saved(tmp_path / "study", runs=False)
    found = Study.load(tmp_path / "study")
    assert found.to_json() == study.to_json()
    assert found.path == study.path == tmp_path / "study"
    assert read_manifest(tmp_path / "study")["kind"] == KIND
    assert [found.count(verdict) for verdict in (HOLDS, FAILS, OPEN)] == [1, 1, 1]


def test_the_file_is_strict_json(tmp_path):
    saved(tmp_path, runs=False, settings={"kappas": (0.03, np.float64("nan")), "n": np.int64(3)})
    content = json.loads((tmp_path / FILE).read_text(), parse_constant=pytest.fail)
    assert content["settings"] == {"kappas": [0.03, None], "n": 3}
    assert content["claims"][2]["number"] is None
    assert set(content["claims"][0]) >= {
        *("id", "text", "source", "network", "number", "low", "high", "unit"),
        *("test", "p_value", "adjusted_p", "n", "verdict", "why"),
    }
    assert "Holm" in content["rule"]


def test_a_study_is_written_again_but_over_nothing_else(tmp_path):
    saved(tmp_path, runs=False)
    saved(tmp_path, runs=False, notes=("changed",))
    assert Study.load(tmp_path).notes == ("changed",)
    saved_training(tmp_path / "other")
    with pytest.raises(RunError, match="holds a 'history' run, not a 'study' run"):
        saved(tmp_path / "other" / "resnet20_digits_0_training", runs=False)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1}', '{"format": 9}', None])
def test_damage_is_named(tmp_path, content):
    saved(tmp_path, runs=False)
    if content is None:
        (tmp_path / FILE).unlink()
    else:
        (tmp_path / FILE).write_text(content)
    with pytest.raises(RunError, match=r"study\.json"):
        Study.load(tmp_path)


def test_claims_as_a_table_and_a_frame(tmp_path):
    study = saved(tmp_path, runs=False)
    rows = study.claims_table()
    assert rows[0]["ours"] == "0.432 [0.21, 0.654]"
    assert rows[0]["p"] == "0.0002 → 0.0004"
    assert rows[0]["verdict"] == HOLDS
    assert (rows[2]["ours"], rows[2]["p"], rows[2]["n"]) == ("", "", "")
    frame = study.to_dataframe()
    assert list(frame["number"][:2]) == [0.4321, -0.777]
    assert math.isnan(frame["number"][2])
    assert len(dataclasses.replace(study, claims=()).to_dataframe()) == 0
    assert in_words(study.claims[1]) == "-0.777 [-0.9, -0.6]"
    assert p_in_words(study.claims[2]) == ""


def test_the_markdown_page_says_what_the_result_says(tmp_path):
    page = study_markdown(saved(tmp_path, runs=False))
    lines = page.splitlines()
    assert "# Layerwise change of knowledge: mnist" in lines
    assert "layerlore study layerwise --networks mlp7 --data mnist --root DIR" in lines
    assert "Of 3 claims: 1 holds, 1 does not hold, 1 not decidable at this size." in lines
    row = next(line for line in lines if line.startswith("| low orders are stronger"))
    for words in ("0.432 [0.21, 0.654] (share)", "about 0.5", "**holds**", "0.0002 → 0.0004", "| 20 |"):
        assert words in row
    fails = lines.index("## What does not reproduce")
    assert lines[fails + 2].startswith("- redundancy rises (mlp7). The slope is -0.777;")
    assert any("nothing was trained on SVHN" in line.replace("Nothing", "nothing") for line in lines[fails:])
    assert any("| MLP-7 | 91.7 %" in line for line in lines)
    assert "- one split missed its tolerance" in lines


def test_nothing_that_fails_is_said_so(tmp_path):
    page = study_markdown(saved(tmp_path, runs=False, claims=three_claims()[:1]))
    assert "No claim that could be decided came out on the other side." in page


def test_names_stay_words_in_markdown(tmp_path):
    study = saved(tmp_path, runs=False, title=HOSTILE, claims=three_claims(HOSTILE), notes=(HOSTILE + "\n# head",))
    page = study_markdown(study)
    assert "<script>" not in page
    assert "<img" not in page
    assert "\n# head" not in page
    # A bar in a name must not open a cell: every line of a table has the bars of its head.
    table = [line.replace("\\|", "") for line in page.split("## The claims")[1].splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table[:5]}) == 1


def test_pictures_and_their_links(tmp_path):
    study = saved(tmp_path / "studies" / "a b")
    pictures = draw_pictures(study)
    assert [picture.file for picture in pictures] == [
        f"figures/mlp7_{name}.png" for name in ("ratios", "ledger", "sparsity")
    ]
    for picture in pictures:
        assert (study.path / picture.file).read_bytes().startswith(b"\x89PNG")
    inside = write_page(study, pictures)
    assert inside == study.path / "study.md"
    assert "](figures/mlp7_ratios.png)" in inside.read_text()
    beside = write_page(study, pictures, tmp_path / "studies" / "mnist.md")
    assert "](a%20b/figures/mlp7_ratios.png)" in beside.read_text()


def test_pictures_of_trainings(tmp_path):
    assert [picture.file for picture in draw_pictures(saved_training(tmp_path))] == [
        "figures/resnet20_digits_0_changes.png"
    ]


def test_a_study_in_memory_has_no_folder(tmp_path):
    study = dataclasses.replace(saved(tmp_path, runs=False), path=None)
    for use in (draw_pictures, write_page):
        with pytest.raises(InputError, match="lives in memory"):
            use(study)
    assert write_page(study, path=tmp_path / "page.md").is_file()


def test_names_of_files():
    assert plain_name("../../etc/passwd") == "etc_passwd"
    assert plain_name("///") == "figure"
