"""MlflowClient, function by function: what tracking has, and how it fails."""

import math
import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException

V3 = int(mlflow.__version__.split(".")[0]) >= 3
client = MlflowClient()
mark = f"client {mlflow.__version__}"


def refused(code, function, *args, **named):
    found = None
    try:
        function(*args, **named)
    except MlflowException as error:
        found = error
    assert found is not None, f"{function.__name__}{args} was not refused"
    assert found.error_code == code, f"{found.error_code}: {found}"
    return str(found)


# Experiments.
one = client.create_experiment(f"{mark}/one", tags={"team": "core"})
two = client.create_experiment(f"{mark}/two", artifact_location="s3://bucket/somewhere")
assert client.get_experiment(one).artifact_location.endswith(f"/{one}")
assert client.get_experiment(two).artifact_location == "s3://bucket/somewhere"
assert client.get_experiment(one).tags == {"team": "core"}
refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, f"{mark}/one")
refused("RESOURCE_DOES_NOT_EXIST", client.get_experiment, "987654321")
refused("INVALID_PARAMETER_VALUE", client.get_experiment, "abc")
client.rename_experiment(one, f"{mark}/renamed")
assert client.get_experiment_by_name(f"{mark}/renamed").experiment_id == one
client.set_experiment_tag(one, "note", "x" * 5000)
assert len(client.get_experiment(one).tags["note"]) == 5000
for number in range(5):
    client.create_experiment(f"{mark}/many {number}", tags={"many": str(number)})
like = f"name LIKE '{mark}/many%'"
page = client.search_experiments(filter_string=like, max_results=2, order_by=["name ASC"])
seen = [e.name for e in page]
while page.token:
    page = client.search_experiments(filter_string=like, max_results=2, order_by=["name ASC"], page_token=page.token)
    seen += [e.name for e in page]
assert seen == [f"{mark}/many {number}" for number in range(5)]
assert [e.name for e in client.search_experiments(filter_string=f"tags.many = '3' AND {like}")] == [f"{mark}/many 3"]
client.delete_experiment(two)
assert two not in {e.experiment_id for e in client.search_experiments()}
assert two in {e.experiment_id for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)}
assert two in {e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)}
refused("INVALID_PARAMETER_VALUE", client.create_run, two)
client.restore_experiment(two)

# Runs.
now = int(time.time() * 1000)
run = client.create_run(one, start_time=now, tags={"a": "1"}, run_name="by client")
run_id = run.info.run_id
assert (run.info.run_name, run.info.status, run.info.start_time) == ("by client", "RUNNING", now)
assert run.info.artifact_uri.endswith(f"/{one}/{run_id}/artifacts")
client.log_param(run_id, "p", 1)
client.log_param(run_id, "p", 1)
refused("INVALID_PARAMETER_VALUE", client.log_param, run_id, "p", 2)
client.log_metric(run_id, "m", 0.5, timestamp=now, step=1)
for value in (math.nan, math.inf, -math.inf):
    client.log_metric(run_id, f"special {value}", value)
client.set_tag(run_id, "a", "2")
client.set_tag(run_id, "gone", "x")
client.delete_tag(run_id, "gone")
refused("RESOURCE_DOES_NOT_EXIST", client.delete_tag, run_id, "gone")
metrics = [Metric("many", step / 7, now + step, step) for step in range(2500)]
params = [Param(f"param {n}", str(n)) for n in range(250)]
tags = [RunTag(f"tag {n}", str(n)) for n in range(130)]
client.log_batch(run_id, metrics[:1000])
client.log_batch(run_id, metrics[1000:2000])
client.log_batch(run_id, metrics[2000:])
for start in range(0, 250, 100):
    client.log_batch(run_id, params=params[start : start + 100])
for start in range(0, 130, 100):
    client.log_batch(run_id, tags=tags[start : start + 100])
refused("INVALID_PARAMETER_VALUE", client.log_batch, run_id, params=[Param("p", "other")])
refused("INVALID_PARAMETER_VALUE", client.log_metric, run_id, "bad?name", 1)
got = client.get_run(run_id)
assert len(got.data.params) == 251
assert got.data.metrics["many"] == 2499 / 7
assert math.isnan(got.data.metrics["special nan"])
assert got.data.metrics["special inf"] > 1e308
assert got.data.metrics["special -inf"] < -1e308
assert got.data.tags["tag 129"] == "129"
history = client.get_metric_history(run_id, "many")
assert [(m.value, m.timestamp, m.step) for m in history] == [(m.value, m.timestamp, m.step) for m in metrics]
assert client.get_metric_history(run_id, "unknown") == []
assert math.isnan(client.get_metric_history(run_id, "special nan")[0].value)
client.update_run(run_id, status="SCHEDULED", name="renamed")
assert client.get_run(run_id).info.run_name == "renamed"
assert client.get_run(run_id).data.tags["mlflow.runName"] == "renamed"
client.set_terminated(run_id, status="KILLED", end_time=now + 5)
ended = client.get_run(run_id).info
assert (ended.status, ended.end_time) == (RunStatus.to_string(RunStatus.KILLED), now + 5)
refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)
client.delete_run(run_id)
refused("INVALID_PARAMETER_VALUE", client.log_metric, run_id, "m", 1)
client.restore_run(run_id)

# Search in pages, while runs keep coming. (By MLflow's own server, whose pages are offsets, one run comes twice.)
made = [client.create_run(two, start_time=n + 1, run_name=f"run {n}").info.run_id for n in range(25)]
page = client.search_runs([two], max_results=10, order_by=["attributes.start_time ASC"])
seen = [r.info.run_id for r in page]
client.create_run(two, start_time=1, run_name="late")
while page.token:
    page = client.search_runs([two], max_results=10, order_by=["attributes.start_time ASC"], page_token=page.token)
    seen += [r.info.run_id for r in page]
assert [r for r in seen if r in set(made)] == made
assert len(client.search_runs([one, two], filter_string="run_name LIKE 'run 2%'")) == 6
assert client.search_runs([two], filter_string=f"run_id IN ('{made[0]}', '{made[3]}')").token is None
assert len(client.search_runs([two], run_view_type=ViewType.DELETED_ONLY)) == 0
refused("INVALID_PARAMETER_VALUE", client.search_runs, [two], filter_string="metrics.x = 'text'")
refused("INVALID_PARAMETER_VALUE", client.search_runs, [two], max_results=50001)

# Data sets, as entities.
source = DatasetInput(
    Dataset("census", "d1", "local", '{"uri": "x"}', schema="{}", profile='{"rows": 3}'),
    [InputTag("mlflow.data.context", "training")],
)
client.log_inputs(run_id, [source])
client.log_inputs(run_id, [source])
(linked,) = client.get_run(run_id).inputs.dataset_inputs
assert (linked.dataset.name, linked.dataset.profile, linked.tags[0].value) == ("census", '{"rows": 3}', "training")
assert [r.info.run_id for r in client.search_runs([one], filter_string="datasets.name = 'census'")] == [run_id]
assert len(client.search_runs([one], filter_string="dataset.context = 'testing'")) == 0

if V3:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    model = client.create_logged_model(one, name="made", source_run_id=run_id)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=4)])
    client.log_inputs(run_id, models=[LoggedModelInput(model.model_id)])
    got = client.get_run(run_id)
    assert [(o.model_id, o.step) for o in got.outputs.model_outputs] == [(model.model_id, 4)]
    assert [i.model_id for i in got.inputs.model_inputs] == [model.model_id]

print("client: all good")
