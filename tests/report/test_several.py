"""`ll.report` of one run and of several."""

import pytest

import layerlore as ll
from layerlore.errors import InputError
from layerlore.report.comparison import comparison_page
from report.histories import history


@pytest.fixture
def runs(tmp_path):
    for name in ("one", "two"):
        history().save(tmp_path / name)
    return [tmp_path / "one", tmp_path / "two"]


def test_several_runs_get_the_page_that_compares_them(runs, tmp_path):
    path = ll.report(runs)
    assert path == tmp_path / "comparison.html"
    assert path.read_text("utf-8") == comparison_page([ll.load(run) for run in runs], path=path)


def test_a_list_of_one_is_that_run(runs):
    assert ll.report(runs[:1]) == runs[0] / "report.html"


def test_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="0 runs were given"):
        ll.report([], tmp_path / "page.html")
    assert not list(tmp_path.glob("*.html"))
