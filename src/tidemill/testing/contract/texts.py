"""The contract of params and tags of runs."""

import json

import pytest

from tidemill.api import runs
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import BAD_NAMES, GOOD_NAMES, bad_name, missing, refused
from tidemill.testing.factories import get_run, new_run, params_of, tags_of
from tidemill.types import runs as t

VALUES = (
    "",
    " ",
    "1",
    "é😀",
    "line\nbreak\ttab",
    "null",
    '"quoted"',
    "\\",
    "a" * 6000,
    "%_'",
    "\x7f",
    "\ufeff",
    "\u2028",
)
"""Texts that come back as they were sent."""


def log_param(backend: Backend, run: str, key: str, value: str) -> None:
    """Log one param."""
    backend.call(runs.log_param, t.LogParam(run, key=key, value=value))


def set_tag(backend: Backend, run: str, key: str, value: str) -> None:
    """Set one tag."""
    backend.call(runs.set_tag, t.SetTag(run, key=key, value=value))


class TestParams:
    """Params: texts that never change."""

    @pytest.mark.parametrize("value", VALUES)
    def test_value_is_kept(self, backend: Backend, value: str) -> None:
        run = new_run(backend)
        log_param(backend, run, "p", value)
        assert params_of(get_run(backend, run)) == {"p": value}

    @pytest.mark.parametrize("value", ["", "1", "ü" * 7000])
    def test_the_same_again_is_fine(self, backend: Backend, value: str) -> None:
        run = new_run(backend)
        for _ in range(3):
            log_param(backend, run, "p", value)
        assert params_of(get_run(backend, run)) == {"p": value[:6000]}

    @pytest.mark.parametrize(("old", "new"), [("1", "2"), ("1", "1.0"), ("1", ""), ("", "1"), ("a", "A"), ("a", "a ")])
    def test_another_value_is_refused(self, backend: Backend, old: str, new: str) -> None:
        run = new_run(backend)
        log_param(backend, run, "p", old)
        text = (
            f"Changing param values is not allowed. Param with key='p' was already logged with value='{old}' for run "
            f"ID='{run}'. Attempted logging new value '{new}'."
        )
        with refused(InvalidParameter, text):
            log_param(backend, run, "p", new)
        assert params_of(get_run(backend, run)) == {"p": old}

    def test_missing_key(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("key")):
            log_param(backend, new_run(backend), "", "1")

    def test_missing_value_is_empty(self, backend: Backend) -> None:
        run = new_run(backend)
        backend.call(runs.log_param, t.LogParam(run, key="p"))
        assert params_of(get_run(backend, run)) == {"p": ""}

    def test_long_value_is_cut(self, backend: Backend) -> None:
        run = new_run(backend)
        log_param(backend, run, "p", "é" * 6001)
        assert params_of(get_run(backend, run)) == {"p": "é" * 6000}

    def test_long_key_is_refused(self, backend: Backend) -> None:
        with refused(InvalidParameter, "'Param key' exceeds the maximum length of 250 characters"):
            log_param(backend, new_run(backend), "k" * 251, "1")

    @pytest.mark.parametrize("name", GOOD_NAMES)
    def test_good_names(self, backend: Backend, name: str) -> None:
        run = new_run(backend)
        log_param(backend, run, name, "1")
        assert params_of(get_run(backend, run)) == {name: "1"}

    @pytest.mark.parametrize("shown", BAD_NAMES)
    def test_bad_names(self, backend: Backend, shown: str) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, bad_name(shown, "key")):
            log_param(backend, run, json.loads(f'"{shown}"'), "1")
        assert params_of(get_run(backend, run)) == {}

    def test_keys_differ_by_case(self, backend: Backend) -> None:
        run = new_run(backend)
        log_param(backend, run, "lr", "1")
        log_param(backend, run, "LR", "2")
        assert params_of(get_run(backend, run)) == {"lr": "1", "LR": "2"}


class TestTags:
    """Tags: texts that the last writer decides."""

    @pytest.mark.parametrize("value", VALUES)
    def test_set_and_overwrite(self, backend: Backend, value: str) -> None:
        run = new_run(backend, tags={"t": "before", "other": "o"})
        for _ in range(2):
            set_tag(backend, run, "t", value)
            assert tags_of(get_run(backend, run)) == {"t": value, "other": "o"}

    def test_missing_key(self, backend: Backend) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, missing("key")):
            set_tag(backend, run, "", "1")
        with refused(InvalidParameter, missing("key")):
            backend.call(runs.delete_tag, t.DeleteTag(run, ""))

    def test_long_value_is_cut(self, backend: Backend) -> None:
        run = new_run(backend)
        set_tag(backend, run, "t", "é" * 8001)
        assert tags_of(get_run(backend, run)) == {"t": "é" * 8000}

    def test_long_key_is_refused(self, backend: Backend) -> None:
        with refused(InvalidParameter, "'key' exceeds the maximum length of 250 characters"):
            set_tag(backend, new_run(backend), "k" * 251, "1")

    @pytest.mark.parametrize("name", GOOD_NAMES)
    def test_good_names(self, backend: Backend, name: str) -> None:
        run = new_run(backend)
        set_tag(backend, run, name, "1")
        assert tags_of(get_run(backend, run)) == {name: "1"}

    @pytest.mark.parametrize("shown", BAD_NAMES)
    def test_bad_names(self, backend: Backend, shown: str) -> None:
        run = new_run(backend)
        with refused(InvalidParameter, bad_name(shown, "key")):
            set_tag(backend, run, json.loads(f'"{shown}"'), "1")
        assert tags_of(get_run(backend, run)) == {}

    def test_delete(self, backend: Backend) -> None:
        run = new_run(backend, tags={"a": "1", "b": "2"})
        other = new_run(backend, tags={"a": "1"})
        backend.call(runs.delete_tag, t.DeleteTag(run, "a"))
        assert tags_of(get_run(backend, run)) == {"b": "2"}
        assert tags_of(get_run(backend, other)) == {"a": "1"}

    def test_delete_an_unknown_one(self, backend: Backend) -> None:
        run = new_run(backend, tags={"a": "1"})
        backend.call(runs.delete_tag, t.DeleteTag(run, "a"))
        for key in ("a", "never seen", "!"):
            with refused(NotFound, f"No tag with name: {key} in run with id {run}"):
                backend.call(runs.delete_tag, t.DeleteTag(run, key))

    @pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
    def test_lone_surrogates_are_refused(self, backend: Backend, text: str) -> None:
        run = new_run(backend)
        with refused(InvalidParameter):
            set_tag(backend, run, "t", text)
        assert tags_of(get_run(backend, run)) == {}


class TestLegacyModels:
    """`runs.log_model`: a list of summaries in a tag."""

    def test_appends(self, backend: Backend) -> None:
        run = new_run(backend)
        for path in ("m", "n"):
            model = {
                "artifact_path": path,
                "flavors": {"sklearn": {"pickled_model": "x", "config": {"secret": 1}}},
                "utc_time_created": "2026-01-01 00:00:00",
                "run_id": run,
                "signature": "left out",
            }
            backend.call(runs.log_model, t.LogModel(run, json.dumps(model)))
        found = json.loads(tags_of(get_run(backend, run))["mlflow.log-model.history"])
        assert found == [
            {
                "artifact_path": path,
                "flavors": {"sklearn": {"pickled_model": "x"}},
                "utc_time_created": "2026-01-01 00:00:00",
                "run_id": run,
            }
            for path in ("m", "n")
        ]

    def test_not_json(self, backend: Backend) -> None:
        with refused(InvalidParameter, "Malformed model info. \n {oops \n is not a valid JSON."):
            backend.call(runs.log_model, t.LogModel(new_run(backend), "{oops"))

    @pytest.mark.parametrize("lacking", ["artifact_path", "flavors", "utc_time_created", "run_id"])
    def test_missing_fields(self, backend: Backend, lacking: str) -> None:
        model = {"artifact_path": "m", "flavors": {}, "utc_time_created": "x", "run_id": "x"}
        del model[lacking]
        with refused(InvalidParameter, f"Model json is missing mandatory fields: {{'{lacking}'}}"):
            backend.call(runs.log_model, t.LogModel(new_run(backend), json.dumps(model)))

    @pytest.mark.parametrize("text", ["[]", "1", "null", '"x"'])
    def test_not_an_object(self, backend: Backend, text: str) -> None:
        with refused(InvalidParameter, starts="Model json is missing mandatory fields: {"):
            backend.call(runs.log_model, t.LogModel(new_run(backend), text))

    def test_missing_model(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("model_json")):
            backend.call(runs.log_model, t.LogModel(new_run(backend), ""))
