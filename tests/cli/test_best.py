import math

import pytest

from tidemill.cli.best import best_places, lower_is_better


@pytest.mark.parametrize(
    ("key", "lower"),
    [
        ("loss", True),
        ("val_loss", True),
        ("train/loss/head_3", True),
        ("test RMSE", True),
        ("accuracy_loss", True),
        ("error_recall", False),
        ("valLoss", True),
        ("epoch_time", True),
        ("accuracy", False),
        ("val_acc_top5", False),
        ("roc_auc", False),
        ("f1_macro", False),
        ("r2", False),
        ("neg_mean_squared_error", False),
        ("neg_log_likelihood", True),
        ("learning_rate", None),
        ("", None),
        ("glossary", None),
    ],
)
def test_the_name_says_which_way_is_better(key: str, lower: bool | None) -> None:
    assert lower_is_better(key) is lower


def test_patterns_decide_before_the_name_does() -> None:
    assert lower_is_better("accuracy", lower=["acc*"]) is True
    assert lower_is_better("my_cost", higher=["my_cost"]) is False
    assert lower_is_better("my_cost", higher=["other"]) is None


@pytest.mark.parametrize(
    ("values", "lower", "best"),
    [
        ([1.0, 2.0], True, {0}),
        ([1.0, 2.0], False, {1}),
        ([1.0, 1.0, 2.0], True, {0, 1}),
        ([1.0, 1.0], True, set()),
        ([1.0, None], True, set()),
        ([1.0, math.nan, 0.5], True, {2}),
        ([1.0, 2.0], None, set()),
        ([], True, set()),
    ],
)
def test_where_the_best_stands(values: list[float | None], lower: bool | None, best: set[int]) -> None:
    assert best_places(values, lower) == best
