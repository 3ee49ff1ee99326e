"""The contract of logged models."""

import math
import re
import time
from collections.abc import Callable

import pytest

from tidemill.api import experiments, logged_models, runs
from tidemill.api.operation import Backend
from tidemill.errors import AlreadyExists, BadRequest, InvalidParameter, NotFound
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import (
    as_params,
    as_tags,
    get_experiment,
    get_model,
    get_run,
    latest_of,
    new_experiment,
    new_model,
    new_run,
    params_of,
    tags_of,
)
from tidemill.types import logged_models as t
from tidemill.types.experiments import DeleteExperiment
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import LogBatch, LogMetric, Param

Status = t.LoggedModelStatus
WRITES = {
    "finalize": lambda backend, model: backend.call(
        logged_models.finalize, t.FinalizeLoggedModel(model, Status.LOGGED_MODEL_READY)
    ),
    "set tags": lambda backend, model: backend.call(
        logged_models.set_tags, t.SetLoggedModelTags(model, [Tag("k", "w")])
    ),
    "delete tag": lambda backend, model: backend.call(logged_models.delete_tag, t.DeleteLoggedModelTag(model, "k")),
    "log params": lambda backend, model: backend.call(
        logged_models.log_params, t.LogLoggedModelParams(model, [Param("new", "1")])
    ),
    "delete": lambda backend, model: backend.call(logged_models.delete, t.DeleteLoggedModel(model)),
}
"""Operations that write to a logged model."""
writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
Write = Callable[[Backend, str], object]


def even_deleted(backend: Backend, model: str) -> t.LoggedModel:
    """A logged model, deleted or not."""
    return backend.call(logged_models.get, t.GetLoggedModel(model, allow_deleted=True)).model


class TestLoggedModelLife:
    """Creating, reading, finalizing, deleting."""

    def test_everything_given(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        run = new_run(backend, experiment)
        arg = t.CreateLoggedModel(experiment, "my model", "Agent", run, as_params({"lr": "0.1"}), as_tags({"k": "é"}))
        before = time.time_ns() // 1_000_000
        model = backend.call(logged_models.create, arg).model
        info = model.info
        assert re.fullmatch("m-[0-9a-f]{32}", info.model_id)
        assert (info.experiment_id, info.name, info.model_type, info.source_run_id) == (
            experiment,
            "my model",
            "Agent",
            run,
        )
        assert info.status is Status.LOGGED_MODEL_PENDING
        assert before - 1000 <= info.creation_timestamp_ms == info.last_updated_timestamp_ms
        location = get_experiment(backend, experiment).artifact_location
        assert info.artifact_uri == f"{location}/models/{info.model_id}/artifacts"
        assert (params_of(model), tags_of(model), model.data.metrics) == ({"lr": "0.1"}, {"k": "é"}, [])
        assert get_model(backend, info.model_id) == model

    def test_nothing_given(self, backend: Backend) -> None:
        info = get_model(backend, new_model(backend)).info
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", info.name)
        assert (info.model_type, info.source_run_id, info.tags) == ("", "", [])

    def test_names_need_not_differ(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        assert new_model(backend, experiment, name="same") != new_model(backend, experiment, name="same")

    @pytest.mark.parametrize("char", ["/", ":", ".", "%", '"', "'"])
    def test_bad_names(self, backend: Backend, char: str) -> None:
        text = (
            f"Invalid model name ({'a' + char + 'b'!r}) provided. Model name must be a non-empty string and cannot contain the "
            "following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
        with refused(InvalidParameter, text):
            new_model(backend, name=f"a{char}b")

    def test_experiment(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("experiment_id")):
            new_model(backend, "")
        with refused(NotFound, "No Experiment with id=999999999 exists"):
            new_model(backend, "999999999")
        with refused(InvalidParameter, "Invalid experiment ID 'x'. Experiment ID must be a valid integer."):
            new_model(backend, "x")
        gone = new_experiment(backend)
        backend.call(experiments.delete, DeleteExperiment(gone))
        text = f"The experiment {gone} must be in the 'active' state. Current state is deleted."
        with refused(InvalidParameter, text):
            new_model(backend, gone)

    def test_chosen_id(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        model_id = "m-" + new_model(backend)[2:][::-1]
        arg = t.CreateLoggedModel(experiment, "x", model_id=model_id, params=as_params({"p": "1"}))
        model = backend.call(logged_models.create, arg).model
        assert model.info.model_id == model_id
        assert backend.call(logged_models.create, arg).model == model  # sent again: the same model
        for other in (t.CreateLoggedModel(experiment, "y", model_id=model_id),
                      t.CreateLoggedModel(new_experiment(backend), "x", model_id=model_id)):  # fmt: skip
            with refused(AlreadyExists, f"Logged model with ID '{model_id}' already exists."):
                backend.call(logged_models.create, other)

    def test_unknown(self, backend: Backend) -> None:
        with refused(NotFound, "Logged model with ID 'm-nope' not found."):
            get_model(backend, "m-nope")

    @writes
    def test_writing_to_an_unknown_one(self, backend: Backend, write: Write) -> None:
        with refused(NotFound, "Logged model with ID 'm-nope' not found."):
            write(backend, "m-nope")

    @pytest.mark.parametrize("status", list(Status)[1:])
    def test_finalize(self, backend: Backend, status: t.LoggedModelStatus) -> None:
        model = new_model(backend)
        for first in list(Status)[1:]:  # any may follow any
            backend.call(logged_models.finalize, t.FinalizeLoggedModel(model, first))
            before = get_model(backend, model).info.last_updated_timestamp_ms
            time.sleep(0.003)
            answer = backend.call(logged_models.finalize, t.FinalizeLoggedModel(model, status)).model
            assert answer.info.status is status
            assert answer.info.last_updated_timestamp_ms > before
            assert get_model(backend, model) == answer

    def test_finalize_needs_a_status(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("status")):
            backend.call(logged_models.finalize, t.FinalizeLoggedModel(new_model(backend)))

    def test_delete(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        model, other = new_model(backend, experiment, tags={"k": "v"}), new_model(backend, experiment)
        before = get_model(backend, model)
        time.sleep(0.003)
        backend.call(logged_models.delete, t.DeleteLoggedModel(model))
        with refused(NotFound, f"Logged model with ID '{model}' not found."):
            get_model(backend, model)
        found = even_deleted(backend, model)
        assert found.data == before.data
        assert found.info.last_updated_timestamp_ms > before.info.last_updated_timestamp_ms
        page = backend.call(logged_models.search, t.SearchLoggedModels([experiment]))
        assert [one.info.model_id for one in page.models] == [other]

    @writes
    def test_writing_to_a_deleted_one(self, backend: Backend, write: Write) -> None:
        model = new_model(backend, tags={"k": "v"})
        backend.call(logged_models.delete, t.DeleteLoggedModel(model))
        write(backend, model)
        with refused(NotFound):
            get_model(backend, model)
        assert even_deleted(backend, model).info.model_id == model


class TestLoggedModelTexts:
    """Params and tags of logged models."""

    def test_tags(self, backend: Backend) -> None:
        model = new_model(backend, tags={"a": "1"})
        for tags in ({"a": "2", "b": ""}, {"b": "é"}):
            backend.call(logged_models.set_tags, t.SetLoggedModelTags(model, as_tags(tags)))
        assert tags_of(get_model(backend, model)) == {"a": "2", "b": "é"}
        backend.call(logged_models.delete_tag, t.DeleteLoggedModelTag(model, "a"))
        assert tags_of(get_model(backend, model)) == {"b": "é"}
        with refused(NotFound, f"No tag with key 'a' found for model with ID '{model}'."):
            backend.call(logged_models.delete_tag, t.DeleteLoggedModelTag(model, "a"))

    @pytest.mark.parametrize("key", ["a/b", "a b", "a:b", "ü", "a.b", "a%b"])
    def test_tag_keys_in_the_path(self, backend: Backend, key: str) -> None:
        model = new_model(backend, tags={"other": "1"} if "%" in key else {"other": "1", key: "1"})
        if "%" in key:
            with refused(NotFound, f"No tag with key '{key}' found for model with ID '{model}'."):
                backend.call(logged_models.delete_tag, t.DeleteLoggedModelTag(model, key))
        else:
            backend.call(logged_models.delete_tag, t.DeleteLoggedModelTag(model, key))
        assert tags_of(get_model(backend, model)) == {"other": "1"}

    def test_params(self, backend: Backend) -> None:
        model = new_model(backend, params={"a": "1"})
        backend.call(logged_models.log_params, t.LogLoggedModelParams(model, as_params({"b": "", "c": "é" * 6001})))
        wanted = {"a": "1", "b": "", "c": "é" * 6001}
        assert params_of(get_model(backend, model)) == wanted
        for value in ("1", "2"):
            with refused(BadRequest):
                backend.call(logged_models.log_params, t.LogLoggedModelParams(model, as_params({"d": "1", "a": value})))
        assert params_of(get_model(backend, model)) == wanted

    def test_params_sent_again_change_nothing(self, backend: Backend) -> None:
        model = new_model(backend, params={"a": "1"})
        for _ in range(2):
            backend.call(logged_models.log_params, t.LogLoggedModelParams(model, as_params({"b": "2", "c": ""})))
        assert params_of(get_model(backend, model)) == {"a": "1", "b": "2", "c": ""}

    def test_many_params(self, backend: Backend) -> None:
        wanted = {f"p{n:03}": str(n) for n in range(250)}
        model = new_model(backend, params=dict(list(wanted.items())[:100]))
        for start in (100, 200):
            part = dict(list(wanted.items())[start : start + 100])
            backend.call(logged_models.log_params, t.LogLoggedModelParams(model, as_params(part)))
        assert params_of(get_model(backend, model)) == wanted

    @pytest.mark.parametrize("name", ["a//b", "a#", "../x"])
    def test_any_name_will_do(self, backend: Backend, name: str) -> None:
        model = new_model(backend)
        backend.call(logged_models.log_params, t.LogLoggedModelParams(model, as_params({name: "1"})))
        backend.call(logged_models.set_tags, t.SetLoggedModelTags(model, as_tags({name: "2"})))
        found = get_model(backend, model)
        assert (params_of(found), tags_of(found)) == ({name: "1"}, {name: "2"})

    def test_too_long_leaves_nothing(self, backend: Backend) -> None:
        model = new_model(backend)
        long = "k" * 251
        with refused(InvalidParameter, "'Param key' exceeds the maximum length of 250 characters"):
            backend.call(logged_models.log_params, t.LogLoggedModelParams(model, as_params({"ok": "1", long: "1"})))
        with refused(InvalidParameter, "'key' exceeds the maximum length of 250 characters"):
            backend.call(logged_models.set_tags, t.SetLoggedModelTags(model, as_tags({"ok": "1", long: "1"})))
        found = get_model(backend, model)
        assert (params_of(found), tags_of(found)) == ({}, {})


class TestLoggedModelMetrics:
    """Points that were logged by runs for a model: every one of them is kept."""

    def points_of(self, backend: Backend, model: str) -> list[tuple[object, ...]]:
        """Every point of a model."""
        return sorted(
            (
                (
                    m.key,
                    repr(m.value),
                    m.timestamp,
                    m.step,
                    m.model_id,
                    m.run_id,
                    m.dataset_name or "",
                    m.dataset_digest or "",
                )
                for m in get_model(backend, model).data.metrics
            ),
            key=repr,
        )

    def test_by_one(self, backend: Backend) -> None:
        model, run = new_model(backend), new_run(backend)
        wanted = []
        for value, timestamp, step in ((1.0, 5, 1), (2.0, 6, 2), (math.nan, 7, 3), (1.0, 5, 1)):
            arg = LogMetric(run, key="m", value=value, timestamp=timestamp, step=step, model_id=model,
                            dataset_name="d", dataset_digest="x")  # fmt: skip
            backend.call(runs.log_metric, arg)
            wanted.append(("m", repr(value), timestamp, step, model, run, "d", "x"))
        assert self.points_of(backend, model) == sorted(wanted[:3], key=repr)
        assert latest_of(get_run(backend, run))["m"][1:] == (7, 3)

    def test_by_batch(self, backend: Backend) -> None:
        models, run = [new_model(backend), new_model(backend)], new_run(backend)
        batch = [
            MetricPoint("m", 1.0, 1, 1, models[0], "d", "x"),
            MetricPoint("m", 2.0, 2, 2, models[1]),
            MetricPoint("n", math.inf, 3, 3, models[0]),
            MetricPoint("plain", 4.0, 4, 4),
        ]
        backend.call(runs.log_batch, LogBatch(run, batch))
        highest = repr(1.7976931348623157e308)
        found = [{point[:4] for point in self.points_of(backend, model)} for model in models]
        assert found == [{("m", "1.0", 1, 1), ("n", highest, 3, 3)}, {("m", "2.0", 2, 2)}]
        assert set(latest_of(get_run(backend, run))) == {"m", "n", "plain"}

    def test_without_a_data_set(self, backend: Backend) -> None:
        model, run = new_model(backend), new_run(backend)
        backend.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=1, model_id=model))
        (point,) = get_model(backend, model).data.metrics
        assert not point.dataset_name
        assert not point.dataset_digest

    def test_a_refused_batch_leaves_none(self, backend: Backend) -> None:
        model, run = new_model(backend), new_run(backend, params={"p": "1"})
        with refused(InvalidParameter):
            backend.call(runs.log_batch, LogBatch(run, [MetricPoint("m", 1.0, 1, 1, model)], as_params({"p": "2"})))
        assert get_model(backend, model).data.metrics == []
        late = MetricPoint("m", 1.0, 1, 1, model, "d" * 501)
        with refused(InvalidParameter, "'dataset_name' exceeds the maximum length of 500 characters"):
            backend.call(runs.log_batch, LogBatch(run, [MetricPoint("n", 1.0, 1), late], as_params({"q": "1"})))
        found = get_run(backend, run)
        assert (found.data.metrics, params_of(found)) == ([], {"p": "1"})

    def test_of_many_models(self, backend: Backend) -> None:
        run = new_run(backend)
        models = [new_model(backend) for _ in range(5)]
        batch = [MetricPoint("m", float(n), n, n, models[n % 5]) for n in range(500)]
        backend.call(runs.log_batch, LogBatch(run, batch))
        for number, model in enumerate(models):
            assert sorted(m.step for m in get_model(backend, model).data.metrics) == list(range(number, 500, 5))


class TestLoggedModelArtifacts:
    """Listing what lies below a logged model."""

    def test_of_a_new_model(self, backend: Backend) -> None:
        model = new_model(backend)
        found = backend.call(logged_models.list_artifacts, t.ListLoggedModelArtifacts(model))
        assert (found.root_uri, found.files) == (get_model(backend, model).info.artifact_uri, [])
        with refused(NotFound, "Logged model with ID 'm-nope' not found."):
            backend.call(logged_models.list_artifacts, t.ListLoggedModelArtifacts("m-nope"))
