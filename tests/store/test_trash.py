"""Emptying the trash: what was deleted goes, with all that belongs to it, and nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.api import experiments, inputs, logged_models, registered_models, runs, trash
from tidemill.errors import InvalidParameter, NotFound
from tidemill.store.backend import SqlBackend
from tidemill.store.check import check
from tidemill.testing.databases import embedded
from tidemill.testing.factories import (
    get_experiment,
    get_model,
    get_run,
    new_experiment,
    new_model,
    new_registered_model,
    new_run,
    new_version,
)
from tidemill.types.experiments import DeleteExperiment, GetExperimentByName
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs
from tidemill.types.logged_models import DeleteLoggedModel
from tidemill.types.registered_models import DeleteRegisteredModel
from tidemill.types.runs import DeleteRun, RestoreRun
from tidemill.types.trash import EmptyTrash


@pytest.fixture
def store(database_address: str, tmp_path: Path) -> Iterator[SqlBackend]:
    with embedded(database_address, tmp_path) as backend:
        backend.call(trash.empty, EmptyTrash(limit=1000))
        yield backend


def empty(store: SqlBackend, **more: int) -> list[tuple[str, str]]:
    return [(item.kind, item.id) for item in store.call(trash.empty, EmptyTrash(**more)).items]


def write(store: SqlBackend, tmp_path: Path, uri: str) -> Path:
    """A file below an artifact address."""
    file = tmp_path / uri.removeprefix("mlflow-artifacts:/") / "file.txt"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    return file


def delete_experiment(store: SqlBackend, experiment: str) -> None:
    store.call(experiments.delete, DeleteExperiment(experiment))


def rows(store: SqlBackend) -> dict[str, int]:
    """How many rows the tables of a run have."""
    tables = ("runs", "params", "tags", "metric_latest", "metric_log", "metric_blocks", "run_datasets", "run_models")
    with store.database.read(store.site) as tx:
        return {table: tx.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_a_run(store: SqlBackend, tmp_path: Path) -> None:
    experiment = new_experiment(store)
    before = rows(store)
    gone = new_run(store, experiment, tags={"t": "1"}, params={"p": "1"}, values={"m": 1.0})
    store.call(inputs.log, LogInputs(gone, [DatasetInput(dataset=Dataset("d", "1", "local", "s"))]))
    file = write(store, tmp_path, get_run(store, gone).info.artifact_uri)
    store.call(runs.delete, DeleteRun(gone))
    assert empty(store) == [("run", gone)]
    with pytest.raises(NotFound):
        get_run(store, gone)
    assert rows(store) == before
    assert not file.exists()
    assert empty(store) == []
    assert get_experiment(store, experiment).lifecycle_stage == "active"


def test_what_is_not_deleted_stays(store: SqlBackend, tmp_path: Path) -> None:
    experiment = new_experiment(store)
    run, model = new_run(store, experiment, values={"m": 1.0}), new_model(store, experiment)
    files = [
        write(store, tmp_path, get_run(store, run).info.artifact_uri),
        write(store, tmp_path, get_model(store, model).info.artifact_uri),
    ]
    before = get_run(store, run), get_model(store, model)
    store.call(runs.delete, DeleteRun(new_run(store, experiment)))
    assert len(empty(store)) == 1
    assert (get_run(store, run), get_model(store, model)) == before
    assert all(file.exists() for file in files)


def test_a_whole_experiment(store: SqlBackend, tmp_path: Path) -> None:
    experiment = new_experiment(store)
    name = get_experiment(store, experiment).name
    made = [new_run(store, experiment) for _ in range(3)]
    models = [new_model(store, experiment, params={"p": "1"}) for _ in range(2)]
    files = [write(store, tmp_path, get_run(store, run).info.artifact_uri) for run in made]
    delete_experiment(store, experiment)
    wanted = [*(("run", run) for run in made), *(("logged_model", one) for one in models), ("experiment", experiment)]
    dry = store.call(trash.empty, EmptyTrash(dry_run=True))
    assert [(item.kind, item.id) for item in dry.items] == wanted
    assert dry.remaining == 6
    assert all(file.exists() for file in files)
    # A few at a time.
    removed = []
    for remaining in (4, 2, 0):
        answer = store.call(trash.empty, EmptyTrash(limit=2))
        removed += [(item.kind, item.id) for item in answer.items]
        assert answer.remaining == remaining
    assert removed == wanted
    assert not any(file.exists() for file in files)
    with pytest.raises(NotFound):
        store.call(experiments.get_by_name, GetExperimentByName(name))
    assert int(new_experiment(store, name)) > int(experiment)


def test_an_experiment_with_a_run_that_came_back(store: SqlBackend, tmp_path: Path) -> None:
    experiment = new_experiment(store)
    back, gone, model = new_run(store, experiment), new_run(store, experiment), new_model(store, experiment)
    file = write(store, tmp_path, get_run(store, back).info.artifact_uri)
    delete_experiment(store, experiment)
    store.call(runs.restore, RestoreRun(back))
    assert empty(store) == [("run", gone)]
    assert get_model(store, model).info.status
    assert file.exists()
    assert get_run(store, back).info.lifecycle_stage == "active"
    assert get_experiment(store, experiment).lifecycle_stage == "deleted"
    store.call(runs.delete, DeleteRun(back))
    assert empty(store) == [("run", back), ("logged_model", model), ("experiment", experiment)]


def test_by_age(store: SqlBackend, tmp_path: Path) -> None:
    experiment, young = new_experiment(store), new_experiment(store)
    late = new_run(store, experiment)
    files = [write(store, tmp_path, get_run(store, late).info.artifact_uri)]
    delete_experiment(store, experiment)
    store.call(runs.restore, RestoreRun(late))
    time.sleep(0.6)
    store.call(runs.delete, DeleteRun(late))
    delete_experiment(store, young)
    assert empty(store, older_than_ms=3_600_000) == []
    # The experiment is old enough, but a run of it is not.
    assert empty(store, older_than_ms=400) == []
    assert all(file.exists() for file in files)
    assert set(empty(store)) == {("run", late), ("experiment", experiment), ("experiment", young)}


def test_a_model(store: SqlBackend, tmp_path: Path) -> None:
    experiment = new_experiment(store)
    gone, kept = new_model(store, experiment), new_model(store, experiment)
    store.call(logged_models.delete, DeleteLoggedModel(gone))
    assert empty(store) == [("logged_model", gone)]
    assert get_model(store, kept).info.model_id == kept


def test_what_a_version_was_made_from_stays(store: SqlBackend, tmp_path: Path) -> None:
    experiment = new_experiment(store)
    run, other = new_run(store, experiment), new_run(store, experiment)
    model = new_model(store, experiment)
    name = new_registered_model(store)
    new_version(store, name, f"runs:/{run}/model", run_id=run)
    new_version(store, name, f"models:/{model}")
    files = [
        write(store, tmp_path, uri)
        for uri in (get_run(store, run).info.artifact_uri, get_model(store, model).info.artifact_uri)
    ]
    store.call(logged_models.delete, DeleteLoggedModel(model))
    delete_experiment(store, experiment)
    assert empty(store) == [("run", other)]
    assert all(file.exists() for file in files)
    assert empty(store) == []
    store.call(registered_models.delete, DeleteRegisteredModel(name))
    assert empty(store) == [("run", run), ("logged_model", model), ("experiment", experiment)]
    assert not any(file.exists() for file in files)


def test_places_of_others_are_left_alone(store: SqlBackend, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "precious").write_text("x")
    experiment = new_experiment(store, artifact_location=str(place))
    run = new_run(store, experiment)
    delete_experiment(store, experiment)
    assert empty(store) == [("run", run), ("experiment", experiment)]
    assert (place / "precious").exists()


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_limits(store: SqlBackend, limit: int) -> None:
    with pytest.raises(InvalidParameter, match=rf"^Invalid value {limit} for parameter 'limit' supplied\."):
        empty(store, limit=limit)
    with pytest.raises(InvalidParameter, match=r"^Invalid value -1 for parameter 'older_than_ms' supplied:"):
        empty(store, older_than_ms=-1)


def test_nothing_is_orphaned(store: SqlBackend) -> None:
    for _ in range(3):
        experiment = new_experiment(store)
        for _ in range(3):
            new_run(store, experiment, tags={"t": "1"}, values={"m": 1.0})
        delete_experiment(store, experiment)
    empty(store, limit=4)
    assert [finding.text for finding in check(store.database, store.site) if not finding.good] == []
