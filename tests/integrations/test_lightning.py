"""The Lightning callback records what a plain loop would have recorded, and training does not notice it."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from layerlore.dynamics import History
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, MissingExtraError, QualityWarning
from layerlore.integrations.files import CsvSink
from reference.records import RECORDS

pytestmark = [
    # What Lightning says about small data, no GPU, and what it uses of torch and the standard library.
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.rank_zero.LightningDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:lightning"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:DeprecationWarning"),
]

BATCHES = 6


def network(dropout: float = 0.2) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3))


def batches():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(BATCHES * 5, 4, generator=generator)
    return list(zip(inputs.split(5), (inputs[:, :3].argmax(1)).split(5), strict=True))


class Loader:
    """Batches in their order: Lightning takes a list for several loaders, and a DataLoader draws random numbers."""

    def __init__(self, found):
        self.found = found

    def __iter__(self):
        return iter(self.found)

    def __len__(self):
        return len(self.found)


def module_of(lightning, fails_at: int, error: type[BaseException], dropout: float):
    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = network(dropout)

        def training_step(self, batch, number):
            if self.global_step == fails_at:
                raise error("broken on purpose")
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch, number):
            self.log("accuracy", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), lr=0.01)

    torch.manual_seed(0)
    return Module()


@pytest.fixture(scope="module")
def lightning():
    import lightning.pytorch

    return lightning.pytorch


@pytest.fixture
def fit(lightning, tmp_path):
    """Train, and give the module and the trainer."""

    def run(callbacks=(), ckpt_path=None, fails_at=-1, error=RuntimeError, dropout=0.2, **options):
        module = module_of(lightning, fails_at, error, dropout)
        settings = {"max_epochs": 3, "logger": False, "enable_checkpointing": False, "default_root_dir": tmp_path}
        trainer = lightning.Trainer(
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=list(callbacks),
            **(settings | options),
        )
        torch.manual_seed(7)
        trainer.fit(module, Loader(batches()), Loader(batches()[:2]), ckpt_path=ckpt_path)
        return module, trainer

    return run


def callback(*arguments, **options):
    from layerlore.integrations.lightning import WeightTrackerCallback

    return WeightTrackerCallback(*arguments, **options)


def by_hand(every, epochs=3, accumulate=1, by_epoch=False, **options) -> tuple[nn.Module, History]:
    """The same training as a plain loop with a tracker."""
    model = nn.Module()
    model.net = network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    torch.manual_seed(7)
    with WeightTracker(model, every=every, **options) as tracker:
        for _ in range(epochs):
            for number, (inputs, labels) in enumerate(batches()):
                loss = nn.functional.cross_entropy(model.net(inputs), labels) / accumulate
                loss.backward()
                if (number + 1) % accumulate == 0:
                    optimiser.step()
                    if not by_epoch:
                        tracker.step()
                    optimiser.zero_grad()
            if by_epoch:
                tracker.step()
    return model, tracker.history()


def assert_same(found: History, expected: History) -> None:
    assert found.layers == expected.layers
    assert found.steps.tolist() == expected.steps.tolist()
    assert list(found.data.data_vars) == list(expected.data.data_vars)
    for name in expected.data.data_vars:
        np.testing.assert_array_equal(found.values(str(name)), expected.values(str(name)))


def assert_bit_equal(one: nn.Module, other: nn.Module) -> None:
    for (name, tensor), (same, expected) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        assert name == same
        assert torch.equal(tensor, expected), name


def test_by_epoch_it_records_what_a_plain_loop_records(fit):
    watcher = callback()
    module, _ = fit([watcher], num_sanity_val_steps=0)
    model, expected = by_hand(1, by_epoch=True)
    assert_bit_equal(module, model)
    assert_same(watcher.history(), expected)
    assert watcher.history().layers == ["net.0.weight", "net.4.weight"]
    assert watcher.history().manifest["settings"]["unit"] == "epoch"


@pytest.mark.parametrize(("every", "steps"), [(1, list(range(1, 19))), (4, [4, 8, 12, 16, 18]), ("log", None)])
def test_by_steps_it_records_what_a_plain_loop_records_and_the_last_step(fit, every, steps):
    watcher = callback(every, measures=["rwc_l1", "rotation_from_init"], biases=True)
    fit([watcher], num_sanity_val_steps=0)
    _, expected = by_hand(every, measures=["rwc_l1", "rotation_from_init"], biases=True)
    assert_same(watcher.history(), expected)
    assert steps is None or watcher.history().steps.tolist() == steps
    assert watcher.history().steps[-1] == 18


def test_steps_are_those_of_the_optimiser(fit):
    watcher = callback(1, gradients=True)
    module, trainer = fit([watcher], accumulate_grad_batches=3, num_sanity_val_steps=0)
    assert trainer.global_step == 6
    assert watcher.history().steps.tolist() == [1, 2, 3, 4, 5, 6]
    model, expected = by_hand(1, accumulate=3, gradients=True)
    assert_bit_equal(module, model)
    assert_same(watcher.history(), expected)
    assert (watcher.history().values("gradient_norm") > 0).all()


def test_training_does_not_notice(fit):
    plain, trainer = fit()
    state = torch.get_rng_state()
    watched, watched_trainer = fit([callback(1, gradients=True, measures=None, norms=True, biases=True)])
    assert torch.equal(torch.get_rng_state(), state)
    assert_bit_equal(plain, watched)
    ours, theirs = (found.optimizers[0].state_dict()["state"] for found in (trainer, watched_trainer))
    for number in theirs:
        for key in theirs[number]:
            assert torch.equal(torch.as_tensor(ours[number][key]), torch.as_tensor(theirs[number][key]))
    assert trainer.callback_metrics["accuracy"] == watched_trainer.callback_metrics["accuracy"]


@pytest.mark.parametrize("every", ["epoch", 4])
@pytest.mark.parametrize("in_folder", [False, True])
def test_it_resumes_from_a_lightning_checkpoint(fit, lightning, tmp_path, every, in_folder):
    def folder(name):
        return {"run": tmp_path / name} if in_folder else {}

    # Lightning does not restore the random state: without dropout nothing is drawn.
    training = {"max_epochs": 4, "dropout": 0.0}
    whole = callback(every, **folder("whole"))
    trained, _ = fit([whole], **training)

    class Killed(lightning.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 3:
                raise SystemExit

    keep = lightning.callbacks.ModelCheckpoint(tmp_path / "ckpt", filename="{epoch}", every_n_epochs=2, save_top_k=-1)
    with pytest.raises(SystemExit):
        fit([callback(every, **folder("parts")), keep, Killed()], enable_checkpointing=True, **training)
    second = callback(every, **folder("parts"))
    resumed, _ = fit([second], ckpt_path=tmp_path / "ckpt" / "epoch=1.ckpt", **training)
    assert_bit_equal(resumed, trained)
    assert_same(second.history(), whole.history())


def test_an_epoch_is_recorded_before_its_validation_and_before_it_is_saved(fit, lightning):
    watcher = callback()
    known = []

    class Asking(lightning.Callback):
        def on_validation_start(self, trainer, pl_module):
            known.append(len(watcher.tracker.records))

    fit([Asking(), watcher], num_sanity_val_steps=0)
    assert known == [1, 2, 3]


def test_a_broken_off_epoch_counts(fit):
    watcher = callback()
    _, trainer = fit([watcher], max_epochs=-1, max_steps=BATCHES + 2)
    assert trainer.global_step == BATCHES + 2
    assert watcher.history().steps.tolist() == [1, 2]


def test_fitting_again_begins_a_new_history(fit):
    watcher = callback()
    fit([watcher], max_epochs=1)
    first = watcher.history()
    fit([watcher], max_epochs=2)
    assert (first.steps.tolist(), watcher.history().steps.tolist()) == ([1], [1, 2])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_closes_run_and_sinks_and_the_records_stay(fit, tmp_path, error):
    closed = []

    class Listening:
        def open(self, weights, measures): ...
        def write(self, record): ...
        def close(self):
            closed.append(True)

    watcher = callback(1, sinks=[Listening()], run=tmp_path / "run")
    with pytest.raises((RuntimeError, KeyboardInterrupt, SystemExit)):
        fit([watcher], fails_at=4, error=error)
    assert closed == [True]
    assert History.load(tmp_path / "run").steps.tolist() == [1, 2, 3, 4]
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["finished"] is False


def test_it_logs_to_the_trainers_own_logger(fit, lightning, tmp_path):
    watcher = callback(6, log=True, measures=["rwc_l1"])
    logger = lightning.loggers.CSVLogger(tmp_path, name="logs", version="one")
    fit([watcher], logger=logger)
    with (tmp_path / "logs" / "one" / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["rwc_l1/00 net.0.weight"]]
    assert [int(row["step"]) for row in rows] == [6, 12, 18]
    expected = watcher.history().values("rwc_l1")
    for place, name in enumerate(["rwc_l1/00 net.0.weight", "rwc_l1/01 net.4.weight"]):
        assert [float(row[name]) for row in rows] == expected[place].tolist()
    assert not any(name.startswith("zero_") for name in rows[0])


def test_by_epoch_the_logger_gets_the_trainers_step(fit):
    watcher = callback(log=True, counts=True)
    logged = []

    from lightning.pytorch.loggers.logger import DummyLogger

    class Logger(DummyLogger):
        def log_metrics(self, metrics, step=None):
            if any(name.startswith("rwc_l1/") for name in metrics):
                logged.append((step, "zero_weights/00 net.0.weight" in metrics))

    fit([watcher], logger=Logger())
    assert logged == [(6, True), (12, True), (18, True)]


def test_other_sinks_go_on_beside_the_logger(fit, tmp_path):
    fit([callback(6, log=True, sinks=[CsvSink(tmp_path / "a.csv")], measures=["rwc_l1"])])
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 3 * 2


def test_sharded_weights_are_not_kept_and_that_is_said(monkeypatch):
    watcher = callback()
    watcher.tracker = WeightTracker(network())
    assert watcher.state_dict()
    monkeypatch.setattr("layerlore.integrations.lightning.sharding_of", lambda parameter, name: "over 2 processes")
    with pytest.warns(QualityWarning, match="the weights are sharded: Lightning's checkpoints do not hold"):
        assert watcher.state_dict() == {}


def test_what_is_asked_too_early_or_wrongly_is_refused(fit):
    watcher = callback()
    assert watcher.state_dict() == {}
    watcher.load_state_dict({})
    with pytest.raises(InputError, match=r"^a tracker is made when training starts: call trainer.fit first$"):
        watcher.history()
    with pytest.raises(InputError, match=r"every='epochs' is not known"):
        fit([callback("epochs")])
    with pytest.raises(TypeError, match="measure"):
        fit([callback(measure=["rwc_l1"])])


def test_a_state_of_other_options_is_refused(fit, lightning, tmp_path):
    keep = lightning.callbacks.ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    fit([callback(measures=["rwc_l1"]), keep], max_epochs=1, enable_checkpointing=True)
    with pytest.raises(InputError, match="other options"):
        fit([callback(measures=["rwc_l2"])], ckpt_path=tmp_path / "epoch=0.ckpt")


def test_a_missing_lightning_names_the_extra(monkeypatch):
    callback()
    monkeypatch.delitem(sys.modules, "layerlore.integrations.lightning")
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    with pytest.raises(MissingExtraError, match=r"the Lightning callback needs.*pip install 'layerlore\[lightning\]'"):
        import layerlore.integrations.lightning  # noqa: F401


SCRIPT = """
import sys
from pathlib import Path

import torch
import lightning.pytorch as lightning

from layerlore.integrations.files import CsvSink
from layerlore.integrations.lightning import WeightTrackerCallback

torch.set_num_threads(1)
folder = Path(sys.argv[1])


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = torch.nn.Linear(4, 3)

    def training_step(self, batch, number):
        return self.net(batch).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Last(lightning.Callback):
    def on_train_end(self, trainer, pl_module):
        torch.save(torch.from_numpy(watcher.history().values("rwc_l1")), folder / f"rank{trainer.global_rank}.pt")


watcher = WeightTrackerCallback(1, sinks=[CsvSink(folder / "a.csv")], run=folder / "run", log=True)
data = torch.utils.data.DataLoader(torch.randn(16, 4, generator=torch.Generator().manual_seed(0)), batch_size=2)
trainer = lightning.Trainer(
    accelerator="cpu", devices=2, strategy="ddp_fork", max_epochs=2, enable_progress_bar=False,
    enable_model_summary=False, callbacks=[watcher, Last()], default_root_dir=folder,
    logger=lightning.loggers.CSVLogger(folder, name="logs", version="one"),
)
trainer.fit(Module(), data)
"""


def test_of_two_processes_rank_zero_writes_and_both_know_the_same(tmp_path):
    # In a process of its own, which is forked after the slow imports.
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 9)]
    history = History.load(tmp_path / "run")
    assert history.steps.tolist() == list(range(1, 9))
    for rank in (0, 1):
        known = torch.load(tmp_path / f"rank{rank}.pt", weights_only=True)
        np.testing.assert_array_equal(known.numpy(), history.values("rwc_l1"))
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    assert "WeightTrackerCallback" in torch.load(checkpoint, weights_only=True)["callbacks"]


def test_the_logger_sink_is_a_sink():
    from layerlore.dynamics import Sink
    from layerlore.integrations.lightning import _LoggerSink

    told = []

    class Logger:
        def log_metrics(self, metrics, step):
            told.append((step, metrics))

    class Trainer:
        loggers = (Logger(), Logger())
        global_step = 5

    sink = _LoggerSink.__new__(_LoggerSink)
    sink._trainer, sink._counts = Trainer(), False
    assert isinstance(sink, Sink)
    sink.open([], [])
    sink.write(RECORDS[1])
    sink.close()
    assert [step for step, _ in told] == [5, 5]
    assert told[0] == told[1]
