import json

import numpy as np
import pytest

from layerlore.dynamics.trends import Trends, find_trends
from layerlore.errors import RunError
from reference.trends import planted, table

pytestmark = pytest.mark.usefixtures("without_type_checks")


def example() -> Trends:
    history, _ = planted(0)
    return find_trends(table(np.vstack([history.values(), np.zeros((1, 20))])), n_clusters=3, resamples=10)


def test_journey_through_json_and_a_file(tmp_path):
    found = example()
    text = json.dumps(found.to_json(), allow_nan=False)
    found.save(tmp_path / "run")
    found.save(tmp_path / "run")
    for back in (Trends.from_json(json.loads(text)), Trends.load(tmp_path / "run")):
        assert back.to_json() == found.to_json()
        np.testing.assert_array_equal(back.points, found.points)
        assert back.labels.tolist() == found.labels.tolist()
        assert back.profiles.identical(found.profiles)
        assert back.stability == found.stability
        assert back.cluster_stability == found.cluster_stability
        assert repr(back) == repr(found)


def test_results_without_trends_travel_too(tmp_path):
    frozen = find_trends(table(np.zeros((3, 4))), resamples=10)
    frozen.save(tmp_path)
    back = Trends.load(tmp_path)
    assert back.to_json() == frozen.to_json()
    assert np.isnan(back.stability)
    assert np.isnan(back.stability_interval).all()


def test_views():
    found = example()
    assert found.n_trends == 3
    assert list(found.groups) == ["trend 0", "trend 1", "trend 2", "outlier", "frozen"]
    assert found.groups["frozen"] == [found.layers[-1]]
    assert sum(map(len, found.groups.values())) == len(found.layers)
    frame = found.to_dataframe()
    assert list(frame) == ["layer", "label", "group", "x", "y"]
    assert frame["group"].tolist()[-1] == "frozen"
    assert "robust recipe on rwc_l1; trend 0: 16" in repr(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [0]}, "differ in length"),
        ({"labels": ["a"]}, "damaged"),
        ({"points": "x"}, "damaged"),
        ({"profiles": {}}, "damaged"),
        ({"kind": "history"}, "a 'history' is no 'trends' result"),
        ({"format": 99}, "format 99, this version of LayerLore reads up to 1"),
        ({"measure": None}, None),
    ],
)
def test_damaged_results_are_refused(tmp_path, change, said):
    found = example().to_json() | change
    if said is None:
        del found["measure"]
        said = "damaged"
    (tmp_path / "trends.json").write_text(json.dumps(found))
    with pytest.raises(RunError, match=said):
        Trends.load(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_files_that_are_no_result(tmp_path, content):
    (tmp_path / "trends.json").write_text(content)
    with pytest.raises(RunError, match=r"trends\.json"):
        Trends.load(tmp_path)


def test_a_folder_without_trends(tmp_path):
    with pytest.raises(RunError, match=r"holds no trends\.json: find the trends"):
        Trends.load(tmp_path)
