import threading
import time
from pathlib import Path

import pytest

from tidemill.api import experiments, runs
from tidemill.errors import InvalidParameter
from tidemill.tracking.embedded import EmbeddedBackend, _Gate
from tidemill.types.experiments import CreateExperiment
from tidemill.types.runs import CreateRun, GetRun, LogMetric, SetTag


@pytest.fixture
def backend(tmp_path: Path) -> EmbeddedBackend:
    file = str(tmp_path / "store.db")
    return EmbeddedBackend(file, file, str(tmp_path / "artifacts"))


@pytest.mark.parametrize(
    "arg, words",
    [
        (
            SetTag("x", key="k", value=5),
            "Invalid value 5 for parameter 'value' supplied:  Hint: Value was of type 'int'",
        ),  # type: ignore[arg-type]
        (SetTag("", key="k"), "Missing value for required parameter 'run_id'"),
        (SetTag("x", key="k", value="\ud800"), "cannot be sent"),
        (SetTag("x", key="k", value=object()), "cannot be sent"),  # type: ignore[arg-type]
    ],
)
def test_arguments_are_judged_as_a_server_would(backend: EmbeddedBackend, arg: SetTag, words: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        backend.call(runs.set_tag, arg)
    assert words in str(caught.value)


def test_large_numbers_are_refused(backend: EmbeddedBackend) -> None:
    for number in (2**63, 2**65):
        with pytest.raises(InvalidParameter):
            backend.call(runs.log_metric, LogMetric("x", key="k", value=1.0, timestamp=number))


def test_calls_and_closing_from_many_threads(backend: EmbeddedBackend) -> None:
    """A close waits for calls under way, and calls wait for a close; none of them fails."""
    backend.call(experiments.create, CreateExperiment("x"))
    stop = threading.Event()
    failures: list[BaseException] = []
    made: list[str] = []

    def work() -> None:
        try:
            while not stop.is_set():
                run_id = backend.call(runs.create, CreateRun("0")).run.info.run_id
                backend.call(runs.get, GetRun(run_id))
                made.append(run_id)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        time.sleep(0.003)
        backend.close()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert made
    for run_id in made:
        backend.call(runs.get, GetRun(run_id))
    backend.close()


def test_whoever_wants_to_be_alone_waits_for_those_inside_and_keeps_others_out() -> None:
    gate = _Gate()
    order: list[str] = []
    entered, leave, shut = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with gate:
            entered.set()
            leave.wait(10)
            order.append("first left")

    def closer() -> None:
        entered.wait(10)
        with gate.alone():
            order.append("alone")
            shut.set()
            time.sleep(0.05)
            order.append("still alone")

    def second() -> None:
        shut.wait(10)
        with gate:
            order.append("second entered")

    threads = [threading.Thread(target=one) for one in (first, closer, second)]
    for thread in threads:
        thread.start()
    entered.wait(10)
    time.sleep(0.05)
    assert order == []
    leave.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first left", "alone", "still alone", "second entered"]


def test_a_fork_does_not_wait_for_ever() -> None:
    gate = _Gate()
    with gate:
        gate.shut(timeout_s=0.01)
        gate.open()
    with gate.alone():
        pass
