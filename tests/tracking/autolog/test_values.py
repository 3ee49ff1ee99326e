import json

import numpy as np
import pytest

from tidemill.tracking.autolog import values


@pytest.mark.parametrize(
    "name, expected",
    [("ndcg@3", "ndcg_at_3"), ("a b/c", "a b/c"), ("../x", "_._x"), ("é=1", "é_1"), ("", "_")],
)
def test_keys_are_taken_by_the_wire(name, expected):
    from tidemill.store.limits import check_name

    found = values.key(name)
    check_name(found, "key", "key")
    assert found == expected


def test_texts_are_short():
    assert values.shown("x" * 1000) == "x" * 499 + "…"
    assert values.shown(list(range(10**6))).endswith("49, … 1000000 in all]")
    assert values.shown({n: n for n in range(100)}).endswith(", … 100 in all}")
    assert values.shown(len) == "builtins.len"
    assert values.shown(None) == "None"


@pytest.mark.parametrize(
    "given, expected", [(np.float32(0.5), 0.5), (np.array([2]), 2.0), ("3", None), ([1], None), (True, 1.0)]
)
def test_numbers(given, expected):
    assert values.number(given) == expected


def test_json_knows_what_numpy_has():
    found = json.loads(
        values.json_bytes({"a": np.arange(2), "b": float("nan"), "c": np.float64("inf"), "d": {1, 2}, "e": print})
    )
    assert found == {"a": [0, 1], "b": None, "c": None, "d": [1, 2], "e": str(print)}


def test_csv():
    assert values.csv_bytes({"a": [1, 2], "b": ["x,y", None]}) == b'a,b\n1,"x,y"\n2,\n'
