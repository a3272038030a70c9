"""Tests of the clusters of point clouds, against slow loops over Python numbers."""

import json
import math

import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.errors import InputError
from layerlore.players.points import PointGroups


def cloud(n_points=40, n_channels=3, seed=0):
    return torch.randn(n_points, n_channels, generator=torch.Generator().manual_seed(seed))


def slow_clusters(points, count):
    """Farthest-point sampling and nearest centres, one distance at a time."""
    points = [[float(value) for value in point] for point in points.double().tolist()]
    middle = [math.fsum(axis) / len(points) for axis in zip(*points, strict=True)]
    centres = []
    for _ in range(count):
        others = [points[centre] for centre in centres] or [middle]
        reach = [min(math.dist(point, other) for other in others) for point in points]
        centres.append(max(range(len(points)), key=lambda index: (reach[index], -index)))
    return [
        min(range(count), key=lambda player: (math.dist(point, points[centres[player]]), player)) for point in points
    ]


@pytest.mark.parametrize("count", [2, 5, 12])
@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_those_of_the_slow_loop(count, seed):
    sample = cloud(seed=seed)
    plan = PointGroups(count).plan(sample, 0)
    assert plan.owner.shape == (40, 1)
    assert plan.owner.flatten().tolist() == slow_clusters(sample, count)
    assert plan.names[count - 1] == f"cluster {count - 1}"


def test_another_order_of_the_points_gives_the_same_clusters():
    sample = cloud(60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(9))
    owner = PointGroups(8).plan(sample, 0).owner
    # No two of these random points are equally far from anything, so even the numbers agree.
    assert torch.equal(PointGroups(8).plan(sample[order], 0).owner, owner[order])


def test_moving_and_scaling_the_cloud_changes_nothing():
    sample = cloud(60)
    owner = PointGroups(8).plan(sample, 0).owner
    # Powers of two: every distance is scaled without rounding.
    assert torch.equal(PointGroups(8).plan(sample * 4, 3).owner, owner)


def test_of_equals_the_lowest_index_is_taken():
    # A square: every corner is as far from the middle. Corner 0 first, corner 2 across from it,
    # corners 1 and 3 lie as near to both and go to the first.
    square = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    assert PointGroups(2).plan(square, 0).owner.flatten().tolist() == [0, 0, 1, 0]
    assert PointGroups(3).plan(square, 0).owner.flatten().tolist() == [0, 2, 1, 0]
    turned = square[[1, 2, 3, 0]]
    assert PointGroups(2).plan(turned, 0).owner.flatten().tolist() == [0, 0, 1, 0]


def test_both_layouts_agree():
    sample = cloud(30, 6)
    first, last = PointGroups(4), PointGroups(4, layout="channels_first")
    assert torch.equal(first.plan(sample, 0).owner.T, last.plan(sample.T, 0).owner)
    assert torch.equal(first.centre(sample[None]).mT, last.centre(sample.T[None]))


def test_only_the_coordinates_count_for_distance():
    sample = cloud(30, 6)
    loud = sample.clone()
    loud[:, 3:] *= 1000
    assert torch.equal(PointGroups(4).plan(sample, 0).owner, PointGroups(4).plan(loud, 0).owner)
    assert not torch.equal(PointGroups(4, n_coordinates=6).plan(loud, 0).owner, PointGroups(4).plan(loud, 0).owner)


def test_the_centre_is_the_mean_of_every_channel_in_every_point():
    samples = torch.stack([cloud(20, 4, seed=1), cloud(20, 4, seed=2)]) + 100
    baseline = PointGroups(3).centre(samples)
    assert baseline.shape == samples.shape
    assert baseline.dtype == samples.dtype
    for one, other in zip(baseline, samples, strict=True):
        expected = [math.fsum(channel.double().tolist()) / 20 for channel in other.T]
        # Means in float64, rounded once to float32 near 100.
        assert one.tolist() == [pytest.approx(expected, abs=100 * 2**-23)] * 20


def test_centre_is_a_baseline_and_is_recorded_by_name():
    from layerlore.players import baseline_settings, resolve_baseline

    players, samples = PointGroups(3), cloud(20)[None]
    assert torch.equal(resolve_baseline(players.centre, samples), players.centre(samples))
    assert baseline_settings(players.centre) == {"function": "layerlore.players.points.PointGroups.centre"}


def test_settings():
    players = PointGroups(5, "channels_first", 2)
    assert json.loads(json.dumps(players.settings())) == {
        "players": "PointGroups", "count": 5, "layout": "channels_first", "n_coordinates": 2,
    }  # fmt: skip
    assert players.n_players == 5
    assert players.background_levels == (1.0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), "n_players=1"),
        ((25,), "n_players=25"),
        ((3, "channels_last"), "layout='channels_last' is not known"),
        ((3, "points_first", 0), "n_coordinates=0: at least 1"),
    ],
)
def test_impossible_settings(arguments, message):
    with pytest.raises(InputError, match=message):
        PointGroups(*arguments)


def nan_cloud():
    sample = cloud(10)
    sample[4, 1] = math.nan
    return sample


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (cloud(4), "sample 7 has 4 points, fewer than the 5 players"),
        (cloud(6).repeat(5, 1)[:4].repeat(4, 1), "sample 7 has 4 different points, fewer than the 5 players"),
        (torch.zeros(9, 3), "sample 7 has 1 different points"),
        (cloud(10)[None], r"needs samples \[points, channels\]; sample 7 has shape \(1, 10, 3\)"),
        (cloud(10, 2), r"reads as 10 points of 2 channels, fewer than n_coordinates=3: is it the other layout"),
        (nan_cloud(), r"sample 7 holds 1 of 30 numbers that are NaN or infinite, the first at \(4, 1\)"),
    ],
)
def test_impossible_clouds(sample, message):
    with pytest.raises(InputError, match=message):
        PointGroups(5).plan(sample, 7)


class TinyPointNet(nn.Module):
    """A network of each point alone, then the maximum over the points: order does not matter."""

    def __init__(self):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
        self.head = nn.Linear(16, 2)

    def forward(self, clouds):
        return self.head(self.point(clouds).amax(1))


@pytest.mark.filterwarnings("ignore::layerlore.errors.QualityWarning")
def test_explaining_a_point_network_from_end_to_end():
    torch.manual_seed(0)
    # Flat discs against long rods.
    shapes = torch.stack([torch.tensor([1.0, 1.0, 0.1]), torch.tensor([0.1, 0.1, 2.0])])
    labels = torch.arange(60) % 2
    clouds = torch.randn(60, 32, 3) * shapes[labels][:, None]
    model = TinyPointNet()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(clouds), labels).backward()
        optimiser.step()
    players = PointGroups(4)
    probes = ll.fit_probes(model.eval(), ["point.1"], [(clouds, labels)])
    knowledge = ll.explain(model, probes, clouds[:3], labels[:3], players=players, baseline=players.centre)
    assert knowledge.manifest["coords"]["players"][0] == [f"cluster {player}" for player in range(4)]
    # All hidden is one point, again and again; all shown is the cloud itself.
    with torch.no_grad():
        ends = torch.stack([model(players.centre(clouds[:3])), model(clouds[:3])]).double()
    odds = ends[..., 1] - ends[..., 0]
    sign = 2.0 * labels[:3] - 1
    output = knowledge.data["scores"].sel(layer="output").isel(target=0)
    # Scores come from float32 logits of size about 10.
    assert output.isel(coalition=0).values.tolist() == pytest.approx((odds[0] * sign).tolist(), abs=1e-4)
    assert output.isel(coalition=-1).values.tolist() == pytest.approx((odds[1] * sign).tolist(), abs=1e-4)
