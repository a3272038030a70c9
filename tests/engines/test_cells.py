"""Progress below the cell of a notebook: one output that is replaced, and nothing where there is no notebook."""

import sys
import types

import pytest

from layerlore.engines import Counter, cells, progress_bars, silent
from layerlore.engines.cells import CellProgress, Work, kernel_shell, line


class Publisher:
    def __init__(self):
        self.sent = []

    def publish(self, data, metadata=None, *, transient=None, update=False):
        assert metadata == {}
        self.sent.append((data["text/plain"], transient["display_id"], update))


class ZMQInteractiveShell:
    """What a kernel of Jupyter has for a shell, as far as it matters here."""

    def __init__(self):
        self.display_pub = Publisher()


class ColabShell(ZMQInteractiveShell):
    """Other notebooks derive theirs from it."""


class TerminalInteractiveShell:
    """IPython in a terminal."""


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(cells.time, "monotonic", lambda: Clock.now)
    return Clock


def install(monkeypatch, shell):
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    return shell


@pytest.mark.parametrize("kind", [ZMQInteractiveShell, ColabShell])
def test_a_kernel_is_known(kind, monkeypatch):
    shell = install(monkeypatch, kind())
    assert kernel_shell() is shell


@pytest.mark.parametrize("shell", [None, TerminalInteractiveShell()])
def test_anything_else_is_no_kernel(shell, monkeypatch, capsys):
    install(monkeypatch, shell)
    assert kernel_shell() is None
    with progress_bars() as report:
        report("score", 1, 2)
    assert report is silent
    assert capsys.readouterr() == ("", "")


def test_without_ipython_there_is_no_kernel(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert kernel_shell() is None
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    assert kernel_shell() is None


def test_one_output_is_replaced_and_ends_with_all_that_was_done(monkeypatch, clock, capsys):
    shell = install(monkeypatch, ZMQInteractiveShell())
    with progress_bars() as report:
        for done in range(1, 101):
            clock.now += 0.01
            report("score", done, 100)
        report("look", 3, None)
    sent = shell.display_pub.sent
    # A second of work, four updates a second, the first at once and the last at the end.
    assert 4 <= len(sent) <= 6
    assert len({place for _, place, _ in sent}) == 1
    assert [update for _, _, update in sent] == [False, *[True] * (len(sent) - 1)]
    score, look = sent[-1][0].splitlines()
    assert score.split()[:3] == ["score", "█" * 20, "100/100"]
    assert look.split() == ["look", "3"]
    assert capsys.readouterr() == ("", "")


def test_what_was_done_is_shown_also_after_an_error(monkeypatch, clock):
    shell = install(monkeypatch, ZMQInteractiveShell())

    def broken():
        with progress_bars() as report:
            for done in (1, 2):
                report("score", done, 4)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert "2/4" in shell.display_pub.sent[-1][0]


def test_nothing_is_shown_before_anything_is_done_or_when_not_wanted(monkeypatch):
    shell = install(monkeypatch, ZMQInteractiveShell())
    with progress_bars():
        pass
    with progress_bars(show=False) as report:
        report("score", 1, 2)
    told = []
    with progress_bars(lambda *given: told.append(given)) as report:
        report("score", 1, 2)
    assert shell.display_pub.sent == []
    assert told == [("score", 1, 2)]


def test_explicit_bars_in_a_notebook_are_those_of_the_notebook(monkeypatch, capsys):
    install(monkeypatch, ZMQInteractiveShell())
    with progress_bars(show=True) as report:
        assert isinstance(report, CellProgress)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("done", "total", "seconds", "words"),
    [
        (0, 10, 5.0, ["work", "0/10"]),
        (12, 10, 6.0, ["work", "█" * 20, "12/10", "2/s"]),
        (1, 7201, 1.0, ["work", "1/7,201", "1/s", "2:00:00", "left"]),
        (5000, None, 2.0, ["work", "5,000", "2,500/s"]),
        (0, 0, 1.0, ["work", "0"]),
        (256, None, 0.0, ["work", "256"]),
    ],
)
def test_lines(done, total, seconds, words):
    assert line(Work("work", done, total, seconds)).split() == words


def test_a_rate_is_that_of_the_work_itself(monkeypatch, clock):
    """What was there at the first report took an unknown time; what comes after the last one is other work's time."""
    shell = install(monkeypatch, ZMQInteractiveShell())
    with progress_bars() as report:
        report("resumed", 40, 100)
        clock.now += 2
        report("resumed", 60, 100)
        clock.now += 50
        report("next", 256, 512)
    resumed, after = shell.display_pub.sent[-1][0].splitlines()
    assert resumed.split() == ["resumed", "█" * 12, "60/100", "10/s", "0:04", "left"]
    assert after.split() == ["next", "█" * 10, "256/512"]


def test_work_that_ends_early_is_done():
    told = []
    counter = Counter(lambda *given: told.append(given), "train", 100)
    counter(30)
    counter.finish()
    assert told == [("train", 30, 100), ("train", 30, 30)]
