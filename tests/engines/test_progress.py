"""Progress is shown to people at a terminal and to nobody else."""

from layerlore.engines import progress_bars, silent


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    with progress_bars() as report:
        report("score", 1, 2)
    assert report is silent
    assert capsys.readouterr() == ("", "")


def test_bars_are_shown_on_stderr_when_asked(capsys):
    with progress_bars(show=True) as report:
        for done in (1, 2):
            report("score", done, 2)
            report("look", 5 * done, None)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [shown.err.count(word) for word in ("score", "2/2", "look", "10/?")] == [1, 1, 1, 1]


def test_none_are_shown_when_not_wanted(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bars(show=False) as report:
        report("score", 1, 2)
    assert capsys.readouterr() == ("", "")
