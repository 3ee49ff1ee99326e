"""Models judged on real data: each number is scikit-learn's, and all of it stands in the run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tidemill
from tidemill.errors import ChecksFailed, InvalidParameter, NotFound, NotSupported

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
datasets = pytest.importorskip("sklearn.datasets")
from sklearn import metrics as sk  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402


@pytest.fixture(scope="module")
def cancer() -> Any:
    frame = datasets.load_breast_cancer(as_frame=True).frame
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.fixture(scope="module")
def classifier(cancer: Any) -> Any:
    some = cancer[:300]
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(some.drop(columns="target"), some["target"])


@pytest.fixture(scope="module")
def held_out(cancer: Any) -> Any:
    return cancer[300:].reset_index(drop=True)


def test_a_binary_classifier(classifier: Any, held_out: Any) -> None:
    with tidemill.start_run() as run:
        logged = tidemill.sklearn.log_model(classifier, "net")
        result = tidemill.evaluate(logged.model_uri, held_out, targets="target", model_type="classifier")
    features, true = held_out.drop(columns="target"), held_out["target"]
    said, shares = classifier.predict(features), classifier.predict_proba(features)
    precision, recall, _ = sk.precision_recall_curve(true, shares[:, 1])
    (quiet, alarm), (missed, hit) = sk.confusion_matrix(true, said)
    wanted = {
        "example_count": len(held_out),
        "accuracy_score": sk.accuracy_score(true, said),
        "precision_score": sk.precision_score(true, said),
        "recall_score": sk.recall_score(true, said),
        "f1_score": sk.f1_score(true, said),
        "log_loss": sk.log_loss(true, shares),
        "roc_auc": sk.roc_auc_score(true, shares[:, 1]),
        "precision_recall_auc": sk.auc(recall, precision),
        "true_positives": hit,
        "true_negatives": quiet,
        "false_positives": alarm,
        "false_negatives": missed,
    }
    assert result.metrics == pytest.approx(wanted)
    found = tidemill.get_run(run.info.run_id)
    assert found.data.metrics == pytest.approx(wanted)
    # The model and the data that it was judged on are linked, and its metrics are the model's too.
    assert result.model_id == logged.model_id
    model = tidemill.get_logged_model(logged.model_id)
    points = {point.key: point for point in model.metrics}
    assert points["accuracy_score"].value == pytest.approx(wanted["accuracy_score"])
    assert points["accuracy_score"].dataset_digest == result.dataset_digest
    (link,) = found.inputs.dataset_inputs
    assert (link.dataset.digest, link.tags[0].value) == (result.dataset_digest, "eval")
    assert [one.model_id for one in found.inputs.model_inputs] == [logged.model_id]
    names = {one.path for one in tidemill.Client().list_artifacts(run.info.run_id)}
    assert {"confusion_matrix.png", "roc_curve.png", "per_class.json", "calibration_curve.json"} <= names
    assert set(result.artifacts.values()) <= names


def test_three_classes_with_weights() -> None:
    frame = datasets.load_iris(as_frame=True).frame
    frame["weight"] = np.linspace(1, 2, len(frame))
    columns = [name for name in frame.columns if "petal" in name]
    model = DecisionTreeClassifier(max_depth=1).fit(frame[columns], frame["target"])
    result = tidemill.evaluate(
        model, frame, targets="target", model_type="classifier", sample_weights="weight", feature_names=columns
    )
    said = model.predict(frame[columns])
    options = {"sample_weight": frame["weight"], "average": "weighted", "zero_division": 0}
    assert result.metrics["f1_score"] == pytest.approx(sk.f1_score(frame["target"], said, **options))
    assert result.metrics["precision_score"] == pytest.approx(sk.precision_score(frame["target"], said, **options))
    assert "true_positives" not in result.metrics
    # Without an active run it had one of its own, which has ended.
    run = tidemill.get_run(result.run_id or "")
    assert run.info.status == "FINISHED"
    assert tidemill.active_run() is None


def test_a_regressor_as_a_function_of_arrays() -> None:
    features, true = datasets.load_diabetes(return_X_y=True)
    model = LinearRegression().fit(features[:200], true[:200])
    result = tidemill.evaluate(model.predict, features[200:], targets=true[200:], model_type="regressor")
    said, true = model.predict(features[200:]), true[200:]
    assert result.metrics == pytest.approx(
        {
            "example_count": len(true),
            "mean_absolute_error": sk.mean_absolute_error(true, said),
            "mean_squared_error": sk.mean_squared_error(true, said),
            "root_mean_squared_error": sk.mean_squared_error(true, said) ** 0.5,
            "r2_score": sk.r2_score(true, said),
            "max_error": sk.max_error(true, said),
            "mean_absolute_percentage_error": sk.mean_absolute_percentage_error(true, said),
            "sum_on_target": true.sum(),
            "mean_on_target": true.mean(),
        }
    )
    assert "residuals.png" in result.artifacts.values()


def test_predictions_that_were_made_elsewhere(held_out: Any) -> None:
    frame = pd.DataFrame({"y": ["a", "b", "a", "c"], "said": ["a", "b", "b", "c"], "other": [1, 2, 3, 4]})
    result = tidemill.evaluate(data=frame, targets="y", predictions="said", model_type="classifier")
    assert result.metrics["accuracy_score"] == 0.75
    again = tidemill.evaluate(
        data=[{"y": "a"}, {"y": "b"}], targets="y", predictions=["a", "a"], model_type="classifier"
    )
    assert again.metrics["accuracy_score"] == 0.5


def test_slices_show_where_a_model_is_worse() -> None:
    frame = pd.DataFrame(
        {
            "x": range(40),
            "region": ["north"] * 20 + ["south/west"] * 18 + [None] * 2,
            "y": [n % 2 for n in range(40)],
            "age": np.arange(40.0),
        }
    )

    def model(features: Any) -> Any:
        return [row.x % 2 if row.region == "north" else 0 for row in features.itertuples()]

    result = tidemill.evaluate(
        model,
        frame,
        targets="y",
        model_type="classifier",
        slices={"region": "region", "age": "age", "even": lambda data: data["x"] % 2 == 0},
    )
    assert list(result.slices) == [
        "region/north", "region/south_west", "region/missing",
        "age/to 9.75", "age/9.75 to 19.5", "age/19.5 to 29.25", "age/above 29.25",
        "even",
    ]  # fmt: skip
    assert result.slices["region/north"]["accuracy_score"] == 1.0
    assert result.slices["region/south_west"]["accuracy_score"] == 0.5
    assert [result.slices[name]["example_count"] for name in list(result.slices)[3:7]] == [10, 10, 10, 10]
    assert result.slices["even"]["accuracy_score"] == 1.0
    logged = tidemill.get_run(result.run_id or "").data.metrics
    assert logged["slices/region/north/accuracy_score"] == 1.0
    frame = result.to_frame()
    assert set(frame["slice"]) == {"", *result.slices}
    table = tidemill.load_table("slices.json", [result.run_id or ""])
    assert table.set_index("slice")["accuracy_score"]["region/south_west"] == 0.5


def test_metrics_of_ones_own(classifier: Any, held_out: Any) -> None:
    def share_of_ones(predictions: Any) -> float:
        return float(np.mean(predictions))

    def cost(targets: Any, predictions: Any, metrics: dict[str, float]) -> float:
        return 5 * metrics["false_negatives"] + metrics["false_positives"]

    def area(y_true: Any, y_score: Any) -> float:
        return float(sk.roc_auc_score(y_true, y_score[:, 1]))

    result = tidemill.evaluate(
        classifier,
        held_out,
        targets="target",
        model_type="classifier",
        extra_metrics=[
            share_of_ones,
            tidemill.make_metric(eval_fn=cost, greater_is_better=False),
            sk.balanced_accuracy_score,
            tidemill.make_metric(eval_fn=area, name="auc"),
        ],
        slices={"thick": held_out["mean radius"] > 14},
    )
    said = classifier.predict(held_out.drop(columns="target"))
    assert result.metrics["share_of_ones"] == said.mean()
    assert result.metrics["cost"] == 5 * result.metrics["false_negatives"] + result.metrics["false_positives"]
    assert result.metrics["balanced_accuracy_score"] == sk.balanced_accuracy_score(held_out["target"], said)
    assert result.metrics["auc"] == pytest.approx(result.metrics["roc_auc"])
    assert result.slices["thick"]["cost"] < result.metrics["cost"]
    alone = tidemill.evaluate(classifier.predict, held_out.drop(columns="target"), extra_metrics=[share_of_ones])
    assert alone.metrics == {"example_count": len(held_out), "share_of_ones": said.mean()}


def test_checks_against_values_and_a_baseline(classifier: Any, held_out: Any) -> None:
    worse = DecisionTreeClassifier(max_depth=1, random_state=0).fit(held_out[["mean texture"]], held_out["target"])

    def guess(features: Any) -> Any:
        return worse.predict(features[["mean texture"]])

    result = tidemill.evaluate(
        classifier,
        held_out,
        targets="target",
        model_type="classifier",
        slices={"thick": held_out["mean radius"] > 14},
        baseline_model=guess,
        validation_thresholds={
            "accuracy_score": tidemill.MetricThreshold(threshold=0.9, min_absolute_change=0.1, min_relative_change=0.1),
            "log_loss": 0.001,
            "slices/*/accuracy_score": tidemill.MetricThreshold(threshold=0.5),
            "f1_score": tidemill.MetricThreshold(min_relative_change=5.0),
        },
    )
    by_name = {check.metric: check for check in result.checks}
    assert {name: check.passed for name, check in by_name.items()} == {
        "accuracy_score": True, "log_loss": False, "slices/thick/accuracy_score": True, "f1_score": False,
    }  # fmt: skip
    assert "above 0.001" in by_name["log_loss"].reason
    said = worse.predict(held_out[["mean texture"]])
    assert by_name["accuracy_score"].baseline == pytest.approx(sk.accuracy_score(held_out["target"], said))
    assert not result.passed
    assert tidemill.get_run(result.run_id or "").data.tags["tidemill.evaluation.passed"] == "false"
    with pytest.raises(ChecksFailed, match="2 of 4 checks failed") as caught:
        result.raise_if_failed()
    assert [check.metric for check in caught.value.checks] == ["log_loss", "f1_score"]
    # MLflow's way: two results, compared afterwards.
    baseline = tidemill.evaluate(guess, held_out, targets="target", model_type="classifier")
    found = tidemill.validate_evaluation_results(
        {"accuracy_score": tidemill.MetricThreshold(min_absolute_change=0.1)}, result, baseline
    )
    assert [check.passed for check in found] == [True]
    with pytest.raises(ChecksFailed):
        tidemill.validate_evaluation_results(
            {"accuracy_score": tidemill.MetricThreshold(min_absolute_change=0.1)}, baseline, result
        )
    assert "baseline" in result.to_frame().columns


def test_a_failed_check_raises_once_all_is_written(classifier: Any, held_out: Any) -> None:
    with tidemill.start_run() as run, pytest.raises(ChecksFailed, match=r"accuracy_score: it is 0\.9"):
        tidemill.evaluate(
            classifier, held_out, targets="target", model_type="classifier", must_pass=True,
            validation_thresholds={"accuracy_score": 1.1},
        )  # fmt: skip
    names = {one.path for one in tidemill.Client().list_artifacts(run.info.run_id)}
    assert {"checks.json", "confusion_matrix.json"} <= names
    assert tidemill.get_run(run.info.run_id).info.status == "FINISHED"


def test_artifacts_of_ones_own_and_a_prefix(classifier: Any, held_out: Any, tmp_path: Path) -> None:
    def more(frame: Any, metrics: dict[str, float], folder: str) -> dict[str, Any]:
        path = Path(folder) / "wrong.csv"
        frame[frame["prediction"] != frame["target"]].to_csv(path)
        return {"wrong": str(path), "note": "a text", "best": {"accuracy": metrics["val_accuracy_score"]}, "all": frame}

    result = tidemill.evaluate(
        classifier, held_out, targets="target", model_type="classifier", custom_artifacts=[more],
        evaluators="default", evaluator_config={"metric_prefix": "val_"}, dataset_name="held out",
    )  # fmt: skip
    assert result.dataset_name == "held out"
    assert all(name.startswith("val_") for name in result.metrics)
    names = {one.path for one in tidemill.Client().list_artifacts(result.run_id or "")}
    assert {"wrong.csv", "val_note.txt", "val_best.json", "val_all.json", "val_confusion_matrix.png"} <= names


def test_what_does_not_fit_is_said(classifier: Any, held_out: Any) -> None:
    bad: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"data": None}, InvalidParameter, "nothing to evaluate on"),
        ({"targets": "nope"}, InvalidParameter, "no column nope"),
        ({"targets": None}, InvalidParameter, "say what is true"),
        ({"targets": [1, 2]}, InvalidParameter, "for 269 rows"),
        ({"model": None}, InvalidParameter, "neither a model nor predictions"),
        ({"model": 3}, InvalidParameter, "cannot be evaluated"),
        ({"model": "models:/nobody/1"}, NotFound, "nobody"),
        ({"model": "endpoints:/x"}, NotSupported, "function"),
        ({"model": lambda data: [1]}, InvalidParameter, "1 predictions"),
        ({"model": lambda data: ["x"] * len(data)}, InvalidParameter, "cannot be compared"),
        ({"model_type": "text"}, InvalidParameter, "classifier or regressor"),
        ({"model_type": None}, InvalidParameter, "nothing to measure"),
        ({"evaluators": "shap"}, NotSupported, "one evaluator"),
        ({"evaluator_config": {"pos_label": 1}}, InvalidParameter, "metric_prefix"),
        ({"slices": ["nope"]}, InvalidParameter, "columns are"),
        ({"slices": {"a": [True]}}, InvalidParameter, "one value for each"),
        ({"extra_metrics": [lambda wishes: 1.0]}, InvalidParameter, "needs a name"),
        ({"validation_thresholds": {"nope": 1.0}}, InvalidParameter, "no metric 'nope'"),
        (
            {"validation_thresholds": {"log_loss": tidemill.MetricThreshold(min_absolute_change=0.1)}},
            InvalidParameter,
            "baseline",
        ),
    ]
    for changes, kind, words in bad:
        given = {"model": classifier, "data": held_out, "targets": "target", "model_type": "classifier", **changes}
        with pytest.raises(kind, match=words):
            tidemill.evaluate(given.pop("model"), given.pop("data"), **given)
    with pytest.raises(InvalidParameter, match="none of them"):
        tidemill.MetricThreshold()

    def broken(predictions: Any) -> float:
        raise RuntimeError("oops")

    with pytest.raises(InvalidParameter, match="'broken' failed: RuntimeError: oops"):
        tidemill.evaluate(classifier, held_out, targets="target", model_type="classifier", extra_metrics=[broken])


def test_another_evaluation_in_the_run_replaces_tables_of_the_first(classifier: Any, held_out: Any) -> None:
    with tidemill.start_run() as run:
        tidemill.log_table({"a": [1]}, "mine.json")
        for size in (100, 50):
            tidemill.evaluate(classifier, held_out[:size], targets="target", model_type="classifier")
    table = tidemill.load_table("per_class.json", [run.info.run_id])
    assert table["support"].sum() == 50
    assert {"mine.json", "per_class.json"} <= {
        entry["path"] for entry in json.loads(tidemill.get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"])
    }


OFFLINE = """
import tidemill
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
features, true = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(features, true)
with tidemill.start_run() as run:
    made = tidemill.sklearn.log_model(model, "net", registered_model_name="iris")
    assert made.registered_model_version is None
    data = features.assign(target=true)
    tidemill.evaluate(model, data, targets="target", model_type="classifier", model_id=made.model_id)
    print(run.info.run_id, made.model_id)
"""


def test_a_model_is_logged_and_judged_without_a_network(tmp_path: Path) -> None:
    env = {**os.environ, "TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=env, capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    run_id, model_id = done.stdout.split()
    command = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
    there = str(tmp_path / "store")
    sent = subprocess.run([*command, str(tmp_path), "--to", there], capture_output=True, text=True, timeout=60)
    assert sent.returncode == 0, sent.stderr
    assert "refused" not in sent.stderr
    found = tidemill.get_run(run_id)
    assert found.data.metrics["accuracy_score"] > 0.9
    model = tidemill.get_logged_model(model_id)
    assert str(model.status) == "LOGGED_MODEL_READY"
    assert {point.key for point in model.metrics} >= {"accuracy_score", "f1_score"}
    features = datasets.load_iris(as_frame=True).data
    (version,) = tidemill.search_model_versions(filter_string="name = 'iris'")
    assert (version.version, version.run_id, version.model_id) == ("1", run_id, model_id)
    assert len(tidemill.sklearn.load_model("models:/iris/1").predict(features)) == 150
