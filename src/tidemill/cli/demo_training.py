"""What `tidemill demo` trains: small models on the data sets that scikit-learn ships, logged as a user would log them.

Needs scikit-learn, NumPy and matplotlib, which are imported where they are used.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tidemill import data as datasets
from tidemill.cli import demo_files, demo_pictures
from tidemill.tracking import fluent
from tidemill.tracking.autolog import evaluation
from tidemill.tracking.autolog import sklearn as autologging
from tidemill.tracking.start import set_experiment, start_run

SEED = 7
_BATCHES = 6
_TREES = 5
_SHORT = {"learning_rate": "rate", "eta0": "rate", "max_depth": "depth"}


@dataclass(frozen=True, slots=True)
class Split:
    """A data set cut into rows to train on, to choose by, and to judge by; features are standardised."""

    name: str
    is_classes: bool
    features: list[str]
    classes: list[str]
    train: tuple[Any, Any]
    val: tuple[Any, Any]
    test: tuple[Any, Any]
    scaler: Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model to train: its kind, what it is called with, and over how many steps its curves go (1: no curves)."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 1

    @property
    def name(self) -> str:
        """Kind and parameters, as a run is called."""
        return " ".join([self.kind, *(f"{_SHORT.get(key, key)}={value}" for key, value in self.params.items())])


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run: its latest metrics and, where it has a curve, the loss on the validation rows step by step."""

    run_id: str
    recipe: Recipe
    metrics: dict[str, float]
    curve: list[float]
    seconds: float


_RIDGE = tuple(Recipe("ridge", {"alpha": alpha}) for alpha in (0.1, 1.0, 10.0, 100.0))
_LOGISTIC = tuple(Recipe("logistic", {"C": strength}) for strength in (0.01, 0.1, 1.0))
RECIPES = {
    "diabetes": (
        *_RIDGE,
        Recipe("sgd", {"eta0": 0.003}, 40),
        Recipe("forest", {"max_depth": 6}, 12),
        Recipe("boosting", {"learning_rate": 0.05}, 80),
    ),
    "wine": (*_LOGISTIC, Recipe("sgd", {"eta0": 0.005}, 40), Recipe("forest", {"max_depth": 5}, 12)),
    "breast_cancer": (
        *_LOGISTIC,
        Recipe("sgd", {"eta0": 0.003}, 40),
        Recipe("forest", {"max_depth": 6}, 12),
        Recipe("boosting", {"learning_rate": 0.1}, 60),
    ),
    "digits": (
        Recipe("logistic", {"C": 0.1}),
        Recipe("sgd", {"eta0": 0.001}, 25),
        Recipe("mlp", {"hidden": 32}, 30),
        Recipe("mlp", {"hidden": 128}, 30),
        Recipe("forest", {"max_depth": 10}, 12),
    ),
}
"""The models trained on each data set."""

ABOUT = {
    "diabetes": "442 patients, 10 measurements: how far the disease goes in a year",
    "wine": "178 wines, 13 chemical measurements: which of 3 growers",
    "breast_cancer": "569 tumours, 30 measurements: malignant or benign",
    "digits": "1797 handwritten digits of 8 x 8 pixels: which digit",
}


def split(name: str) -> Split:
    """Load a data set and cut it: 60 % to train on, 20 % to choose by, 20 % to judge by."""
    import sklearn.datasets
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    classes = [str(one) for one in getattr(bunch, "target_names", [])]
    x, y = bunch.data, bunch.target
    by_class = y if classes else None
    x_rest, x_test, y_rest, y_test = train_test_split(x, y, test_size=0.2, random_state=SEED, stratify=by_class)
    by_class = y_rest if classes else None
    x_train, x_val, y_train, y_val = train_test_split(
        x_rest, y_rest, test_size=0.25, random_state=SEED, stratify=by_class
    )
    scaler = StandardScaler().fit(x_train)
    return Split(
        name,
        bool(classes),
        [str(one) for one in bunch.feature_names],
        classes,
        (scaler.transform(x_train), y_train),
        (scaler.transform(x_val), y_val),
        (scaler.transform(x_test), y_test),
        scaler,
    )


def train_all(name: str) -> Iterator[Trained]:
    """Train every model of a data set, each as a run of the experiment `demo-<name>`; each is answered when done."""
    found = split(name)
    set_experiment(f"demo-{name}")
    fluent.set_experiment_tags({"mlflow.note.content": ABOUT[name], "source": f"sklearn.datasets.load_{name}"})
    inputs = {
        purpose: datasets.from_numpy(
            rows[0], source=f"scikit-learn://load_{name}", targets=rows[1], name=f"{name}-{purpose}"
        )
        for purpose, rows in (("training", found.train), ("validation", found.val), ("test", found.test))
    }
    try:
        yield from _train_each(found, inputs)
    finally:
        autologging.autolog(disable=True)


def _train_each(found: Split, inputs: Mapping[str, Any]) -> Iterator[Trained]:
    for recipe in RECIPES[found.name]:
        tags = {
            "model": recipe.kind,
            "data": found.name,
            "task": "classification" if found.is_classes else "regression",
        }
        with start_run(run_name=recipe.name, tags=tags) as run, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of models that are not quite settled: this is a demonstration
            fluent.log_inputs(list(inputs.values()), list(inputs), [None] * len(inputs))
            trained = _train(found, recipe, run.info.run_id)
        yield trained


def _train(found: Split, recipe: Recipe, run_id: str) -> Trained:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # these matrices are too small to share between threads
        return _trained(found, recipe, run_id)


def _trained(found: Split, recipe: Recipe, run_id: str) -> Trained:
    # Data sets are logged with source and purpose here; pictures are drawn of the rows to judge by.
    autologging.autolog(log_datasets=False, log_pictures=False)
    started = time.perf_counter()
    rows = {"train_rows": len(found.train[1]), "features": len(found.features), "seed": SEED}
    fluent.log_params({"model": recipe.kind, **recipe.params, "steps": recipe.steps, **rows})
    curves: dict[str, list[float]] = {}
    model: Any = None
    for step, (fitted, predict) in enumerate(_steps(found, recipe)):
        model = fitted
        point = {
            f"{part}_{key}": value
            for part, rows_of in (("train", found.train), ("val", found.val))
            for key, value in _scores(found, rows_of, predict).items()
        }
        fluent.log_metrics(point, step=step)
        for key, value in point.items():
            curves.setdefault(key, []).append(value)
    seconds = time.perf_counter() - started
    final = {f"test_{key}": value for key, value in _scores(found, found.test, _predictor(found, model)).items()}
    final["fit_seconds"] = seconds
    fluent.log_metrics(final)
    test, answers = found.test
    autologging.autolog(log_datasets=False)
    model.score(test, answers)  # autologging evaluates the model on what is called `test` here
    _log_files(found, recipe, model, curves, final)
    latest = {**{key: values[-1] for key, values in curves.items()}, **final}
    curve = curves["val_loss"] if recipe.steps > 1 else []
    return Trained(run_id, recipe, latest, curve, time.perf_counter() - started)


def _log_files(
    found: Split, recipe: Recipe, model: Any, curves: dict[str, list[float]], final: dict[str, float]
) -> None:
    if recipe.steps > 1:
        fluent.log_figure(demo_pictures.learning_curves(found, curves), "learning_curves.png")
    weights, figure = demo_pictures.importance(found, model)
    if weights:  # over those of autologging, which sees arrays without names
        fluent.log_dict(weights, "feature_importance.json")
        fluent.log_figure(figure, "feature_importance.png")
    fluent.log_dict(demo_files.model_document(found, recipe.kind, model), "model/model.json")
    text = demo_files.tree_text(found, model)
    if text:
        fluent.log_text(text, "model/first_tree.txt")
    fluent.log_table(demo_files.predictions(found, model), "predictions.json")
    fluent.log_text(demo_files.report(found, recipe.name, final, ABOUT[found.name]), "report.md")


Predict = Callable[[Any], Any]
"""From standardised rows to probabilities of the classes, or to numbers."""


def _predictor(found: Split, model: Any) -> Predict:
    predict: Predict = model.predict_proba if found.is_classes else model.predict
    return predict


def _scores(found: Split, rows: tuple[Any, Any], predict: Predict) -> dict[str, float]:
    x, y = rows
    answer = predict(x)
    if not found.is_classes:
        scores = evaluation.regression(y, answer).metrics
        return {
            "loss": scores["mean_squared_error"],
            "rmse": scores["root_mean_squared_error"],
            "r2": scores["r2_score"],
        }
    scores = evaluation.classification(y, answer.argmax(axis=1), answer, range(len(found.classes))).metrics
    return {"loss": scores["log_loss"], "accuracy": scores["accuracy_score"], "f1": scores["f1_score"]}


def _steps(found: Split, recipe: Recipe) -> Iterator[tuple[Any, Predict]]:
    """The model after each step of its training, with what it answers at that step."""
    if recipe.kind in ("ridge", "logistic"):
        model = _linear(recipe).fit(*found.train)
        yield model, _predictor(found, model)
    elif recipe.kind in ("sgd", "mlp"):
        yield from _epochs(found, recipe)
    elif recipe.kind == "forest":
        yield from _growing(found, recipe)
    else:
        yield from _boosted(found, recipe)


def _linear(recipe: Recipe) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if recipe.kind == "ridge":
        return Ridge(**recipe.params)
    return LogisticRegression(max_iter=1000, **recipe.params)


def _epochs(found: Split, recipe: Recipe) -> Iterator[tuple[Any, Predict]]:
    import numpy as np

    x, y = found.train
    model = _stepwise(found, recipe)
    more = {"classes": np.arange(len(found.classes))} if found.is_classes else {}
    order = np.random.default_rng(SEED)
    for _ in range(recipe.steps):
        for part in np.array_split(order.permutation(len(y)), _BATCHES):
            model.partial_fit(x[part], y[part], **more)
        yield model, _predictor(found, model)


def _stepwise(found: Split, recipe: Recipe) -> Any:
    from sklearn.linear_model import SGDClassifier, SGDRegressor
    from sklearn.neural_network import MLPClassifier

    if recipe.kind == "mlp":
        return MLPClassifier((recipe.params["hidden"],), learning_rate_init=0.003, random_state=SEED)
    rate = {"learning_rate": "constant", "eta0": recipe.params["eta0"], "random_state": SEED}
    return SGDClassifier(loss="log_loss", **rate) if found.is_classes else SGDRegressor(**rate)


def _growing(found: Split, recipe: Recipe) -> Iterator[tuple[Any, Predict]]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if found.is_classes else RandomForestRegressor
    model = kind(_TREES * recipe.steps, random_state=SEED, **recipe.params).fit(*found.train)
    for step in range(recipe.steps):
        yield model, partial(_mean, [_predictor(found, tree) for tree in model.estimators_[: _TREES * (step + 1)]])


def _mean(predictors: Sequence[Predict], x: Any) -> Any:
    return sum(predict(x) for predict in predictors) / len(predictors)


def _boosted(found: Split, recipe: Recipe) -> Iterator[tuple[Any, Predict]]:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    kind = GradientBoostingClassifier if found.is_classes else GradientBoostingRegressor
    model = kind(n_estimators=recipe.steps, max_depth=3, random_state=SEED, **recipe.params).fit(*found.train)
    staged = model.staged_predict_proba if found.is_classes else model.staged_predict
    answers = {id(rows[0]): list(staged(rows[0])) for rows in (found.train, found.val)}
    for step in range(recipe.steps):
        yield model, partial(_answer, answers, step)


def _answer(answers: dict[int, list[Any]], step: int, x: Any) -> Any:
    """What a staged model said about these rows (known by identity) after a step."""
    return answers[id(x)][step]
