"""What the browser tests look at: small experiments made to be told apart, and one of 10,000 runs."""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidemill.api import approvals, experiments, model_versions, registered_models, runs
from tidemill.api.columns import empty, pack
from tidemill.api.operation import Backend
from tidemill.artifacts.roots import Roots
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database
from tidemill.types.approvals import SetPolicy
from tidemill.types.experiments import CreateExperiment
from tidemill.types.metrics import MetricPoint
from tidemill.types.model_versions import CreateModelVersion
from tidemill.types.page import Tag
from tidemill.types.registered_models import CreateRegisteredModel, SetAlias
from tidemill.types.runs import CreateRun, IngestPoints, LogBatch, Param, RunStatus, UpdateRun

BEGAN = 1_760_000_000_000


@contextmanager
def opened(store: Path, artifacts: Path) -> Iterator[Backend]:
    """The store, in this process."""
    database = open_database(str(store))
    backend = SqlBackend(database, artifact_root="mlflow-artifacts:/", files=Roots(str(artifacts), allowed=[]))
    try:
        yield backend
    finally:
        backend.close()


def experiment(backend: Backend, name: str, **tags: str) -> str:
    """A new experiment's id."""
    made = CreateExperiment(name=name, tags=[Tag(key.replace("_", "."), value) for key, value in tags.items()])
    return backend.call(experiments.create, made).experiment_id


def run(backend: Backend, parent: str, name: str, number: int, *, tags: dict[str, str] | None = None) -> str:
    """A new run's id."""
    asked = CreateRun(
        experiment_id=parent,
        run_name=name,
        start_time=BEGAN + 60_000 * number,
        user_id="ada",
        tags=[Tag(key, value) for key, value in (tags or {}).items()],
    )
    return backend.call(runs.create, asked).run.info.run_id


def log(backend: Backend, run_id: str, params: dict[str, object], metrics: dict[str, float]) -> None:
    """Params, and one point of each metric."""
    points = [MetricPoint(key, value, BEGAN, 0) for key, value in metrics.items()]
    texts = [Param(key, str(value)) for key, value in params.items()]
    backend.call(runs.log_batch, LogBatch(run_id=run_id, metrics=points, params=texts))


def curve(backend: Backend, run_id: str, key: str, values: list[float], every_ms: int = 250) -> None:
    """A series of values, one a step."""
    columns = empty()
    columns.keys.append(key)
    for step, value in enumerate(values):
        columns.indexes.append(0)
        columns.values.append(value)
        columns.timestamps.append(BEGAN + step * every_ms)
        columns.steps.append(step)
    backend.call(runs.ingest, IngestPoints(run_id, pack(columns)))


def finish(backend: Backend, run_id: str, number: int, status: RunStatus = RunStatus.FINISHED) -> None:
    """End a run a while after it began."""
    backend.call(runs.update, UpdateRun(run_id=run_id, status=status, end_time=BEGAN + 60_000 * number + 45_000))


def small(backend: Backend) -> None:
    """Twelve runs of three models, with curves; some nested; a note on the experiment."""
    one = experiment(backend, "wine quality", mlflow_note_content="Which wine is good?", team="vision")
    dice = random.Random(7)
    for number in range(12):
        model = ("tree", "net", "linear")[number % 3]
        made = run(backend, one, f"{model}-{number:02d}", number)
        rate = (0.1, 0.01, 0.001)[number // 3 % 3]
        loss = [math.exp(-step * rate) + 0.02 * dice.random() + 0.1 * (number % 3) for step in range(200)]
        curve(backend, made, "val/loss", loss)
        log(backend, made, {"model": model, "lr": rate, "depth": number}, {"accuracy": 0.5 + number / 30})
        finish(backend, made, number, RunStatus.FAILED if number == 5 else RunStatus.FINISHED)
    nested = experiment(backend, "nested search")
    parent = run(backend, nested, "search", 0)
    for number in range(3):
        child = run(backend, nested, f"trial-{number}", number + 1, tags={"mlflow.parentRunId": parent})
        log(backend, child, {"x": number}, {"score": float(number)})
    run(backend, nested, "alone", 9)


def registry(backend: Backend) -> None:
    """A model of two versions that runs made; its alias `champion` is protected."""
    one = experiment(backend, "what was registered")
    backend.call(
        registered_models.create, CreateRegisteredModel("scored", description="# Scored\n\nHow good a wine is.")
    )
    for number in (1, 2):
        made = run(backend, one, f"scored-{number}", number)
        log(backend, made, {"depth": number}, {"accuracy": 0.8 + number / 20})
        finish(backend, made, number)
        source = f"s3://models/scored/{number}"
        backend.call(model_versions.create, CreateModelVersion("scored", source, run_id=made))
    for alias in ("champion", "challenger"):
        backend.call(registered_models.set_alias, SetAlias("scored", alias, "1", "ada", "the first one"))
    backend.call(approvals.set_policy, SetPolicy("scored", "champion"))


def large(backend: Backend, count: int = 10_000, metrics: int = 20, params: int = 20) -> str:
    """Many runs of 40 columns; answers the experiment's id."""
    one = experiment(backend, f"{count} runs")
    dice = random.Random(1)
    for number in range(count):
        made = run(backend, one, f"run-{number:05d}", number)
        log(
            backend,
            made,
            {f"p{key:02d}": dice.choice("abcd") if key % 2 else round(dice.random(), 4) for key in range(params)},
            {f"m{key:02d}": dice.random() for key in range(metrics)},
        )
        finish(backend, made, number)
    return one


def long_curves(backend: Backend, count: int = 200, points: int = 10_000) -> str:
    """Runs of one long curve each; answers the experiment's id."""
    one = experiment(backend, f"{count} long curves")
    dice = random.Random(2)
    for number in range(count):
        made = run(backend, one, f"curve-{number:03d}", number)
        pace, end = dice.uniform(1e-4, 2e-3), dice.uniform(0, 0.5)
        noise = [dice.gauss(0, 0.01) for _ in range(97)]
        curve(backend, made, "loss", [math.exp(-step * pace) + end + noise[step % 97] for step in range(points)])
        finish(backend, made, number)
    return one


def fill(store: Path, artifacts: Path) -> None:
    """Everything that the journeys need."""
    with opened(store, artifacts) as backend:
        experiment(backend, "empty one")
        small(backend)
        registry(backend)
        large(backend)
