"""One of two processes: trains networks that are spread over both, and writes down what the tracker says.

    python worker.py RANK FOLDER

Writes FOLDER/RANK.json: for each check what it found; an exception's text where one was expected.
"""

import json
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from layerlore.dynamics.record import Record
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import LayerLoreError
from reference.sharded_training import ALL, STEPS, train, uneven

# Pytest imports this file too, to look for examples in docstrings.
IS_WORKER = __name__ == "__main__"
RANK = int(sys.argv[1]) if IS_WORKER else 0
FOLDER = Path(sys.argv[2]) if IS_WORKER else Path()


def sharded(**options: Any) -> nn.Module:
    model = uneven()
    fully_shard(model.odd, **options)
    return fully_shard(model, **options)


def as_json(records: list[Record]) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(record.to_json())) for record in records]


def followed(model: nn.Module, **options: Any) -> list[dict[str, Any]]:
    tracker = WeightTracker(model, measures=ALL, gradients=True, **options)
    train(model, lambda step: tracker.step())
    tracker.finish()
    return as_json(tracker.records)


def refused(call: Callable[[], object]) -> str:
    try:
        call()
    except LayerLoreError as error:
        return str(error)
    return "nothing was refused"


def ddp() -> object:
    return followed(DistributedDataParallel(uneven()), run=FOLDER / "ddp")


def fsdp() -> object:
    return followed(sharded(), run=FOLDER / "fsdp")


def fsdp_bf16() -> object:
    return followed(sharded(), snapshot="bf16")


def fsdp_weights() -> object:
    """Whether training ends with the same bits with and without the tracker."""
    plain, watched = sharded(), sharded()
    train(plain, lambda step: step)
    followed(watched)
    pairs = zip(plain.parameters(), watched.parameters(), strict=True)
    return all(torch.equal(one.to_local(), other.to_local()) for one, other in pairs)


def replicated_shards() -> object:
    """Both processes hold everything: a mesh of two replicas of one shard."""
    return followed(sharded(mesh=init_device_mesh("cpu", (2, 1), mesh_dim_names=("replicate", "shard"))))


def two_dimensions() -> object:
    return followed(sharded(mesh=init_device_mesh("cpu", (1, 2), mesh_dim_names=("replicate", "shard"))))


def empty_part() -> object:
    """That one process really holds nothing of one weight."""
    return sharded().single.weight.to_local().numel()


def placed(*placements: Any) -> object:
    """Weights of one network, each placed in another way, scaled by hand."""
    mesh = init_device_mesh("cpu", (2,))
    model = nn.ModuleList()
    for number, placement in enumerate(placements):
        torch.manual_seed(number)
        layer = nn.Linear(5, 3, bias=False)
        layer.weight = nn.Parameter(distribute_tensor(layer.weight.detach(), mesh, [placement]))
        model.append(layer)
    tracker = WeightTracker(model, measures=ALL)
    with torch.no_grad():
        for layer in model:
            local = layer.weight.to_local()
            local += local.abs() * 0.25
    return as_json([tracker.step()])


def mixed_placements() -> object:
    return placed(Shard(0), Replicate(), Shard(1))


def partial_is_refused() -> object:
    mesh = init_device_mesh("cpu", (2,))
    model = nn.Linear(2, 2, bias=False)
    model.weight = nn.Parameter(DTensor.from_local(torch.ones(2, 2), mesh, [Partial()]))
    return refused(lambda: WeightTracker(model))


def gathered_is_refused() -> object:
    model = sharded()
    tracker = WeightTracker(model)
    model.unshard()
    found = [refused(lambda: WeightTracker(model)), refused(tracker.step)]
    model.reshard()
    tracker.step()
    return [*found, len(tracker.records)]


def sharded_afterwards_is_refused() -> object:
    model = uneven()
    tracker = WeightTracker(model)
    fully_shard(model)
    return refused(tracker.step)


def resumed() -> object:
    """Two steps, a checkpoint of this process, a new tracker, the third step."""
    model = sharded()
    tracker = WeightTracker(model, measures=ALL, gradients=True)
    train(model, lambda step: tracker.step(), range(1, STEPS))
    torch.save(tracker.state_dict(), FOLDER / f"state{RANK}.pt")
    distributed.barrier()
    again = WeightTracker(model, measures=ALL, gradients=True)
    foreign = torch.load(FOLDER / f"state{1 - RANK}.pt", weights_only=True)
    refusal = refused(lambda: again.load_state_dict(foreign))
    again.load_state_dict(torch.load(FOLDER / f"state{RANK}.pt", weights_only=True))
    train(model, lambda step: again.step(), range(STEPS, STEPS + 1))
    return [as_json(again.records), refusal]


def resumed_from_rank_0() -> object:
    """Data parallel training in a run folder; both processes load the state of the first one."""
    model = DistributedDataParallel(uneven())
    options = {"measures": ALL, "gradients": True, "run": FOLDER / "resumed_ddp"}
    tracker = WeightTracker(model, **options)
    train(model, lambda step: tracker.step(), range(1, STEPS))
    if RANK == 0:
        torch.save(tracker.state_dict(), FOLDER / "state.pt")
    # Made by mistake, and dropped from the folder when training goes on.
    tracker.step()
    distributed.barrier()
    again = WeightTracker(model, **options)
    again.load_state_dict(torch.load(FOLDER / "state.pt", weights_only=True))
    train(model, lambda step: again.step(), range(STEPS, STEPS + 1))
    again.finish()
    assert again.history().steps.tolist() == list(range(1, STEPS + 1))
    return as_json(again.records)


CHECKS = [
    ddp,
    fsdp,
    fsdp_bf16,
    fsdp_weights,
    replicated_shards,
    two_dimensions,
    empty_part,
    mixed_placements,
    partial_is_refused,
    gathered_is_refused,
    sharded_afterwards_is_refused,
    resumed,
    resumed_from_rank_0,
]


def main() -> None:
    torch.set_num_threads(1)
    # A process that waits for one that has failed gives up after this.
    distributed.init_process_group(
        "gloo", init_method=f"file://{FOLDER}/rendezvous", rank=RANK, world_size=2, timeout=timedelta(seconds=60)
    )
    found = {}
    for check in CHECKS:
        try:
            found[check.__name__] = check()
        except Exception:
            traceback.print_exc()
            found[check.__name__] = traceback.format_exc()
    (FOLDER / f"{RANK}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


if IS_WORKER:
    main()
