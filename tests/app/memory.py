"""The memory of a server and of a page while a training is recorded, and the line through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.processes import server, training
from layerlore.app.following import Following

PER_SECOND = 5
RECORD = 400
"""Bytes of a record beside its numbers: a tuple, an array's head, a whole number, with what the allocator adds."""


@dataclass
class Course:
    """What was measured, every few seconds.

    Attributes:
        seconds: since the beginning.
        server: bytes that the server's process holds for itself.
        page: bytes in use by the page's scripts, after a collection of what is not in use.
        nodes: of the page's documents.
        answered: bytes that the server has sent to the page in answers.
        records: made so far.
        record_bytes: that a record adds to what the server keeps.
    """

    seconds: list[float] = field(default_factory=list)
    server: list[int] = field(default_factory=list)
    page: list[int] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    record_bytes: int = 0

    def rate(self, name: str) -> float:
        """How fast a total grows, per second."""
        values = getattr(self, name)
        return (values[-1] - values[0]) / (self.seconds[-1] - self.seconds[0])

    def slope(self, name: str) -> tuple[float, float]:
        """Slope of the line through a course and its standard error, per second."""
        return line(self.seconds, getattr(self, name))


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Slope of the least-squares line and its standard error.

    Neighbours in time are alike, so that they count as fewer: as many as their correlation leaves (a first-order
    autoregressive process has ``n (1 - r) / (1 + r)`` independent ones).
    """
    x, y = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    slope, start = np.polyfit(x, y, 1)
    left = y - slope * x - start
    r = float(np.clip(left[1:] @ left[:-1] / max(left @ left, 1e-300), 0, 0.95))
    n_free = max(1.0, len(x) * (1 - r) / (1 + r) - 2)
    return float(slope), float(np.sqrt(left @ left / n_free / ((x - x.mean()) ** 2).sum()))


def watched(
    browser,
    folder: Path,
    *,
    warm_up: float,
    seconds: float,
    every: float = 3.0,
    tell: Callable[[Course], object] = lambda course: None,
) -> Course:
    """Follow a training in a page, and measure after a while; ``tell`` is called after each measurement."""
    found, answered = Course(), [0]

    def count(response):
        answered[0] += int(response.headers.get("content-length", 0))

    with server(folder) as (address, pid), training(folder / "run", pause=1 / PER_SECOND) as recorder:
        page = browser.new_page()
        page.on("response", lambda response: count(response) if "_dash-update" in response.url else None)
        while not recorder.recorded:
            time.sleep(0.1)
        page.goto(f"{address}/run/run")
        tools = page.context.new_cdp_session(page)
        tools.send("Performance.enable")
        page.wait_for_timeout(1000 * warm_up)
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            tools.send("HeapProfiler.collectGarbage")
            told = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
            found.seconds.append(now)
            found.page.append(int(told["JSHeapUsedSize"]))
            found.nodes.append(int(told["Nodes"]))
            found.server.append(min(held(pid, page) for _ in range(5)))
            found.answered.append(answered[0])
            found.records.append(len(recorder.recorded))
            tell(found)
            page.wait_for_timeout(1000 * every)
        page.close()
    run = Following(folder / "run")
    run.look(1 << 30)
    tables = run.history().data
    # Kept once record by record and once as tables, and once more while these are made.
    found.record_bytes = 3 * 8 * len(tables.data_vars) * tables.sizes["layer"] + RECORD
    return found


def held(pid: int, page) -> int:
    """Bytes of a process that no file backs, a moment later: some of them are of an answer that is being made."""
    page.wait_for_timeout(130)
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))
