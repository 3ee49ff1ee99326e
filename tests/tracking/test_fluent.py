import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tidemill as mlflow
from tidemill.entities import LoggedModelInput, LoggedModelOutput, ViewType
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound


def test_a_run_as_a_context_manager_keeps_what_is_logged(store: str) -> None:
    with mlflow.start_run(run_name="first", tags={"team": "a"}, description="why") as run:
        assert mlflow.active_run() is run
        assert mlflow.log_param("lr", 0.1) == 0.1
        mlflow.log_params({"depth": 3, "none": None})
        mlflow.log_metric("loss", 0.5)
        mlflow.log_metric("loss", 0.25, step=2)
        mlflow.log_metrics({"acc": 1, "f1": 0.5}, step=3)
        mlflow.set_tag("kind", "test")
        mlflow.set_tags({"one": 1, "two": "2"})
        mlflow.delete_tag("one")
    assert mlflow.active_run() is None
    found = mlflow.get_run(run.info.run_id)
    assert found.info.run_name == "first"
    assert found.info.status == "FINISHED"
    assert found.info.end_time is not None
    assert found.data.params == {"lr": "0.1", "depth": "3", "none": "None"}
    assert found.data.metrics == {"loss": 0.25, "acc": 1.0, "f1": 0.5}
    tags = found.data.tags
    assert (tags["team"], tags["kind"], tags["two"]) == ("a", "test", "2")
    assert tags["mlflow.note.content"] == "why"
    assert "one" not in tags
    assert found.to_dictionary()["data"]["params"]["depth"] == "3"


def test_logging_starts_a_run_where_none_is_active(store: str) -> None:
    mlflow.log_metric("loss", 1)
    run = mlflow.active_run()
    assert run is not None
    assert mlflow.get_run(run.info.run_id).info.status == "RUNNING"
    mlflow.end_run("KILLED")
    assert mlflow.active_run() is None
    last = mlflow.last_active_run()
    assert last is not None
    assert (last.info.run_id, last.info.status) == (run.info.run_id, "KILLED")


@pytest.mark.parametrize(
    "value, kept",
    [
        (np.float32(0.5), 0.5),
        (np.array([2.0]), 2.0),
        (np.int64(3), 3.0),
        (True, 1.0),
        (Decimal("1.5"), 1.5),
        ("0.25", 0.25),
        (math.inf, 1.7976931348623157e308),
    ],
)
def test_whatever_stands_for_a_number_is_a_metric(store: str, value: Any, kept: float) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("m", value)
        mlflow.log_metrics({"n": value})
    assert mlflow.get_run(run.info.run_id).data.metrics == {"m": kept, "n": kept}


def test_nan_is_kept(store: str) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("m", math.nan)
        mlflow.log_metrics({"n": np.nan})
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    assert math.isnan(metrics["m"])
    assert math.isnan(metrics["n"])


@pytest.mark.parametrize("value", ["abc", None, [1, 2], np.array([1.0, 2.0]), object(), {"a": 1}])
def test_what_is_no_number_is_refused_in_one_sentence(store: str, value: Any) -> None:
    with mlflow.start_run(), pytest.raises(InvalidParameter, match=r"Please specify value as a valid double") as caught:
        mlflow.log_metric("acc", value)
    assert "\n" not in str(caught.value)
    assert "'acc'" in str(caught.value)


def test_steps_and_times_must_be_whole_numbers(store: str) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1, step=np.int32(4), timestamp=17)  # type: ignore[arg-type]
        mlflow.log_metric("m", 2, step=5.0)  # type: ignore[arg-type]
        mlflow.log_metric("m", 3, step=-1)
        with pytest.raises(InvalidParameter, match=r"'step' must be a whole number, not 1\.5"):
            mlflow.log_metric("m", 1, step=1.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidParameter, match="nonnegative"):
            mlflow.log_metric("m", 1, timestamp=-1)
        with pytest.raises(InvalidParameter):
            mlflow.log_metric("m", 1, step=2**70)
    history = mlflow.Client().get_metric_history(run.info.run_id, "m")
    assert sorted(point.step for point in history) == [-1, 4, 5]
    assert history[0].timestamp == 17


def test_names_and_texts_of_wrong_types_are_refused_alike(store: str) -> None:
    with mlflow.start_run():
        with pytest.raises(InvalidParameter, match="Invalid value 5 for parameter 'key'"):
            mlflow.log_metric(5, 1)  # type: ignore[arg-type]
        with pytest.raises(InvalidParameter, match="Names may only contain"):
            mlflow.log_param("a?b", 1)
        with pytest.raises(InvalidParameter, match="Missing value for required parameter 'key'"):
            mlflow.set_tag("", "x")
        with pytest.raises(InvalidParameter, match="'params' must be a dict"):
            mlflow.log_params([("a", 1)])  # type: ignore[arg-type]
        with pytest.raises(InvalidParameter, match="'metrics' must be a dict"):
            mlflow.log_metrics(5)  # type: ignore[arg-type]


def test_a_param_never_changes(store: str) -> None:
    with mlflow.start_run():
        mlflow.log_param("lr", 1)
        mlflow.log_param("lr", 1)
        with pytest.raises(InvalidParameter, match="Changing param values is not allowed"):
            mlflow.log_param("lr", 2)


def test_long_batches_are_split(store: str) -> None:
    with mlflow.start_run() as run:
        mlflow.log_params({f"p{number}": number for number in range(250)})
        mlflow.log_metrics({f"m{number}": number for number in range(2300)})
        mlflow.set_tags({f"t{number}": number for number in range(130)})
    data = mlflow.get_run(run.info.run_id).data
    assert len(data.params) == 250
    assert len(data.metrics) == 2300
    assert data.tags["t129"] == "129"


def test_a_caller_who_does_not_wait_gets_something_to_wait_for(store: str) -> None:
    with mlflow.start_run():
        answer = mlflow.log_metric("m", 1, synchronous=False)
        assert answer is not None
        answer.wait()
        assert mlflow.log_metric("m", 1, synchronous=True) is None
        assert mlflow.log_metrics({"m": 1}, synchronous=False) is not None
        assert mlflow.set_tag("a", 1, synchronous=False) is not None


def test_logging_to_a_run_by_id(store: str) -> None:
    with mlflow.start_run() as run:
        pass
    mlflow.log_metric("m", 1, run_id=run.info.run_id)
    mlflow.log_params({"p": 1}, run_id=run.info.run_id)
    mlflow.log_text("hello", "a.txt", run_id=run.info.run_id)
    assert mlflow.active_run() is None
    assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt") == "hello"


def test_experiments(store: str) -> None:
    made = mlflow.create_experiment("made-here-" + store[-6:].replace("/", "-"), tags={"a": 1})
    with pytest.raises(AlreadyExists):
        mlflow.create_experiment(mlflow.get_experiment(made).name)
    experiment = mlflow.set_experiment(experiment_id=made)
    mlflow.set_experiment_tag("b", 2)
    mlflow.set_experiment_tags({"c": 3, "d": 4})
    mlflow.delete_experiment_tag("d")
    found = mlflow.get_experiment_by_name(experiment.name)
    assert found is not None
    assert found.tags == {"a": "1", "b": "2", "c": "3"}
    assert found.lifecycle_stage == "active"
    assert made in [one.experiment_id for one in mlflow.search_experiments(filter_string="tags.b = '2'")]
    mlflow.delete_experiment(made)
    assert made in [one.experiment_id for one in mlflow.search_experiments(ViewType.DELETED_ONLY)]
    assert made in [one.experiment_id for one in mlflow.search_experiments(2)]
    with pytest.raises(InvalidParameter, match="Cannot set a deleted experiment"):
        mlflow.set_experiment(experiment.name)
    assert mlflow.get_experiment_by_name("never made") is None
    with pytest.raises(NotFound):
        mlflow.get_experiment("999999")
    with pytest.raises(InvalidParameter, match="exactly one"):
        mlflow.set_experiment()


def _three_runs() -> list[str]:
    made = []
    for number in range(3):
        with mlflow.start_run(run_name=f"run {number}") as run:
            mlflow.log_metric("acc", number / 10)
            mlflow.log_param("number", number)
            if number:
                mlflow.set_tag("later", "yes")
        made.append(run.info.run_id)
    return made


def test_search_answers_a_pandas_frame_with_mlflows_columns(store: str, experiment_id: str) -> None:
    made = _three_runs()
    frame = mlflow.search_runs(order_by=["metrics.acc ASC"])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns[:6]) == ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    assert list(frame["run_id"]) == made
    assert set(frame["experiment_id"]) == {experiment_id}
    assert set(frame["status"]) == {"FINISHED"}
    assert list(frame["metrics.acc"]) == [0.0, 0.1, 0.2]
    assert list(frame["params.number"]) == ["0", "1", "2"]
    assert frame["tags.later"].isna().tolist() == [True, False, False]
    assert str(frame["start_time"].dt.tz) == "UTC"
    assert abs((frame["end_time"].iloc[0] - pd.Timestamp.now("UTC")).total_seconds()) < 60
    best = mlflow.search_runs(filter_string="metrics.acc > 0.15", order_by=["metrics.acc DESC"])
    assert best.loc[0, "run_id"] == made[2]


def test_search_in_other_formats(store: str) -> None:
    made = _three_runs()
    runs = mlflow.search_runs(output_format="list", order_by=["attributes.start_time ASC"])
    assert {run.info.run_id for run in runs} == set(made)
    records = mlflow.search_runs(output_format="records", filter_string="params.number = '1'")
    assert [record["metrics.acc"] for record in records] == [0.1]
    assert records[0]["start_time"].tzinfo is not None
    frame = mlflow.search_runs(output_format="polars", order_by=["params.number ASC"])
    assert isinstance(frame, pl.DataFrame)
    assert frame["metrics.acc"].to_list() == [0.0, 0.1, 0.2]
    assert frame.schema["start_time"] == pl.Datetime("us", "UTC")
    with pytest.raises(InvalidParameter, match="output_format"):
        mlflow.search_runs(output_format="csv")


def test_search_chooses_its_experiments(store: str, experiment_id: str) -> None:
    made = _three_runs()
    name = mlflow.get_experiment(experiment_id).name
    other = mlflow.set_experiment(f"{name}-other")
    assert len(mlflow.search_runs()) == 0
    assert len(mlflow.search_runs([experiment_id])) == 3
    assert len(mlflow.search_runs(experiment_names=[name, "never made"])) == 3
    assert set(made) <= set(mlflow.search_runs(search_all_experiments=True)["run_id"])
    assert len(mlflow.search_runs([experiment_id, other.experiment_id], max_results=2)) == 2
    mlflow.delete_run(made[0])
    assert len(mlflow.search_runs([experiment_id])) == 2
    assert len(mlflow.search_runs([experiment_id], run_view_type=ViewType.ALL)) == 3
    with pytest.raises(InvalidParameter, match="Only one of"):
        mlflow.search_runs([experiment_id], experiment_names=[name])
    with pytest.raises(InvalidParameter, match="no view type"):
        mlflow.search_runs([experiment_id], run_view_type="SOME")


def test_data_sets_are_inputs(store: str) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    dataset = mlflow.data.from_pandas(frame, source="data/train.csv", targets="y", name="train")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training", tags={"part": "a"})
        mlflow.log_input(dataset, context="training")
        mlflow.log_metric("acc", 0.5, dataset=dataset)
        mlflow.log_metrics({"f1": 0.5}, dataset=dataset)
    (link,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert {tag.key: tag.value for tag in link.tags} == {"mlflow.data.context": "training", "part": "a"}
    assert (link.dataset.name, link.dataset.digest, link.dataset.source_type) == ("train", dataset.digest, "local")
    assert json.loads(link.dataset.source) == {"uri": "data/train.csv"}
    assert json.loads(link.dataset.profile or "") == {"num_rows": 2, "num_elements": 4}
    with mlflow.start_run(), pytest.raises(InvalidParameter, match=r"tidemill\.data"):
        mlflow.log_input(frame)


def test_logged_models_are_outputs(store: str) -> None:
    with mlflow.start_run() as run:
        model = mlflow.initialize_logged_model("net", params={"depth": 3}, tags={"a": 1}, model_type="cnn")
        assert model.source_run_id == run.info.run_id
        mlflow.log_metric("acc", 0.75, model_id=model.model_id)
        mlflow.log_outputs([LoggedModelOutput(model.model_id, 7)])
        mlflow.finalize_logged_model(model.model_id, "READY")
    with mlflow.start_run() as other:
        mlflow.log_inputs(models=[LoggedModelInput(model.model_id)])
    found = mlflow.get_logged_model(model.model_id)
    assert (found.name, found.model_type, found.status) == ("net", "cnn", "LOGGED_MODEL_READY")
    assert found.params == {"depth": "3"}
    assert [(point.key, point.value) for point in found.metrics] == [("acc", 0.75)]
    (output,) = mlflow.get_run(run.info.run_id).outputs.model_outputs
    assert (output.model_id, output.step) == (model.model_id, 7)
    assert mlflow.get_run(other.info.run_id).inputs.model_inputs[0].model_id == model.model_id
    assert list(mlflow.search_logged_models(filter_string="name = 'net'")["model_id"]) == [model.model_id]
    assert mlflow.search_logged_models(output_format="list")[0].model_uri == f"models:/{model.model_id}"
    mlflow.delete_logged_model(model.model_id)
    assert mlflow.search_logged_models(output_format="records") == []


def test_functions_made_from_methods_read_like_them() -> None:
    import inspect

    assert mlflow.log_param.__doc__ == mlflow.Client.log_param.__doc__
    assert list(inspect.signature(mlflow.log_param).parameters) == ["key", "value", "synchronous"]
    assert list(inspect.signature(mlflow.get_run).parameters) == ["run_id"]
    assert mlflow.log_param.__name__ == "log_param"
