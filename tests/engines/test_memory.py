"""What the machine can give, and what an error means."""

import pytest
import torch

from layerlore.engines import available_memory, default_budget, is_out_of_memory, readable, with_less
from layerlore.engines.memory import _available_in_container
from layerlore.errors import BudgetError


@pytest.mark.parametrize(
    ("n_bytes", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1.5 * 2**20, "1.5 MiB"),
        (2**30, "1.0 GiB"),
        (2.25 * 2**40, "2.2 TiB"),
        (5000 * 2**40, "5000.0 TiB"),
    ],
)
def test_bytes_are_readable(n_bytes, said):
    assert readable(n_bytes) == said


def test_torch_says_that_memory_ran_out():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", [MemoryError(), torch.cuda.OutOfMemoryError("CUDA out of memory")])
def test_other_ways_to_say_so(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 do not fit"), ValueError("memory"), KeyError()])
def test_other_errors_are_not_taken_for_it(error):
    assert not is_out_of_memory(error)


def test_some_memory_is_available():
    free = available_memory(torch.device("cpu"))
    # A process that runs this has at least a MiB left and no more than 2**60.
    assert 2**20 < free < 2**60
    # Others take and give memory meanwhile.
    assert default_budget(torch.device("cpu")) == pytest.approx(free / 2, rel=0.5)


def container(folder, limit):
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("900\n")
    (folder / "memory.stat").write_text("anon 500\nfile 400\ninactive_file 300\n")
    return folder


def test_a_container_s_limit_counts_and_its_file_cache_does_not(tmp_path):
    assert _available_in_container(container(tmp_path, 1000)) == 1000 - 900 + 300


def test_a_container_without_a_limit_has_none(tmp_path):
    assert _available_in_container(container(tmp_path, "max")) is None
    assert _available_in_container(tmp_path / "missing") is None


def test_the_smaller_limit_counts(monkeypatch):
    monkeypatch.setattr("layerlore.engines.memory._available_in_container", lambda _: 1000)
    assert available_memory(torch.device("cpu")) == 1000
    assert default_budget(torch.device("cpu")) == 500
    monkeypatch.setattr("layerlore.engines.memory._available_in_container", lambda _: -5)
    assert available_memory(torch.device("cpu")) == 0


def test_half_as_much_as_often_as_memory_runs_out():
    tried, told = [], []

    def attempt(size):
        tried.append(size)
        if size > 3:
            raise MemoryError
        return size

    assert with_less(attempt, 20, one="thing", advice="none", on_less=lambda *heard: told.append(heard)) == 2
    assert tried == [20, 10, 5, 2]
    assert told == [(10, "MemoryError"), (5, "MemoryError"), (2, "MemoryError")]


def test_not_even_one_and_other_errors():
    def refuse(error):
        def attempt(_size):
            raise error

        return attempt

    with pytest.raises(BudgetError, match=r"a single thing does not fit in memory \(CUDA out of memory\): leave it"):
        with_less(refuse(torch.OutOfMemoryError("CUDA out of memory\nmore")), 4, one="thing", advice="leave it")
    planned = BudgetError("the budget is 3 B")
    for error in (RuntimeError("shapes differ"), planned):
        with pytest.raises(type(error), match=str(error)):
            with_less(refuse(error), 4, one="thing", advice="leave it")
