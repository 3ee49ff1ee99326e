import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import tidemill as mlflow


def _status(run: mlflow.ActiveRun) -> str:
    return str(mlflow.get_run(run.info.run_id).info.status)


@pytest.mark.parametrize(
    "error, status",
    [
        (ValueError("x"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(3), "FAILED"),
        (SystemExit(0), "FINISHED"),
    ],
)
def test_an_exception_decides_how_the_run_ended(store: str, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), mlflow.start_run() as run:
        raise error
    assert _status(run) == status
    assert mlflow.active_run() is None


def test_runs_left_open_inside_a_block_end_with_it(store: str) -> None:
    with mlflow.start_run() as outer:
        inner = mlflow.start_run(nested=True)
    assert mlflow.active_run() is None
    assert (_status(outer), _status(inner)) == ("FINISHED", "FINISHED")


def test_ending_a_run_inside_its_block_is_fine(store: str) -> None:
    with mlflow.start_run() as run:
        mlflow.end_run("KILLED")
        assert mlflow.active_run() is None
    mlflow.end_run()
    assert _status(run) == "FINISHED"


def test_a_run_that_cannot_be_ended_does_not_hide_the_error_of_the_block(direct: None, store: str) -> None:
    run = mlflow.start_run()
    mlflow.delete_run(run.info.run_id)
    with pytest.raises(ZeroDivisionError) as caught, run:
        1 / 0  # noqa: B018
    assert "could not be ended" in caught.value.__notes__[0]
    assert mlflow.active_run() is None


def test_each_thread_has_a_stack_of_its_own(store: str) -> None:
    inside = threading.Barrier(3)
    found: dict[int, str] = {}

    def work(number: int) -> None:
        assert mlflow.active_run() is None
        with mlflow.start_run() as run:
            inside.wait()
            mlflow.log_metric("number", number)
            found[number] = run.info.run_id
        last = mlflow.last_active_run()
        assert last is not None
        assert last.info.run_id == run.info.run_id

    with mlflow.start_run() as outer:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))
        assert mlflow.active_run() is outer
    for number, run_id in found.items():
        assert mlflow.get_run(run_id).data.metrics == {"number": float(number)}


def test_many_threads_write_to_one_run(store: str) -> None:
    with mlflow.start_run() as run:
        run_id = run.info.run_id

        def work(number: int) -> None:
            for step in range(25):
                mlflow.log_metric("m", number, step=step, run_id=run_id)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    assert len(mlflow.Client().get_metric_history(run_id, "m")) == 200


def test_tasks_do_not_see_each_others_runs(store: str) -> None:
    async def work(number: int) -> str:
        with mlflow.start_run(nested=True) as run:
            await asyncio.sleep(0.01)
            assert mlflow.active_run() is run
            mlflow.log_metric("number", number)
            await asyncio.to_thread(mlflow.log_metric, "from_thread", number)
            await asyncio.sleep(0.01 * (3 - number))
        return str(run.info.run_id)

    async def everything() -> list[str]:
        return await asyncio.gather(*(work(number) for number in range(3)))

    with mlflow.start_run() as outer:
        made = asyncio.run(everything())
        assert mlflow.active_run() is outer
    for number, run_id in enumerate(made):
        run = mlflow.get_run(run_id)
        assert run.data.metrics == {"number": float(number), "from_thread": float(number)}
        assert run.data.tags["mlflow.parentRunId"] == outer.info.run_id
