"""Without a second process: who adds what, and how often. tests/distributed has the processes."""

import pytest
import torch

from layerlore.engines.sharded import Sharding, add_over_shards, is_first_process, local_part, sharding_of


class Mesh:
    """A mesh of which every exchange along dimension d multiplies by d + 2, as if so many processes held the same."""

    device_type = "cpu"
    shape = (2, 3)

    def __init__(self) -> None:
        self.exchanges: list[tuple[int, int]] = []

    def get_group(self, dim: int) -> int:
        return dim

    def get_coordinate(self) -> list[int]:
        return [1, 0]


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch) -> Mesh:
    mesh = Mesh()

    def all_reduce(total: torch.Tensor, group: int) -> None:
        total *= group + 2
        mesh.exchanges.append((group, len(total)))

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    return mesh


def test_plain_tensors_are_not_sharded() -> None:
    weight = torch.ones(2, 2)
    assert sharding_of(weight, "weight") is None
    assert local_part(weight) is weight


def test_rows_are_added_along_sharded_dimensions_only(mesh: Mesh) -> None:
    rows = torch.arange(1.0, 11.0, dtype=torch.float64).reshape(5, 2)
    ways = [None, (1,), (), (0, 1), (1,)]
    shardings = [None if dims is None else Sharding(mesh, dims, ("", "")) for dims in ways]
    kept = rows.clone()
    whole = add_over_shards(rows, shardings)
    assert torch.equal(whole, rows * torch.tensor([1.0, 3.0, 1.0, 6.0, 3.0])[:, None])
    assert torch.equal(rows, kept)
    # Weights that are spread alike share an exchange.
    assert mesh.exchanges == [(1, 2), (0, 1), (1, 1)]


def test_nothing_is_exchanged_for_plain_tensors(mesh: Mesh) -> None:
    rows = torch.ones(2, 3, dtype=torch.float64)
    assert add_over_shards(rows, [None, Sharding(mesh, (), ("Replicate()",))]) is rows
    assert mesh.exchanges == []


def test_numbers_that_are_added_are_not_overwritten(mesh: Mesh) -> None:
    numbers = torch.ones(3, dtype=torch.int64)
    assert Sharding(mesh, (0,), ("Shard(dim=0)", "Replicate()")).add(numbers).tolist() == [2, 2, 2]
    assert numbers.tolist() == [1, 1, 1]


def test_a_place_is_described() -> None:
    sharding = Sharding(Mesh(), (0,), ("S(0)", "R"))
    assert sharding.describe() == "mesh (2, 3), placements S(0), R, process (1, 0)"


def test_a_single_process_is_the_first() -> None:
    assert is_first_process()
