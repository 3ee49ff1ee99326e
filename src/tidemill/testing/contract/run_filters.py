"""The contract of filters on runs: which runs a search finds."""

import math
from functools import partial
from weakref import WeakKeyDictionary

import pytest

from tidemill.api import inputs, runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.testing.contract.refusals import SEE_DOCS, refused
from tidemill.testing.factories import new_experiment, new_run
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs
from tidemill.types.page import Tag, ViewType
from tidemill.types.runs import DeleteRun, RunStatus, SearchRuns, UpdateRun

_LIST = "While parsing a list in the query, expected "
_made: "WeakKeyDictionary[Backend, tuple[str, dict[str, str]]]" = WeakKeyDictionary()


def population(backend: Backend) -> tuple[str, dict[str, str]]:
    """An experiment and its runs: id to letter. Made once for each backend; its tests only read."""
    if backend not in _made:
        _made[backend] = _populate(backend)
    return _made[backend]


def _populate(backend: Backend) -> tuple[str, dict[str, str]]:
    experiment = new_experiment(backend)
    run = partial(new_run, backend, experiment)
    made = {
        "a": run(start_time=100, name="run a", tags={"env": "prod", "a b": "x"}, params={"lr": "0.1", "model": "rf"},
                 values={"acc": 0.9, "a.b/c": 1.0}),
        "b": run(start_time=200, name="Run B", tags={"env": "dev", "a.b": "x"}, params={"lr": "0.01", "model": "RF"},
                 values={"acc": math.nan}),
        "c": run(start_time=300, name="c", tags={"env": "50%_a\\"}, params={"lr": "1e-3", "model": "x'y"},
                 values={"acc": 0.5, "loss": math.inf}),
        "d": run(start_time=300, name="d", tags={"größe": "Über"}, params={"lr": "abc", "model": 'say "hi"'},
                 values={"acc": 0.9}),
        "e": run(start_time=50, name="e", tags={"env": ""}, params={"long": "l" * 150 + "1"}, values={"loss": -math.inf}),
        "f": run(start_time=400, name="f", tags={"n": "7"}, params={"long": "l" * 150 + "2"}, values={"acc": -1.0}),
        "g": run(start_time=500, name="gone", tags={"env": "prod"}),
    }  # fmt: skip
    backend.call(runs.update, UpdateRun(made["f"], status=RunStatus.FINISHED, end_time=1000))
    for letter, name, digest, context in (
        ("a", "iris", "1", "train"),
        ("a", "wine", "2", "test"),
        ("b", "Iris", "1", ""),
    ):
        tags = [Tag("mlflow.data.context", context)] if context else []
        link = DatasetInput(tags=tags, dataset=Dataset(name, digest, "local", "s"))
        backend.call(inputs.log, LogInputs(made[letter], [link]))
    backend.call(runs.delete, DeleteRun(made["g"]))
    return experiment, {run_id: letter for letter, run_id in made.items()}


def found(backend: Backend, filter: str, view: ViewType = ViewType.ACTIVE_ONLY) -> str:
    """The letters of the runs that a filter finds, sorted."""
    experiment, letters = population(backend)
    page = backend.call(runs.search, SearchRuns([experiment], filter, view))
    return "".join(sorted(letters[run.info.run_id] for run in page.runs))


class TestRunFilters:
    """Filters as MLflow has them."""

    @pytest.mark.parametrize(
        ("filter", "letters"),
        [
            ("", "abcdef"),
            ("  ", "abcdef"),
            # metrics
            ("metrics.acc > 0.5", "ad"),
            ("metric.acc >= 0.5", "acd"),
            ("metrics.acc = 0.9", "ad"),
            ("metrics.loss != 0", "ce"),
            ("metrics.acc < 0", "f"),
            ("metrics.acc <= 0.5", "cf"),
            ("metrics.loss > 1e308", "c"),
            ("metrics.loss = -1.7976931348623157e308", "e"),
            ("metrics.`a.b/c` = 1", "a"),
            ("metrics.never > 0", ""),
            # params
            ("params.lr = '0.1'", "a"),
            ('parameter.lr = "0.1"', "a"),
            ("param.lr != '0.1'", "bcd"),
            ("parameters.model LIKE 'r%'", "a"),
            ("params.model ILIKE 'r%'", "ab"),
            ("params.model LIKE '_F'", "b"),
            ("params.model LIKE 'rf_'", ""),
            ('params.model = "x\'y"', "c"),
            ("params.model = 'say \"hi\"'", "d"),
            ("params.lr IS NULL", "ef"),
            ("params.lr is not null", "abcd"),
            ("params.never IS NULL", "abcdef"),
            ("params.never = ''", ""),
            # Equal in the part of a value that the index holds.
            (f"params.long = '{'l' * 150}1'", "e"),
            (f"params.long = '{'l' * 150}'", ""),
            (f"params.long != '{'l' * 150}1'", "f"),
            # tags
            ("tags.env = 'prod'", "a"),
            ("tag.env != 'prod'", "bce"),
            ("tags.env = ''", "e"),
            ("tags.env IS NULL", "df"),
            ("tags.env LIKE '50%'", "c"),
            ("tags.env LIKE '%_a\\'", "c"),
            ("tags.env LIKE '%'", "abce"),
            ("tags.env LIKE ''", "e"),
            ("tags.env ILIKE 'PROD'", "a"),
            ("tags.env LIKE 'PROD'", ""),
            ("tags.`a b` = 'x'", "a"),
            ("tags.\"a b\" = 'x'", "a"),
            ("tags.a.b = 'x'", "b"),
            ("tags.`größe` = 'Über'", "d"),
            ("tags.größe ILIKE 'üBER'", "d"),
            ("tags.größe LIKE '_ber'", "d"),
            ("tags.`mlflow.runName` = 'run a'", "a"),
            # attributes
            ("run_name = 'run a'", "a"),
            ("attributes.`run name` = 'run a'", "a"),
            ("attribute.`Run name` ILIKE 'run%'", "ab"),
            ("attr.run_name LIKE 'Run%'", "b"),
            ("run.run_name != 'run a'", "bcdef"),
            ("status = 'FINISHED'", "f"),
            ("attributes.status != 'RUNNING'", "f"),
            ("status LIKE 'RUN%'", "abcde"),
            ("start_time = 300", "cd"),
            ("attributes.start_time > 100", "bcdf"),
            ("created <= 100", "ae"),
            ("Created < 100.5", "ae"),
            ("start_time != 300", "abef"),
            ("start_time >= 9223372036854775807", ""),
            ("start_time < 1e400", "abcdef"),
            ("end_time = 1000", "f"),
            ("end_time != 5", "f"),
            ("end_time > 0", "f"),
            ("user_id = ''", "abcdef"),
            ("artifact_uri LIKE '%/artifacts'", "abcdef"),
            # data sets
            ("dataset.name = 'iris'", "a"),
            ("datasets.name ILIKE 'IRIS'", "ab"),
            ("dataset.digest = '1'", "ab"),
            ("dataset.context = 'train'", "a"),
            ("dataset.name != 'iris'", "ab"),
            ("dataset.name = 'iris' AND dataset.context = 'test'", "a"),
            ("dataset.name IN ('wine', 'Iris')", "ab"),
            ("dataset.context LIKE 't%'", "a"),
            # several
            ("metrics.acc = 0.9 AND params.lr = '0.1'", "a"),
            ("metrics.acc = 0.9 and start_time = 300", "d"),
            ("params.lr IS NULL AND tags.env IS NULL AND status = 'FINISHED'", "f"),
            ("tags.env = 'prod' AND tags.env = 'dev'", ""),
        ],
    )
    def test_filter(self, backend: Backend, filter: str, letters: str) -> None:
        assert found(backend, filter) == letters

    @pytest.mark.parametrize(
        ("filter", "letters"),
        [
            ("tags.env = 'prod' OR metrics.acc < 0", "af"),
            ("NOT tags.env = 'prod'", "bcdef"),
            ("NOT metrics.acc > 0.5", "bcef"),
            ("NOT (tags.env = 'prod' OR start_time = 300)", "bef"),
            ("(params.lr = '0.1' OR params.lr = '0.01') AND metrics.acc > 0", "a"),
            ("NOT params.lr IS NULL", "abcd"),
            ("NOT end_time > 0", "abcde"),
            ("params.lr < 0.05", "bc"),
            ("params.lr >= 0.1", "a"),
            ("params.lr = 0.001", "c"),
            ("params.lr IN (0.1, 0.001)", "ac"),
            ("params.lr IN ('0.1', 'abc')", "ad"),
            ("params.lr NOT IN ('0.1', 'abc')", "bc"),
            ("tags.n = 7", "f"),
            ("tags.n > 6.5 AND tags.n < 8", "f"),
            ("tags.env > 1", ""),
            ("start_time IN (50, 100)", "ae"),
            ("tags.env RLIKE '^(prod|dev)$'", "ab"),
            ("tags.env NOT RLIKE '^p'", "bce"),
            ("tags.env NOT LIKE '%o%'", "bce"),
            ("params.model NOT ILIKE 'rf'", "cd"),
            ("status IN ('FINISHED', 'FAILED')", "f"),
            ("duration = 600", "f"),
            ("metrics.acc IS NULL", "e"),
            ("metrics.acc IS NOT NULL", "abcdf"),
            ("lifecycle_stage = 'deleted'", ""),
        ],
    )
    def test_what_mlflow_lacks(self, backend: Backend, filter: str, letters: str) -> None:
        assert found(backend, filter) == letters

    def test_run_ids(self, backend: Backend) -> None:
        _, letters = population(backend)
        ids = {letter: run_id for run_id, letter in letters.items()}
        assert found(backend, f"run_id = '{ids['a']}'") == "a"
        assert found(backend, f"attributes.run_id != '{ids['a']}'") == "bcdef"
        assert found(backend, f"run_id IN ('{ids['a']}', '{ids['c']}', 'nope', '{ids['g']}')") == "ac"
        assert found(backend, f"run_id NOT IN ('{ids['a']}', '{ids['c']}')") == "bdef"
        assert found(backend, f"run_id LIKE '{ids['b'][:31]}_'") == "b"

    @pytest.mark.parametrize(
        ("view", "letters"), [(ViewType.ACTIVE_ONLY, "abcdef"), (ViewType.DELETED_ONLY, "g"), (ViewType.ALL, "abcdefg")]
    )
    def test_view(self, backend: Backend, view: ViewType, letters: str) -> None:
        assert found(backend, "", view) == letters
        assert found(backend, "tags.env = 'prod'", view) == "".join(one for one in letters if one in "ag")

    def test_experiments(self, backend: Backend) -> None:
        experiment, _ = population(backend)
        other = new_experiment(backend)
        run = new_run(backend, other, tags={"env": "prod"})

        def count(*experiments: str, filter: str = "") -> int:
            return len(backend.call(runs.search, SearchRuns(list(experiments), filter)).runs)

        assert count() == 0
        assert count(filter="tags.env = 'prod'") == 0
        assert (count(experiment), count(other), count(experiment, other, other)) == (6, 1, 7)
        assert count(experiment, other, filter="tags.env = 'prod'") == 2
        assert count(other, filter=f"run_id = '{run}'") == 1
        assert count(experiment, filter=f"run_id = '{run}'") == 0
        assert count("999999999", "-1") == 0

    def test_experiment_ids_are_integers(self, backend: Backend) -> None:
        with refused(InvalidParameter, "Invalid experiment ID 'x'. Experiment ID must be a valid integer."):
            backend.call(runs.search, SearchRuns(["0", "x"]))

    def test_long_lists_and_texts(self, backend: Backend) -> None:
        experiment, letters = population(backend)
        ids = ", ".join(f"'{run_id}'" for run_id in [*letters, *(f"nope{n}" for n in range(5000))])
        assert found(backend, f"run_id IN ({ids})") == "abcdef"
        many = [experiment, *(str(10**9 + n) for n in range(40_000))]
        assert len(backend.call(runs.search, SearchRuns(many)).runs) == 6
        for op in ("LIKE", "ILIKE", "NOT LIKE"):
            assert found(backend, f"tags.never {op} '{'ΐ' * 8000}'") == ""
            with refused(InvalidParameter, "A pattern of LIKE may have at most 8000 characters."):
                found(backend, f"tags.env {op} '{'p' * 8001}'")
        assert found(backend, f"tags.env = '{'p' * 100_000}'") == ""

    def test_many_conditions(self, backend: Backend) -> None:
        assert found(backend, " OR ".join(f"params.lr = '{n}'" for n in range(499)) + " OR params.lr = '0.1'") == "a"
        assert found(backend, " AND ".join(f"metrics.acc > {-n}" for n in range(1, 300))) == "acd"
        assert found(backend, "NOT (" * 44 + "tags.env = 'prod'" + ")" * 44) == "a"

    def test_numbers_of_any_size_in_texts(self, backend: Backend) -> None:
        experiment = new_experiment(backend)
        for text in (
            "9" * 400,
            "1e999",
            "-1e400",
            "nan",
            "inf",
            "0x10",
            "1_000",
            " 1",
            "1 ",
            "",
            "٣",
            "1e",
            "+5",
            ".5",
            "5.",
        ):
            new_run(backend, experiment, tags={"t": text}, params={"p": text})
        for kind in ("tags.t", "params.p"):
            page = backend.call(runs.search, SearchRuns([experiment], f"{kind} > -1e300"))
            values = {
                item.value
                for run in page.runs
                for item in (run.data.params if kind == "params.p" else run.data.tags)
                if item.key in ("t", "p")
            }
            assert values == {"+5", ".5", "5."}


class TestRunFilterRefusals:
    """What is no filter, and in which words it is refused."""

    @pytest.mark.parametrize(
        ("filter", "starts"),
        [
            ("foo.bar = 1", "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']"),
            ("nope = 'x'", "Invalid attribute key 'nope' specified. Valid keys are '{"),
            ("metrics.acc = 'abc'", "Expected numeric value type for metric. Found 'abc'"),
            ("metrics.acc LIKE 1", "Invalid comparator 'LIKE' not one of '{"),
            ("tags.env = 123x", "Parameter value is either not quoted or unidentified quote types used for string value 123x."),
            ("params.lr = abc", "Parameter value is either not quoted or unidentified quote types used for string value abc."),
            ("start_time > 'x'", "Expected numeric value type for numeric attribute: start_time. Found 'x'"),
            ("run_id IN ()", _LIST + "a non-empty list of string values, but got empty list"),
            ("run_id IN ('a' 'b')", _LIST + "a non-empty list of string values, but got ill-formed list."),
            ("run_id IN ('a', 1)", _LIST + "string value, punctuation, or whitespace, but got"),
            ("dataset.foo = 'x'", "Invalid dataset key 'foo' specified. Valid keys are '{"),
            ("end_time > 1; end_time > 2", "Search filter contained multiple expression 'end_time > 1; end_time > 2'. Provide"),
            ("metrics.acc > 1 XOR metrics.acc > 2", "Invalid clause(s) in filter string: 'XOR'"),
            ("metrics.acc >", "Invalid clause(s) in filter string: "),
            ("tags.env RLIKE '('", "Invalid regular expression"),
            ("(tags.env = 'x'", "Invalid clause(s) in filter string: "),
        ],
    )  # fmt: skip
    def test_text(self, backend: Backend, filter: str, starts: str) -> None:
        with refused(InvalidParameter, starts=starts):
            found(backend, filter)

    @pytest.mark.parametrize("number", [0, -1])
    def test_page_too_small(self, backend: Backend, number: int) -> None:
        text = f"Invalid value {number} for parameter 'max_results' supplied. It must be a positive integer"
        with refused(InvalidParameter, text):
            backend.call(runs.search, SearchRuns(["0"], max_results=number))

    def test_page_too_large(self, backend: Backend) -> None:
        backend.call(runs.search, SearchRuns([new_experiment(backend)], max_results=50_000))
        with refused(
            InvalidParameter,
            f"Invalid value 50001 for parameter 'max_results' supplied:  Hint: Value was of type 'int'. {SEE_DOCS}",
        ):
            backend.call(runs.search, SearchRuns(["0"], max_results=50_001))
