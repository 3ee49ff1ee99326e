"""The contract of model versions."""

import json
import time
from typing import Any

import pytest

from tidemill.api import logged_models, model_versions, registered_models
from tidemill.api.operation import Backend, Operation
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import bad_name, missing, refused
from tidemill.testing.factories import (
    as_tags,
    get_experiment,
    get_model,
    get_registered_model,
    get_run,
    get_version,
    new_experiment,
    new_model,
    new_registered_model,
    new_run,
    new_version,
    pages,
    tags_of,
    unique,
)
from tidemill.types import model_versions as t
from tidemill.types.logged_models import CreateLoggedModel
from tidemill.types.page import Tag
from tidemill.types.registered_models import SetAlias

ABSOLUTE = (
    "an absolute path must be provided without relative path references present. Please provide an absolute path."
)


def location_of(backend: Backend, name: str, version: str) -> str:
    """Where the files of a version are."""
    return backend.call(model_versions.get_download_uri, t.GetDownloadUri(name, version)).artifact_uri


class TestModelVersionLife:
    """Creating, reading, updating, deleting."""

    def test_everything_given(self, backend: Backend) -> None:
        name, run = new_registered_model(backend), new_run(backend)
        before = get_registered_model(backend, name).last_updated_timestamp
        time.sleep(0.003)
        arg = t.CreateModelVersion(
            name, f"runs:/{run}/model", run, as_tags({"k": "é"}), "http://run/1", "about", user="anna"
        )
        version = backend.call(model_versions.create, arg).model_version
        assert (version.name, version.version, version.current_stage, version.status) == (name, "1", "None", "READY")
        assert (version.source, version.run_id, version.run_link) == (f"runs:/{run}/model", run, "http://run/1")
        assert (version.description, version.user_id, version.tags) == ("about", "anna", [Tag("k", "é")])
        assert version.creation_timestamp == version.last_updated_timestamp > before
        assert get_version(backend, name, "1") == version
        model = get_registered_model(backend, name)
        assert model.last_updated_timestamp == version.creation_timestamp
        assert model.latest_versions == [version]

    def test_numbers_are_given_once(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        assert [new_version(backend, name) for _ in range(3)] == ["1", "2", "3"]
        backend.call(model_versions.delete, t.DeleteModelVersion(name, "3"))
        assert new_version(backend, name) == "4"

    def test_needed(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("name")):
            new_version(backend, "")
        with refused(InvalidParameter, missing("source")):
            new_version(backend, "nope", "")
        with refused(NotFound, "Registered Model with name=nope not found"):
            new_version(backend, "nope")

    def test_unknown(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        text = f"Model Version (name={name}, version=9) not found"
        calls: list[tuple[Operation[Any, Any], object]] = [
            (model_versions.get, t.GetModelVersion(name, "9")),
            (model_versions.update, t.UpdateModelVersion(name, "9")),
            (model_versions.delete, t.DeleteModelVersion(name, "9")),
            (model_versions.get_download_uri, t.GetDownloadUri(name, "9")),
            (model_versions.transition_stage, t.TransitionStage(name, "9", "Staging")),
            (model_versions.set_tag, t.SetModelVersionTag(name, "9", "k", "v")),
            (model_versions.delete_tag, t.DeleteModelVersionTag(name, "9", "k")),
        ]
        for op, arg in calls:
            with refused(NotFound, text):
                backend.call(op, arg)
        with refused(InvalidParameter, "Parameter 'version' must be an integer, got 'abc'."):
            get_version(backend, name, "abc")

    def test_update(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        before = get_version(backend, name, "1")
        time.sleep(0.003)
        found = backend.call(model_versions.update, t.UpdateModelVersion(name, "1", "more")).model_version
        assert found.description == "more"
        assert found.last_updated_timestamp > before.last_updated_timestamp
        assert backend.call(model_versions.update, t.UpdateModelVersion(name, "1")).model_version.description is None

    def test_delete(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name, tags={"k": "v"})
        before = get_registered_model(backend, name).last_updated_timestamp
        time.sleep(0.003)
        backend.call(model_versions.delete, t.DeleteModelVersion(name, "1"))
        assert get_registered_model(backend, name).last_updated_timestamp > before
        for _ in range(2):
            with refused(NotFound, f"Model Version (name={name}, version=1) not found"):
                backend.call(model_versions.delete, t.DeleteModelVersion(name, "1"))

    def test_tags(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        for value in ("1", "2", ""):
            backend.call(model_versions.set_tag, t.SetModelVersionTag(name, "1", "k", value))
            assert get_version(backend, name, "1").tags == [Tag("k", value)]
        for _ in range(2):
            backend.call(model_versions.delete_tag, t.DeleteModelVersionTag(name, "1", "k"))
            assert get_version(backend, name, "1").tags == []
        with refused(InvalidParameter, bad_name("a#b", "key")):
            backend.call(model_versions.set_tag, t.SetModelVersionTag(name, "1", "a#b", "v"))
        with refused(InvalidParameter, "'value' exceeds the maximum length of 100000 characters"):
            backend.call(model_versions.set_tag, t.SetModelVersionTag(name, "1", "k", "v" * 100_001))


class TestStages:
    """Moving between stages."""

    def stages(self, backend: Backend, name: str) -> list[str]:
        found = backend.call(
            model_versions.search, t.SearchModelVersions(f"name = '{name}'", order_by=["version_number"])
        )
        return [one.current_stage for one in found.model_versions]

    def test_any_to_any(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        for stage in ("Production", "staging", "ARCHIVED", "none", "Production", "production"):
            time.sleep(0.002)
            before = get_registered_model(backend, name).last_updated_timestamp
            time.sleep(0.002)
            found = backend.call(model_versions.transition_stage, t.TransitionStage(name, "1", stage)).model_version
            assert found.current_stage == stage.capitalize()
            assert found.last_updated_timestamp > before
            assert get_registered_model(backend, name).last_updated_timestamp == found.last_updated_timestamp

    def test_archive_the_others(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for stage in ("Production", "Production", "Staging", "None"):
            backend.call(model_versions.transition_stage, t.TransitionStage(name, new_version(backend, name), stage))
        backend.call(model_versions.transition_stage, t.TransitionStage(name, "4", "production", True))
        assert self.stages(backend, name) == ["Archived", "Archived", "Staging", "Production"]
        text = (
            "Model version transition cannot archive existing model versions because 'Archived' is not an Active "
            "stage. Valid stages are ['Staging', 'Production']"
        )
        with refused(InvalidParameter, text):
            backend.call(model_versions.transition_stage, t.TransitionStage(name, "4", "archived", True))

    def test_unknown(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        text = "Invalid Model Version stage: unknown. Value must be one of None, Staging, Production, Archived."
        with refused(InvalidParameter, text):
            backend.call(model_versions.transition_stage, t.TransitionStage(name, "1", "unknown"))
        with refused(InvalidParameter, missing("stage")):
            backend.call(model_versions.transition_stage, t.TransitionStage(name, "1", ""))


class TestVersionSources:
    """Which sources are taken, and where they lead."""

    @pytest.mark.parametrize(
        "source",
        ["mlflow-artifacts:/models///", "s3://b/p//q", "runs:/abc/model", "dbfs:/a", "http://h/x/", "gs://b/a b%20c"],
    )
    def test_taken(self, backend: Backend, source: str) -> None:
        name = new_registered_model(backend)
        assert location_of(backend, name, new_version(backend, name, source)) == source

    @pytest.mark.parametrize(
        "source",
        [
            "s3:/bucket/a/../b",
            "s3://bucket/a/./b",
            "s3:bucket",
            "http://h/api/2.0/mlflow-artifacts/artifacts/..%2f..%2f",
            "http://h/api/2.0/mlflow-artifacts/artifacts/%252e%252e%252f",
            "mlflow-artifacts://h:1/models/./x",
            "mlflow-artifacts:/a\\..\\..\\b",
            "mlflow-artifacts:/a%5c..%5cb",
            "mlflow-artifacts:/a;/../b",
            "mlflow-artifacts:/a%00",
            "dbfs:/a/../b",
        ],
    )
    def test_refused(self, backend: Backend, source: str) -> None:
        name = new_registered_model(backend)
        with refused(InvalidParameter, holds=ABSOLUTE):
            new_version(backend, name, source)

    @pytest.mark.parametrize("source", ["/etc", "file:///etc/passwd", "file://localhost/etc", "..", "a/b", "./x"])
    def test_this_machine(self, backend: Backend, source: str) -> None:
        name, run = new_registered_model(backend), new_run(backend)
        model = new_model(backend)
        for what, in_run, in_model in (("run_id", None, None), ("run_id", run, None), ("model_id", None, model)):
            text = (
                f"Invalid model version source: '{source}'. To use a local path as a model version source, the {what} "
                "request parameter has to be specified and the local path has to be contained within the artifact "
                f"directory of the run specified by the {what}."
            )
            with refused(InvalidParameter, text):
                new_version(backend, name, source, run_id=in_run, model_id=in_model)
        with refused(InvalidParameter, holds="Invalid model version source"):
            new_version(backend, name, source, tags={"mlflow.prompt.is_prompt": "true"})
        with refused(NotFound, "Run with id=nope not found"):
            new_version(backend, name, source, run_id="nope")

    def test_inside_a_runs_folder(self, backend: Backend) -> None:
        experiment = new_experiment(backend, artifact_location=f"/tmp/{unique()}")
        run, name = new_run(backend, experiment), new_registered_model(backend)
        root = get_run(backend, run).info.artifact_uri
        source = f"{root}/model"
        assert location_of(backend, name, new_version(backend, name, source, run_id=run)) == source
        assert new_version(backend, name, f"file://{root}", run_id=run) == "2"
        for outside in (f"{root}/../other", f"{root}x", f"{root}/.."):
            with refused(InvalidParameter, holds="contained within the artifact directory"):
                new_version(backend, name, outside, run_id=run)
        model = new_model(backend, experiment)
        inside = get_model(backend, model).info.artifact_uri
        assert new_version(backend, name, inside, model_id=model) == "3"
        assert inside.startswith(get_experiment(backend, experiment).artifact_location)

    def test_other_machines(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        with refused(InvalidParameter, holds="file://remote-host/x is not a valid remote uri. For remote access"):
            new_version(backend, name, "file://remote-host/x")

    def test_a_logged_model(self, backend: Backend) -> None:
        name, run = new_registered_model(backend), new_run(backend)
        experiment = get_run(backend, run).info.experiment_id
        made = backend.call(logged_models.create, CreateLoggedModel(experiment, "m", source_run_id=run)).model.info
        number = new_version(backend, name, f"models:/{made.model_id}", model_id=made.model_id)
        version = get_version(backend, name, number)
        assert (version.run_id, version.model_id, version.source) == (run, made.model_id, f"models:/{made.model_id}")
        assert location_of(backend, name, number) == made.artifact_uri
        new_version(backend, name, f"models:/{made.model_id}")
        noted = json.loads(tags_of(get_model(backend, made.model_id))["mlflow.modelVersions"])
        assert noted == [{"name": name, "version": 1}, {"name": name, "version": 2}]
        new_version(backend, name, "s3://b/m", model_id=made.model_id)
        assert get_version(backend, name, "3").run_id == run
        for run_id in (None, run):
            with refused(NotFound, "Logged model with ID 'm-nope' not found."):
                new_version(backend, name, run_id=run_id, model_id="m-nope")

    def test_lengths(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for field, most in (("source", 4096), ("run_id", 250), ("run_link", 4096), ("model_id", 250), ("user", 256)):
            given = {"source": "s3://b/m", field: "s3://b/" + "x" * (most - 6)}
            for tags in ([], as_tags({"mlflow.prompt.is_prompt": "true"})):
                with refused(InvalidParameter, f"'{field}' exceeds the maximum length of {most} characters"):
                    backend.call(model_versions.create, t.CreateModelVersion(name, tags=tags, **given))

    def test_another_version(self, backend: Backend) -> None:
        one, two = new_registered_model(backend), new_registered_model(backend)
        new_version(backend, one, "s3://b/first")
        new_version(backend, one, "s3://b/second")
        backend.call(registered_models.set_alias, SetAlias(one, "champion", "1"))
        backend.call(model_versions.transition_stage, t.TransitionStage(one, "1", "Staging"))
        for source, leads in (
            (f"models:/{one}/1", "first"),
            (f"models:/{one}/2", "second"),
            (f"models:/{one}@champion", "first"),
            (f"models:/{one}/latest", "second"),
            (f"models:/{one}/staging", "first"),
        ):
            number = new_version(backend, two, source)
            assert location_of(backend, two, number) == f"s3://b/{leads}"
            assert get_version(backend, two, number).source == f"models:/{one}/{'1' if leads == 'first' else '2'}"
        assert location_of(backend, one, new_version(backend, one, f"models:/{two}/1")) == "s3://b/first"

    def test_nothing_there(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        for source, why in (
            ("models:/nope/1", "Registered Model with name=nope not found"),
            (f"models:/{name}/9", f"Model Version (name={name}, version=9) not found"),
            (f"models:/{name}@gone", "Registered model alias gone not found."),
            (f"models:/{name}/Archived", f"No version of '{name}' is in stage Archived."),
            ("models:/m-" + "0" * 32, f"Logged model with ID 'm-{'0' * 32}' not found."),
        ):
            text = f"Unable to fetch model from model URI source artifact location '{source}'.Error: {why}"
            with refused(InvalidParameter, text):
                new_version(backend, name, source)

    def test_prompts(self, backend: Backend) -> None:
        tags = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": "Hello {{name}}"}
        name = new_registered_model(backend, tags={"mlflow.prompt.is_prompt": "true"})
        number = new_version(backend, name, "dummy-source", tags=tags)
        assert get_version(backend, name, number).source == "dummy-source"
        other = new_registered_model(backend)
        with refused(InvalidParameter, holds="Prompt versions cannot be used as model version sources."):
            new_version(backend, other, f"models:/{name}/1")


class TestModelVersionSearch:
    """Filters, orders, pages."""

    def found(self, backend: Backend, condition: str, *order: str) -> list[tuple[str, str]]:
        answer = backend.call(model_versions.search, t.SearchModelVersions(condition, 1000, list(order)))
        return [(one.name, one.version) for one in answer.model_versions]

    def test_filters(self, backend: Backend) -> None:
        mark, run = unique("Mark"), new_run(backend)
        one, two = (new_registered_model(backend, f"{mark}-{end}") for end in "ab")
        key = unique("key")
        new_version(backend, one, "s3://b/Some/x", tags={key: "1"})
        new_version(backend, one, f"s3://{mark}/other", run_id=run)
        new_version(backend, two, "s3://b/third", run_id=run, tags={key: "2"})
        a1, a2, b1 = (one, "1"), (one, "2"), (two, "1")
        within = f"name LIKE '{mark}%'"
        for condition, expected in (
            (f"name = '{one}'", [a2, a1]),
            (within, [b1, a2, a1]),
            (f"name ILIKE '{mark.lower()}%'", [b1, a2, a1]),
            (f"{within} AND name != '{one}'", [b1]),
            (f"run_id = '{run}'", [b1, a2]),
            (f"run_id IN ('{run}', 'x')", [b1, a2]),
            (f"{within} AND run_id != '{run}'", [a1]),
            (f"source_path = 's3://{mark}/other'", [a2]),
            (f"{within} AND source_path LIKE '%Some%'", [a1]),
            (f"{within} AND source_path ILIKE '%some%'", [a1]),
            (f"{within} AND version_number > 1", [a2]),
            (f"{within} AND version_number = 1", [b1, a1]),
            (f"{within} AND version_number <= 1", [b1, a1]),
            (f"tags.`{key}` = '1'", [a1]),
            (f"{within} AND tags.`{key}` != '1'", [b1]),
            (f"{within} AND tag.`{key}` LIKE '%'", [b1, a1]),
            (f"{within} AND version_number = 9", []),
        ):
            assert self.found(backend, condition, "creation_timestamp DESC", "name DESC") == expected, condition

    def test_orders_and_pages(self, backend: Backend) -> None:
        mark = unique("order")
        one, two = (new_registered_model(backend, f"{mark}-{end}") for end in "ab")
        for name in (one, two, one):
            time.sleep(0.002)
            new_version(backend, name)
        a1, a2, b1 = (one, "1"), (one, "2"), (two, "1")
        time.sleep(0.002)
        backend.call(model_versions.transition_stage, t.TransitionStage(one, "1", "Staging"))
        within = f"name LIKE '{mark}%'"
        for order, expected in (
            ([], [a1, a2, b1]),
            (["last_updated_timestamp ASC"], [b1, a2, a1]),
            (["creation_timestamp"], [a1, b1, a2]),
            (["name"], [a2, a1, b1]),
            (["name DESC"], [b1, a2, a1]),
            (["version_number"], [a1, b1, a2]),
            (["version_number DESC", "name DESC"], [a2, b1, a1]),
        ):
            assert self.found(backend, within, *order) == expected, order
            arg = t.SearchModelVersions(within, 2, order)
            parts = [
                [(version.name, version.version) for version in page]
                for page in pages(backend, model_versions.search, arg, "model_versions")
            ]
            assert parts == [expected[:2], expected[2:]]

    def test_what_is_shown(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name, tags={"k": "v"})
        backend.call(registered_models.set_alias, SetAlias(name, "champion", "1"))
        (found,) = backend.call(model_versions.search, t.SearchModelVersions(f"name = '{name}'")).model_versions
        assert (found.tags, found.aliases) == ([Tag("k", "v")], [])

    def test_prompts_hide(self, backend: Backend) -> None:
        mark = unique("prompt")
        plain = new_registered_model(backend, f"{mark}-a")
        prompt = new_registered_model(backend, f"{mark}-b", tags={"mlflow.prompt.is_prompt": "true"})
        new_version(backend, plain)
        new_version(backend, prompt, "dummy-source", tags={"mlflow.prompt.is_prompt": "true"})
        within = f"name LIKE '{mark}%'"
        assert self.found(backend, within) == [(plain, "1")]
        assert self.found(backend, f"{within} AND tags.`mlflow.prompt.is_prompt` = 'true'") == [(prompt, "1")]
        assert self.found(backend, f"{within} AND tags.`mlflow.prompt.is_prompt` = 'false'") == [(plain, "1")]

    def test_refusals(self, backend: Backend) -> None:
        def search(*given: object) -> None:
            backend.call(model_versions.search, t.SearchModelVersions(*given))  # type: ignore[arg-type]

        with refused(InvalidParameter, "Invalid value for max_results. It must be a positive integer, but got 0"):
            search("", 0)
        with refused(InvalidParameter, starts="Invalid value \"200001\" for parameter 'max_results' supplied:"):
            search("", 200_001)
        with refused(InvalidParameter, starts="Invalid attribute key 'x' specified. Valid keys are '{"):
            search("x = 'y'")
        with refused(InvalidParameter, starts="Invalid attribute key 'x' specified. Valid keys are '{"):
            search("", 10, ["x"])
        with refused(InvalidParameter, starts="Invalid page token"):
            search("", 10, [], "?")
