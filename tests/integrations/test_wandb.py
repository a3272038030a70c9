"""Weights & Biases gets what was recorded: offline, in a run of its own or in the one that is active."""

import sys

import pytest

from layerlore.dynamics import Sink
from layerlore.errors import ConfigError, InputError, MissingExtraError
from reference.records import NAMED, RECORDS, WEIGHTS, feed
from reference.wandb_file import logged_rows


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A machine where nobody is logged in, and nothing is sent or said."""
    for name in ("HOME", "WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    import wandb

    wandb.teardown()


def read_back(folder) -> list[dict[str, float]]:
    """The rows in the one file that an offline run leaves."""
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    return logged_rows(file)


EXPECTED = [{"layerlore_step": step, **row} for step, row in NAMED.items()]


def test_what_was_recorded_is_there(folder):
    import wandb

    from layerlore.integrations.wandb import WandbSink

    sink = WandbSink(project="weights", mode="offline", name="mine")
    assert isinstance(sink, Sink)
    feed(sink)
    assert wandb.run is None, "the run is finished"
    assert read_back(folder) == EXPECTED


def test_nobody_is_asked_for_a_key(folder):
    from layerlore.integrations.wandb import WandbSink

    sink = WandbSink(counts=True)
    feed(sink, RECORDS[:1])
    assert sink._run.offline
    (row,) = read_back(folder)
    assert row["zero_weights/00 conv.weight"] == 0


def test_online_without_a_key_is_an_error(folder):
    from layerlore.integrations.wandb import WandbSink

    with pytest.raises(ConfigError, match=r"^Weights & Biases has no key for this machine: run 'wandb login' first"):
        feed(WandbSink(mode="online"))


@pytest.mark.parametrize("first_step", [0, 1])
def test_an_active_run_is_joined_and_loses_nothing(folder, first_step):
    import wandb

    from layerlore.integrations.wandb import WandbSink

    sink = WandbSink(project="unused", mode="online")
    with wandb.init(project="mine", mode="offline") as run:
        for place, record in enumerate(RECORDS):
            if not place:
                sink.open(WEIGHTS, ["rwc_l1", "rotation"])
            sink.write(record)
            run.log({"loss": 0.5 - place}, step=first_step + place)
        sink.close()
        assert wandb.run is run, "the run is left open"
        run.log({"after": 1.0})
    rows = read_back(folder)
    ours = [row for row in rows if "layerlore_step" in row]
    theirs = [row["loss"] for row in rows if "loss" in row]
    assert [{key: value for key, value in row.items() if key not in ("loss", "after")} for row in ours] == EXPECTED
    assert theirs == [0.5, -0.5]
    assert [row["after"] for row in rows if "after" in row] == [1.0]


def test_records_of_an_active_run_that_nobody_else_logs_to(folder):
    import wandb

    from layerlore.integrations.wandb import WandbSink

    with wandb.init(project="mine", mode="offline"):
        feed(WandbSink())
    assert read_back(folder) == EXPECTED


@pytest.mark.usefixtures("without_type_checks")
def test_an_unknown_mode_is_refused():
    from layerlore.integrations.wandb import WandbSink

    with pytest.raises(InputError, match=r"^mode='ofline' is not known; did you mean 'offline'"):
        WandbSink(mode="ofline")


def test_a_missing_wandb_names_the_extra(monkeypatch):
    from layerlore.integrations.wandb import WandbSink

    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"logging to Weights & Biases needs.*pip install 'layerlore\[wandb\]'"):
        WandbSink()
