import importlib
import inspect
import pickle
import subprocess
import sys
import threading

import pytest

import tidemill
from tidemill.tracking.autolog import core, session
from tidemill.tracking.autolog.core import Framework, Options


class Model:
    def fit(self, x, scale=1):
        """Learn."""
        self.learned = x * scale
        return self

    def fail(self):
        raise ValueError("as it is")


class Wrapper(Model):
    def fit(self, x, scale=1):
        self.inner = Model().fit(x)
        return super().fit(x, scale)


def handler(part, call):
    part.params({"x": call.argument("x", 1)})
    yield
    part.metrics({"learned": getattr(call.owner, "learned", 0)})


@pytest.fixture
def toy(store):
    """A framework of two classes, switched on; switched off at the end."""

    def install(framework):
        key = framework.watch("fit", handler, trains=True)
        framework.watch_classes(Model, {"fit": key, "fail": key}, lambda cls: False)

    made = Framework("toy", __name__, install)
    made.turn_on(Options())
    yield made
    made.turn_off()


def test_a_call_is_logged_in_a_run_of_its_own(toy, runs):
    model = Model()
    assert model.fit(3, scale=2) is model
    [run] = runs()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"x": "3"}
    assert run.data.metrics == {"learned": 6}
    assert run.data.tags["mlflow.autologging"] == "toy"
    assert tidemill.active_run() is None


def test_nested_calls_are_logged_once(toy, runs):
    Wrapper().fit(4)
    assert [run.data.metrics for run in runs()] == [{"learned": 4}]


def test_an_active_run_is_used_and_stays_active(toy, runs):
    with tidemill.start_run() as run:
        Model().fit(1)
        assert tidemill.active_run() is run
    assert [one.data.params for one in runs()] == [{"x": "1"}]


def test_a_second_training_in_a_run_replaces_nothing(toy, runs):
    with tidemill.start_run() as run:
        Model().fit(1)
        Model().fit(2)
        Model().fit(1)
    [found] = runs()
    assert found.data.params == {"x": "1", "x-2": "2"}
    history = tidemill.Client().get_metric_history(run.info.run_id, "learned")
    assert [(point.step, point.value) for point in history] == [(0, 1), (1, 2), (2, 1)]


def test_exclusive_leaves_my_runs_alone(toy, runs):
    toy.turn_on(Options(exclusive=True))
    with tidemill.start_run():
        Model().fit(1)
    assert runs()[0].data.params == {}
    Model().fit(1)
    assert runs()[0].data.params == {"x": "1"}


def test_options_are_those_of_the_last_call(toy, runs):
    toy.turn_on(Options(log_params=False, extra_tags={"team": "a"}))
    Model().fit(1)
    [run] = runs()
    assert run.data.params == {}
    assert run.data.tags["team"] == "a"


def test_the_trainings_error_is_its_own(toy, runs):
    with pytest.raises(ValueError, match="as it is"):
        Model().fail()
    assert runs()[0].info.status == "FAILED"
    assert tidemill.active_run() is None


def test_an_interrupted_training_is_killed(toy, runs, monkeypatch):
    def stop(self):
        raise KeyboardInterrupt

    toy.turn_off()
    monkeypatch.setattr(Model, "fail", stop)
    toy.turn_on(Options())
    with pytest.raises(KeyboardInterrupt):
        Model().fail()
    assert runs()[0].info.status == "KILLED"
    toy.turn_off()


def test_switched_off_everything_is_as_before(store, runs):
    before, fit = dict(vars(Model)), Model.fit
    made = Framework(
        "toy", __name__, lambda it: it.watch_classes(Model, {"fit": it.watch("fit", handler, True)}, bool_no)
    )
    made.turn_on(Options())
    made.turn_on(Options())
    assert Model.fit is not fit
    made.turn_off()
    assert dict(vars(Model)) == before
    Model().fit(1)
    assert runs() == []


def bool_no(cls):
    return False


def test_what_others_wrapped_stays_and_passes_on(toy, runs):
    ours = Model.fit
    Model.fit = lambda self, *args: ours(self, *args)
    toy.turn_off()
    try:
        Model().fit(1)
        assert runs() == []
    finally:
        Model.fit = inspect.unwrap(ours)


def test_classes_that_come_later_are_watched(toy, runs):
    class Later(Model):
        def fit(self, x):
            return 7

    assert Later().fit(5) == 7
    assert [run.data.params for run in runs()] == [{"x": "5"}]


def test_a_watched_function_looks_as_before(toy):
    assert Model.fit.__doc__ == "Learn."
    assert list(inspect.signature(Model.fit).parameters) == ["self", "x", "scale"]
    model = Model().fit(2)
    assert model.fit.__func__ is Model.fit


def test_threads_have_runs_of_their_own(toy, runs):
    threads = [threading.Thread(target=Model().fit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.data.params["x"] for run in runs()) == ["0", "1", "2", "3"]
    assert {run.info.status for run in runs()} == {"FINISHED"}


@pytest.mark.parametrize("broken", ["log_batch", "create_run", "set_terminated"])
def test_a_broken_logger_changes_nothing(toy, complaints, monkeypatch, broken):
    def refuse(*args, **kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(tidemill.Client, broken, refuse)
    assert [Model().fit(number).learned for number in range(5)] == [0, 1, 2, 3, 4]
    assert len(complaints) == 1
    assert "Autologging of toy" in complaints[0]
    assert "RuntimeError: the disk is full" in complaints[0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_broken_handler_changes_nothing(store, complaints, runs, when):
    def breaks(part, call):
        call.put("x", 1, "something else")
        if when == "before":
            raise LookupError("my mistake")
        call.put("x", 1, 3)
        yield
        raise LookupError("my mistake")

    made = Framework("toy", __name__, lambda it: it.watch_function(Model, "fit", it.watch("fit", breaks, True)))
    made.turn_on(Options())
    assert [Model().fit(3).learned, Model().fit(3).learned] == [3, 3]
    made.turn_off()
    assert len(complaints) == 1
    assert "my mistake" in complaints[0]
    assert [run.info.status for run in runs()] == ["FINISHED", "FINISHED"]


def test_silent_says_nothing(toy, complaints, monkeypatch):
    toy.turn_on(Options(silent=True))
    monkeypatch.setattr(tidemill.Client, "log_batch", None)
    assert Model().fit(3).learned == 3
    assert complaints == []


def test_an_unreachable_store_is_asked_once(toy, complaints, monkeypatch):
    asked = []

    def refuse(*args, **kwargs):
        asked.append(1)
        raise tidemill.errors.Unavailable("nobody there")

    monkeypatch.setattr(tidemill.Client, "create_run", refuse)
    assert [Model().fit(number).learned for number in range(3)] == [0, 1, 2]
    assert len(asked) == len(complaints) == 1
    monkeypatch.setattr(session, "_unavailable_until", 0.0)
    Model().fit(1)
    assert len(asked) == 2


def test_an_installation_that_fails_is_reported(complaints):
    made = Framework("toy", __name__, lambda it: 1 / 0)
    made.turn_on(Options())
    made.turn_off()
    assert len(complaints) == 1


def test_a_module_is_watched_when_it_is_imported(store, runs, tmp_path, monkeypatch):
    (tmp_path / "toylib.py").write_text("def train(x):\n    return x + 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    def install(framework):
        import toylib

        framework.watch_function(toylib, "train", framework.watch("train", on_train, trains=True))

    def on_train(part, call):
        part.params({"x": call.argument("x", 0)})
        yield

    made = Framework("toy", "toylib", install)
    made.turn_on(Options())
    assert "toylib" not in sys.modules
    toylib = importlib.import_module("toylib")
    assert type(toylib.__loader__).__name__ == "SourceFileLoader"
    assert toylib.__spec__.loader is toylib.__loader__
    assert toylib.train(1) == 2
    made.turn_off()
    assert toylib.train(2) == 3
    assert [run.data.params for run in runs()] == [{"x": "1"}]
    del sys.modules["toylib"]


def test_switching_on_imports_nothing():
    program = "import sys, tidemill; tidemill.autolog(); tidemill.sklearn.autolog(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sklearn", "xgboost", "lightgbm", "statsmodels", "numpy", "matplotlib", "pandas"} & set(loaded)


def test_unknown_options_are_refused():
    with pytest.raises(tidemill.exceptions.MlflowException, match="no option 'log_modles'"):
        tidemill.autolog(log_modles=True)


def test_public_modules_can_be_imported_by_name():
    for name in ("sklearn", "xgboost", "lightgbm", "statsmodels"):
        assert importlib.import_module(f"tidemill.{name}").autolog is getattr(tidemill, name).autolog


def test_a_watched_conditional_method_can_be_pickled():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    tidemill.sklearn.autolog()
    pipeline = make_pipeline(LogisticRegression())
    again = pickle.loads(pickle.dumps(pipeline.predict_proba))
    assert again.__name__ == "predict_proba"
    assert list(inspect.signature(pipeline.predict_proba).parameters) == ["X", "params"]
    assert not hasattr(make_pipeline("passthrough"), "predict_proba")


def test_two_frameworks_may_watch_one_function(store, runs):
    def of(name):
        return Framework(name, __name__, lambda it: it.watch_function(Model, "fit", it.watch("fit", handler, True)))

    before, first, second = Model.fit, of("first"), of("second")
    first.turn_on(Options())
    second.turn_on(Options())
    Model().fit(1)
    first.turn_off()
    Model().fit(2)
    second.turn_off()
    assert Model.fit is before
    Model().fit(3)
    assert [run.data.tags["mlflow.autologging"] for run in runs()] == ["second", "first"]


def test_core_has_no_leftovers():
    tidemill.autolog(disable=True)
    assert core._hooks == core._forms == {}
