"""What scikit-learn's parameter searches find: the best candidate, all of them as a table, the best few as runs."""

import contextlib
from typing import TYPE_CHECKING, Any

from tidemill.tracking import fluent, tags
from tidemill.tracking.autolog import values
from tidemill.tracking.autolog.session import AUTOLOGGING
from tidemill.tracking.entities import DatasetInput, InputTag, Metric
from tidemill.types.page import Tag
from tidemill.types.runs import Param

if TYPE_CHECKING:
    from tidemill.tracking.autolog.session import Session


def is_search(estimator: Any) -> bool:
    """Whether an estimator tries others: GridSearchCV and what is built like it."""
    return any(cls.__name__ == "BaseSearchCV" for cls in type(estimator).__mro__)


def class_tags(estimator: Any) -> dict[str, str]:
    """MLflow's two tags that name an estimator."""
    kind = type(estimator)
    return {"estimator_name": kind.__name__, "estimator_class": f"{kind.__module__}.{kind.__name__}"}


def log(session: "Session", estimator: Any, dataset: Any) -> None:
    """Log a search that has been fitted."""
    if hasattr(estimator, "best_score_"):
        session.metrics({"best_cv_score": estimator.best_score_})
    if hasattr(estimator, "best_params_"):
        session.params({f"best_{key}": value for key, value in estimator.best_params_.items()})
    results = getattr(estimator, "cv_results_", None)
    if not results:
        return
    columns = {key: [_cell(one) for one in column] for key, column in results.items()}
    session.table(columns, "cv_results.csv")
    session.table({key: column for key, column in columns.items() if key != "params"}, "cv_results.json")
    named = class_tags(estimator.estimator)
    base = estimator.estimator.get_params(deep=not is_search(estimator.estimator))
    for place in _best(session, results):
        with session.part("a candidate's run"):
            _log_candidate(session, results, place, {**base, **results["params"][place]}, named, dataset)


def _cell(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "shape", ()) == () else value


def _best(session: "Session", results: Any) -> list[int]:
    """The places of the candidates that get runs, best first: by the first score where there are several."""
    ranks = next((results[key] for key in results if key.startswith("rank_test_")), range(len(results["params"])))
    order = sorted(range(len(results["params"])), key=lambda place: ranks[place])
    options = session.framework.options
    return order if options is None else order[: options.max_tuning_runs]


def _log_candidate(
    session: "Session", results: Any, place: int, params: dict[str, Any], named: dict[str, str], dataset: Any
) -> None:
    client, info, parent = session.client, session.run.info, session.run.data.tags
    kept = (tags.USER, tags.SOURCE_NAME, tags.SOURCE_TYPE, tags.GIT_COMMIT)
    noted = {key: parent[key] for key in kept if key in parent}
    extra = dict(session.framework.options.extra_tags) if session.framework.options is not None else {}
    made = client.create_run(
        info.experiment_id,
        start_time=info.start_time,
        tags={**noted, tags.PARENT: session.run_id, AUTOLOGGING: session.framework.name, **named, **extra},
    ).info
    with contextlib.ExitStack() as stack:
        stack.callback(client.set_terminated, made.run_id)
        at = made.start_time
        points = []
        for key, column in results.items():
            number = None if key.startswith(("param", "split")) else values.number(column[place])
            if number is not None:
                points.append(Metric(values.key(key), number, at, 0))
        texts = [Param(values.key(key), values.shown(value)) for key, value in params.items()]
        client.log_batch(made.run_id, points, texts, [Tag("tidemill.candidate", str(place))])
        if dataset is not None:
            link = DatasetInput(tags=[InputTag(tags.DATA_CONTEXT, "train")], dataset=fluent.described(dataset))
            client.log_inputs(made.run_id, [link])
