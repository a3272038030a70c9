"""Threads: when one is better than many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """A with-block in which torch uses one thread for each operation; the number is restored, also after errors.

    For many operations on arrays that fit a core's cache, where waiting for a second thread costs what it saves, and
    several times as much as soon as another process wants the core.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
