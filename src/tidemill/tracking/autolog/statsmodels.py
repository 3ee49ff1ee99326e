"""Autologging for statsmodels: every model's `fit` and `fit_regularized`."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from tidemill.data import from_numpy
from tidemill.tracking.autolog import boosting, evaluation, models, search, values
from tidemill.tracking.autolog.core import Call, Framework, Options
from tidemill.tracking.autolog.session import Session

_METRICS = """
    aic bic bse_mean centered_tss condition_number df_model df_resid ess f_pvalue fvalue hqic llf llnull llr_pvalue
    mae mse mse_model mse_resid mse_total nobs prsquared rsquared rsquared_adj scale sse ssr uncentered_tss
""".split()
_NEVER = ("self", "start_params", "callback", "init_params")


def autolog(
    *,
    log_params: bool = True,
    log_datasets: bool = True,
    log_pictures: bool = True,
    log_models: bool = True,
    registered_model_name: str | None = None,
    disable: bool = False,
    exclusive: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, Any] | None = None,
) -> None:
    """Log what statsmodels' models are fitted with, their summary, coefficients and statistics.

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
            log_models=log_models,
            registered_model_name=registered_model_name,
            exclusive=exclusive,
            silent=silent,
            extra_tags=dict(extra_tags or {}),
        )
    )


def _install(framework: Framework) -> None:
    from statsmodels.base.model import Model

    fit = framework.watch("fit", _on_fit, trains=True)
    framework.watch_classes(Model, {"fit": fit, "fit_regularized": fit}, lambda cls: False)


framework = Framework("statsmodels", "statsmodels.base.model", _install)


def _on_fit(session: Session, call: Call) -> Iterator[None]:
    model, options = call.owner, session.framework.options
    session.tags(search.class_tags(model))
    with session.part("the params"):
        given = boosting.arguments(call, _NEVER)
        more = given.pop("kwargs", None) or given.pop("kwds", None) or {}
        formula = getattr(model, "formula", None)
        session.params({**given, **more, **({"formula": formula} if formula else {})})
    if options is not None and options.log_datasets and getattr(model, "exog", None) is not None:
        with session.part("the data set"):
            session.dataset(from_numpy(model.exog, targets=model.endog), "train")
    session.flush()
    yield
    results = call.result
    with session.part("the statistics"):
        session.metrics(_statistics(results))
    with session.part("the coefficients"):
        _log_coefficients(session, results)
    with (
        session.part("the summary"),
        contextlib.suppress(NotImplementedError, AttributeError),
    ):  # some kinds of fit have none
        session.text(f"{_as_text(results.summary())}\n", "model_summary.txt")
    with session.part("the evaluation on the training data"):
        _log_residuals(session, model, results)
    models.log(session, results)


def _statistics(results: Any) -> dict[str, float]:
    found = {name: _statistic(results, name) for name in _METRICS}
    return {name: number for name, number in found.items() if number is not None}


def _statistic(results: Any, name: str) -> float | None:
    try:
        return values.number(getattr(results, name, None))
    except Exception:  # computed when asked for, and not for every model
        return None


def _as_text(summary: Any) -> str:
    return str(summary.as_text() if hasattr(summary, "as_text") else summary)


def _log_coefficients(session: Session, results: Any) -> None:
    """A row a coefficient: its value, standard error, p value and 95 % interval, as far as the model has them."""
    import numpy as np

    estimates = np.asarray(getattr(results, "params", None), float)
    if estimates.ndim != 1 or not len(estimates):
        return
    names = getattr(results.params, "index", None)
    if names is None:
        names = getattr(results.model, "exog_names", None) or range(len(estimates))
    columns = {"name": [str(one) for one in names], "estimate": estimates.tolist()}
    for column, attribute in (("standard_error", "bse"), ("statistic", "tvalues"), ("p_value", "pvalues")):
        numbers = np.asarray(getattr(results, attribute, ()), float)
        if numbers.shape == estimates.shape:
            columns[column] = numbers.tolist()
    if hasattr(results, "conf_int"):
        bounds = np.asarray(results.conf_int(), float)
        if bounds.shape == (len(estimates), 2):
            columns |= {"lower": bounds[:, 0].tolist(), "upper": bounds[:, 1].tolist()}
    if len({len(column) for column in columns.values()}) == 1:
        session.table(columns, "coefficients.json")


def _log_residuals(session: Session, model: Any, results: Any) -> None:
    import numpy as np

    fitted = np.asarray(getattr(results, "fittedvalues", ()), float)
    true = np.asarray(getattr(model, "endog", ()))
    if fitted.shape == true.shape and true.ndim == 1 and len(true) and true.dtype.kind in "fiu":
        found = evaluation.regression(true, fitted)
        found.metrics = {}  # the model has statistics of its own
        found.log(session, "training_")
