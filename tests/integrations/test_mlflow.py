"""MLflow holds what was recorded, in a run of its own or in the one that is active."""

import sys

import pytest

from layerlore.dynamics import Record, Sink, WeightInfo
from layerlore.errors import MissingExtraError
from reference.records import NAMED, RECORDS, WEIGHTS, feed

# MLflow uses what SQLAlchemy deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> str:
    """One database for all tests: to make one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def sink_of(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    from layerlore.integrations.mlflow import MLflowSink

    def make(**options) -> MLflowSink:
        return MLflowSink(**({"tracking_uri": store} | options))

    return make


def read_back(store: str, run_id: str) -> dict[int, dict[str, float]]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=store)
    found: dict[int, dict[str, float]] = {}
    for name in client.get_run(run_id).data.metrics:
        for metric in client.get_metric_history(run_id, name):
            found.setdefault(metric.step, {})[name] = metric.value
    return found


def test_what_was_recorded_is_there(store, sink_of):
    from mlflow.tracking import MlflowClient

    sink = sink_of(experiment="weights", run_name="mine")
    assert isinstance(sink, Sink)
    feed(sink)
    assert read_back(store, sink.run_id) == NAMED
    client = MlflowClient(tracking_uri=store)
    run = client.get_run(sink.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "mine")
    assert client.get_experiment(run.info.experiment_id).name == "weights"
    again = sink_of(experiment="weights")
    feed(again, RECORDS[:1])
    assert again.run_id != sink.run_id
    assert client.get_run(again.run_id).info.experiment_id == run.info.experiment_id


def test_counts_on_request(store, sink_of):
    sink = sink_of(counts=True)
    feed(sink, RECORDS[1:])
    assert read_back(store, sink.run_id)[7]["zero_weights/00 conv.weight"] == 0


def test_a_record_is_one_call_and_a_large_one_as_few_as_can_be(sink_of, monkeypatch):
    sink = sink_of()
    weights = [WeightInfo(f"layer{place}", "conv", (1,), place) for place in range(1001)]
    sink.open(weights, ["rwc_l1"])
    sizes = []
    monkeypatch.setattr(sink._client, "log_batch", lambda run_id, metrics: sizes.append(len(metrics)))
    sink.write(Record(1, ("rwc_l1",), {"layer0": [1.0]}))
    sink.write(Record(2, ("rwc_l1",), {weight.layer: [1.0] for weight in weights}))
    sink.close()
    assert sizes == [1, 1000, 1]


def test_an_active_run_is_joined_and_left_open(store, sink_of):
    import mlflow

    mlflow.set_tracking_uri(store)
    try:
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 0.5, step=7)
            sink = sink_of(tracking_uri=None, experiment="unused")
            feed(sink)
            assert sink.run_id == run.info.run_id
            assert mlflow.active_run().info.run_id == run.info.run_id
            assert mlflow.get_run(run.info.run_id).info.status == "RUNNING"
            mlflow.log_metric("loss", 0.25, step=8)
        found = read_back(store, run.info.run_id)
    finally:
        mlflow.set_tracking_uri(None)
    assert found == {3: NAMED[3], 7: NAMED[7] | {"loss": 0.5}, 8: {"loss": 0.25}}


def test_without_a_word_it_is_the_file_in_the_current_folder(store, sink_of, tmp_path, monkeypatch):
    import shutil

    # A database that is there: to make a fresh one takes seconds.
    sink_of().open(WEIGHTS, [])
    shutil.copy(store.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    sink = sink_of(tracking_uri=None)
    feed(sink)
    assert read_back(f"sqlite:///{tmp_path}/mlflow.db", sink.run_id) == NAMED


def test_a_missing_mlflow_names_the_extra(sink_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"logging to MLflow needs.*pip install 'layerlore\[mlflow\]'"):
        sink_of()
