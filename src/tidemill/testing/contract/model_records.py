"""The contract of a model's records: history of aliases and stages, lineage, comparison."""

import time
from typing import Any

from tidemill.api import deployments, inputs, logged_models, model_records, model_versions, registered_models, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import (
    get_run,
    new_registered_model,
    new_run,
    new_version,
    pages,
)
from tidemill.types import model_records as t
from tidemill.types.deployments import ReportDeployment
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs, ModelInput
from tidemill.types.logged_models import CreateLoggedModel
from tidemill.types.model_versions import DeleteModelVersion, TransitionStage
from tidemill.types.page import Tag
from tidemill.types.registered_models import DeleteAlias, RenameRegisteredModel, SetAlias
from tidemill.types.runs import LogMetric, Param, SetTag


class TestModelHistory:
    """Which version held what when, moved by whom and why."""

    def holds(self, backend: Backend, name: str, **more: Any) -> list[t.Hold]:
        return backend.call(model_records.history, t.GetModelHistory(name, **more)).holds

    def test_an_alias(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for _ in range(2):
            new_version(backend, name)
        for arg in (
            SetAlias(name, "champion", "1", "anna", "first"),
            SetAlias(name, "champion", "1", "bob", "again"),
            SetAlias(name, "champion", "2", "bob", "better"),
            SetAlias(name, "other", "2"),
        ):
            backend.call(registered_models.set_alias, arg)
            time.sleep(0.003)
        backend.call(registered_models.delete_alias, DeleteAlias(name, "champion", "carl", "broken"))
        second, first = self.holds(backend, name, alias="champion")
        assert (first.alias, first.version, first.set_by, first.set_reason) == ("champion", "1", "anna", "first")
        assert (first.ended_by, first.ended_reason) == ("bob", "better")
        assert first.until == second.since > first.since
        assert (second.version, second.set_by, second.ended_by, second.ended_reason) == ("2", "bob", "carl", "broken")
        (other,) = self.holds(backend, name, alias="other")
        assert (other.until, other.set_by, other.set_reason, other.stage) == (None, "", "", "")
        assert [one.version for one in self.holds(backend, name, at=first.since)] == ["1"]
        assert [one.version for one in self.holds(backend, name, alias="champion", at=second.since)] == ["2"]
        assert self.holds(backend, name, alias="champion", at=second.until) == []
        assert self.holds(backend, name, version="1") == [first]

    def test_stages_and_deletion(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for _ in range(2):
            new_version(backend, name)
        for version in ("1", "2"):
            backend.call(
                model_versions.transition_stage, TransitionStage(name, version, "Production", True, "anna", "go")
            )
        backend.call(model_versions.delete, DeleteModelVersion(name, "2", "bob"))
        backend.call(registered_models.rename, RenameRegisteredModel(name, f"{name}-new"))
        found = [(one.stage, one.version, one.ended_by) for one in self.holds(backend, f"{name}-new")]
        assert found == [("Production", "2", "bob"), ("Archived", "1", ""), ("Production", "1", "anna")]
        ended = self.holds(backend, f"{name}-new", stage="production")[0]
        assert ended.ended_reason == "the version was deleted"

    def test_pages_and_refusals(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        for number in range(5):
            backend.call(registered_models.set_alias, SetAlias(name, f"a{number}", "1"))
        arg = t.GetModelHistory(name, max_results=2)
        found = [[one.alias for one in page] for page in pages(backend, model_records.history, arg, "holds")]
        assert found == [["a4", "a3"], ["a2", "a1"], ["a0"]]
        with refused(NotFound, "Registered Model with name=nope not found"):
            self.holds(backend, "nope")
        with refused(InvalidParameter, starts="Invalid Model Version stage"):
            self.holds(backend, name, stage="x")
        with refused(InvalidParameter, missing("name")):
            self.holds(backend, "")


class TestLineage:
    """Where a version comes from, and what came of it."""

    def test_all_of_it(self, backend: Backend) -> None:
        name, run = new_registered_model(backend), new_run(backend)
        experiment = get_run(backend, run).info.experiment_id
        made = backend.call(logged_models.create, CreateLoggedModel(experiment, "m", source_run_id=run)).model.info
        data = DatasetInput(
            tags=[Tag("mlflow.data.context", "training")], dataset=Dataset("wine", "d1", "local", "w.csv")
        )
        backend.call(inputs.log, LogInputs(run, [data]))
        for key, value in (("mlflow.source.git.commit", "abc"), ("mlflow.source.name", "train.py"),
                           ("tidemill.python", "3.11.7"), ("mlflow.source.git.dirty", "true")):  # fmt: skip
            backend.call(runs.set_tag, SetTag(run, key=key, value=value))
        reader = new_run(backend)
        backend.call(inputs.log, LogInputs(reader, models=[ModelInput(made.model_id)]))
        new_version(backend, name, f"models:/{made.model_id}")
        copy = new_registered_model(backend)
        new_version(backend, copy, f"models:/{name}/1")
        for id_, version, canary in (("a", "1", ""), ("b", "7", "1"), ("c", "7", "")):
            report = ReportDeployment(f"{id_}-{name}", "api", name, version=version, canary_version=canary)
            backend.call(deployments.report, report)
        found = backend.call(model_records.lineage, t.GetLineage(name, "1"))
        assert (found.model_version.version, found.artifact_uri) == ("1", made.artifact_uri)
        assert found.logged_model is not None
        assert (found.logged_model.model_id, found.run and found.run.run_id) == (made.model_id, run)
        assert found.datasets == [data]
        assert found.code == t.Code("train.py", "abc", changed=True)
        assert found.environment == t.Environment("3.11.7")
        assert (found.readers, found.siblings) == ([reader], [t.VersionName(copy, "1")])
        assert [one.deployment_id for one in found.deployments] == [f"a-{name}", f"b-{name}"]

    def test_none_of_it(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name, "s3://elsewhere/model", run_id="0" * 32)
        found = backend.call(model_records.lineage, t.GetLineage(name, "1"))
        assert (found.run, found.logged_model, found.code, found.environment) == (None, None, None, None)
        with refused(NotFound, f"Model Version (name={name}, version=9) not found"):
            backend.call(model_records.lineage, t.GetLineage(name, "9"))


class TestVersionComparison:
    """Two versions beside each other. (What their files say: tests/store/test_model_files.py.)"""

    def test_params_and_metrics(self, backend: Backend) -> None:
        name, other = new_registered_model(backend), new_registered_model(backend)
        left = new_run(backend, params={"depth": "3", "lr": "0.1"}, values={"loss": 0.5, "acc": 0.9})
        right = new_run(backend, params={"depth": "4", "lr": "0.1", "l2": "1"}, values={"loss": 0.4})
        new_version(backend, name, run_id=left)
        new_version(backend, other, run_id=right)
        found = backend.call(model_records.compare, t.CompareVersions(name, "1", other, "1"))
        assert (found.left, found.right) == (t.VersionName(name, "1"), t.VersionName(other, "1"))
        assert found.params == [t.Difference("depth", "3", "4"), t.Difference("l2", None, "1")]
        assert found.metrics == [t.MetricDifference("acc", 0.9), t.MetricDifference("loss", 0.5, 0.4)]
        assert (found.compatible, found.size) == (None, t.SizeDifference())
        assert len(found.notes) == 2

    def test_a_logged_models_own_go_first(self, backend: Backend) -> None:
        name, run = new_registered_model(backend), new_run(backend, params={"p": "run"}, values={"m": 1.0, "n": 2.0})
        experiment = get_run(backend, run).info.experiment_id
        arg = CreateLoggedModel(experiment, "m", source_run_id=run, params=[Param("p", "model")])
        model = backend.call(logged_models.create, arg).model.info.model_id
        for value, step in ((7.0, 1), (8.0, 2)):
            backend.call(runs.log_metric, LogMetric(run, key="m", value=value, timestamp=1, step=step, model_id=model))
        backend.call(runs.log_metric, LogMetric(run, key="m", value=9.0, timestamp=1, step=3))
        new_version(backend, name, model_id=model)
        new_version(backend, name, run_id=run)
        found = backend.call(model_records.compare, t.CompareVersions(name, "1", other_version="2"))
        assert found.params == [t.Difference("p", "model", "run")]
        assert found.metrics == [t.MetricDifference("m", 8.0, 9.0), t.MetricDifference("n", 2.0, 2.0)]
