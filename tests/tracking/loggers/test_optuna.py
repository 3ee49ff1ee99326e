import threading

import pytest

optuna = pytest.importorskip("optuna")

import tidemill  # noqa: E402
from tidemill.tracking.loggers.optuna import TidemillCallback  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial: "optuna.Trial") -> float:
    x = trial.suggest_float("x", -1, 1)
    trial.suggest_categorical("kind", ["a", "b"])
    trial.set_user_attr("note", "hello")
    for step in range(3):
        trial.report(x**2 + step, step)
    if trial.number == 1:
        raise optuna.TrialPruned
    return float(x**2)


def study() -> "optuna.Study":
    return optuna.create_study(study_name="s", sampler=optuna.samplers.RandomSampler(seed=0))


def children(parent: str) -> list[tidemill.entities.Run]:
    found: list[tidemill.entities.Run] = tidemill.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{parent}'", output_format="list", order_by=["attributes.run_name"]
    )
    return found


def test_trials_are_child_runs(store: str) -> None:
    with tidemill.start_run() as parent:
        one = study()
        one.optimize(objective, n_trials=4, callbacks=[TidemillCallback("loss")])
        assert tidemill.active_run() is parent
    runs = children(parent.info.run_id)
    assert [run.info.run_name for run in runs] == [f"trial {n}" for n in range(4)]
    assert [run.data.tags["optuna.state"] for run in runs] == ["COMPLETE", "PRUNED", "COMPLETE", "COMPLETE"]
    assert all(run.info.status == "FINISHED" for run in runs)
    assert all(run.info.end_time >= run.info.start_time for run in runs)
    assert runs[0].data.metrics["loss"] == one.trials[0].value
    assert runs[0].data.params == {name: str(value) for name, value in one.trials[0].params.items()}
    assert runs[0].data.tags["user_attr.note"] == "hello"
    history = tidemill.Client().get_metric_history(runs[1].info.run_id, "intermediate_value")
    assert [point.step for point in history] == [0, 1, 2]
    data = tidemill.get_run(parent.info.run_id).data
    assert data.metrics["best_loss"] == one.best_value
    assert data.tags["optuna.best_trial"] == str(one.best_trial.number)
    assert data.params["optuna/sampler"] == "RandomSampler"


def test_what_the_objective_logs_goes_to_its_trial() -> None:
    callback = TidemillCallback(run_name="search")

    def logs(trial: "optuna.Trial") -> float:
        tidemill.log_metric("inner", trial.number)
        if trial.number == 2:
            raise ValueError("broken")
        return float(trial.suggest_float("x", 0, 1))

    study().optimize(callback.in_child_run(logs), n_trials=3, callbacks=[callback], catch=(ValueError,))
    (parent,) = [run for run in tidemill.search_runs(output_format="list") if run.info.run_name == "search"]
    assert parent.info.status == "RUNNING"
    callback.close()
    runs = children(parent.info.run_id)
    assert [run.data.metrics["inner"] for run in runs] == [0.0, 1.0, 2.0]
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED", "FAILED"]
    assert tidemill.get_run(parent.info.run_id).info.status == "FINISHED"


def test_an_error_that_is_not_caught_ends_the_trial_as_failed() -> None:
    with tidemill.start_run() as parent:
        callback = TidemillCallback()

        def breaks(trial: "optuna.Trial") -> float:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            study().optimize(callback.in_child_run(breaks), n_trials=1, callbacks=[callback])
        assert tidemill.active_run() is parent
    assert [run.info.status for run in children(parent.info.run_id)] == ["FAILED"]


def test_trials_in_threads_belong_to_the_run_of_the_callback() -> None:
    with tidemill.start_run() as parent:
        callback = TidemillCallback()
        seen = set()

        def notes(trial: "optuna.Trial") -> float:
            seen.add(threading.get_ident())
            tidemill.log_metric("n", trial.number)
            return float(trial.suggest_float("x", 0, 1))

        study().optimize(callback.in_child_run(notes), n_trials=8, n_jobs=2, callbacks=[callback])
    runs = children(parent.info.run_id)
    assert sorted(run.data.metrics["n"] for run in runs) == [float(n) for n in range(8)]


def test_several_objectives() -> None:
    with tidemill.start_run() as parent:
        many = optuna.create_study(directions=["minimize", "maximize"])
        many.optimize(lambda trial: (1.0, trial.suggest_float("x", 0, 1)), 2, callbacks=[TidemillCallback(["a", "b"])])
    assert all({"a", "b"} <= set(run.data.metrics) for run in children(parent.info.run_id))


def test_autologging_needs_no_callback() -> None:
    tidemill.optuna.autolog()
    try:
        study().optimize(objective, n_trials=3)
        (parent,) = [
            run
            for run in tidemill.search_runs(output_format="list")
            if run.data.tags.get("mlflow.autologging") == "optuna"
        ]
        assert parent.info.status == "FINISHED"
        assert [run.info.run_name for run in children(parent.info.run_id)] == ["trial 0", "trial 1", "trial 2"]
    finally:
        tidemill.optuna.autolog(disable=True)
    study().optimize(objective, n_trials=1)
    assert len(tidemill.search_runs(output_format="list")) == 4


def test_what_an_objective_trains_is_logged_in_its_trial() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    tidemill.optuna.autolog()
    tidemill.sklearn.autolog(log_pictures=False)

    def trains(trial: "optuna.Trial") -> float:
        model = linear_model.Ridge(alpha=trial.suggest_float("alpha", 0, 1)).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
        return float(model.score([[0.0], [1.0]], [0.0, 1.0]))

    try:
        study().optimize(trains, n_trials=2)
    finally:
        tidemill.optuna.autolog(disable=True)
        tidemill.sklearn.autolog(disable=True)
    runs = [run for run in tidemill.search_runs(output_format="list") if "optuna.trial" in run.data.tags]
    assert len(runs) == 2
    assert all("solver" in run.data.params for run in runs)
