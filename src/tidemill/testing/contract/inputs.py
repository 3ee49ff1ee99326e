"""The contract of data sets, model inputs and model outputs."""

import pytest

from tidemill.api import inputs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import get_run, new_experiment, new_run, unique
from tidemill.types import inputs as t
from tidemill.types.page import Tag


def dataset(name: str = "data", digest: str = "d1", source: str = "s", **more: str) -> t.Dataset:
    """A data set."""
    return t.Dataset(name=name, digest=digest, source_type="local", source=source, **more)


def log(backend: Backend, run: str, *datasets: t.DatasetInput, models: tuple[str, ...] = ()) -> None:
    """Log inputs."""
    backend.call(inputs.log, t.LogInputs(run, list(datasets), [t.ModelInput(one) for one in models]))


def used(backend: Backend, run: str) -> list[tuple[t.Dataset, dict[str, str]]]:
    """The data sets of a run, by name and digest, each with its tags."""
    found = get_run(backend, run).inputs
    assert found is not None
    pairs = [(one.dataset, {tag.key: tag.value for tag in one.tags}) for one in found.dataset_inputs]
    return sorted(pairs, key=lambda pair: (pair[0].name, pair[0].digest))


class TestDatasets:
    """Data sets that runs read."""

    def test_everything_given(self, backend: Backend) -> None:
        run = new_run(backend)
        full = t.Dataset("dä ta", "d1", "s3", '{"uri": "s3://b/é"}', '{"columns": []}', '{"rows": 5}')
        log(backend, run, t.DatasetInput(tags=[Tag("mlflow.data.context", "training"), Tag("k")], dataset=full))
        assert used(backend, run) == [(full, {"mlflow.data.context": "training", "k": ""})]

    def test_only_what_is_needed(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run, t.DatasetInput(dataset=dataset()))
        ((found, tags),) = used(backend, run)
        assert (found.schema, found.profile, tags) == (None, None, {})

    def test_nothing(self, backend: Backend) -> None:
        run = new_run(backend)
        before = get_run(backend, run)
        log(backend, run)
        assert get_run(backend, run) == before

    def test_is_linked_once(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run, t.DatasetInput(tags=[Tag("k", "first")], dataset=dataset()))
        log(backend, run, t.DatasetInput(tags=[Tag("k", "second"), Tag("l", "x")], dataset=dataset(source="other")))
        assert used(backend, run) == [(dataset(), {"k": "first"})]

    def test_the_first_of_equal_ones_wins(self, backend: Backend) -> None:
        run = new_run(backend)
        log(backend, run, t.DatasetInput(tags=[Tag("k", "first")], dataset=dataset()),
            t.DatasetInput(tags=[Tag("k", "second")], dataset=dataset(source="other")))  # fmt: skip
        assert used(backend, run) == [(dataset(), {"k": "first"})]

    def test_is_known_by_name_and_digest(self, backend: Backend) -> None:
        run = new_run(backend)
        different = [dataset(), dataset(digest="d2"), dataset(name="Data"), dataset(name="other")]
        log(backend, run, *(t.DatasetInput(dataset=one) for one in different))
        assert [one for one, _ in used(backend, run)] == sorted(different, key=lambda one: (one.name, one.digest))

    def test_is_shared_within_an_experiment(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        first, second = new_run(backend, experiment), new_run(backend, experiment)
        log(backend, first, t.DatasetInput(tags=[Tag("k", "1")], dataset=dataset(schema="old", profile="old")))
        log(backend, second, t.DatasetInput(tags=[Tag("k", "2")], dataset=dataset(source="n", schema="n", profile="n")))
        known = dataset(schema="old", profile="old")
        assert used(backend, first) == [(known, {"k": "1"})]
        assert used(backend, second) == [(known, {"k": "2"})]

    def test_is_not_shared_between_experiments(self, backend: Backend) -> None:
        first, second = new_run(backend), new_run(backend)
        log(backend, first, t.DatasetInput(dataset=dataset(source="one")))
        log(backend, second, t.DatasetInput(dataset=dataset(source="two")))
        assert [used(backend, run)[0][0].source for run in (first, second)] == ["one", "two"]

    @pytest.mark.parametrize(
        ("field", "most"),
        [("name", 500), ("digest", 36), ("source", 65_535), ("schema", 1_048_575), ("profile", 16_777_215)],
    )
    def test_lengths(self, backend: Backend, field: str, most: int) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, f"'{field}' exceeds the maximum length of {most} characters"):
            log(backend, run, t.DatasetInput(dataset=dataset(name="ok")),
                t.DatasetInput(dataset=dataset(**{field: "x" * (most + 1)})))  # fmt: skip
        assert used(backend, run) == []
        if most < 10**7:
            fits = dataset(**{field: "é" * most})
            log(backend, run, t.DatasetInput(dataset=fits))
            assert used(backend, run) == [(fits, {})]

    def test_lengths_of_tags(self, backend: Backend) -> None:
        run = new_run(backend)
        fits = Tag("k" * 255, "é" * 500)
        with refused(InvalidParameter, "'key' exceeds the maximum length of 255 characters"):
            log(backend, run, t.DatasetInput(tags=[fits, Tag("k" * 256, "v")], dataset=dataset()))
        with refused(InvalidParameter, "'value' exceeds the maximum length of 500 characters"):
            log(backend, run, t.DatasetInput(tags=[fits, Tag("k", "v" * 501)], dataset=dataset()))
        assert used(backend, run) == []
        log(backend, run, t.DatasetInput(tags=[fits], dataset=dataset()))
        assert used(backend, run) == [(dataset(), {fits.key: fits.value})]

    def test_form_of_the_run_id(self, backend: Backend) -> None:
        with refused(InvalidParameter, "Invalid value \"a/b\" for parameter 'run_id' supplied."):
            log(backend, "a/b")


class TestModelLinks:
    """Models that runs read and made."""

    def test_inputs(self, backend: Backend) -> None:
        run = new_run(backend)
        for _ in range(2):
            log(backend, run, models=("m-1", "m-2"))
        log(backend, run, models=("m-3",))
        found = get_run(backend, run).inputs
        assert found is not None
        assert [one.model_id for one in found.model_inputs] == ["m-1", "m-2", "m-3"]

    def test_outputs(self, backend: Backend) -> None:
        run = new_run(backend)
        wanted = [t.ModelOutput("m-1", 0), t.ModelOutput("m-1", 5), t.ModelOutput("m-2", -(2**63))]
        backend.call(inputs.log_outputs, t.LogOutputs(run, wanted[:2]))
        backend.call(inputs.log_outputs, t.LogOutputs(run, wanted[2:]))
        found = get_run(backend, run)
        assert found.outputs is not None
        assert found.outputs.model_outputs == wanted
        assert found.inputs is not None
        assert found.inputs.model_inputs == []

    def test_outputs_are_required(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("models")):
            backend.call(inputs.log_outputs, t.LogOutputs(new_run(backend)))


class TestSearchDatasets:
    """The data sets of experiments."""

    def ask(self, backend: Backend, *experiments: str) -> list[tuple[str, str, str, str | None]]:
        """Experiment, name, digest and context of each summary, sorted."""
        found = backend.call(inputs.search_datasets, t.SearchDatasets(list(experiments))).dataset_summaries
        rows = [(one.experiment_id, one.name, one.digest, one.context) for one in found]
        return sorted(rows, key=repr)

    def test_distinct_rows(self, backend: Backend) -> None:
        one, two, three = (new_experiment(backend) for _ in range(3))
        runs = [new_run(backend, one), new_run(backend, one), new_run(backend, two), new_run(backend, three)]
        train, test = Tag("mlflow.data.context", "training"), Tag("mlflow.data.context", "test")
        for run in runs:
            log(backend, run, t.DatasetInput(tags=[train], dataset=dataset("a")))
        log(backend, runs[0], t.DatasetInput(tags=[Tag("k", "v")], dataset=dataset("b")))
        log(backend, runs[1], t.DatasetInput(tags=[test], dataset=dataset("b")))
        assert self.ask(backend, one, two) == sorted(
            [
                (one, "a", "d1", "training"),
                (one, "b", "d1", None),
                (one, "b", "d1", "test"),
                (two, "a", "d1", "training"),
            ],
            key=repr,
        )
        assert self.ask(backend, new_experiment(backend)) == []

    def test_at_most_1000(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        run = new_run(backend, experiment)
        log(backend, run, *(t.DatasetInput(dataset=dataset(f"d{n}")) for n in range(1001)))
        assert len(self.ask(backend, experiment)) == 1000

    def test_refusals(self, backend: Backend) -> None:
        with refused(InvalidParameter, "SearchDatasets request must specify at least one experiment_id."):
            self.ask(backend)
        text = "SearchDatasets request cannot specify more than 20 experiment_ids. Received 21 experiment_ids."
        with refused(InvalidParameter, text):
            self.ask(backend, *["0"] * 21)
        self.ask(backend, *["0"] * 20)


class TestListedArtifacts:
    """Listing what lies below a run; the bytes themselves are not the backend's business."""

    def test_of_a_new_run(self, backend: Backend) -> None:
        from tidemill.api import artifacts
        from tidemill.types.artifacts import ListArtifacts

        run = new_run(backend)
        found = backend.call(artifacts.list_files, ListArtifacts(run))
        assert (found.root_uri, found.files) == (get_run(backend, run).info.artifact_uri, [])
        with refused(NotFound, "Run with id=nope not found"):
            backend.call(artifacts.list_files, ListArtifacts("nope"))
        for path in ("..", "../" + unique(), "/etc", "a/../../b"):
            with refused(InvalidParameter):
                backend.call(artifacts.list_files, ListArtifacts(run, path=path))
