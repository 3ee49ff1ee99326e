"""What is known of a version through the logged model and the run that it came from."""

from dataclasses import dataclass

from tidemill.api import codec
from tidemill.api import runs as run_operations
from tidemill.errors import NotFound
from tidemill.store import logged_models, model_files, runs
from tidemill.store.model_files import ModelFiles
from tidemill.store.registry_limits import check_model_name, version_number
from tidemill.store.transaction import Tx
from tidemill.store.version_rows import no_version, read_version
from tidemill.types.logged_models import GetLoggedModel, LoggedModel
from tidemill.types.metrics import Metric
from tidemill.types.model_versions import ModelVersion
from tidemill.types.runs import GetRun, Run


@dataclass(frozen=True, slots=True)
class Facts:
    """A version, where its files are, and what it came from, as far as that is still there."""

    version: ModelVersion
    location: str
    model: LoggedModel | None
    run: Run | None

    @property
    def params(self) -> dict[str, str]:
        """The logged model's params, else the run's."""
        data = self.model.data if self.model is not None and self.model.data.params else self.run and self.run.data
        return {param.key: param.value for param in data.params} if data else {}

    @property
    def metrics(self) -> dict[str, float]:
        """The latest value of each metric: the logged model's own go before the run's."""
        found = {metric.key: metric.value for metric in self.run.data.metrics} if self.run else {}
        return {**found, **_latest(self.model.data.metrics if self.model else [])}

    def metric(self, key: str, dataset: str = "") -> float | None:
        """The latest value of one metric; of a data set: only of the logged model, which alone knows data sets."""
        if not dataset:
            return self.metrics.get(key)
        points = self.model.data.metrics if self.model else []
        return _latest([point for point in points if point.dataset_name == dataset]).get(key)

    @property
    def tags(self) -> dict[str, str]:
        """The run's tags."""
        return {tag.key: tag.value for tag in self.run.data.tags} if self.run else {}

    def files(self, tx: Tx, *, sizes: bool = False) -> ModelFiles:
        """What the model's own files say."""
        return model_files.read(tx, self.location, sizes=sizes)


def _latest(points: list[Metric]) -> dict[str, float]:
    newest: dict[str, Metric] = {}
    for point in points:
        other = newest.get(point.key)
        if other is None or (point.timestamp, point.step) >= (other.timestamp, other.step):
            newest[point.key] = point
    return {key: point.value for key, point in newest.items()}


def gather(tx: Tx, name: str, version: str) -> Facts:
    """Everything about one version. Raises NotFound."""
    check_model_name(name)
    number = version_number(version)
    row = tx.row("SELECT location, run_id, model_id FROM model_versions WHERE name = ? AND version = ?", (name, number))
    if row is None:
        raise no_version(name, version)
    location, run_id, model_id = row
    return Facts(read_version(tx, name, number), location, _model(tx, model_id), _run(tx, run_id))


def _model(tx: Tx, model_id: str) -> LoggedModel | None:
    try:
        return logged_models.get(tx, GetLoggedModel(model_id, allow_deleted=True)).model if model_id else None
    except NotFound:
        return None


def _run(tx: Tx, run_id: str) -> Run | None:
    try:
        answer = runs.get(tx, GetRun(run_id)) if run_id else None
    except NotFound:
        return None
    return None if answer is None else codec.decode_answer(run_operations.get, answer.body).run
