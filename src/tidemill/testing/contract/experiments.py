"""The contract of experiments."""

import json
import secrets
import time
from collections.abc import Callable

import pytest

from tidemill.api import experiments, runs
from tidemill.api.operation import Backend
from tidemill.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from tidemill.testing.contract.refusals import BAD_NAMES, GOOD_NAMES, bad_name, missing, refused
from tidemill.testing.factories import as_tags, get_experiment, get_run, new_experiment, new_run, tags_of, unique
from tidemill.types import experiments as t
from tidemill.types.page import Tag
from tidemill.types.runs import CreateRun, DeleteRun

ON_ONE = {
    "get": lambda backend, one: backend.call(experiments.get, t.GetExperiment(one)),
    "update": lambda backend, one: backend.call(experiments.update, t.UpdateExperiment(one, unique())),
    "delete": lambda backend, one: backend.call(experiments.delete, t.DeleteExperiment(one)),
    "restore": lambda backend, one: backend.call(experiments.restore, t.RestoreExperiment(one)),
    "set tag": lambda backend, one: backend.call(experiments.set_tag, t.SetExperimentTag(one, "k", "v")),
    "delete tag": lambda backend, one: backend.call(experiments.delete_tag, t.DeleteExperimentTag(one, "k")),
    "create run": lambda backend, one: backend.call(runs.create, CreateRun(one)),
}
"""Operations that name one experiment."""
on_one = pytest.mark.parametrize("operation", ON_ONE.values(), ids=ON_ONE)
OnOne = Callable[[Backend, str], object]


def delete(backend: Backend, experiment_id: str) -> None:
    """Mark an experiment deleted."""
    backend.call(experiments.delete, t.DeleteExperiment(experiment_id))


def restore(backend: Backend, experiment_id: str) -> None:
    """Mark an experiment active."""
    backend.call(experiments.restore, t.RestoreExperiment(experiment_id))


class TestExperimentLife:
    """Creating, reading, renaming, deleting, restoring."""

    def test_default_exists(self, backend: Backend) -> None:
        found = get_experiment(backend, "0")
        assert found.name == "Default"
        assert found.artifact_location.rstrip("/").endswith("/0")

    def test_create_and_get(self, backend: Backend) -> None:
        before = time.time_ns() // 1_000_000
        name = unique()
        arg = t.CreateExperiment(name=name, tags=as_tags({"team": "ü", "empty": ""}))
        one = backend.call(experiments.create, arg).experiment_id
        found = get_experiment(backend, one)
        assert (found.experiment_id, found.name, found.lifecycle_stage) == (one, name, "active")
        assert before - 1000 <= found.creation_time <= time.time_ns() // 1_000_000 + 1000
        assert found.last_update_time == found.creation_time
        assert found.artifact_location.endswith(f"/{one}")
        assert tags_of(found) == {"team": "ü", "empty": ""}
        by_name = backend.call(experiments.get_by_name, t.GetExperimentByName(name)).experiment
        assert by_name == found

    def test_ids_count_up(self, backend: Backend) -> None:
        first, second = int(new_experiment(backend)), int(new_experiment(backend))
        assert 0 < first < second

    def test_without_tags(self, backend: Backend) -> None:
        assert get_experiment(backend, new_experiment(backend)).tags == []

    @pytest.mark.parametrize("name", ["a/b c", "学习 😀", "x" * 480, 'O\'Hara "q" % _ \\', "é", "e\u0301", "x ", "\t"])
    def test_names_are_kept(self, backend: Backend, name: str) -> None:
        name = unique("") + name
        one = new_experiment(backend, name)
        assert get_experiment(backend, one).name == name
        assert backend.call(experiments.get_by_name, t.GetExperimentByName(name)).experiment.experiment_id == one

    def test_blanks_are_a_name(self, backend: Backend) -> None:
        name = "".join(secrets.choice(" \t") for _ in range(60))
        assert get_experiment(backend, new_experiment(backend, name)).name == name

    def test_names_differ_by_case(self, backend: Backend) -> None:
        name = unique("Case")
        assert new_experiment(backend, name) != new_experiment(backend, name.lower())

    def test_name_length(self, backend: Backend) -> None:
        name = unique().ljust(500, "ü")
        one = new_experiment(backend, name)
        assert get_experiment(backend, one).name == name
        with refused(InvalidParameter, "'name' exceeds the maximum length of 500 characters"):
            new_experiment(backend, name + "u")
        with refused(InvalidParameter, "'name' exceeds the maximum length of 500 characters"):
            backend.call(experiments.update, t.UpdateExperiment(one, name + "u"))

    def test_missing_fields(self, backend: Backend) -> None:
        one = new_experiment(backend)
        with refused(InvalidParameter, missing("name")):
            backend.call(experiments.create, t.CreateExperiment())
        with refused(InvalidParameter, missing("experiment_id")):
            backend.call(experiments.get, t.GetExperiment())
        with refused(InvalidParameter, missing("experiment_name")):
            backend.call(experiments.get_by_name, t.GetExperimentByName())
        with refused(InvalidParameter, missing("new_name")):
            backend.call(experiments.update, t.UpdateExperiment(one))
        with refused(InvalidParameter, missing("key")):
            backend.call(experiments.set_tag, t.SetExperimentTag(one, value="v"))
        with refused(InvalidParameter, missing("key")):
            backend.call(experiments.delete_tag, t.DeleteExperimentTag(one))

    @on_one
    @pytest.mark.parametrize("one", ["abc", "1.5", "1e3", "0x1", "-", "1 2", "９" * 30])
    def test_id_must_be_an_integer(self, backend: Backend, operation: OnOne, one: str) -> None:
        with refused(InvalidParameter, f"Invalid experiment ID '{one}'. Experiment ID must be a valid integer."):
            operation(backend, one)

    @on_one
    @pytest.mark.parametrize("one", ["999999999", "-7", str(2**63 - 1)])
    def test_unknown_id(self, backend: Backend, operation: OnOne, one: str) -> None:
        with refused(NotFound, f"No Experiment with id={one} exists"):
            operation(backend, one)

    def test_unknown_name(self, backend: Backend) -> None:
        with refused(NotFound, "Could not find experiment with name 'no such thing'"):
            backend.call(experiments.get_by_name, t.GetExperimentByName("no such thing"))

    def test_name_is_not_unicode(self, backend: Backend) -> None:
        for name in ("\ud800", "a\udfff"):
            with refused(InvalidParameter):
                new_experiment(backend, name)
            with refused(InvalidParameter):
                backend.call(experiments.get_by_name, t.GetExperimentByName(name))

    def test_name_is_taken(self, backend: Backend) -> None:
        name = unique()
        one = new_experiment(backend, name)
        with refused(AlreadyExists, starts=f"Experiment(name={name}) already exists."):
            new_experiment(backend, name)
        delete(backend, one)
        with refused(AlreadyExists, starts=f"Experiment(name={name}) already exists."):
            new_experiment(backend, name)

    def test_rename(self, backend: Backend) -> None:
        older, newer = unique(), unique()
        one = new_experiment(backend, older)
        before = get_experiment(backend, one)
        time.sleep(0.003)
        backend.call(experiments.update, t.UpdateExperiment(one, newer))
        after = get_experiment(backend, one)
        assert after.name == newer
        assert after.last_update_time > before.last_update_time
        assert after.creation_time == before.creation_time
        assert after.artifact_location == before.artifact_location
        assert new_experiment(backend, older) != one

    def test_rename_to_its_own_name(self, backend: Backend) -> None:
        name = unique()
        one = new_experiment(backend, name)
        backend.call(experiments.update, t.UpdateExperiment(one, name))
        assert get_experiment(backend, one).name == name

    def test_rename_to_a_taken_name(self, backend: Backend) -> None:
        taken = unique()
        gone = new_experiment(backend, taken)
        one = new_experiment(backend)
        before = get_experiment(backend, one)
        for _ in range(2):
            with refused(AlreadyExists, starts=f"Experiment(name={taken}) already exists."):
                backend.call(experiments.update, t.UpdateExperiment(one, taken))
            delete(backend, gone) if get_experiment(backend, gone).lifecycle_stage == "active" else None
        assert get_experiment(backend, one) == before

    def test_rename_a_deleted_one(self, backend: Backend) -> None:
        one = new_experiment(backend)
        delete(backend, one)
        with refused(InvalidState, "Cannot rename a non-active experiment."):
            backend.call(experiments.update, t.UpdateExperiment(one, unique()))

    def test_delete_and_restore(self, backend: Backend) -> None:
        one = new_experiment(backend)
        active, gone = new_run(backend, one), new_run(backend, one)
        elsewhere = new_run(backend)
        backend.call(runs.delete, DeleteRun(gone))
        times = [get_experiment(backend, one).last_update_time]

        time.sleep(0.003)
        delete(backend, one)
        found = get_experiment(backend, one)
        times.append(found.last_update_time)
        assert found.lifecycle_stage == "deleted"
        assert [get_run(backend, run).info.lifecycle_stage for run in (active, gone)] == ["deleted", "deleted"]
        assert get_run(backend, elsewhere).info.lifecycle_stage == "active"
        by_name = backend.call(experiments.get_by_name, t.GetExperimentByName(found.name)).experiment
        assert by_name == found

        time.sleep(0.003)
        restore(backend, one)
        found = get_experiment(backend, one)
        times.append(found.last_update_time)
        assert found.lifecycle_stage == "active"
        # All runs, the one that was deleted before as well.
        assert [get_run(backend, run).info.lifecycle_stage for run in (active, gone)] == ["active", "active"]
        assert times[0] < times[1] < times[2]

    def test_delete_and_restore_once_only(self, backend: Backend) -> None:
        one = new_experiment(backend)
        with refused(NotFound, f"No Experiment with id={one} exists"):
            restore(backend, one)
        delete(backend, one)
        with refused(NotFound, f"No Experiment with id={one} exists"):
            delete(backend, one)
        restore(backend, one)
        assert get_experiment(backend, one).lifecycle_stage == "active"

    def test_no_runs_in_a_deleted_one(self, backend: Backend) -> None:
        one = new_experiment(backend)
        delete(backend, one)
        text = f"The experiment {one} must be in the 'active' state. Current state is deleted."
        with refused(InvalidParameter, text):
            new_run(backend, one)


class TestExperimentTags:
    """Tags of experiments: set, overwritten, deleted, never cut."""

    def test_set_and_overwrite(self, backend: Backend) -> None:
        one = new_experiment(backend)
        for value in ("1", "2", "", "é😀\n\t"):
            backend.call(experiments.set_tag, t.SetExperimentTag(one, "k", value))
            assert tags_of(get_experiment(backend, one)) == {"k": value}

    def test_delete(self, backend: Backend) -> None:
        one, other = new_experiment(backend), new_experiment(backend)
        for experiment in (one, other):
            backend.call(experiments.set_tag, t.SetExperimentTag(experiment, "k", "v"))
        backend.call(experiments.delete_tag, t.DeleteExperimentTag(one, "k"))
        assert tags_of(get_experiment(backend, one)) == {}
        assert tags_of(get_experiment(backend, other)) == {"k": "v"}
        with refused(NotFound, f"No tag with name: k in experiment with id {one}"):
            backend.call(experiments.delete_tag, t.DeleteExperimentTag(one, "k"))

    def test_of_a_deleted_experiment(self, backend: Backend) -> None:
        one = new_experiment(backend)
        backend.call(experiments.set_tag, t.SetExperimentTag(one, "k", "v"))
        delete(backend, one)
        text = f"The experiment {one} must be in the 'active' state. Current state is deleted."
        with refused(InvalidParameter, text):
            backend.call(experiments.set_tag, t.SetExperimentTag(one, "k", "w"))
        with refused(InvalidParameter, text):
            backend.call(experiments.delete_tag, t.DeleteExperimentTag(one, "k"))
        assert tags_of(get_experiment(backend, one)) == {"k": "v"}

    def test_lengths(self, backend: Backend) -> None:
        one = new_experiment(backend)
        backend.call(experiments.set_tag, t.SetExperimentTag(one, "k" * 250, "é" * 20_000))
        assert tags_of(get_experiment(backend, one)) == {"k" * 250: "é" * 20_000}
        with refused(InvalidParameter, "'key' exceeds the maximum length of 250 characters"):
            backend.call(experiments.set_tag, t.SetExperimentTag(one, "k" * 251, "v"))
        with refused(InvalidParameter, "'value' exceeds the maximum length of 20000 characters"):
            backend.call(experiments.set_tag, t.SetExperimentTag(one, "k", "v" * 20_001))
        assert len(get_experiment(backend, one).tags) == 1

    @pytest.mark.parametrize("name", GOOD_NAMES)
    def test_good_names(self, backend: Backend, name: str) -> None:
        one = new_experiment(backend)
        backend.call(experiments.set_tag, t.SetExperimentTag(one, name, "v"))
        assert tags_of(get_experiment(backend, one)) == {name: "v"}

    @pytest.mark.parametrize("shown", BAD_NAMES)
    def test_bad_names(self, backend: Backend, shown: str) -> None:
        one = new_experiment(backend)
        with refused(InvalidParameter, bad_name(shown, "key")):
            backend.call(experiments.set_tag, t.SetExperimentTag(one, json.loads(f'"{shown}"'), "v"))

    def test_at_creation_the_last_wins(self, backend: Backend) -> None:
        arg = t.CreateExperiment(name=unique(), tags=[Tag("k", "1"), Tag("l", "x"), Tag("k", "2")])
        one = backend.call(experiments.create, arg).experiment_id
        assert tags_of(get_experiment(backend, one)) == {"k": "2", "l": "x"}

    @pytest.mark.parametrize(
        "tag", [Tag("k", "v" * 20_001), Tag("k" * 251, "v"), Tag("a//b", "v")], ids=["value", "key", "name"]
    )
    def test_bad_ones_at_creation_leave_nothing(self, backend: Backend, tag: Tag) -> None:
        name = unique()
        with refused(InvalidParameter):
            backend.call(experiments.create, t.CreateExperiment(name=name, tags=[Tag("good", "v"), tag]))
        with refused(NotFound):
            backend.call(experiments.get_by_name, t.GetExperimentByName(name))


class TestArtifactLocation:
    """Where an experiment's artifacts go."""

    @pytest.mark.parametrize(
        "location",
        ["s3://bucket/some/path", "s3://b/p?versionId=1", "gs://bucket", "/data/elsewhere", "file:///data/x"],
    )
    def test_is_kept(self, backend: Backend, location: str) -> None:
        one = new_experiment(backend, artifact_location=location)
        assert get_experiment(backend, one).artifact_location == location

    @pytest.mark.parametrize(
        ("location", "below"),
        [
            ("s3://b/p", "s3://b/p/{}/artifacts"),
            ("s3://b/p/", "s3://b/p/{}/artifacts"),
            ("s3://b", "s3://b/{}/artifacts"),
            ("s3://b/p?x=1", "s3://b/p/{}/artifacts?x=1"),
            ("/data/x", "/data/x/{}/artifacts"),
        ],
    )
    def test_runs_lie_below(self, backend: Backend, location: str, below: str) -> None:
        run = new_run(backend, new_experiment(backend, artifact_location=location))
        assert get_run(backend, run).info.artifact_uri == below.format(run)

    @pytest.mark.parametrize(
        ("location", "text"),
        [
            ("s3://b/p#frag", "'artifact_location' URL can't include fragments or params."),
            ("s3://b/p;x=1", "'artifact_location' URL can't include fragments or params."),
            ("s3://b/p?x=../../y", "Invalid query string"),
            ("runs:/abc/model", "Artifact location cannot be a runs:/ URI. Given: 'runs:/abc/model'"),
        ],
    )
    def test_is_refused(self, backend: Backend, location: str, text: str) -> None:
        name = unique()
        with refused(InvalidParameter, text):
            new_experiment(backend, name, artifact_location=location)
        new_experiment(backend, name)  # the name is still free

    def test_length(self, backend: Backend) -> None:
        fits = "s3://b/" + "x" * (2048 - 7)
        assert get_experiment(backend, new_experiment(backend, artifact_location=fits)).artifact_location == fits
        text = "Invalid artifact path length. The length of the artifact path cannot be greater than 2048 characters."
        with refused(InvalidParameter, starts=text):
            new_experiment(backend, artifact_location=fits + "x")
