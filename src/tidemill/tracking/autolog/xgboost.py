"""Autologging for XGBoost: `xgboost.train` and the estimators in scikit-learn's style."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tidemill.data import Dataset, from_numpy
from tidemill.tracking.autolog import boosting, estimators, models, rows, scores
from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.session import Session

_OBJECTS = ("params", "dtrain", "evals", "obj", "feval", "evals_result", "xgb_model", "callbacks")
_FOLDING = ("folds", "fpreproc", "custom_metric", "as_pandas", "verbose_eval", "show_stdv")
_MOST_CELLS = 5_000_000
_importance_types: tuple[str, ...] = ("weight",)


def autolog(
    *,
    importance_types: Sequence[str] = ("weight", "gain"),
    log_params: bool = True,
    log_datasets: bool = True,
    log_pictures: bool = True,
    log_post_training_metrics: bool = True,
    log_models: bool = True,
    log_model_signatures: bool = True,
    log_input_examples: bool = False,
    registered_model_name: str | None = None,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what XGBoost models are trained with, their metrics round by round, and what their features weigh.

    `importance_types`: of XGBoost's `weight`, `gain`, `cover`, `total_gain` and `total_cover`, each a picture and a
    table. The other options as in `tidemill.sklearn.autolog`.
    """
    global _importance_types
    _importance_types = tuple(importance_types)
    if disable:
        framework.turn_off()
        return
    framework.turn_on(
        Options(
            log_params=log_params,
            log_datasets=log_datasets,
            log_pictures=log_pictures,
            log_post_training_metrics=log_post_training_metrics,
            log_models=log_models,
            log_model_signatures=log_model_signatures,
            log_input_examples=log_input_examples,
            registered_model_name=registered_model_name,
            exclusive=exclusive,
            silent=silent,
            extra_tags=dict(extra_tags or {}),
        )
    )


def _install(framework: Framework) -> None:
    import xgboost

    train = framework.watch("train", _on_train, trains=True, nests=True)
    framework.watch_function(xgboost, "train", train)
    framework.watch_function(xgboost.training, "train", train)
    folds = framework.watch("cv", _on_cv, trains=True)
    framework.watch_function(xgboost, "cv", folds)
    framework.watch_function(xgboost.training, "cv", folds)
    predict = framework.watch("predict", scores.on_predict, wants=boosting.is_plain_prediction)
    framework.watch_function(xgboost.Booster, "predict", predict)
    if hasattr(xgboost, "XGBModel") and hasattr(xgboost.sklearn, "train"):
        framework.watch_function(xgboost.sklearn, "train", train)
        fit = framework.watch("fit", estimators.on_fit, trains=True)
        keys = {"fit": fit, **scores.watch_methods(framework)}
        framework.watch_classes(xgboost.XGBModel, keys, lambda cls: False)


framework = Framework("xgboost", "xgboost", _install)


def _on_train(session: Session, call: Call) -> Iterator[None]:
    rounds = boosting.Rounds(session)
    data, options = call.argument("dtrain", 1), session.framework.options
    with session.part("the params"):
        session.params({**call.argument("params", 0, {}), **boosting.arguments(call, _OBJECTS)})
        session.flush()
    if options is not None and options.log_datasets:
        with session.part("the data sets"):
            if not call.is_joined:  # else `fit` has done so
                session.dataset(_described(data), "train")
            for one, name in call.argument("evals", 99) or ():
                if one is not data:
                    session.dataset(_described(one, name), "eval")
    # First: the list is gone through until one of the callbacks stops the training.
    callback = _callback(rounds)
    call.kwargs = {**call.kwargs, "callbacks": [callback, *(call.kwargs.get("callbacks") or ())]}
    yield
    booster = call.result
    with session.part("early stopping"):
        if booster.attr("best_iteration") is not None:
            best = int(booster.attr("best_iteration"))
            rounds.stopped_early(best, best, rounds.last)
    for kind in _importance_types:
        with session.part(f"the feature importance by {kind}"):
            boosting.log_importance(session, kind, booster.get_score(importance_type=kind))
    if not call.is_joined:  # else the estimator is logged
        example = None
        with session.part("the input example"):
            example = _head(data)
        models.log(session, booster, example, lambda some: booster.inplace_predict(some))
        scores.remember(booster, session, _evaluate)


def _on_cv(session: Session, call: Call) -> Iterator[None]:
    with session.part("the params"):
        session.params({**dict(call.argument("params", 0, {})), **boosting.arguments(call, (*_OBJECTS, *_FOLDING))})
        session.flush()
    if session.framework.options is not None and session.framework.options.log_datasets:
        with session.part("the data sets"):
            session.dataset(_described(call.argument("dtrain", 1)), "train")
    yield
    with session.part("the cross-validation"):
        boosting.log_folds(session, call.result, bool(call.kwargs.get("early_stopping_rounds")))


def _evaluate(session: Session, booster: Any, data: Any, targets: Any, name: str) -> None:
    options = session.framework.options
    if options is not None and options.log_datasets:
        session.dataset(_described(data), "eval")
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    boosting.evaluate(session, objective, booster.predict(data), targets, f"{name}_")


def _callback(rounds: boosting.Rounds) -> Any:
    from xgboost.callback import TrainingCallback

    class EachRound(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Sequence[Any]]]) -> bool:
            now = {f"{data}-{name}": seen[-1] for data, log in evals_log.items() for name, seen in log.items()}
            rounds.add(now, epoch)
            return False

    return EachRound()


def _head(matrix: Any) -> Any:
    """The first rows of a DMatrix, as a frame where its features have names."""
    import numpy as np

    few = matrix.slice(np.arange(min(matrix.num_row(), models.EXAMPLE_ROWS)))
    values = few.get_data().toarray().astype("float64")
    if not matrix.feature_names:
        return values
    import pandas as pd

    return pd.DataFrame(values, columns=matrix.feature_names)


def _described(matrix: Any, name: str | None = None) -> Dataset:
    """A DMatrix by its values and labels; by its labels alone where reading it back would take long."""
    import numpy as np

    shape = (matrix.num_row(), matrix.num_col())
    labels = matrix.get_label()
    if shape[0] * shape[1] <= _MOST_CELLS:
        found = rows.describe(matrix.get_data(), labels, name)
        if found is not None:
            return found
    return from_numpy({"shape": np.asarray(shape)}, targets=labels, name=name)
