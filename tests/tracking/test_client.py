import inspect
from types import SimpleNamespace

import pytest

import tidemill
from tidemill import Client
from tidemill.entities import Dataset, DatasetInput, InputTag, LoggedModelStatus, Metric, Param, RunTag
from tidemill.errors import InvalidParameter, NotFound


def test_experiments_live_and_die(client: Client, experiment_id: str) -> None:
    name = client.get_experiment(experiment_id).name
    client.rename_experiment(experiment_id, f"{name}-renamed")
    client.set_experiment_tag(experiment_id, "a", 1)
    client.set_experiment_tag(experiment_id, "b", 2)
    client.delete_experiment_tag(experiment_id, "b")
    found = client.get_experiment(experiment_id)
    assert (found.name, found.tags) == (f"{name}-renamed", {"a": "1"})
    assert found.artifact_location == f"mlflow-artifacts:/{experiment_id}"
    assert found.creation_time <= found.last_update_time
    client.delete_experiment(experiment_id)
    assert client.get_experiment(int(experiment_id)).lifecycle_stage == "deleted"  # type: ignore[arg-type]
    client.restore_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "active"
    with pytest.raises(NotFound):
        client.delete_experiment_tag(experiment_id, "b")


def test_searches_come_in_pages_with_a_token(client: Client, experiment_id: str) -> None:
    made = [client.create_run(experiment_id, start_time=number).info.run_id for number in range(5)]
    page = client.search_runs([experiment_id], max_results=2)
    assert [run.info.run_id for run in page] == made[:2:-1]
    assert page.token
    rest = client.search_runs([experiment_id], max_results=9, page_token=page.token)
    assert [run.info.run_id for run in rest] == made[2::-1]
    assert rest.token is None
    assert [run.info.run_id for run in client.search_runs(experiment_id)] == made[::-1]
    name = client.get_experiment(experiment_id).name
    for number in range(3):
        client.create_experiment(f"{name}-{number}")
    few = client.search_experiments(max_results=2, filter_string=f"name LIKE '{name}%'", order_by=["name DESC"])
    assert [one.name for one in few] == [f"{name}-2", f"{name}-1"]
    assert few.token


def test_a_search_can_leave_out_what_is_not_needed(client: Client, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_batch(run_id, [Metric("m", 1.0, 1), Metric("n", 1.0, 1)], [Param("p", "1")])
    (run,) = client.search_runs([experiment_id], select=["metrics.m"])
    assert run.data.metrics == {"m": 1.0}
    assert run.data.params == {}


def test_runs_live_and_die(direct: None, client: Client, experiment_id: str) -> None:
    run = client.create_run(experiment_id, start_time=17, tags={"mlflow.user": "ada", "a": 1}, run_name="first")
    run_id = run.info.run_id
    assert (run.info.start_time, run.info.user_id, run.info.run_name) == (17, "ada", "first")
    assert (run.info.status, run.data.tags["a"]) == ("RUNNING", "1")
    client.update_run(run_id, "SCHEDULED", "second")
    assert client.get_run(run_id).info.status == "SCHEDULED"
    client.set_terminated(run_id, end_time=99)
    found = client.get_run(run_id).info
    assert (found.status, found.end_time, found.run_name) == ("FINISHED", 99, "second")
    client.set_terminated(run_id, "failed")
    assert client.get_run(run_id).info.status == "FAILED"
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(InvalidParameter, match="must be in the 'active' state"):
        client.log_metric(run_id, "m", 1)
    client.restore_run(run_id)
    client.set_tag(run_id, "b", 2)
    client.delete_tag(run_id, "a")
    assert {"b": "2", "mlflow.runName": "second"}.items() <= client.get_run(run_id).data.tags.items()
    with pytest.raises(NotFound, match="No tag with name: a"):
        client.delete_tag(run_id, "a")
    with pytest.raises(NotFound):
        client.get_run("0" * 32)
    with pytest.raises(InvalidParameter, match="no run status"):
        client.update_run(run_id, "DONE")


def test_batches_take_mlflows_entities_or_anything_like_them(direct: None, client: Client, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    like = SimpleNamespace(key="b", value="0.5", timestamp=2, step=3)
    client.log_batch(run_id, [Metric("a", 1.5, 1, 2), like], [Param("p", 5)], [RunTag("t", 6)])  # type: ignore[arg-type]
    data = client.get_run(run_id).data
    assert (data.metrics, data.params, data.tags["t"]) == ({"a": 1.5, "b": 0.5}, {"p": "5"}, "6")
    points = [Metric("many", float(step), step, step) for step in range(2500)]
    client.log_batch(run_id, points)
    history = client.get_metric_history(run_id, "many")
    assert [(point.key, point.value, point.step) for point in history] == [(p.key, p.value, p.step) for p in points]
    with pytest.raises(NotFound):
        client.log_batch("0" * 32)
    with pytest.raises(InvalidParameter, match="Please specify value as a valid double"):
        client.log_batch(run_id, [Metric("a", "x", 1)])  # type: ignore[arg-type]


def test_a_history_longer_than_a_page_is_whole(client: Client, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_batch(run_id, [Metric("m", 1.0, step, step) for step in range(26_000)])
    assert [point.step for point in client.get_metric_history(run_id, "m")] == list(range(26_000))
    assert client.get_metric_history(run_id, "unknown") == []


def test_inputs_are_linked(client: Client, experiment_id: str) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    dataset = Dataset("train", "abc", "local", '{"uri": "x"}')
    client.log_inputs(run_id, [DatasetInput(tags=[InputTag("mlflow.data.context", "training")], dataset=dataset)])
    (link,) = client.get_run(run_id).inputs.dataset_inputs
    assert (link.dataset, link.tags[0].value) == (dataset, "training")


def test_logged_models_live_and_die(client: Client, experiment_id: str) -> None:
    params = {f"p{number}": number for number in range(150)}
    model = client.create_logged_model(experiment_id, "net", params=params, tags={"a": 1})
    assert (model.status, len(model.params), model.tags) == ("LOGGED_MODEL_PENDING", 150, {"a": "1"})
    model_id = model.model_id
    client.log_model_params(model_id, {"extra": 1})
    client.set_logged_model_tags(model_id, {"b": 2})
    client.delete_logged_model_tag(model_id, "a")
    failed = client.finalize_logged_model(model_id, "FAILED")
    assert failed.status is LoggedModelStatus.LOGGED_MODEL_UPLOAD_FAILED
    done = client.finalize_logged_model(model_id, LoggedModelStatus.LOGGED_MODEL_READY)
    assert (done.status, done.tags, done.params["extra"]) == ("LOGGED_MODEL_READY", {"b": "2"}, "1")
    other = client.create_logged_model(experiment_id)
    run_id = client.create_run(experiment_id).info.run_id
    client.log_metric(run_id, "acc", 0.5, model_id=model_id, dataset_name="d", dataset_digest="x")
    found = client.search_logged_models(
        [experiment_id],
        order_by=[{"field_name": "metrics.acc", "ascending": False, "dataset_name": "d"}],
        max_results=1,
    )
    assert [one.model_id for one in found] == [model_id]
    assert found.token
    rest = client.search_logged_models(
        [experiment_id],
        order_by=[{"field_name": "metrics.acc", "ascending": False, "dataset_name": "d"}],
        page_token=found.token,
    )
    assert [one.model_id for one in rest] == [other.model_id]
    client.delete_logged_model(model_id)
    with pytest.raises(NotFound):
        client.get_logged_model(model_id)
    with pytest.raises(InvalidParameter, match="READY or FAILED"):
        client.finalize_logged_model(other.model_id, "DONE")
    with pytest.raises(InvalidParameter, match="order_by"):
        client.search_logged_models([experiment_id], order_by=["metrics.acc"])  # type: ignore[list-item]


def test_a_client_has_its_own_address(store: str) -> None:
    assert Client(store).tracking_uri == store
    tidemill.set_tracking_uri("another")
    assert Client(store).tracking_uri == store
    assert Client().tracking_uri == tidemill.get_tracking_uri()
    assert tidemill.MlflowClient is tidemill.tracking.MlflowClient is Client
    assert "secret" not in repr(Client("http://user:secret@127.0.0.1:1"))


MLFLOW = """
create_experiment(name, artifact_location, tags)
create_logged_model(experiment_id, name, source_run_id, tags, params, model_type)
create_run(experiment_id, start_time, tags, run_name)
delete_experiment(experiment_id)
delete_experiment_tag(experiment_id, key)
delete_logged_model(model_id)
delete_logged_model_tag(model_id, key)
delete_run(run_id)
delete_tag(run_id, key)
download_artifacts(run_id, path, dst_path)
finalize_logged_model(model_id, status)
get_experiment(experiment_id)
get_experiment_by_name(name)
get_logged_model(model_id)
get_metric_history(run_id, key)
get_parent_run(run_id)
get_run(run_id)
list_artifacts(run_id, path)
list_logged_model_artifacts(model_id, path)
load_table(experiment_id, artifact_file, run_ids, extra_columns)
log_artifact(run_id, local_path, artifact_path)
log_artifacts(run_id, local_dir, artifact_path)
log_batch(run_id, metrics, params, tags, synchronous)
log_dict(run_id, dictionary, artifact_file)
log_figure(run_id, figure, artifact_file, save_kwargs)
log_image(run_id, image, artifact_file, key, step, timestamp, synchronous)
log_inputs(run_id, datasets, models)
log_metric(run_id, key, value, timestamp, step, synchronous, dataset_name, dataset_digest, model_id)
log_model_artifact(model_id, local_path)
log_model_artifacts(model_id, local_dir)
log_model_params(model_id, params)
log_outputs(run_id, models)
log_param(run_id, key, value, synchronous)
log_table(run_id, data, artifact_file)
log_text(run_id, text, artifact_file)
rename_experiment(experiment_id, new_name)
restore_experiment(experiment_id)
restore_run(run_id)
search_experiments(view_type, max_results, filter_string, order_by, page_token)
search_logged_models(experiment_ids, filter_string, datasets, max_results, order_by, page_token)
search_runs(experiment_ids, filter_string, run_view_type, max_results, order_by, page_token)
set_experiment_tag(experiment_id, key, value)
set_logged_model_tags(model_id, tags)
set_tag(run_id, key, value, synchronous)
set_terminated(run_id, status, end_time)
update_run(run_id, status, name)
"""


@pytest.mark.parametrize("line", MLFLOW.strip().splitlines())
def test_methods_take_mlflows_arguments_in_its_order(line: str) -> None:
    name, _, wanted = line.rstrip(")").partition("(")
    parameters = list(inspect.signature(getattr(Client, name)).parameters)[1:]
    assert parameters[: len(wanted.split(", "))] == wanted.split(", ")
