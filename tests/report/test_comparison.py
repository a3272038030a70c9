"""The page of several runs: its numbers are those of the comparison, its names are inert, what differs comes first."""

import importlib
import json

import numpy as np
import pytest

import layerlore as ll
from layerlore import History
from layerlore.errors import InputError
from layerlore.report.comparison import FILE, MOST_RUNS, compare, comparison_page, report_comparison
from layerlore.report.comparison_training import MOST_NUMBERS
from report.comparing import coarse, longer, quick_trends, saved_runs
from report.histories import ATTACK, HOSTILE, history, values
from report.reading import read
from report.taken import assert_links_resolve, tables
from report.tiny import HOSTILE_LAYERS, HOSTILE_NETWORK, tiny

RESULTS = {"fine": tiny("table"), "coarse": coarse(), "short": history(), "long": longer()}
ATTACKS = ("</script><img src=x onerror=alert(1)>", "</script><img src=x onerror=alert(1)>", "=1+1")


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with quick_trends():
        yield


@pytest.fixture(scope="module")
def found():
    return compare(list(RESULTS.values()), list(RESULTS))


@pytest.fixture(scope="module")
def page():
    return read(comparison_page(list(RESULTS.values()), list(RESULTS)))


@pytest.fixture(scope="module")
def hostile_page():
    results = [tiny("hostile"), history("hostile"), longer()]
    return comparison_page(results, ATTACKS)


def section(page, name):
    return page.all("section", id=name)[0]


def told(page, what):
    return [item for item in section(page, "summary").all("li") if item.attributes.get("class") == f"told-{what}"]


def body(page, table):
    return [row.all("td") for row in page.all("table", class_=table)[0].all("tbody")[0].all("tr")]


def ends(estimate):
    return [estimate.value, estimate.low, estimate.high]


def test_what_differs_stands_first(page, found):
    first = page.all("section")[0]
    assert first.attributes["id"] == "differences"
    names = [row.name for row in found.differences]
    assert "split: kappa" in names
    assert page.all("p", class_="told-differences")[0].words.startswith(
        f"Besides their networks, these runs differ in: {', '.join(names[:-1])} and {names[-1]}."
    )
    rows = [[cell.words for cell in row.all("td")] for row in first.all("tr") if row.all("td")]
    assert rows == [[row.name, *row.values.values()] for row in found.differences]


def test_runs_of_the_same_settings_are_said_to_be(page):
    alike = read(comparison_page([tiny("table"), tiny("table")]))
    assert "The settings that these runs recorded are the same." in section(alike, "differences").words
    assert not alike.all("table", class_="differences-table")
    assert alike.all("p", class_="quiet")[0].words.startswith("Net and Net (2).")


def test_explanations_are_told_with_their_numbers(page, found):
    for item, facts in zip(told(page, "depth"), found.depth.facts, strict=True):
        assert item.numbers() == [facts.accuracy, *ends(facts.salient), *ends(facts.layers[0].completeness)]
        assert [name.text for name in item.all("span", class_="name")] == [facts.name, facts.layers[0].layer]
    (item,) = told(page, "agreement")
    (pair,) = found.depth.pairs
    assert item.numbers() == [*ends(pair.iou), pair.chance, *ends(pair.corrected)]


def test_trainings_are_told_with_their_numbers(page, found):
    for item, facts in zip(told(page, "settling"), found.training.facts, strict=True):
        course = facts.settling
        assert item.numbers() == [*ends(course.first), *ends(course.last), course.n_less, course.n_layers]
    (item,) = told(page, "layers")
    assert item.numbers() == [22, 2.0, 2.0, 2.0]
    (item,) = told(page, "trends")
    assert item.numbers() == [found.training.trends.mean, 22]


def test_the_tables_hold_the_facts(page, found):
    for row, facts in zip(body(page, "depth-table"), found.depth.facts, strict=True):
        assert [cell.words for cell in row[:5]] == [facts.name, "Net", "3", "4", "5"]
        assert [number for cell in row[5:] for number in cell.numbers()] == [
            facts.accuracy,
            *ends(facts.salient),
            facts.density,
        ]
    rows = body(page, "shares-table")
    every = [(facts.name, layer) for facts in found.depth.facts for layer in facts.layers]
    for row, (name, layer) in zip(rows, every, strict=True):
        assert [cell.words for cell in row[:2]] == [name, layer.layer]
        expected = [layer.depth, *ends(layer.completeness), *ends(layer.redundancy)]
        assert [number for cell in row[2:] for number in cell.numbers()] == expected
    (row,) = body(page, "pairs-table")
    (pair,) = found.depth.pairs
    assert row[2].numbers() + row[3].numbers() + row[4].numbers() == [
        *ends(pair.iou),
        pair.chance,
        *ends(pair.corrected),
    ]
    for row, facts in zip(body(page, "training-table"), found.training.facts, strict=True):
        assert row[3].words == f"{facts.n_steps} {facts.unit}s"
        assert row[7].words == str(facts.trends.n_trends)
    for row, layer in zip(body(page, "shared-table"), found.training.layers, strict=True):
        assert row[0].text == layer.layer
        numbers = [number for cell in row[1:] for number in cell.numbers()]
        assert numbers == pytest.approx([*layer.medians, layer.ratio], rel=0, nan_ok=True)
    ((_, _, rand),) = found.training.trend_pairs
    assert [row[2].numbers() for row in body(page, "rand-table")] == [[rand]]


def test_figures_have_their_numbers(page, found):
    taken = tables(page)
    ratios = taken["compared-completeness-and-redundancy.csv"]
    for course in found.depth.courses:
        for ratio in ("completeness", "redundancy"):
            rows = ratios[(ratios["run"] == course.name) & (ratios["ratio"] == ratio)]
            assert rows["layer"].tolist() == course.layers
            assert rows["relative_depth"].tolist() == course.depth.tolist()
            assert rows["low"].tolist() == course.values[f"{ratio}_low"].tolist()
    strengths = taken["compared-strength.csv"]
    for strength in found.depth.strengths:
        rows = strengths[(strengths["run"] == strength.name) & (strengths["op"] == "or")]
        assert rows["order"].tolist() == [2, 3, 4, 5]
        assert rows["strength"].tolist() == strength.strength[1, 1:].tolist()
    medians = taken["compared-changes.csv"]
    for course in found.training.courses:
        assert medians.loc[medians["run"] == course.name, "median"].tolist() == course.value.tolist()
    cells = taken["compared-layers.csv"]
    whole = cells[cells["run"] == "short"].pivot(index="layer", columns="step", values="rwc_l1")
    assert np.array_equal(whole.loc[history().layers].to_numpy(), values(), equal_nan=True)
    assert {"agreement.csv", "agreement-matrix.csv"} < set(taken)


def test_words_are_explained_one_click_away(page):
    assert_links_resolve(page)
    for figure in page.all("figure"):
        assert [link for link in figure.all("a") if link.attributes["href"].startswith("#term-")]


def test_one_kind_gets_one_section():
    depth = read(comparison_page([tiny("table"), tiny("custom")]))
    assert not depth.all("section", id="training")
    assert "different players" in depth.all("p", class_="why-not")[0].words
    assert_links_resolve(depth)
    training = read(comparison_page([history(), longer()]))
    assert not training.all("section", id="depth")
    assert_links_resolve(training)


def test_different_references_are_said():
    other = ll.resplit(tiny("table"), reference="previous")
    page = read(comparison_page([tiny("table"), other]))
    words = section(page, "warnings").words
    assert "compare their layers with different references (final, previous)" in words


def test_nothing_in_common_is_said():
    other = History.from_table(["x", "y"], np.ones((2, 3)), measure="gradient_norm")
    page = read(comparison_page([history(), other]))
    assert "have no measure in common" in section(page, "warnings").words
    assert not page.all("figure")
    assert "nan" not in section(page, "training").words


def test_poor_trainings_still_get_a_page():
    still = History.from_table(["x", "y"], np.zeros((2, 1)), measure="rwc_l1")
    broken = History.from_table(["x", "y"], np.full((2, 2), np.nan), measure="rwc_l1")
    page = read(comparison_page([still, broken]))
    assert len(page.all("div", class_="plot")) == 2
    assert not told(page, "settling")


def test_many_long_runs_fit():
    draws = np.random.default_rng(0)
    made = [
        History.from_table(
            [f"a.rather.long.name.of.a.layer.{row}.self_attention.query.weight" for row in range(300)],
            np.exp(draws.standard_normal((300, 400))),
            measure="rwc_l1",
        )
        for _ in range(MOST_RUNS)
    ]
    with pytest.MonkeyPatch.context() as patch:
        # By name, because the package's own `report` is the function.
        module = importlib.import_module("layerlore.report.comparison_training")
        patch.setattr(module, "found_trends", lambda _made: (None, "not looked for"))
        text = comparison_page(made)
    assert len(text.encode()) < 8e6
    assert len(tables(read(text))["compared-layers.csv"]) <= MOST_NUMBERS


def test_the_file_lies_beside_the_runs(tmp_path, monkeypatch):
    one, two, three, four = saved_runs(tmp_path)
    assert report_comparison([three, four]) == tmp_path / FILE
    page = read((tmp_path / FILE).read_text("utf-8"))
    assert "first and second" in page.all("header")[0].words
    monkeypatch.chdir(tmp_path / "seed0")
    path = report_comparison([one, two])
    assert path.absolute() == tmp_path / "seed0" / FILE
    assert "seed0/net and seed1/net" in read(path.read_text("utf-8")).all("header")[0].words
    assert report_comparison([str(one), four], tmp_path / "deep" / "page.html").is_file()


def test_runs_with_a_page_are_linked(tmp_path):
    *_, three, four = saved_runs(tmp_path)
    (three / "report.html").write_text("a page")
    page = read(report_comparison([three, four], tmp_path / "docs" / "page.html").read_text("utf-8"))
    links = {link.text: link.attributes["href"] for link in page.all("a", class_="name")}
    assert links == {"first": "./../first/report.html"}


def test_what_lives_in_memory_needs_a_path(tmp_path):
    with pytest.raises(InputError, match="have no folder: pass path="):
        report_comparison([history(), longer()])
    with pytest.raises(InputError, match="a comparison shows 2 to 12"):
        report_comparison([history()], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_study_is_no_run(tmp_path):
    from zoo.studies.studies import saved

    saved(tmp_path / "study", runs=False)
    history().save(tmp_path / "run")
    with pytest.raises(InputError, match="is a study, which has a page of its own: name the runs within it"):
        report_comparison([tmp_path / "study", tmp_path / "run"])


def test_the_same_runs_give_the_same_page():
    assert comparison_page([history(), tiny("table")]) == comparison_page([history(), tiny("table")])


def test_no_name_becomes_an_element(hostile_page):
    page = read(hostile_page)
    assert not page.all("img")
    assert not page.all("u")
    assert len([script for script in page.all("script") if script.attributes.get("type") != "application/json"]) == 2
    assert not [key for element in page.all() for key in element.attributes if key.startswith("on")]


def test_names_are_shown_letter_by_letter(hostile_page):
    text = read(hostile_page).all("main")[0].text
    for name in (ATTACKS[0], f"{ATTACKS[0]} (2)", "=1+1", HOSTILE_NETWORK, HOSTILE_LAYERS[0], "<i>lap</i>", ATTACK):
        assert name in text


def test_names_in_figures_are_inert(hostile_page):
    for script in read(hostile_page).all("script", class_="figure-data"):
        assert not set("<>&\u2028\u2029") & set(script.text)
        for attack in ("<img", "<script", "</script", "<i>"):
            assert attack not in json.dumps(json.loads(script.text))
    cells = tables(read(hostile_page))["compared-layers.csv"]
    assert {ATTACKS[0] + " (2)", "'=1+1"} == set(cells["run"])
    assert set(HOSTILE) <= set(cells["layer"])
