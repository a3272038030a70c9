"""Records as MLflow metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence

from layerlore.dynamics import Record, WeightInfo
from layerlore.errors import missing_extra
from layerlore.integrations.scalars import Scalars

LOCAL = "sqlite:///mlflow.db"
BATCH = 1000
"""Metrics that MLflow takes in one call."""


class MLflowSink:
    """Logs records to an MLflow run, all metrics of a record in one call.

    Where a run is active (``mlflow.start_run()``) when the first record comes, records go there, it is left open, and
    the other arguments are not used. Otherwise a run is made, and ended when the tracker finishes. Nothing in MLflow's
    own state is changed. Values that are not finite are left out (`Scalars`).

    Args:
        experiment: name of the experiment; made where it does not exist.
        tracking_uri: of the store; None takes what MLflow was told (``mlflow.set_tracking_uri``,
            ``MLFLOW_TRACKING_URI``), otherwise the SQLite file ``mlflow.db`` in the current folder.
        run_name: of the run; None lets MLflow choose.
        counts: log `COUNTS` too.

    Raises:
        MissingExtraError: mlflow is not installed.
    """

    def __init__(
        self,
        experiment: str = "layerlore",
        tracking_uri: str | None = None,
        *,
        run_name: str | None = None,
        counts: bool = False,
    ) -> None:
        try:
            import mlflow  # noqa: F401 (slow: at the start rather than within training)
        except ImportError as error:
            raise missing_extra("mlflow", "mlflow", "logging to MLflow") from error
        self._experiment = experiment
        self._uri = tracking_uri
        self._run_name = run_name
        self._counts = counts
        self.run_id = ""

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:  # noqa: ARG002 (a `Sink`)
        """Join the active run or make one."""
        import mlflow
        from mlflow.tracking import MlflowClient

        self._scalars = Scalars(weights, counts=self._counts)
        active = mlflow.active_run()
        self._owns = active is None
        if active is not None:
            self._client = MlflowClient()
            self.run_id = active.info.run_id
            return
        told = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else LOCAL
        self._client = MlflowClient(tracking_uri=self._uri or told)
        experiment = self._client.get_experiment_by_name(self._experiment)
        number = self._client.create_experiment(self._experiment) if experiment is None else experiment.experiment_id
        self.run_id = self._client.create_run(number, run_name=self._run_name).info.run_id

    def write(self, record: Record) -> None:
        """Log the metrics of one record."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, record.step) for name, value in self._scalars.of(record).items()]
        for start in range(0, len(metrics), BATCH):
            self._client.log_batch(self.run_id, metrics=metrics[start : start + BATCH])

    def close(self) -> None:
        """End the run, if this sink made it."""
        if self._owns:
            self._client.set_terminated(self.run_id)
