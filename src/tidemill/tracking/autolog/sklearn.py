"""Autologging for scikit-learn: every `fit`, searches with their best candidates, and scores on other data afterwards."""

from collections.abc import Mapping
from typing import Any

from tidemill.tracking.autolog import estimators, scores
from tidemill.tracking.autolog.core import Call, Framework, Options

_PREPARING = (
    "sklearn.preprocessing",
    "sklearn.impute",
    "sklearn.feature_extraction",
    "sklearn.feature_selection",
    "sklearn.compose._column_transformer",
)
_ELSEWHERE = ("xgboost.", "lightgbm.", "catboost.", "skorch.")
_FITS = ("fit", "fit_transform", "fit_predict")


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
    max_tuning_runs: int | None = 5,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what scikit-learn estimators are trained with and how well they do, from now on.

    Each outermost `fit`, `fit_transform` or `fit_predict` is logged into the active run, or else into a run of its
    own. `max_tuning_runs`: of how many of a search's candidates, best first, runs are made inside its run; None: all.
    `exclusive`: leave runs that you started alone. `disable`: put everything back. docs/reference/autolog.md lists
    what is logged and the other options.
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
            max_tuning_runs=max_tuning_runs,
            exclusive=exclusive,
            silent=silent,
            extra_tags=dict(extra_tags or {}),
        )
    )


def _install(framework: Framework) -> None:
    from sklearn import base

    fit = framework.watch("fit", estimators.on_fit, trains=True, wants=_is_training)
    part = framework.watch("partial_fit", estimators.on_partial_fit, trains=True, wants=estimators.is_first_part)
    keys = {**dict.fromkeys(_FITS, fit), "partial_fit": part, **scores.watch_methods(framework)}
    framework.watch_classes(base.BaseEstimator, keys, lambda cls: cls.__module__.startswith(_ELSEWHERE))


framework = Framework("sklearn", "sklearn.base", _install)


def _is_training(call: Call) -> bool:
    kind = type(call.owner)
    return not kind.__module__.startswith(_PREPARING) and not kind.__module__.startswith(_ELSEWHERE)
