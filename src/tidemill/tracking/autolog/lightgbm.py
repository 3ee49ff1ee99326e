"""Autologging for LightGBM: `lightgbm.train` and the estimators in scikit-learn's style."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tidemill.tracking.autolog import boosting, estimators, models, rows, scores
from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.session import Session

_OBJECTS = ("params", "train_set", "valid_sets", "valid_names", "feval", "init_model", "callbacks")
_FOLDING = ("folds", "fpreproc", "return_cvbooster")
_BEFORE_EARLY_STOPPING = 25


def autolog(
    *,
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
    """Log what LightGBM models are trained with, their metrics round by round, and what their features weigh.

    The options as in `tidemill.sklearn.autolog`.
    """
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
    import lightgbm

    train = framework.watch("train", _on_train, trains=True, nests=True)
    framework.watch_function(lightgbm, "train", train)
    framework.watch_function(lightgbm.engine, "train", train)
    folds = framework.watch("cv", _on_cv, trains=True)
    framework.watch_function(lightgbm, "cv", folds)
    framework.watch_function(lightgbm.engine, "cv", folds)
    predict = framework.watch("predict", scores.on_predict, wants=boosting.is_plain_prediction)
    framework.watch_function(lightgbm.Booster, "predict", predict)
    if hasattr(lightgbm, "LGBMModel") and hasattr(lightgbm.sklearn, "train"):
        framework.watch_function(lightgbm.sklearn, "train", train)
        fit = framework.watch("fit", estimators.on_fit, trains=True)
        keys = {"fit": fit, **scores.watch_methods(framework)}
        framework.watch_classes(lightgbm.LGBMModel, keys, lambda cls: False)


framework = Framework("lightgbm", "lightgbm", _install)


def _on_train(session: Session, call: Call) -> Iterator[None]:
    rounds = boosting.Rounds(session)
    with session.part("the params"):
        session.params({**call.argument("params", 0, {}), **boosting.arguments(call, _OBJECTS)})
        session.flush()
    options = session.framework.options
    if options is not None and options.log_datasets:
        with session.part("the data sets"):
            _log_datasets(session, call)
    example = models.head(getattr(call.argument("train_set", 1), "data", None))
    call.put("callbacks", 8, [_callback(rounds), *(call.argument("callbacks", 8) or ())])
    yield
    booster = call.result
    with session.part("early stopping"):
        if booster.best_iteration > 0:  # counted from 1
            best = booster.best_iteration
            rounds.stopped_early(best - 1, best, rounds.last + 1)
    for kind in ("split", "gain"):
        with session.part(f"the feature importance by {kind}"):
            weights = booster.feature_importance(importance_type=kind).tolist()
            boosting.log_importance(session, kind, dict(zip(booster.feature_name(), weights, strict=True)))
    if not call.is_joined:  # else the estimator is logged
        models.log(session, booster, example)
        scores.remember(booster, session, _evaluate)


def _on_cv(session: Session, call: Call) -> Iterator[None]:
    with session.part("the params"):
        session.params({**call.argument("params", 0, {}), **boosting.arguments(call, (*_OBJECTS, *_FOLDING))})
        session.flush()
    data, options = call.argument("train_set", 1), session.framework.options
    if options is not None and options.log_datasets and not isinstance(data.data, str | None):
        with session.part("the data sets"):
            found = rows.describe(data.data, data.label)
            if found is not None:
                session.dataset(found, "train")
    yield
    with session.part("the cross-validation"):
        boosting.log_folds(session, call.result, _stops_early(call))


def _stops_early(call: Call) -> bool:
    names = ("early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change")
    asked = any(call.argument("params", 0, {}).get(name) for name in names)
    given = call.argument("callbacks", 13) or ()
    return asked or any(type(one).__name__ == "_EarlyStoppingCallback" for one in given)


def _evaluate(session: Session, booster: Any, data: Any, targets: Any, name: str) -> None:
    options = session.framework.options
    if options is not None and options.log_datasets:
        found = rows.describe(data, targets)
        if found is not None:
            session.dataset(found, "eval")
    objective = str(booster.params.get("objective", "regression"))
    boosting.evaluate(session, objective, booster.predict(data), targets, f"{name}_")


def _log_datasets(session: Session, call: Call) -> None:
    train = call.argument("train_set", 1)
    others = call.argument("valid_sets", 3) or ()
    others = others if isinstance(others, list | tuple) else [others]
    names = call.argument("valid_names", 4) or [None] * len(others)
    names = names if isinstance(names, list | tuple) else [names]
    for one, name, context in [(train, None, "train"), *((*pair, "eval") for pair in zip(others, names, strict=False))]:
        # A file's name, or nothing where LightGBM has freed the data already.
        if one.data is None or isinstance(one.data, str) or (one is train and (context == "eval" or call.is_joined)):
            continue
        found = rows.describe(one.data, one.label, name)
        if found is not None:
            session.dataset(found, context)


def _callback(rounds: boosting.Rounds) -> Callable[[Any], None]:
    def each_round(env: Any) -> None:
        now = {f"{one[0]}-{one[1]}": one[2] for one in env.evaluation_result_list or ()}
        rounds.add(now, env.iteration)

    vars(each_round)["order"] = _BEFORE_EARLY_STOPPING
    return each_round
