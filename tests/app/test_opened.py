"""Few runs are open at once, and each is made once for all who look at it."""

import time
from pathlib import Path
from threading import Thread

from layerlore.app import opened
from layerlore.app.opened import OpenRuns


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


def test_those_that_were_not_asked_for_longest_are_forgotten():
    runs, made = OpenRuns(most=2), []

    def ask(name):
        with runs.use("training", Path(name), lambda path: made.append(path.name) or object()) as run:
            return run

    first = ask("a")
    assert ask("a") is first
    ask("b")
    ask("a")
    ask("c")
    assert (made, len(runs)) == (["a", "b", "c"], 2)
    assert ask("a") is first
    ask("b")
    assert made == ["a", "b", "c", "b"]


def test_those_that_nobody_looks_at_are_forgotten(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(opened, "time", clock)
    runs = OpenRuns(idle=10)
    for name in "abc":
        with runs.use("training", Path(name), Path):
            clock.now += 4
    assert len(runs) == 3
    clock.now += 5
    with runs.use("training", Path("c"), Path):
        assert len(runs) == 1


def test_a_run_is_read_by_one_thread_at_a_time():
    runs, inside, most = OpenRuns(), [], []

    def read():
        for _ in range(20):
            with runs.use("training", Path("a"), lambda path: object()) as run:
                inside.append(run)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
