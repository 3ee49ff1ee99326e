import os

import pytest

import tidemill as mlflow
from tidemill.errors import InvalidParameter, InvalidState, NotFound
from tidemill.tracking import start


def test_a_second_run_must_be_nested(store: str) -> None:
    with mlflow.start_run() as outer:
        with pytest.raises(InvalidState) as caught:
            mlflow.start_run()
        assert str(caught.value) == (
            f"Run with UUID {outer.info.run_id} is already active. To start a new run, first end the current run with "
            "mlflow.end_run(). To start a nested run, call start_run with nested=True"
        )
        with mlflow.start_run(nested=True) as inner:
            assert mlflow.active_run() is inner
            with mlflow.start_run(nested=True) as innermost:
                pass
        assert mlflow.active_run() is outer
    parent = mlflow.get_parent_run(inner.info.run_id)
    assert parent is not None
    assert parent.info.run_id == outer.info.run_id
    assert mlflow.get_run(innermost.info.run_id).data.tags["mlflow.parentRunId"] == inner.info.run_id
    assert mlflow.get_parent_run(outer.info.run_id) is None


def test_a_parent_can_be_named(store: str) -> None:
    with mlflow.start_run() as parent:
        pass
    with mlflow.start_run(parent_run_id=parent.info.run_id, nested=True) as child:
        assert mlflow.active_run() is child
        with pytest.raises(InvalidState, match="does not match the specified parent_run_id"):
            mlflow.start_run(nested=True, parent_run_id=parent.info.run_id)
    assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    mlflow.delete_run(parent.info.run_id)
    with pytest.raises(InvalidState, match="deleted state"):
        mlflow.start_run(parent_run_id=parent.info.run_id)
    with pytest.raises(NotFound):
        mlflow.start_run(parent_run_id="0" * 32)


def test_a_nested_run_lies_in_its_parents_experiment(store: str, experiment_id: str) -> None:
    other = mlflow.create_experiment(f"{mlflow.get_experiment(experiment_id).name}-other")
    start._chosen = None
    with mlflow.start_run(experiment_id=other), mlflow.start_run(nested=True) as inner:
        assert inner.info.experiment_id == other


def test_a_run_is_resumed(store: str) -> None:
    with mlflow.start_run(run_name="one") as run:
        mlflow.log_param("a", 1)
    run_id = run.info.run_id
    with mlflow.start_run(run_id=run_id, tags={"again": "yes"}, run_name="two") as again:
        assert again.info.run_id == run_id
        assert again.data.params == {"a": "1"}
        assert mlflow.get_run(run_id).info.status == "RUNNING"
    found = mlflow.get_run(run_id)
    assert (found.info.status, found.info.run_name, found.data.tags["again"]) == ("FINISHED", "two", "yes")
    mlflow.set_experiment(f"{mlflow.get_experiment(found.info.experiment_id).name}-other")
    with pytest.raises(InvalidState, match="lies in experiment"):
        mlflow.start_run(run_id=run_id)
    mlflow.delete_run(run_id)
    with pytest.raises(InvalidState, match="deleted state"):
        mlflow.start_run(run_id=run_id)
    assert mlflow.active_run() is None


def test_the_environment_names_a_run_to_resume_once(store: str) -> None:
    with mlflow.start_run() as run:
        pass
    os.environ["MLFLOW_RUN_ID"] = run.info.run_id
    with mlflow.start_run() as again:
        assert again.info.run_id == run.info.run_id
    with mlflow.start_run() as other:
        assert other.info.run_id != run.info.run_id
    assert "MLFLOW_RUN_ID" not in os.environ


def test_the_environment_names_the_experiment(store: str, experiment_id: str) -> None:
    name = mlflow.get_experiment(experiment_id).name
    start._chosen = None
    os.environ["MLFLOW_EXPERIMENT_ID"] = experiment_id
    with mlflow.start_run() as run:
        assert run.info.experiment_id == experiment_id
    os.environ["MLFLOW_EXPERIMENT_NAME"] = f"{name}-by-name"
    with pytest.raises(InvalidParameter, match="set only one"):
        mlflow.start_run()
    del os.environ["MLFLOW_EXPERIMENT_ID"]
    with mlflow.start_run() as run:
        assert mlflow.get_experiment(run.info.experiment_id).name == f"{name}-by-name"


def test_without_an_experiment_runs_lie_in_the_default_one(store: str) -> None:
    start._chosen = None
    del os.environ["MLFLOW_EXPERIMENT_ID"]
    with mlflow.start_run() as run:
        assert run.info.experiment_id == "0"


def test_an_experiment_chosen_before_the_address_is_meant_at_the_address(server: str) -> None:
    mlflow.set_experiment("chosen-early")
    mlflow.set_tracking_uri(server)
    with mlflow.start_run() as run:
        pass
    assert mlflow.get_experiment(run.info.experiment_id).name == "chosen-early"


def test_an_active_run_stays_where_it_was_started(server: str) -> None:
    with mlflow.start_run() as run:
        here = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(server)
        mlflow.log_metric("m", 1)
        mlflow.log_text("x", "x.txt")
    assert mlflow.Client(here).get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_wrong_arguments_are_refused_and_start_nothing(store: str) -> None:
    with pytest.raises(InvalidParameter, match="'tags' must be a dict"):
        mlflow.start_run(tags=["a"])  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="given twice"):
        mlflow.start_run(tags={"mlflow.note.content": "a"}, description="b")
    with pytest.raises(NotFound):
        mlflow.start_run(run_id="0" * 32)
    with pytest.raises(InvalidParameter, match="no run status"):
        mlflow.Client().set_terminated("0" * 32, "DONE")
    assert mlflow.active_run() is None
    with mlflow.start_run(log_system_metrics=False):
        pass


def test_what_surrounds_a_run_is_noted(store: str) -> None:
    with mlflow.start_run(tags={"mlflow.user": "ada"}) as run:
        pass
    found = mlflow.get_run(run.info.run_id)
    assert found.info.user_id == "ada"
    assert found.data.tags["mlflow.source.type"] == "LOCAL"
    assert found.data.tags["tidemill.python"].startswith("3.")
    assert len(found.data.tags["tidemill.packages"]) == 16


def test_installed_packages_are_kept_with_outer_runs(store: str) -> None:
    with mlflow.start_run() as outer, mlflow.start_run(nested=True) as inner:
        pass
    listed = mlflow.artifacts.load_text(f"runs:/{outer.info.run_id}/environment/packages.txt")
    assert any(line.startswith("msgspec==") for line in listed.splitlines())
    assert mlflow.Client().list_artifacts(inner.info.run_id) == []


def test_capture_can_be_switched_off(store: str) -> None:
    os.environ["TIDEMILL_CAPTURE"] = "0"
    with mlflow.start_run() as run:
        pass
    assert not [tag for tag in run.data.tags if tag.startswith(("tidemill.", "mlflow.source.git"))]
    assert mlflow.Client().list_artifacts(run.info.run_id) == []
