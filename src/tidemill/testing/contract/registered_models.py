"""The contract of registered models."""

import time
from typing import Any

import pytest

from tidemill.api import model_versions, registered_models
from tidemill.api.operation import Backend, Operation
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound
from tidemill.testing.contract.refusals import bad_name, missing, refused
from tidemill.testing.factories import (
    as_tags,
    get_registered_model,
    new_registered_model,
    new_version,
    pages,
    unique,
)
from tidemill.types import registered_models as t
from tidemill.types.model_versions import DeleteModelVersion, TransitionStage

UNKNOWN = "Registered Model with name=nope not found"


class TestRegisteredModelLife:
    """Creating, reading, renaming, updating, deleting."""

    def test_everything_given(self, backend: Backend) -> None:
        name = unique("wine")
        arg = t.CreateRegisteredModel(name, as_tags({"k": "é", "a": ""}), "about", "anna")
        before = time.time_ns() // 1_000_000
        model = backend.call(registered_models.create, arg).registered_model
        assert (model.name, model.description, model.user_id) == (name, "about", "anna")
        assert model.tags == as_tags({"a": "", "k": "é"})
        assert (model.latest_versions, model.aliases) == ([], [])
        assert before - 1000 <= model.creation_timestamp == model.last_updated_timestamp
        assert get_registered_model(backend, name) == model

    def test_taken(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        with refused(AlreadyExists, f"Registered Model (name={name}) already exists."):
            new_registered_model(backend, name)

    def test_prompts_and_models_share_names(self, backend: Backend) -> None:
        model = new_registered_model(backend)
        prompt = new_registered_model(backend, tags={"mlflow.prompt.is_prompt": "true"})
        rest = "MLflow does not allow creating a model and a prompt with the same name."
        with refused(
            AlreadyExists,
            f"Tried to create a prompt with name '{model}', but the name is already taken by a registered model. {rest}",
        ):
            new_registered_model(backend, model, tags={"mlflow.prompt.is_prompt": "true"})
        with refused(
            AlreadyExists,
            f"Tried to create a registered model with name '{prompt}', but the name is already taken by a prompt. {rest}",
        ):
            new_registered_model(backend, prompt)
        with refused(AlreadyExists, f"Prompt (name={prompt}) already exists."):
            new_registered_model(backend, prompt, tags={"mlflow.prompt.is_prompt": "true"})

    @pytest.mark.parametrize("name", ["a/b", "a:b", "/"])
    def test_bad_names(self, backend: Backend, name: str) -> None:
        with refused(InvalidParameter, f"Invalid model name '{name}'. Names cannot contain '/' or ':'."):
            new_registered_model(backend, name)

    @pytest.mark.parametrize("name", [".", "..", "a%2Fb", "%2e%2e", "a\nb", "a\0b"])
    def test_names_that_would_be_others(self, backend: Backend, name: str) -> None:
        with refused(InvalidParameter, starts=f"Invalid model name {name!r}."):
            new_registered_model(backend, name)

    @pytest.mark.parametrize("name", ["a b", "grün", "学习", "100%", "a.b", "-", "..a"])
    def test_good_names(self, backend: Backend, name: str) -> None:
        name += unique("")
        assert new_registered_model(backend, name) == name
        assert get_registered_model(backend, name).name == name

    def test_lengths(self, backend: Backend) -> None:
        with refused(InvalidParameter, "'name' exceeds the maximum length of 1000 characters"):
            new_registered_model(backend, "n" * 1001)
        name = new_registered_model(backend)
        with refused(InvalidParameter, "'description' exceeds the maximum length of 100000 characters"):
            backend.call(registered_models.update, t.UpdateRegisteredModel(name, "d" * 100_001))

    def test_needs_a_name(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("name")):
            new_registered_model(backend, "")

    def test_unknown(self, backend: Backend) -> None:
        calls: list[tuple[Operation[Any, Any], object]] = [
            (registered_models.get, t.GetRegisteredModel("nope")),
            (registered_models.rename, t.RenameRegisteredModel("nope", "other")),
            (registered_models.update, t.UpdateRegisteredModel("nope", "d")),
            (registered_models.delete, t.DeleteRegisteredModel("nope")),
            (registered_models.get_latest_versions, t.GetLatestVersions("nope")),
            (registered_models.set_tag, t.SetRegisteredModelTag("nope", "k", "v")),
            (registered_models.delete_tag, t.DeleteRegisteredModelTag("nope", "k")),
            (registered_models.delete_alias, t.DeleteAlias("nope", "a")),
            (registered_models.get_by_alias, t.GetVersionByAlias("nope", "a")),
        ]
        for op, arg in calls:
            with refused(NotFound, UNKNOWN):
                backend.call(op, arg)

    def test_rename(self, backend: Backend) -> None:
        old, new = new_registered_model(backend, tags={"k": "v"}), unique("new")
        new_version(backend, old)
        backend.call(registered_models.set_alias, t.SetAlias(old, "champion", "1"))
        before = get_registered_model(backend, old)
        time.sleep(0.003)
        model = backend.call(registered_models.rename, t.RenameRegisteredModel(old, new)).registered_model
        assert model == get_registered_model(backend, new)
        assert (model.name, model.tags, model.aliases) == (new, before.tags, before.aliases)
        assert model.last_updated_timestamp > before.last_updated_timestamp
        (version,) = model.latest_versions
        assert (version.name, version.last_updated_timestamp) == (new, model.last_updated_timestamp)
        with refused(NotFound, f"Registered Model with name={old} not found"):
            get_registered_model(backend, old)
        assert new_registered_model(backend, old) == old

    def test_rename_to_itself_and_to_a_taken_name(self, backend: Backend) -> None:
        name, other = new_registered_model(backend), new_registered_model(backend)
        assert backend.call(registered_models.rename, t.RenameRegisteredModel(name, name)).registered_model.name == name
        with refused(AlreadyExists, f"Registered Model (name={other}) already exists."):
            backend.call(registered_models.rename, t.RenameRegisteredModel(name, other))
        with refused(InvalidParameter, missing("new_name")):
            backend.call(registered_models.rename, t.RenameRegisteredModel(name, ""))

    def test_update(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        before = get_registered_model(backend, name)
        time.sleep(0.003)
        model = backend.call(registered_models.update, t.UpdateRegisteredModel(name, "more")).registered_model
        assert model.description == "more"
        assert model.last_updated_timestamp > before.last_updated_timestamp
        assert (
            backend.call(registered_models.update, t.UpdateRegisteredModel(name)).registered_model.description is None
        )

    def test_delete(self, backend: Backend) -> None:
        name = new_registered_model(backend, tags={"k": "v"})
        new_version(backend, name)
        backend.call(registered_models.set_alias, t.SetAlias(name, "champion", "1"))
        backend.call(registered_models.delete, t.DeleteRegisteredModel(name))
        with refused(NotFound, f"Registered Model with name={name} not found"):
            get_registered_model(backend, name)
        new_registered_model(backend, name)
        again = get_registered_model(backend, name)
        assert (again.tags, again.aliases, again.latest_versions) == ([], [], [])
        assert new_version(backend, name) == "1"


class TestRegisteredModelTags:
    """Tags of registered models."""

    def test_set_and_delete(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for value in ("1", "2", ""):
            backend.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "k", value))
            assert get_registered_model(backend, name).tags == as_tags({"k": value})
        for _ in range(2):
            backend.call(registered_models.delete_tag, t.DeleteRegisteredModelTag(name, "k"))
            assert get_registered_model(backend, name).tags == []

    def test_limits(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        backend.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "k" * 250, "v" * 100_000))
        with refused(InvalidParameter, "'key' exceeds the maximum length of 250 characters"):
            backend.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "k" * 251, "v"))
        with refused(InvalidParameter, "'value' exceeds the maximum length of 100000 characters"):
            backend.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "k", "v" * 100_001))
        with refused(InvalidParameter, bad_name("a#b", "key")):
            backend.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "a#b", "v"))


class TestAliases:
    """Names that point at one version."""

    def test_set_move_delete(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for _ in range(2):
            new_version(backend, name)
        for version in ("1", "2", "2"):
            backend.call(registered_models.set_alias, t.SetAlias(name, "champion", version))
            found = backend.call(registered_models.get_by_alias, t.GetVersionByAlias(name, "champion")).model_version
            assert (found.name, found.version, found.aliases) == (name, version, ["champion"])
            assert get_registered_model(backend, name).aliases == [t.Alias("champion", version)]
        for _ in range(2):
            backend.call(registered_models.delete_alias, t.DeleteAlias(name, "champion"))
        with refused(InvalidParameter, "Registered model alias champion not found."):
            backend.call(registered_models.get_by_alias, t.GetVersionByAlias(name, "champion"))

    def test_latest(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        with refused(NotFound, f"Latest version not found for model {name}."):
            backend.call(registered_models.get_by_alias, t.GetVersionByAlias(name, "latest"))
        for _ in range(3):
            new_version(backend, name)
        backend.call(model_versions.delete, DeleteModelVersion(name, "3"))
        found = backend.call(registered_models.get_by_alias, t.GetVersionByAlias(name, "latest")).model_version
        assert found.version == "2"

    def test_a_deleted_version_takes_its_aliases_along(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        backend.call(registered_models.set_alias, t.SetAlias(name, "champion", "1"))
        backend.call(model_versions.delete, DeleteModelVersion(name, "1"))
        assert get_registered_model(backend, name).aliases == []

    @pytest.mark.parametrize(
        ("alias", "text"),
        [
            ("a b", "Names may only contain alphanumerics, underscores (_), and dashes (-)."),
            ("a/b", "Names may only contain alphanumerics, underscores (_), and dashes (-)."),
            ("latest", "'latest' alias name (case insensitive) is reserved."),
            ("LaTest", "'latest' alias name (case insensitive) is reserved."),
            ("v1", "Version alias name 'v1' is reserved."),
            ("x" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
        ],
    )
    def test_bad_aliases(self, backend: Backend, alias: str, text: str) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        with refused(InvalidParameter, holds=text):
            backend.call(registered_models.set_alias, t.SetAlias(name, alias, "1"))

    def test_versions_must_exist(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        with refused(NotFound, f"Model Version (name={name}, version=7) not found"):
            backend.call(registered_models.set_alias, t.SetAlias(name, "champion", "7"))
        with refused(NotFound, "Model Version (name=nope, version=1) not found"):
            backend.call(registered_models.set_alias, t.SetAlias("nope", "champion", "1"))
        with refused(InvalidParameter, "Parameter 'version' must be an integer, got 'x'."):
            backend.call(registered_models.set_alias, t.SetAlias(name, "champion", "x"))


class TestLatestVersions:
    """The highest version of each stage."""

    def test_by_stage(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for stage in ("None", "staging", "PRODUCTION", "Production", "None"):
            number = new_version(backend, name)
            backend.call(model_versions.transition_stage, TransitionStage(name, number, stage))
        backend.call(registered_models.set_alias, t.SetAlias(name, "champion", "4"))
        found = {
            stages: [
                (one.version, one.current_stage)
                for one in backend.call(
                    registered_models.get_latest_versions, t.GetLatestVersions(name, list(stages))
                ).model_versions
            ]
            for stages in ((), ("production",), ("Archived",), ("None", "STAGING"))
        }
        assert found == {
            (): [("5", "None"), ("2", "Staging"), ("4", "Production")],
            ("production",): [("4", "Production")],
            ("Archived",): [],
            ("None", "STAGING"): [("5", "None"), ("2", "Staging")],
        }
        shown = get_registered_model(backend, name).latest_versions
        assert [(one.version, one.current_stage) for one in shown] == found[()]

    def test_unknown_stage(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        text = "Invalid Model Version stage: unknown. Value must be one of None, Staging, Production, Archived."
        with refused(InvalidParameter, text):
            backend.call(registered_models.get_latest_versions, t.GetLatestVersions(name, ["unknown"]))


class TestRegisteredModelSearch:
    """Filters, orders, pages."""

    def names(self, backend: Backend, condition: str = "", *order: str) -> list[str]:
        arg = t.SearchRegisteredModels(condition, 1000, list(order))
        return [one.name for one in backend.call(registered_models.search, arg).registered_models]

    def test_by_name(self, backend: Backend) -> None:
        mark = unique("Mark")
        one, two = f"{mark}a", f"{mark}b"
        for name in (two, one):
            new_registered_model(backend, name)
            time.sleep(0.002)
        assert self.names(backend, f"name = '{one}'") == [one]
        assert self.names(backend, f"name LIKE '{mark}%'") == [one, two]
        assert self.names(backend, f"name LIKE '{mark.upper()}%'") == []
        assert self.names(backend, f"name ILIKE '{mark.upper()}%'") == [one, two]
        assert self.names(backend, f"name LIKE '{mark}%' AND name != '{one}'") == [two]
        assert self.names(backend, f"name LIKE '{mark}%'", "name DESC") == [two, one]
        assert self.names(backend, f"name LIKE '{mark}%'", "timestamp ASC") == [two, one]
        assert self.names(backend, f"name LIKE '{mark}%'", "last_updated_timestamp DESC") == [one, two]

    def test_by_tags(self, backend: Backend) -> None:
        key = unique("key")
        one = new_registered_model(backend, tags={key: "1", "other": "x"})
        two = new_registered_model(backend, tags={key: "2"})
        both = sorted([one, two])
        assert self.names(backend, f"tags.`{key}` = '1'") == [one]
        assert self.names(backend, f"tag.`{key}` != '1'") == [two]
        assert self.names(backend, f"tags.`{key}` LIKE '%'") == both
        assert self.names(backend, f"tags.`{key}` LIKE '%' AND tags.`{key}` != '2'") == [one]
        assert self.names(backend, f"tags.`{key}` = '1' AND tags.other = 'x'") == [one]
        assert self.names(backend, f"tags.`{key}` = '1' AND tags.other = 'y'") == []
        long = "v" * 150
        backend.call(registered_models.set_tag, t.SetRegisteredModelTag(one, key, long))
        assert self.names(backend, f"tags.`{key}` = '{long}'") == [one]
        assert self.names(backend, f"tags.`{key}` = '{long}v'") == []

    def test_prompts_hide(self, backend: Backend) -> None:
        mark = unique("prompt")
        plain = new_registered_model(backend, f"{mark}-a")
        prompt = new_registered_model(backend, f"{mark}-b", tags={"mlflow.prompt.is_prompt": "true"})
        within = f"name LIKE '{mark}%'"
        tag = "tags.`mlflow.prompt.is_prompt`"
        assert self.names(backend, within) == [plain]
        for condition in (f"{tag} = 'true'", f"{tag} != 'false'"):
            assert self.names(backend, f"{within} AND {condition}") == [prompt]
        for condition in (f"{tag} = 'false'", f"{tag} != 'true'"):
            assert self.names(backend, f"{within} AND {condition}") == [plain]
        backend.call(registered_models.delete_tag, t.DeleteRegisteredModelTag(prompt, "mlflow.prompt.is_prompt"))
        assert self.names(backend, within) == [plain, prompt]

    def test_pages(self, backend: Backend) -> None:
        mark = unique("page")
        names = [new_registered_model(backend, f"{mark}-{number}") for number in range(5)]
        for order, expected in (([], names), (["name DESC"], names[::-1]), (["timestamp"], names)):
            arg = t.SearchRegisteredModels(f"name LIKE '{mark}%'", 2, order)
            found = [
                [one.name for one in page]
                for page in pages(backend, registered_models.search, arg, "registered_models")
            ]
            assert found == [expected[:2], expected[2:4], expected[4:]]

    def test_refusals(self, backend: Backend) -> None:
        def search(*given: object) -> None:
            backend.call(registered_models.search, t.SearchRegisteredModels(*given))  # type: ignore[arg-type]

        text = "Invalid value \"1001\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'."
        with refused(InvalidParameter, starts=text):
            search("", 1001)
        with refused(InvalidParameter, starts="Invalid attribute key 'x' specified. Valid keys are '{'name'}'"):
            search("x = 'y'")
        with refused(InvalidParameter, starts="Invalid order by key 'x' specified. Valid keys are"):
            search("", 10, ["x"])
        with refused(InvalidParameter, starts="`order_by` contains duplicate fields:"):
            search("", 10, ["timestamp", "last_updated_timestamp DESC"])
        with refused(InvalidParameter, starts="Invalid page token"):
            search("", 10, [], "?")
