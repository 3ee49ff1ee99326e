"""The contract of runs: their life, not yet what is logged to them."""

import re
from collections.abc import Callable

import pytest

from tidemill.api import inputs, logged_models, runs
from tidemill.api.operation import Backend
from tidemill.errors import AlreadyExists, InvalidParameter, NotFound
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import (
    as_tags,
    get_experiment,
    get_model,
    get_run,
    latest_of,
    new_experiment,
    new_run,
    params_of,
    tags_of,
    unique,
)
from tidemill.types import runs as t
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs, LogOutputs, ModelInput, ModelOutput
from tidemill.types.logged_models import CreateLoggedModel
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import Tag, ViewType

LARGEST = 2**63 - 1
MODEL_JSON = '{"artifact_path": "m", "flavors": {}, "utc_time_created": "2026-01-01 00:00:00", "run_id": "x"}'

WRITES = {
    "metric": lambda backend, run: backend.call(runs.log_metric, t.LogMetric(run, key="m", value=1.0, timestamp=1)),
    "param": lambda backend, run: backend.call(runs.log_param, t.LogParam(run, key="p", value="1")),
    "tag": lambda backend, run: backend.call(runs.set_tag, t.SetTag(run, key="t", value="1")),
    "delete tag": lambda backend, run: backend.call(runs.delete_tag, t.DeleteTag(run, key="kept")),
    "batch": lambda backend, run: backend.call(
        runs.log_batch,
        t.LogBatch(run, [MetricPoint("m", 1.0, 1)], [t.Param("p", "1")], [Tag("t", "1")]),
    ),
    "empty batch": lambda backend, run: backend.call(runs.log_batch, t.LogBatch(run)),
    "update": lambda backend, run: backend.call(runs.update, t.UpdateRun(run, status=t.RunStatus.FAILED)),
    "inputs": lambda backend, run: backend.call(
        inputs.log,
        LogInputs(run, [DatasetInput(dataset=Dataset("d", "1", "local", "s"))], [ModelInput("m-1")]),
    ),
    "outputs": lambda backend, run: backend.call(inputs.log_outputs, LogOutputs(run, [ModelOutput("m-1", 0)])),
    "model": lambda backend, run: backend.call(runs.log_model, t.LogModel(run, MODEL_JSON)),
}
"""Operations that write to a run."""


def create(backend: Backend, arg: t.CreateRun) -> t.Run:
    """Create a run and answer what the operation answers."""
    return backend.call(runs.create, arg).run


class TestRunCreation:
    """A new run: what is stored, what is answered, what it is called."""

    def test_everything_given(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        arg = t.CreateRun(experiment, "jo", "my run", 1_700_000_000_000, as_tags({"a": "1", "ü b": ""}))
        run = create(backend, arg)
        info = run.info
        assert re.fullmatch("[0-9a-f]{32}", info.run_id)
        assert info.run_uuid == info.run_id
        assert (info.experiment_id, info.user_id, info.run_name) == (experiment, "jo", "my run")
        assert (info.status, info.start_time, info.end_time) == (t.RunStatus.RUNNING, 1_700_000_000_000, None)
        assert info.lifecycle_stage == "active"
        assert info.artifact_uri == f"{get_experiment(backend, experiment).artifact_location}/{info.run_id}/artifacts"
        assert run.data.tags == [Tag("a", "1"), Tag("ü b", ""), Tag("mlflow.runName", "my run")]
        assert (run.data.metrics, run.data.params) == ([], [])
        assert run.inputs is not None
        assert (run.inputs.dataset_inputs, run.inputs.model_inputs) == ([], [])
        assert run.outputs is None

        found = get_run(backend, info.run_id)
        assert found.info == info
        assert {tag.key: tag.value for tag in found.data.tags} == {"a": "1", "ü b": "", "mlflow.runName": "my run"}
        assert found.inputs == run.inputs
        assert found.outputs is not None
        assert found.outputs.model_outputs == []

    def test_nothing_given(self, backend: Backend) -> None:
        info = create(backend, t.CreateRun(new_experiment(backend))).info
        assert (info.user_id, info.start_time, info.end_time) == ("", 0, None)
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", info.run_name)
        assert get_run(backend, info.run_id).data.tags == [Tag("mlflow.runName", info.run_name)]

    def test_ids_differ(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        assert len({new_run(backend, experiment) for _ in range(20)}) == 20

    def test_named_by_argument_or_tag_or_both(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        name_tag = [Tag("mlflow.runName", "x y")]
        for arg in (
            t.CreateRun(experiment, run_name="x y"),
            t.CreateRun(experiment, tags=name_tag),
            t.CreateRun(experiment, run_name="x y", tags=name_tag),
        ):
            run = create(backend, arg)
            assert run.info.run_name == "x y"
            assert run.data.tags == name_tag
            assert get_run(backend, run.info.run_id).data.tags == name_tag

    def test_named_twice_differently(self, backend: Backend) -> None:
        text = (
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            "(run_name='a', mlflow.runName='b')."
        )
        arg = t.CreateRun(new_experiment(backend), run_name="a", tags=[Tag("mlflow.runName", "b")])
        with refused(InvalidParameter, text):
            create(backend, arg)

    @pytest.mark.parametrize("start", [1, 2**53 + 1, LARGEST])
    def test_start_time_is_exact(self, backend: Backend, start: int) -> None:
        assert get_run(backend, new_run(backend, start_time=start)).info.start_time == start

    @pytest.mark.parametrize("start", [LARGEST + 1, -LARGEST - 2, 10**30])
    def test_start_time_has_64_bits(self, backend: Backend, start: int) -> None:
        with refused(InvalidParameter):
            new_run(backend, new_experiment(backend), start_time=start)

    def test_long_tag_value_is_cut(self, backend: Backend) -> None:
        run = new_run(backend, tags={"k": "ü" * 8001, "l": "v" * 8000})
        assert tags_of(get_run(backend, run)) == {"k": "ü" * 8000, "l": "v" * 8000}

    def test_the_last_of_equal_tags_wins(self, backend: Backend) -> None:
        run = create(backend, t.CreateRun(new_experiment(backend), tags=[Tag("k", "1"), Tag("k", "2")]))
        assert tags_of(get_run(backend, run.info.run_id)) == tags_of(run) == {"k": "2"}

    def test_bad_tag_leaves_nothing(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        with refused(InvalidParameter, "'key' exceeds the maximum length of 250 characters"):
            new_run(backend, experiment, tags={"k" * 251: ""})
        found = backend.call(runs.search, t.SearchRuns([experiment], run_view_type=ViewType.ALL))
        assert found.runs == []

    def test_experiment_is_required(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("experiment_id")):
            create(backend, t.CreateRun())

    def test_chosen_id(self, backend: Backend) -> None:
        experiment, run_id = new_experiment(backend), unique("run").replace("-", "")
        arg = t.CreateRun(experiment, "jo", "x", 5, [Tag("k", "v")], run_id=run_id)
        first = create(backend, arg)
        assert first.info.run_id == run_id
        backend.call(runs.log_param, t.LogParam(run_id, key="p", value="1"))
        # Sent again, for example because the first answer was lost: the same run, unchanged.
        assert create(backend, arg).info == first.info
        found = get_run(backend, run_id)
        assert (tags_of(found), params_of(found)) == ({"k": "v"}, {"p": "1"})
        for other in (t.CreateRun(new_experiment(backend), run_id=run_id), t.CreateRun(experiment, run_id=run_id)):
            with refused(AlreadyExists, f"Run with id={run_id} already exists."):
                create(backend, other)

    @pytest.mark.parametrize("run_id", ["a/b", "../x", "-a", "_a", "a b", "x" * 257, "a.b"])
    def test_bad_chosen_id(self, backend: Backend, run_id: str) -> None:
        with refused(InvalidParameter, f"Invalid value \"{run_id}\" for parameter 'run_id' supplied."):
            create(backend, t.CreateRun(new_experiment(backend), run_id=run_id))


class TestRunChanges:
    """Reading, updating, deleting, restoring."""

    def test_unknown(self, backend: Backend) -> None:
        for call in (
            lambda: get_run(backend, "nope"),
            lambda: backend.call(runs.delete, t.DeleteRun("nope")),
            lambda: backend.call(runs.restore, t.RestoreRun("nope")),
        ):
            with refused(NotFound, "Run with id=nope not found"):
                call()

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    def test_writing_to_an_unknown_one(self, backend: Backend, write: Callable[[Backend, str], object]) -> None:
        with refused(NotFound, "Run with id=nope not found"):
            write(backend, "nope")

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    def test_writing_to_a_deleted_one(self, backend: Backend, write: Callable[[Backend, str], object]) -> None:
        run = new_run(backend, tags={"kept": "1"})
        backend.call(runs.delete, t.DeleteRun(run))
        before = get_run(backend, run)
        with refused(InvalidParameter, f"The run {run} must be in the 'active' state. Current state is deleted."):
            write(backend, run)
        assert get_run(backend, run) == before

    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    def test_run_id_is_required(self, backend: Backend, write: Callable[[Backend, str], object]) -> None:
        with refused(InvalidParameter, missing("run_id")):
            write(backend, "")

    def test_old_name_of_the_id(self, backend: Backend) -> None:
        run = new_run(backend)
        assert backend.call(runs.get, t.GetRun(run_uuid=run)).run.info.run_id == run
        backend.call(runs.log_metric, t.LogMetric(run_uuid=run, key="m", value=1.0, timestamp=1))
        backend.call(runs.log_param, t.LogParam(run_uuid=run, key="p", value="1"))
        backend.call(runs.set_tag, t.SetTag(run_uuid=run, key="t", value="1"))
        backend.call(runs.update, t.UpdateRun(run_uuid=run, end_time=7))
        found = get_run(backend, run)
        assert (list(latest_of(found)), params_of(found), tags_of(found)) == (["m"], {"p": "1"}, {"t": "1"})
        assert found.info.end_time == 7
        # Where both are given, run_id counts.
        assert backend.call(runs.get, t.GetRun(run, run_uuid="nope")).run == found

    @pytest.mark.parametrize("status", list(t.RunStatus))
    def test_status(self, backend: Backend, status: t.RunStatus) -> None:
        run = new_run(backend)
        answer = backend.call(runs.update, t.UpdateRun(run, status=status, end_time=12)).run_info
        assert (answer.status, answer.end_time) == (status, 12)
        assert get_run(backend, run).info == answer

    def test_absent_fields_stay(self, backend: Backend) -> None:
        run = new_run(backend, name="first")
        backend.call(runs.update, t.UpdateRun(run, status=t.RunStatus.FINISHED, end_time=LARGEST))
        before = get_run(backend, run)
        assert before.info.end_time == LARGEST
        assert backend.call(runs.update, t.UpdateRun(run, end_time=0)).run_info.end_time == 0
        before = get_run(backend, run)
        answer = backend.call(runs.update, t.UpdateRun(run)).run_info
        assert answer == before.info
        assert get_run(backend, run) == before

    def test_new_name_is_a_tag_too(self, backend: Backend) -> None:
        run = new_run(backend, name="first")
        assert backend.call(runs.update, t.UpdateRun(run, run_name="second")).run_info.run_name == "second"
        found = get_run(backend, run)
        assert (found.info.run_name, found.data.tags) == ("second", [Tag("mlflow.runName", "second")])

    def test_name_tag_renames(self, backend: Backend) -> None:
        run = new_run(backend, name="first")
        backend.call(runs.set_tag, t.SetTag(run, key="mlflow.runName", value="second"))
        assert get_run(backend, run).info.run_name == "second"
        backend.call(runs.log_batch, t.LogBatch(run, tags=[Tag("mlflow.runName", "third")]))
        assert get_run(backend, run).info.run_name == "third"

    def test_deleting_the_name_tag_keeps_the_name(self, backend: Backend) -> None:
        run = new_run(backend, name="first")
        backend.call(runs.delete_tag, t.DeleteTag(run, "mlflow.runName"))
        found = get_run(backend, run)
        assert (found.info.run_name, found.data.tags) == ("first", [])
        backend.call(runs.update, t.UpdateRun(run, run_name="second"))
        found = get_run(backend, run)
        assert (found.info.run_name, found.data.tags) == ("second", [Tag("mlflow.runName", "second")])

    def test_delete_and_restore_any_number_of_times(self, backend: Backend) -> None:
        run = new_run(backend, values={"m": 1.0}, params={"p": "1"}, tags={"t": "1"})
        before = get_run(backend, run)
        backend.call(runs.restore, t.RestoreRun(run))
        assert get_run(backend, run) == before
        for _ in range(2):
            backend.call(runs.delete, t.DeleteRun(run))
            gone = get_run(backend, run)
            assert gone.info.lifecycle_stage == "deleted"
            assert gone.data == before.data
        for _ in range(2):
            backend.call(runs.restore, t.RestoreRun(run))
            assert get_run(backend, run) == before

    def test_deleting_leaves_its_models(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        run = new_run(backend, experiment)
        arg = CreateLoggedModel(experiment, source_run_id=run)
        model = backend.call(logged_models.create, arg).model.info.model_id
        backend.call(runs.delete, t.DeleteRun(run))
        assert get_model(backend, model).info.source_run_id == run

    def test_reading_your_own_write(self, backend: Backend) -> None:
        run = new_run(backend)
        for number in range(20):
            backend.call(runs.set_tag, t.SetTag(run, key="n", value=str(number)))
            assert tags_of(get_run(backend, run)) == {"n": str(number)}
