import math

import numpy as np
import pytest
from sklearn import metrics

from tidemill.tracking.autolog import evaluation

RNG = np.random.default_rng(3)


def shares_of(rows: int, classes: int) -> np.ndarray:
    raw = RNG.random((rows, classes)).round(2) + 0.01  # rounded, so that scores tie
    return raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("weighted", [False, True])
def test_classification_metrics_are_scikit_learns(classes, weighted):
    labels = np.array([f"c{place}" for place in range(classes)])
    true, shares = labels[RNG.integers(classes, size=300)], shares_of(300, classes)
    predicted = labels[shares.argmax(axis=1)]
    weights = RNG.integers(1, 4, 300) if weighted else None
    found = evaluation.classification(true, predicted, shares, labels, weights).metrics
    more = {"average": "weighted", "sample_weight": weights, "zero_division": 0}
    expected = {
        "precision_score": metrics.precision_score(true, predicted, **more),
        "recall_score": metrics.recall_score(true, predicted, **more),
        "f1_score": metrics.f1_score(true, predicted, **more),
        "accuracy_score": metrics.accuracy_score(true, predicted, sample_weight=weights),
        "log_loss": metrics.log_loss(true, shares, sample_weight=weights),
    }
    if classes == 2:
        expected["roc_auc"] = metrics.roc_auc_score(true, shares[:, 1], sample_weight=weights)
    elif not weighted:
        expected["roc_auc"] = metrics.roc_auc_score(true, shares, average="weighted", multi_class="ovo")
    assert found == pytest.approx(expected)


def test_classification_tables_are_scikit_learns():
    true, shares = RNG.integers(2, size=150), shares_of(150, 2)
    predicted = shares.argmax(axis=1)
    found = evaluation.classification(true, predicted, shares)
    matrix = metrics.confusion_matrix(true, predicted)
    assert found.tables["confusion_matrix"] == {
        "true": ["0", "1"],
        "predicted 0": matrix[:, 0].tolist(),
        "predicted 1": matrix[:, 1].tolist(),
    }
    report = metrics.classification_report(true, predicted, output_dict=True)
    for place, name in enumerate(("0", "1")):
        for mine, theirs in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1_score", "f1-score"),
            ("support", "support"),
        ):
            assert found.tables["per_class"][mine][place] == pytest.approx(report[name][theirs])
    false, right, threshold = metrics.roc_curve(true, shares[:, 1], drop_intermediate=False)
    roc = found.tables["roc_curve"]
    assert roc["false_positive_rate"] == pytest.approx(false)
    assert roc["true_positive_rate"] == pytest.approx(right)
    assert roc["threshold"][1:] == pytest.approx(threshold[1:])
    assert set(roc["class"]) == {"1"}
    precision, recall, _ = metrics.precision_recall_curve(true, shares[:, 1])
    mine = found.tables["precision_recall_curve"]
    assert mine["recall"][: len(recall)] == pytest.approx(recall[::-1][: len(mine["recall"])])
    assert mine["precision"][: len(precision)] == pytest.approx(precision[::-1][: len(mine["precision"])])
    curve = found.pictures["precision_recall_curve"][1]["1"]
    assert curve["average_precision"] == pytest.approx(metrics.average_precision_score(true, shares[:, 1]))


def test_calibration_bins():
    shares = np.array([0.05, 0.05, 0.95, 0.95, 1.0])
    found = evaluation.classification([0, 1, 1, 1, 0], [0, 0, 1, 1, 1], np.column_stack([1 - shares, shares]))
    table = found.tables["calibration_curve"]
    assert table["predicted"] == pytest.approx([0.05, 2.9 / 3])
    assert table["observed"] == pytest.approx([0.5, 2 / 3])
    assert table["rows"] == [2, 3]


def test_long_curves_keep_their_ends():
    true, shares = RNG.integers(2, size=5000), RNG.random(5000)
    found = evaluation.classification(true, shares > 0.5, np.column_stack([1 - shares, shares]), [0, 1])
    roc = found.tables["roc_curve"]
    assert len(roc["class"]) == 201
    assert (roc["true_positive_rate"][0], roc["true_positive_rate"][-1], roc["false_positive_rate"][-1]) == (0, 1, 1)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_regression_metrics_are_scikit_learns(outputs, weighted):
    true = RNG.normal(size=(200, outputs))
    predicted = true + RNG.normal(size=true.shape)
    weights = RNG.random(200) if weighted else None
    found = evaluation.regression(true, predicted, weights)
    squared = metrics.mean_squared_error(true, predicted, sample_weight=weights)
    assert found.metrics == pytest.approx(
        {
            "mean_squared_error": squared,
            "mean_absolute_error": metrics.mean_absolute_error(true, predicted, sample_weight=weights),
            "r2_score": metrics.r2_score(true, predicted, sample_weight=weights),
            "root_mean_squared_error": math.sqrt(squared),
        }
    )
    assert ("residuals" in found.tables) == (outputs == 1)


def test_residuals_are_rows_of_the_data():
    true = np.arange(5000.0)
    found = evaluation.regression(true, true - 2)
    table = found.tables["residuals"]
    assert len(table["row"]) == 1000
    assert set(table["residual"]) == {2.0}
    assert table["true"] == [float(row) for row in table["row"]]
    assert found.tables["residual_quantiles"]["residual"] == [2.0] * 9


def test_odd_cases():
    assert evaluation.classification([1, 1], [1, 1], [[1.0], [1.0]]).metrics["accuracy_score"] == 1
    assert "roc_auc" not in evaluation.classification([1, 1], [0, 1], [[0.5, 0.5]] * 2, [0, 1]).metrics
    assert evaluation.regression([1.0, 1.0], [1.0, 1.0]).metrics["r2_score"] == 1
    assert evaluation.regression([1.0, 1.0], [2.0, 1.0]).metrics["r2_score"] == 0
    many = np.arange(300)
    found = evaluation.classification(many, many)
    assert found.tables == found.pictures == {}
    for wrong in (([1], [1, 2]), ([], []), ([1, 5], [1, 1], None, [1, 2])):
        with pytest.raises(ValueError):
            evaluation.classification(*wrong)
    with pytest.raises(ValueError, match="do not fit"):
        evaluation.classification([0, 1], [0, 1], [[1.0, 0.0, 0.0]] * 2)
    with pytest.raises(ValueError, match="shape"):
        evaluation.regression([1.0, 2.0], [1.0])


def test_pictures_are_drawn_without_pyplot():
    import subprocess
    import sys

    program = """
import sys
import numpy as np
from tidemill.tracking.autolog import evaluation, pictures
from tidemill.tracking.media import figure_bytes
shares = np.array([[.6, .3, .1], [.2, .5, .3], [.1, .2, .7], [.3, .4, .3]])
for found in (evaluation.classification(["a", "b", "c", "a"], ["a", "b", "c", "b"], shares, ["a", "b", "c"]),
              evaluation.regression([1., 2., 3.], [1., 2., 4.])):
    for name, (draw, *args) in found.pictures.items():
        assert figure_bytes(draw(*args), f"{name}.png")[:4] == b"\\x89PNG"
        print(name)
assert figure_bytes(pictures.importance(["a", "b" * 50], np.array([2., 1.]), "gain"), "i.png")[:4] == b"\\x89PNG"
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 6
