"""What an explanation will cost: counted by hand, and nothing is run or written for it."""

import re

import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.interactions.cost import Cost, _clock
from layerlore.networks import activation_bytes
from reference.tiny_networks import QUICK, digits_mlp, table


def forecast(case, **options):
    return ll.explain(case.model, case.probes, case.inputs, case.labels, **QUICK, dry_run=True, **options)


def test_costs_counted_by_hand(tmp_path):
    case = table()
    seen = []
    handle = case.model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    cost = forecast(case, players=ll.Columns(5), run=tmp_path / "run")
    handle.remove()
    assert isinstance(cost, Cost)
    assert not (tmp_path / "run").exists()
    assert cost.forward_passes == 4 * 32
    assert cost.batch_size == 32
    # 5x8 + 8, 8x8 + 8 and 8x3 + 3 weights of 4 bytes.
    assert cost.model_bytes == 4 * (48 + 72 + 27)
    # The largest layer takes 8 numbers and gives 8; four times that is planned with.
    assert cost.batch_bytes == 32 * 4 * (8 + 8) * 4
    # Scores and two kinds of effects of 4 samples, 3 layers and 32 coalitions, 8 bytes each.
    assert cost.result_bytes == 4 * 3 * 32 * 3 * 8
    # 12 games; a noisy copy of the output and the other sample's guide for both layers, for each sample.
    assert cost.games == 12 + 4 * (1 + 2)
    assert cost.scoring_seconds > 0
    assert cost.noise_passes == 0
    assert cost.splitting_seconds > 0
    # The samples, one for the memory, a batch to take the time of; far from all masked inputs.
    assert sum(seen) <= 4 + 1 + 3 * 32


def test_costs_of_targets_levels_and_chains():
    case = table()
    players = ll.Columns([0, 1, [2, 3]], background="average")
    cost = ll.explain(
        case.model,
        case.probes,
        case.inputs,
        torch.tensor([[0, 1]]).expand(4, 2),
        players=players,
        reference="previous",
        dry_run=True,
        batch_size=3,
    )
    assert isinstance(cost, Cost)
    assert cost.forward_passes == 4 * 5 * 8
    # One sample, unless asked otherwise.
    assert cost.noise_passes == 5 * 8
    assert cost.batch_size == 3
    # Both layers are pulled toward the next one, so there are two guides.
    assert cost.games == 2 * (4 * 3 + 4 * (2 + 2))


def test_the_forecast_is_printed_for_people():
    text = str(Cost(1_234_567, 128, 2**20, 3 * 2**29, 2**31, 1500, 42.4, 7300, 1024))
    assert "1,234,567 masked inputs in batches of 128" in text
    assert "model 1.0 MiB, one batch about 1.5 GiB, results 2.0 GiB" in text
    assert re.search(r"games to split +1,500", text)
    assert "42 s for scores, 2.0 h for splits" in text
    assert [_clock(seconds) for seconds in (59.4, 60, 3599, 3600)] == ["59 s", "1 min", "60 min", "1.0 h"]


def test_time_grows_with_the_work():
    case = digits_mlp()
    few, many = (forecast(case, players=ll.ImagePatches(2, count=count)) for count in (4, 12))
    assert many.forward_passes == 256 * few.forward_passes
    assert many.splitting_seconds > few.splitting_seconds
    assert many.scoring_seconds > few.scoring_seconds


def test_activations_are_measured_without_a_trace():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Dropout()).train()
    batch = torch.ones(2, 4)
    state = torch.get_rng_state()
    assert activation_bytes(model, batch) == 2 * (8 + 8) * 4
    assert activation_bytes(nn.ReLU(inplace=True), -batch) == 2 * (4 + 4) * 4
    assert torch.equal(state, torch.get_rng_state())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_that_writes_to_its_input_leaves_the_batch_alone():
    batch = torch.full((2, 4), -1.0)
    activation_bytes(nn.ReLU(inplace=True), batch)
    assert (batch == -1).all()


@pytest.mark.parametrize("split", ["cpu"])
def test_a_dry_run_needs_no_run_folder_and_leaves_the_model(split):
    case = table()
    before = [weight.clone() for weight in case.model.parameters()]
    forecast(case, players=ll.Columns(5), split_device=split)
    assert all(torch.equal(old, new) for old, new in zip(before, case.model.parameters(), strict=True))
