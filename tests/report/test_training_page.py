"""The page of a run through training: its numbers are those of the result, and no name in it can act."""

import dataclasses
import json

import numpy as np
import pytest

from layerlore import History
from layerlore.dynamics.health import CHECKS
from layerlore.report.page import render
from layerlore.report.training import training_page
from layerlore.report.training_advice import ADVICE, advice_of
from layerlore.report.training_summary import depth_thirds, layer_changes, settling
from layerlore.report.trends_summary import GroupFacts, group_facts, over_represented
from report.histories import ATTACK, FROZEN, GAPS, HOSTILE, history, trends, values
from report.reading import read
from report.taken import assert_links_resolve, tables
from report.training_pages import HEALTHY, ILL, body, by_hand, page_of, section, told


@pytest.fixture(scope="module")
def page():
    return page_of(history(), trends(), ILL)


@pytest.fixture(scope="module")
def hostile_page():
    return training_page(history("hostile"), trends("hostile"), HEALTHY)


def test_layers_that_change_most_and_least(page):
    medians = {name: by_hand(row)[0] for row, name in enumerate(history().layers)}
    ranked = sorted((name for name in medians if medians[name] > 0), key=lambda name: -medians[name])
    sentence = told(page, "most")
    names = [name.text for name in sentence.all("span", class_="name")]
    assert names == [*ranked[:3], *ranked[::-1][:3]]
    assert sentence.numbers() == [medians[name] for name in names]
    assert sentence.words.startswith(f"Relative to its own size, {names[0]} ({medians[names[0]]:.3g}), {names[1]}")


def test_how_the_change_develops(page):
    moved = np.array([by_hand(row)[1:] for row in range(24)])
    first, last = moved.T
    numbers = told(page, "settling").numbers()
    expected = [*np.quantile(first, (0.5, 0.25, 0.75)), *np.quantile(last, (0.5, 0.25, 0.75))]
    assert numbers == [*map(float, expected), float((last < first).sum()), 24.0]
    assert "From the first third of the steps (1 to 6) to the last (13 to 18)" in told(page, "settling").words
    assert "the change of the median layer fell from" in told(page, "settling").words


def test_depth_is_told_in_thirds(page):
    medians = np.array([by_hand(row)[0] for row in range(24)])
    expected = [
        float(x) for part in (medians[:8], medians[8:16], medians[16:]) for x in np.quantile(part, [0.5, 0.25, 0.75])
    ]
    assert told(page, "depth").numbers() == expected
    assert depth_thirds(layer_changes(history("small"))) is None


def test_trends_are_told_with_their_certainty(page):
    found = trends()
    sizes = [len(found.members(label)) for label in found.trends]
    assert told(page, "trends").numbers() == [
        found.n_trends,
        *sizes,
        found.stability,
        *found.stability_interval,
        len(found.groups["outlier"]),
        len(found.groups["frozen"]),
    ]
    assert told(page, "trends").words.startswith("2 trends, which are groups of layers that change alike, of 12 and 9")
    assert "2 layers move like no trend. 1 layer moves not at all." in told(page, "trends").words


def test_findings_are_told_and_errors_come_first(page):
    assert told(page, "health").numbers() == [1, 1, 0]
    assert "1 error, 1 warning and 0 notes" in told(page, "health").words
    assert page.all("section")[0].attributes["id"] == "warnings"
    notes = [item.text for item in page.all("section")[0].all("li")]
    assert notes == ["block3.conv.weight: 3 of 9 elements are NaN"]
    rows = body(page, "health-table")
    assert [[cell.words for cell in row] for row in rows] == [
        ["error", "nonfinite", "block3.conv.weight", "4", "3 of 9 elements are NaN", ADVICE["nonfinite"]],
        ["warning", "frozen", "block2.conv.weight", "", "its change is 0 in all 18 records", ADVICE["frozen"]],
    ]
    assert "NaN or infinite elements" in section(page, "health").words


def test_there_is_advice_for_every_check():
    assert set(ADVICE) == set(CHECKS)
    assert all(words.endswith(".") for words in ADVICE.values())
    assert advice_of("a check of a later version") == ""


def test_what_settles_and_what_still_learns(page):
    moved = {name: by_hand(row)[1:] for row, name in enumerate(history().layers)}
    left = {name: last / first for name, (first, last) in moved.items() if first > 0}
    ranked = sorted(left, key=lambda name: left[name])
    sentence = told(page, "settled")
    names = [name.text for name in sentence.all("span", class_="name")]
    assert names == [*ranked[:3], *ranked[::-1][:3]]
    assert sentence.numbers() == [left[name] for name in names]
    assert f"fell farthest in {names[0]} ({100 * left[names[0]]:.0f}\N{NO-BREAK SPACE}%)" in sentence.text
    sentence = told(page, "learning")
    latest = sorted(moved, key=lambda name: -moved[name][1])[:3]
    assert [name.text for name in sentence.all("span", class_="name")] == latest
    assert sentence.numbers() == [moved[name][1] for name in latest]


def test_trends_are_told_in_words(page):
    facts = group_facts(trends(), history())
    assert told(page, "courses").numbers() == [facts[0].first, facts[0].last, facts[1].first, facts[1].last]
    assert told(page, "courses").words.startswith("Trend 0 keeps changing, from ")
    assert "; trend 1 settles, from " in told(page, "courses").words
    assert [fact.course for fact in facts] == ["keeps changing", "settles", facts[2].course, "does not change"]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (1.0, 0.49, "settles"),
        (1.0, 0.5, "keeps changing"),
        (1.0, 2.0, "keeps changing"),
        (1.0, 2.01, "changes more and more"),
        (0.0, 0.0, "does not change"),
        (0.0, 0.1, "changes more and more"),
        (float("nan"), 0.1, "cannot be followed"),
    ],
)
def test_the_course_of_a_group(first, last, words):
    assert GroupFacts("trend 0", ["a"], [], first, last, 1.0, []).course == words


def test_the_table_of_layers(page):
    rows = body(page, "layers-table")
    groups = {layer: group for group, members in trends().groups.items() for layer in members}
    assert [row[0].text for row in rows] == history().layers
    for number, row in enumerate(rows):
        assert row[1].text == ("conv" if number % 2 else "pointwise")
        assert row[2].text == ("8x4x3x3" if number % 2 else "8x4x1x1")
        assert row[3].text == groups[history().layers[number]]
        assert [cell.numbers()[0] for cell in row[4:7]] == by_hand(number)
        assert row[7].text == str((values()[number] == 0).sum())
        assert row[8].text == str(np.isnan(values()[number]).sum())
        assert row[9].text == "not counted"
    assert (rows[FROZEN][7].text, rows[GAPS][8].text) == ("18", "4")


def test_the_table_of_groups(page):
    facts = group_facts(trends(), history())
    rows = body(page, "groups-table")
    assert [row[0].text for row in rows] == ["trend 0", "trend 1", "outlier", "frozen"]
    for row, fact in zip(rows, facts, strict=True):
        members = [history().layers.index(layer) for layer in fact.members]
        assert row[1].text == str(len(members))
        expected = [float(np.median([by_hand(member)[part] for member in members])) for part in (1, 2)]
        assert [row[2].numbers()[0], row[3].numbers()[0]] == expected
    assert [row[4].words for row in rows] == [fact.course for fact in facts]
    assert [rows[0][5].numbers()[0], rows[1][5].numbers()[0]] == trends().cluster_stability
    assert [row[5].words for row in rows[2:]] == ["-", "-"]
    assert "pointwise (12 of 12, 6.0 expected)" in rows[0][6].words
    assert "conv (9 of 9, 4.5 expected)" in rows[1][6].words
    assert rows[3][6].words == "nothing"


def test_only_what_survives_the_adjustment_is_over_represented():
    line = trends().composition[0] | {"p": 0.001}
    lines = [line | {"p_adjusted": p} for p in (0.2, 0.04, 0.05, 0.01)]
    found = over_represented(dataclasses.replace(trends(), composition=lines))
    assert [line["p_adjusted"] for line in found] == [0.01, 0.04]


def test_evidence_cleaning_composition_and_settings_are_all_there(page):
    found = trends()
    assert [row[0].text for row in body(page, "cleaning-table")] == [line["step"] for line in found.cleaning]
    assert len(body(page, "composition-table")) == len(found.composition)
    rows = body(page, "evidence-table")
    assert len(rows) == len(found.evidence)
    keys = list(found.evidence[0])
    assert [row[keys.index("gap")].numbers()[0] for row in rows] == [line["gap"] for line in found.evidence]
    members = [
        [row.all("td") for row in entry.all("tbody")[0].all("tr")] for entry in page.all("details", class_="members")
    ]
    assert [[row[0].text for row in rows] for rows in members] == [
        group.members for group in group_facts(found, history())
    ]
    for row in (row for rows in members for row in rows):
        expected = by_hand(history().layers.index(row[0].text))[1:]
        assert [row[2].numbers()[0], row[3].numbers()[0]] == expected


def test_what_was_measured(page):
    entry = section(page, "measured").all("dl")[0]
    rows = {term.text: words.text for term, words in zip(entry.all("dt"), entry.all("dd"), strict=True)}
    assert rows["layers"] == f"24 weights (12 pointwise, 12 conv), {12 * 32 + 12 * 288:,} numbers together"
    assert rows["steps"] == "18 recorded, 1 to 18"
    assert rows["measure shown"] == "relative weight change, L1: sum |w' - w| / sum |w|"
    assert rows["zero weights"] == "not counted"


def test_zero_weights_are_counted():
    made = History.from_table(["a", "b"], np.array([[0.1, 0.2], [0.3, 0.4]]), measure="rwc_l1")
    data = made.data.assign(zero_weights=(("layer", "step"), np.array([[5.0, 7.0], [0.0, 1200.0]])))
    page = page_of(dataclasses.replace(made, data=data))
    assert [row[-1].text for row in body(page, "layers-table")] == ["7", "1,200"]
    assert "1,207 numbers in 2 layers were exactly 0 before the last step, most in b (1,200)" in page.text


def test_figures_are_those_of_the_result(page):
    assert len(page.all("div", class_="plot")) == len(page.all("script", class_="figure-data")) == 7
    lines = json.loads(section(page, "changes").all("script")[0].text)
    assert len(lines["data"]) == 24
    axis = json.loads(section(page, "changes").all("script")[1].text)["layout"]["yaxis2"]
    assert axis["ticktext"][0] == "block0.proj"


def test_measures_from_the_start_have_figures_and_a_sentence():
    made = history("small")
    end = np.array([0.5, 2.0, np.nan, 1.0])
    rise = np.linspace(0, 1, 18) * end[:, None]
    data = made.data.assign(distance_from_init=(("layer", "step"), rise), rotation=(("layer", "step"), rise / 9))
    page = page_of(dataclasses.replace(made, data=data))
    sentence = told(page, "distance")
    assert [name.text for name in sentence.all("span", class_="name")] == [made.layers[1], made.layers[0]]
    assert sentence.numbers() == [2.0, 0.5]
    options = [option.attributes["value"] for option in section(page, "changes").all("option")]
    assert options == ["rwc_l1", "distance_from_init", "rotation"]
    views = page.all("div", class_="measure")
    assert [view.attributes["data-measure"] for view in views] == options
    assert [len(view.all("div", class_="plot")) for view in views] == [3, 0, 0]
    assert [len(view.all("div", class_="plot-later")) for view in views] == [0, 3, 3]
    assert "A line that flattens is a layer that has found its place." in views[1].words
    for name in options[1:]:
        found = tables(page)[f"changes-{name}.csv"]
        assert found.pivot(index="layer", columns="step", values=name).loc[made.layers].to_numpy() == pytest.approx(
            data[name].values, rel=0, abs=0, nan_ok=True
        )


def test_one_measure_needs_no_choice(page):
    assert not page.all("select")


def test_too_few_layers_are_no_error_but_said():
    page = page_of(history("small"))
    assert "too few" in section(page, "trends").text
    assert told(page, "trends").words


@pytest.mark.parametrize(
    "table",
    [
        np.full((3, 4), np.nan),
        np.zeros((3, 4)),
        np.full((3, 4), np.inf),
        np.array([[0.5]]),
        np.full((12, 2), 0.1),
    ],
    ids=["undefined", "still", "infinite", "one number", "constant"],
)
def test_poor_histories_still_get_a_page(table):
    made = History.from_table([f"layer{row}" for row in range(len(table))], table, measure="rwc_l1")
    page = read(render(made))
    assert len(body(page, "layers-table")) == len(table)
    assert (
        "nan"
        not in page.all("main")[0].text.lower().replace("nan or inf", "").replace("holds nan", "").split("glossary")[0]
    )
    if not (np.isfinite(table) & (table > 0)).any():
        assert told(page, "most").words == "No layer changed by more than 0 in its median step."


def test_figures_have_their_numbers(page):
    found = tables(page)
    assert list(found) == [
        "changes-rwc_l1.csv",
        "depth-rwc_l1.csv",
        "trend-map.csv",
        "mean-trends.csv",
        "trend-kinds.csv",
        "evidence.csv",
    ]
    changes = found["changes-rwc_l1.csv"].pivot(index="layer", columns="step", values="rwc_l1")
    assert np.array_equal(changes.loc[history().layers].to_numpy(), values(), equal_nan=True)
    depth = found["depth-rwc_l1.csv"]
    assert depth["rwc_l1"].tolist() == [by_hand(row)[1] for row in range(24)] + [by_hand(row)[2] for row in range(24)]
    assert depth["steps"].unique().tolist() == ["1 to 6", "13 to 18"]
    frame = trends().to_dataframe().dropna().set_index("layer")
    places = found["trend-map.csv"].set_index("layer")
    assert places[["group", "x", "y"]].to_dict() == frame.loc[places.index, ["group", "x", "y"]].to_dict()
    assert set(places.index) == set(frame.index)
    lines = found["mean-trends.csv"]
    for label in trends().trends:
        for name in ("mean", "low", "high"):
            expected = trends().profiles[name].sel(trend=label).values
            assert lines.loc[lines["group"] == f"trend {label}", name].to_numpy() == pytest.approx(expected, rel=0)
    kinds = found["trend-kinds.csv"]
    for (group, kind), count in kinds.set_index(["group", "kind"])["layers"].items():
        members = trends().groups[group]
        assert count == sum(("conv" if history().layers.index(name) % 2 else "pointwise") == kind for name in members)
    evidence = found["evidence.csv"]
    for line in trends().evidence:
        rows = evidence[evidence["n_clusters"] == line["n_clusters"]].set_index("criterion")
        for name in ("silhouette", "gap", "stability"):
            expected = np.nan if line[name] is None else line[name]
            assert rows.loc[name, "value"] == pytest.approx(expected, rel=0, nan_ok=True)
        assert rows.loc["gap", "error"] == line["gap_error"]


def test_words_are_explained_one_click_away(page):
    assert_links_resolve(page)
    for figure in page.all("figure"):
        assert [link for link in figure.all("a") if link.attributes["href"].startswith("#term-")]


def test_no_name_becomes_an_element(hostile_page):
    page = read(hostile_page)
    assert not page.all("img")
    assert not page.all("u")
    assert not page.all("i", id="lap")
    assert {element.text for element in page.all("b")} & {"a&amp;b", "a&b"} == set()
    assert {element.text for element in page.all("i")} == {"WeightScale: Interpreting Weight Change in Neural Networks"}
    assert len([script for script in page.all("script") if script.attributes.get("type") != "application/json"]) == 3
    assert not [key for element in page.all() for key in element.attributes if key.startswith("on")]


def test_names_are_shown_letter_by_letter(hostile_page):
    text = read(hostile_page).all("main")[0].text
    for name in (*HOSTILE, "<u>Net</u>", "<i>lap</i>", ATTACK):
        assert name in text


def test_names_in_figures_are_inert(hostile_page):
    scripts = read(hostile_page).all("script", class_="figure-data")
    assert len(scripts) == 7
    for script in scripts:
        assert not set("<>&\u2028\u2029") & set(script.text)
        for attack in ("<img", "<script", "</script", "<i>"):
            assert attack not in json.dumps(json.loads(script.text))


def test_half_a_surrogate_pair_does_not_stop_the_page():
    named = history().manifest | {"settings": {"name": "a\ud800b"}}
    text = training_page(dataclasses.replace(history(), manifest=named), trends(), HEALTHY)
    assert 'How each layer of <span class="name">a?b</span> changes' in text
    text.encode("utf-8")


def test_long_lists_of_files_are_not_told_in_full():
    named = history().manifest | {"identity": {"checkpoints": [f"step{number}.pt" for number in range(500)]}}
    text = section(page_of(dataclasses.replace(history(), manifest=named), trends()), "measured").text
    assert '["step0.pt", "step1.pt", "(497 more)", "step499.pt"]' in text


def test_settling_needs_two_steps_and_numbers():
    assert settling(History.from_table(["a"], np.array([[0.5]]))) is None
    assert settling(History.from_table(["a"], np.array([[np.nan, 0.5]]))) is None
    rising = settling(History.from_table(["a"], np.array([[0.1, 0.5]])))
    assert (rising.verb, rising.n_less, rising.n_layers) == ("rose from", 0, 1)
