"""Steps of checkpoints from their names, and what cannot be ordered."""

import pytest

from layerlore.errors import InputError
from layerlore.networks.checkpoints import sort_checkpoints, unit_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        (["step_9.pt", "step_10.pt", "step_100.pt"], [9, 10, 100]),
        (["step9.pt", "step10.pt", "step0512.pt"], [9, 10, 512]),
        (["lenet_epoch_0.pth", "lenet_epoch_1.pth"], [0, 1]),
        (["epoch=0-step=500.ckpt", "epoch=1-step=1000.ckpt", "epoch=1-step=1000000.ckpt"], [500, 1000, 1000000]),
        (["epoch=0-val_loss=0.25.ckpt", "epoch=1-val_loss=0.125.ckpt"], [0, 1]),
        (["epoch=9-step=500.ckpt", "epoch=10-step=550-v1.ckpt"], [500, 550]),
        (["checkpoint-500/model.safetensors", "checkpoint-1500/model.safetensors"], [500, 1500]),
        (["run2/7.pt", "run2/12.pt"], [7, 12]),
        (["resnet20_v2_007.pth", "resnet20_v2_012.pth"], [7, 12]),
        (["bert-1e-4-3.pt", "bert-1e-4-20.pt"], [3, 20]),
        (["global_step100/mp_rank_00_model_states.pt", "global_step90/mp_rank_00_model_states.pt"], [100, 90]),
        (["step_1000/model_epoch_1.pt", "step_2000/model_epoch_1.pt"], [1000, 2000]),
        (["epoch_1_of_90.pt", "epoch_2_of_90.pt"], [1, 2]),
        (["2024-11-20_iter_5.pt", "2024-11-21_iter_6.pt"], [5, 6]),
    ],
)
def test_steps_from_names(names, steps, folder):
    found = sort_checkpoints(made(folder, names))
    assert found == sorted(zip(steps, (folder / name for name in names), strict=True))


def test_shard_numbers_are_no_steps(folder):
    shards = made(folder, [f"step_{step}/model-0000{n}-of-00002.safetensors" for step in (3, 20) for n in (1, 2)])
    assert sort_checkpoints(shards) == sort_checkpoints([folder])
    assert sort_checkpoints([folder]) == [(3, folder / "step_3"), (20, folder / "step_20")]
    made(folder / "b", [f"ckpt-{step}-00001-of-00001.safetensors" for step in (5, 40)])
    paths = sorted((folder / "b").iterdir())
    assert [step for step, _ in sort_checkpoints(paths)] == [5, 40]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.pt", "b.pt"], "their names are built differently: .*a.pt, .*b.pt. Say the steps with steps="),
        (["init.pt", "step_1.pt"], "their names are built differently"),
        (["run1_3.pt", "run2_4.pt"], "2 numbers differ between them"),
        (["a_0.5.pt", "a_0.7.pt"], "no whole number differs"),
        (["step_1.pt", "step_1.safetensors"], "no whole number differs"),
        (["a/step_1.pt", "b/step_1.pt"], "their names are built differently"),
    ],
)
def test_what_cannot_be_ordered(names, message, folder):
    with pytest.raises(InputError, match=message):
        sort_checkpoints(made(folder, names))


def test_steps_that_are_given(folder):
    paths = made(folder, ["b.pt", "a.pt"])
    assert sort_checkpoints(paths, [0, 10]) == [(0, paths[0]), (10, paths[1])]
    assert sort_checkpoints(paths, [10, 0]) == [(0, paths[1]), (10, paths[0])]
    runs = made(folder, ["run1_3.pt", "run2_2.pt"])
    assert [step for step, _ in sort_checkpoints(runs, r"run\d_(\d+)")] == [2, 3]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([1], "steps has 1 entries for 2 checkpoints"),
        ([1, 1], r"step 1 is there twice, as .*b.pt and .*a.pt"),
        ([1, -2], "steps holds -2"),
        ([1, 2.5], "steps holds 2.5"),
        ([1, True], "steps holds True"),
        (r"(", "is no regular expression"),
        (r"a|b", "has 0 groups: put the step in one"),
        (r"(a|b)\.pt", r"finds no whole number in '.*b.pt'"),
        (r"x(\d+)", r"finds no whole number in '.*b.pt'"),
    ],
)
def test_steps_that_are_given_wrong(steps, message, folder, without_type_checks):
    paths = made(folder, ["b.pt", "a.pt"])
    with pytest.raises(InputError, match=message):
        sort_checkpoints(paths, steps)


def test_one_file_twice(folder):
    (path,) = made(folder, ["step_1.pt"])
    with pytest.raises(InputError, match=r"no whole number differs|step 1 is there twice"):
        sort_checkpoints([path, path])
    with pytest.raises(InputError, match="no checkpoints are given"):
        sort_checkpoints([])


def test_one_step_twice(folder):
    paths = made(folder, ["a/epoch_1.pt", "b/epoch_1.pt"])
    with pytest.raises(InputError, match=r"step 1 is there twice, as .*, with the same bytes: leave one out"):
        sort_checkpoints(paths, r"epoch_(\d+)")
    paths[1].write_bytes(b"y")
    with pytest.raises(InputError, match=r"b/epoch_1.pt: leave one out"):
        sort_checkpoints(paths, r"epoch_(\d+)")


def test_units(folder):
    assert unit_of(["checkpoint-1", "checkpoint-2"]) == "step"
    assert unit_of(["a/epoch_1.pt", "a/epoch_2.pt"]) == "epoch"
