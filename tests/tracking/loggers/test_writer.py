import argparse
import dataclasses

import pytest

import tidemill
from tidemill.errors import NotFound
from tidemill.tracking.loggers.writer import RunWriter, flattened, harmless


@dataclasses.dataclass
class Inner:
    depth: int = 3


def test_nested_params_have_paths() -> None:
    given = {"a": {"b": 1, "empty": {}}, "n": argparse.Namespace(c=[1]), "d": Inner(), "kind": Inner}
    assert dict(flattened(given)) == {"a/b": 1, "a/empty": {}, "n/c": [1], "d/depth": 3, "kind": Inner}


def test_it_writes_to_the_active_run_and_leaves_it_open(store: str) -> None:
    with tidemill.start_run() as active:
        writer = RunWriter(tags={"t": 1})
        writer.params({"lr": 0.1, "deep": {"er": True}})
        writer.params({"lr": 0.2, "new": 1})
        writer.metrics({"loss": 1, "text": "no number", "bad key!": 2}, step=3)
        writer.text("hello", "a.txt")
        writer.close()
        assert tidemill.active_run() is active
    run = tidemill.get_run(active.info.run_id)
    assert run.data.params == {"lr": "0.1", "deep/er": "True", "new": "1"}
    assert run.data.metrics == {"loss": 1.0, "bad key_": 2.0}
    assert run.data.tags["t"] == "1"
    assert tidemill.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt") == "hello"


def test_without_an_active_run_it_has_its_own(store: str) -> None:
    writer = RunWriter(run_name="mine", experiment_name="elsewhere")
    assert not writer.is_open
    writer.metrics({"loss": 1})
    first = writer.run_id
    assert tidemill.active_run() is not None
    writer.close("FAILED")
    assert tidemill.active_run() is None
    writer.metrics({"test": 2})
    run = tidemill.get_run(str(first))
    assert (run.info.status, run.info.run_name, run.data.metrics) == ("FAILED", "mine", {"loss": 1.0, "test": 2.0})
    assert tidemill.get_experiment(run.info.experiment_id).name == "elsewhere"
    writer.close(forget=True)
    writer.metrics({"loss": 3})
    assert writer.run_id != first
    writer.close()


def test_a_run_can_be_named_by_its_id() -> None:
    with tidemill.start_run() as old:
        pass
    writer = RunWriter(run_id=old.info.run_id)
    writer.metrics({"m": 1})
    assert tidemill.get_run(old.info.run_id).info.status == "RUNNING"
    writer.close()
    assert tidemill.get_run(old.info.run_id).info.status == "FINISHED"
    with pytest.raises(NotFound):
        RunWriter(run_id="0" * 32).open()


def test_a_run_that_the_user_ended_stays_ended() -> None:
    writer = RunWriter()
    writer.metrics({"m": 1})
    tidemill.end_run("KILLED")
    writer.close()
    assert tidemill.get_run(str(writer.run_id)).info.status == "KILLED"


def test_an_unreachable_store_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_SYNC", "1")
    monkeypatch.setenv("TIDEMILL_HTTP_PATIENCE", "0")
    tidemill.set_tracking_uri("http://127.0.0.1:9")
    writer = RunWriter()
    writer.metrics({"m": 1})
    writer.params({"p": 1})
    writer.text("x", "x.txt")
    writer.close()
    assert writer.run_id is None
    assert capsys.readouterr().err.count("this training is not logged") == 1


def test_what_fails_later_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    writer = RunWriter()
    run = writer.open()
    assert run is not None
    run.client.delete_run(run.info.run_id)
    for step in range(3):
        writer.metrics({"m": 1}, step)
    assert capsys.readouterr().err.count("metrics could not be logged") == 1
    run.client.restore_run(run.info.run_id)
    writer.close()


def test_a_callback_does_not_end_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    class Callback:
        @harmless
        def on_end(self) -> None:
            raise ZeroDivisionError("oh")

        @harmless
        def on_stop(self) -> None:
            raise KeyboardInterrupt

    Callback().on_end()
    Callback().on_end()
    assert capsys.readouterr().err.count("oh") == 1
    with pytest.raises(KeyboardInterrupt):
        Callback().on_stop()
