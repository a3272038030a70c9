"""The Hugging Face callback records what a plain loop would have recorded, and training does not notice it."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from layerlore.dynamics import History
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, MissingExtraError, QualityWarning, RunError

STEPS = 6
"""Steps of an epoch: 24 sentences in batches of 4."""


def model_of() -> nn.Module:
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(5)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=30,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=8,
        )
    )


def sentences() -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    words = torch.randint(0, 30, (24, 5), generator=generator)
    return [{"input_ids": row, "labels": row[0] % 2} for row in words]


@pytest.fixture
def trainer_of(tmp_path):
    """A trainer on the CPU that says nothing."""
    from transformers import Trainer, TrainingArguments

    def make(callbacks=(), model=None, kind=Trainer, **options):
        settings = {"num_train_epochs": 3, "save_strategy": "no", "output_dir": str(tmp_path / "out")}
        arguments = TrainingArguments(
            per_device_train_batch_size=4,
            learning_rate=0.01,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **(settings | options),
        )
        return kind(
            model=model or model_of(),
            args=arguments,
            train_dataset=sentences(),
            eval_dataset=sentences(),
            callbacks=list(callbacks),
        )

    return make


def callback(*arguments, **options):
    from layerlore.integrations.transformers import WeightTrackerCallback

    return WeightTrackerCallback(*arguments, **options)


def snapshots_of(trainer_of, **options) -> list[dict[str, torch.Tensor]]:
    """The weights before training and after each step, copied by a callback that knows nothing of trackers."""
    from transformers import TrainerCallback

    found = []

    class Copying(TrainerCallback):
        def on_train_begin(self, args, state, control, model, **others):
            found.append({name: weight.detach().clone() for name, weight in model.named_parameters()})

        def on_step_end(self, args, state, control, model, **others):
            found.append({name: weight.detach().clone() for name, weight in model.named_parameters()})

    trainer_of([Copying()], **options).train()
    return found


def change(earlier: torch.Tensor, later: torch.Tensor) -> float:
    """The relative change by its definition."""
    return float((later.double() - earlier.double()).abs().sum() / earlier.double().abs().sum())


def assert_changes(history: History, snapshots: list[dict[str, torch.Tensor]], steps: list[int]) -> None:
    """The history has the changes between the snapshots of these optimiser steps."""
    for place, (before, after) in enumerate(zip([0, *steps[:-1]], steps, strict=True)):
        for row, name in enumerate(history.layers):
            expected = change(snapshots[before][name], snapshots[after][name])
            # Differences of float32 are exact to a half unit of the change's last place, and sums average them out.
            assert math.isclose(history.values("rwc_l1")[row, place], expected, rel_tol=1e-6), (name, before, after)


@pytest.mark.parametrize(
    ("every", "options", "steps", "labels"),
    [
        ("epoch", {}, [6, 12, 18], [1, 2, 3]),
        (4, {}, [4, 8, 12, 16, 18], None),
        ("log", {}, [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 18], None),
        (lambda step: step in (5, 7), {}, [5, 7, 18], None),
        ("logging_steps", {"logging_steps": 7}, [7, 14, 18], None),
        ("epoch", {"max_steps": 8}, [6, 8], [1, 2]),
        (1, {"gradient_accumulation_steps": 3}, [1, 2, 3, 4, 5, 6], None),
    ],
)
def test_it_records_the_changes_between_steps(trainer_of, every, options, steps, labels):
    watcher = callback(every)
    trainer_of([watcher], **options).train()
    history = watcher.history()
    assert history.steps.tolist() == (labels or steps)
    assert history.manifest["settings"]["unit"] == ("epoch" if labels else "step")
    assert "bert.encoder.layer.0.attention.self.query.weight" in history.layers
    assert_changes(history, snapshots_of(trainer_of, **options), steps)


def test_training_does_not_notice(trainer_of):
    plain = trainer_of(eval_strategy="epoch")
    plain.train()
    state = torch.get_rng_state()
    watched = trainer_of([callback(1, gradients=True, biases=True, norms=True)], eval_strategy="epoch")
    watched.train()
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(tensor, watched.model.state_dict()[name]), name
    ours, theirs = plain.optimizer.state_dict()["state"], watched.optimizer.state_dict()["state"]
    for number, entries in ours.items():
        for key, tensor in entries.items():
            assert torch.equal(torch.as_tensor(tensor), torch.as_tensor(theirs[number][key]))

    def logged(trainer):
        return [
            {key: value for key, value in row.items() if not key.endswith(("runtime", "per_second"))}
            for row in trainer.state.log_history
        ]

    assert logged(plain) == logged(watched)


def test_gradients_are_those_of_the_step(trainer_of):
    watcher = callback(1, gradients=True, measures=["rwc_l1"])
    norms = []

    from transformers import TrainerCallback

    class Reading(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model, **others):
            norms.append(float(model.classifier.weight.grad.double().norm()))

    trainer_of([watcher, Reading()], num_train_epochs=1).train()
    row = watcher.history().layers.index("classifier.weight")
    np.testing.assert_allclose(watcher.history().values("gradient_norm")[row], norms, rtol=1e-6)


@pytest.mark.parametrize("every", ["epoch", 4])
@pytest.mark.parametrize("in_folder", [False, True])
def test_it_resumes_from_a_checkpoint_as_if_nothing_had_happened(trainer_of, tmp_path, every, in_folder):
    from transformers import TrainerCallback

    def folder(name):
        return {"run": tmp_path / name} if in_folder else {}

    class Killed(TrainerCallback):
        def on_step_begin(self, args, state, control, **others):
            if state.global_step == 10:
                raise KeyboardInterrupt

    saving = {"save_strategy": "steps", "save_steps": 6}
    whole = callback(every, **folder("whole"))
    trained = trainer_of([whole])
    trained.train()
    with pytest.raises(KeyboardInterrupt):
        trainer_of([callback(every, **folder("parts")), Killed()], **saving).train()
    second = callback(every, **folder("parts"))
    resumed = trainer_of([second], **saving)
    resumed.train(resume_from_checkpoint=True)
    # The trainer restores the random state, so that all numbers are the same.
    for name, tensor in trained.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    found, expected = second.history(), whole.history()
    assert found.steps.tolist() == expected.steps.tolist()
    for name in expected.data.data_vars:
        np.testing.assert_array_equal(found.values(str(name)), expected.values(str(name)))


@pytest.mark.parametrize("how", ["moved", "named", "arguments"])
def test_the_checkpoint_may_lie_elsewhere(trainer_of, tmp_path, how):
    saving = {"save_strategy": "steps", "save_steps": 6}
    trainer_of([callback(6)], num_train_epochs=1, **saving).train()
    moved = tmp_path / "elsewhere"
    (tmp_path / "out" / "checkpoint-6").rename(moved)
    options = {"resume_from_checkpoint": str(moved)} if how == "arguments" else {}
    watcher = callback(6, resume_from=moved if how == "named" else None)
    trainer = trainer_of([watcher], num_train_epochs=2, **options)
    if how == "moved":
        with pytest.warns(
            QualityWarning, match=r"training goes on from step 6, and no layerlore_tracker.pt is in .*: a"
        ):
            trainer.train(resume_from_checkpoint=str(moved))
        assert watcher.history().steps.tolist() == [7, 12], "the schedule counts from the new beginning"
    else:
        trainer.train(resume_from_checkpoint=str(moved))
        assert watcher.history().steps.tolist() == [6, 12]


def test_a_damaged_state_is_an_error(trainer_of, tmp_path):
    trainer_of([callback(6)], num_train_epochs=1, save_strategy="epoch").train()
    file = tmp_path / "out" / "checkpoint-6" / "layerlore_tracker.pt"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(RunError, match=r"layerlore_tracker.pt cannot be read \(.*\): remove it to begin a new history"):
        trainer_of([callback(6)], num_train_epochs=2).train(resume_from_checkpoint=True)


def test_a_state_needs_no_code_to_be_read(trainer_of, tmp_path):
    trainer_of([callback(2)], num_train_epochs=1, save_strategy="epoch").train()
    state = torch.load(tmp_path / "out" / "checkpoint-6" / "layerlore_tracker.pt", weights_only=True)
    assert state["count"] == 3
    assert sorted(path.name for path in (tmp_path / "out" / "checkpoint-6").glob("*.part")) == []


def test_a_full_disk_says_so(trainer_of, tmp_path, monkeypatch):
    watcher = callback(6)
    trainer = trainer_of([watcher], num_train_epochs=1)
    trainer.train()
    save = torch.save

    def torn(state, path):
        Path(path).write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(RunError, match=r"could not write .*layerlore_tracker.pt \(PytorchStreamWriter failed"):
        watcher.on_save(trainer.args, trainer.state, trainer.control)
    monkeypatch.setattr(torch, "save", save)
    assert list(tmp_path.rglob("layerlore_tracker*")) == []


def test_the_last_step_is_recorded_before_the_best_model_is_loaded(trainer_of):
    from transformers import Trainer

    class Worse(Trainer):
        """Its first evaluation is its best one."""

        def evaluate(self, *arguments, **options):
            metrics = {"eval_loss": float(self.state.global_step)}
            self.log(metrics)
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

    options = {"save_strategy": "epoch", "eval_strategy": "epoch", "load_best_model_at_end": True}
    watcher = callback(4)
    trainer = trainer_of([watcher], kind=Worse, **options)
    trainer.train()
    snapshots = snapshots_of(trainer_of)
    assert torch.equal(trainer.model.classifier.weight, snapshots[6]["classifier.weight"]), "the best model was loaded"
    assert watcher.history().steps.tolist() == [4, 8, 12, 16, 18]
    assert_changes(watcher.history(), snapshots, [4, 8, 12, 16, 18])


def test_training_again_begins_a_new_history(trainer_of):
    watcher = callback()
    trainer = trainer_of([watcher], num_train_epochs=1)
    trainer.train()
    first = watcher.history()
    trainer.train()
    assert watcher.history() is not first
    assert watcher.history().steps.tolist() == [1]


def test_only_rank_zero_saves_unless_the_weights_are_sharded(trainer_of, tmp_path, monkeypatch):
    watcher = callback(6)
    trainer = trainer_of([watcher], num_train_epochs=1)
    trainer.train()
    trainer.state.is_world_process_zero = False

    monkeypatch.setattr(type(trainer.args), "process_index", property(lambda arguments: 1))
    watcher.on_save(trainer.args, trainer.state, trainer.control)
    assert list(tmp_path.rglob("layerlore_tracker*")) == []
    monkeypatch.setattr("layerlore.integrations.transformers.sharding_of", lambda parameter, name: "over 2 processes")
    watcher.on_save(trainer.args, trainer.state, trainer.control)
    assert [path.name for path in tmp_path.rglob("layerlore_tracker*")] == ["layerlore_tracker.rank1.pt"]
    resumed = callback(6)
    resumed.on_train_begin(trainer.args, trainer.state, trainer.control, model=model_of())
    assert resumed.history().steps.tolist() == [6]


def test_what_is_asked_too_early_or_wrongly_is_refused(trainer_of):
    with pytest.raises(InputError, match=r"^a tracker is made when training starts: call trainer.train first$"):
        callback().history()
    with pytest.raises(InputError, match=r"every='epochs' is not known"):
        trainer_of([callback("epochs")]).train()
    with pytest.raises(
        InputError, match=r"^gradients=True with every='epoch': the trainer has thrown the gradients aw"
    ):
        callback(gradients=True)
    with pytest.raises(TypeError, match="measure"):
        trainer_of([callback(measure=["rwc_l1"])]).train()


def test_a_plain_loop_says_the_same(trainer_of):
    snapshots = snapshots_of(trainer_of, num_train_epochs=1)
    model = model_of()
    with WeightTracker(model, every=2) as tracker, torch.no_grad():
        for snapshot in snapshots[1:]:
            for name, weight in model.named_parameters():
                weight.copy_(snapshot[name])
            tracker.step()
    watcher = callback(2)
    trainer_of([watcher], num_train_epochs=1).train()
    for name in tracker.history().data.data_vars:
        np.testing.assert_array_equal(watcher.history().values(str(name)), tracker.history().values(str(name)))


def test_a_missing_transformers_names_the_extra(monkeypatch):
    callback()
    monkeypatch.delitem(sys.modules, "layerlore.integrations.transformers")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"the Hugging Face callback needs.*'layerlore\[transformers\]'"):
        import layerlore.integrations.transformers  # noqa: F401
