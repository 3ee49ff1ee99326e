"""Logging the training of estimators in scikit-learn's style, whoever made them."""

from collections.abc import Iterator
from typing import Any

from tidemill.tracking import run
from tidemill.tracking.autolog import evaluation, models, rows, scores, search
from tidemill.tracking.autolog.core import Call
from tidemill.tracking.autolog.session import Session

PREFIX = "training_"
"""Of all that is measured on the training data."""


def on_fit(session: Session, call: Call) -> Iterator[None]:
    """Log a call of `fit`, `fit_transform` or `fit_predict`."""
    estimator = call.owner
    data, targets, weights = _given(call)
    is_search, is_booster = search.is_search(estimator), session.framework.name != "sklearn"
    with session.part("the estimator's params"):
        session.tags(search.class_tags(estimator))
        if not is_booster:  # which has the last word on its params when it trains
            session.params(estimator.get_params(deep=not is_search))
        session.flush()
    dataset = None
    if session.framework.options is not None and session.framework.options.log_datasets and data is not None:
        with session.part("the data set"):
            dataset = rows.describe(data, targets)
            if dataset is not None:
                session.dataset(dataset, "train")
    example = models.head(data)
    yield
    scores.remember(estimator, session)
    if is_booster:
        with session.part("the estimator's params"):
            session.params({key: value for key, value in estimator.get_params().items() if value is not None})
    with session.part("the evaluation on the training data"):
        evaluate(session, estimator, data, targets, weights, PREFIX, call.seconds / 4)
    with session.part("the feature importance"):
        _log_importance(session, estimator, data)
    with session.part("the estimator's description"):
        _log_description(session, estimator)
    if is_search:
        with session.part("the search's results"):
            search.log(session, estimator, dataset)
    models.log(session, estimator, example)


def _given(call: Call) -> tuple[Any, Any, Any]:
    """The data, what is to be learned from it, and the weights, as the call gave them."""
    named = next((call.kwargs[name] for name in ("X", "raw_documents", "data") if name in call.kwargs), None)
    data = call.argument("X", 1, named)
    targets = call.argument("y", 2, call.kwargs.get("Y"))
    weights = call.kwargs.get("sample_weight")
    if weights is None and len(call.args) > 3:
        import inspect

        names = list(inspect.signature(call.original).parameters)
        weights = call.args[3] if len(names) > 3 and names[3] == "sample_weight" else None
    return data, targets, weights


def is_first_part(call: Call) -> bool:
    """Whether a `partial_fit` is the first of its model in an active run: the only one that is logged."""
    return run.active() is not None and not scores.is_logged(call)


def on_partial_fit(session: Session, call: Call) -> Iterator[None]:
    """Log what a model that learns in parts is made of; how well it does is logged when it is scored."""
    with session.part("the estimator's params"):
        session.tags(search.class_tags(call.owner))
        session.params(call.owner.get_params())
    scores.remember(call.owner, session)
    yield


def evaluate(
    session: Session, estimator: Any, data: Any, targets: Any, weights: Any, prefix: str, seconds: float
) -> None:
    """Log how well a fitted estimator does on some data, on all rows or on as many as it manages within `seconds`."""
    if data is None or not (hasattr(estimator, "predict") or hasattr(estimator, "score")):
        return
    places = rows.affordable(getattr(estimator, "predict", None) or estimator.score, data, seconds)
    if places is not None:
        session.tags({f"tidemill.autolog.{prefix}rows": f"{len(places)} of {rows.count(data)}"})
        data, targets, weights = (rows.taken(one, places) for one in (data, targets, weights))
    found = None
    if targets is not None and hasattr(estimator, "predict"):
        found = _evaluation(session, estimator, data, targets, weights)
    if found is not None:
        found.log(session, prefix)
    _log_score(session, estimator, data, targets, weights, prefix, found)


def _evaluation(
    session: Session, estimator: Any, data: Any, targets: Any, weights: Any
) -> evaluation.Evaluation | None:
    from sklearn.base import is_classifier, is_regressor

    is_flat = len(getattr(targets, "shape", (0,))) == 1 or getattr(targets, "shape", (0, 0))[1] == 1
    if is_classifier(estimator) and is_flat:
        predicted, shares, classes = estimator.predict(data), None, None
        if hasattr(estimator, "predict_proba"):
            with session.part("the probabilities"):
                shares, classes = estimator.predict_proba(data), getattr(estimator, "classes_", None)
        return evaluation.classification(targets, predicted, shares, classes, weights)
    if is_regressor(estimator):
        return evaluation.regression(targets, estimator.predict(data), weights)
    return None


def _log_score(
    session: Session,
    estimator: Any,
    data: Any,
    targets: Any,
    weights: Any,
    prefix: str,
    found: evaluation.Evaluation | None,
) -> None:
    """The estimator's own score; where that is accuracy or R², which are known already, without predicting again."""
    from sklearn.base import ClassifierMixin, RegressorMixin

    score = getattr(type(estimator), "score", None)
    known = {ClassifierMixin.score: "accuracy_score", RegressorMixin.score: "r2_score"}.get(score)
    if found is not None and known in found.metrics:
        session.metrics({f"{prefix}score": found.metrics[known]})
    elif hasattr(estimator, "score"):
        more = {} if weights is None or search.is_search(estimator) else {"sample_weight": weights}
        with session.part("the estimator's score"):
            session.metrics({f"{prefix}score": estimator.score(data, targets, **more)})


def _log_importance(session: Session, estimator: Any, data: Any) -> None:
    """Importances or coefficients of a model, or of the last step of a pipeline, by the names that it saw."""
    model, names = getattr(estimator, "best_estimator_", estimator), None
    if hasattr(model, "steps"):
        with_names = model[:-1] if len(model.steps) > 1 else None
        if with_names is not None and hasattr(with_names, "get_feature_names_out"):
            with session.part("the features' names"):
                names = [str(one) for one in with_names.get_feature_names_out()]
        model = model.steps[-1][1]
    for attribute, kind in (("feature_importances_", "importance"), ("coef_", "mean |coefficient|")):
        weights = _attribute(model, attribute)
        if weights is None:
            continue
        if hasattr(weights, "toarray"):
            weights = weights.toarray()
        number = weights.shape[-1]
        if names is None or len(names) != number:
            seen = getattr(model, "feature_names_in_", None)
            names = rows.names_of(seen) if seen is not None and len(seen) == number else rows.features(data, number)
        if attribute == "coef_":
            weights = abs(weights)
        evaluation.importance(session, names, weights, kind)
        return


def _attribute(model: Any, name: str) -> Any:
    """An attribute that has a shape and may be missing, also in the ways in which estimators hide them."""
    try:
        found = getattr(model, name, None)
    except Exception:  # a property that works only for some settings, such as a linear kernel
        return None
    return found if getattr(found, "shape", None) else None


def _log_description(session: Session, estimator: Any) -> None:
    from sklearn.utils import estimator_html_repr

    session.text(f"{estimator!r}\n", "estimator.txt")
    session.text(estimator_html_repr(estimator), "estimator.html")
