"""MLflow's protocol: what may be sent, what comes back, and what is refused."""

import io
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidemill.serving.servable import Servable

ROWS = [[1.0, 2.0], [3.5, -1]]
SPLIT = {"dataframe_split": {"columns": ["a", "b"], "data": ROWS}}


def seen(data, params):
    """Answers what it was given: columns, types, values."""
    if isinstance(data, pd.DataFrame):
        return [{"columns": [str(one) for one in data.columns], "types": [str(one) for one in data.dtypes],
                 "rows": json.loads(data.to_json(orient="values", date_format="iso"))}]  # fmt: skip
    return [repr(data)]


@pytest.mark.parametrize(
    "body",
    [
        SPLIT,
        {"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1], [-1, 3.5]]}},
        {"dataframe_split": {"index": [7, 8], "columns": ["a", "x", "b"], "data": [[1, 0, 2], [3.5, "y", -1]]}},
        {"dataframe_split": {"data": ROWS}},
        {"dataframe_records": [{"a": 1, "b": 2}, {"b": -1, "a": 3.5}]},
        {"instances": [{"a": 1, "b": 2}, {"a": 3.5, "b": -1}]},
        {"instances": ROWS},
        {"inputs": {"a": [1, 3.5], "b": [2, -1]}},
        {"inputs": ROWS},
        {"inputs": [{"a": 1, "b": 2}, {"a": 3.5, "b": -1, "c": "more"}]},
    ],
)
def test_forms(serve, sums, body):
    assert serve(sums).invoke(body).predictions == [3.0, 2.5]


def test_tables(serve, sums):
    served = serve(sums)
    frame = pd.DataFrame(ROWS, columns=["a", "b"])[["b", "a"]]
    csv = frame.to_csv(index=False).encode()
    assert served.invoke(csv, {"Content-Type": "text/csv; charset=utf-8"}).predictions == [3.0, 2.5]
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame), parquet)
    kind = "application/vnd.apache.parquet"
    assert served.invoke(parquet.getvalue(), {"Content-Type": kind}).predictions == [3.0, 2.5]


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_arrow_both_ways(serve, sums):
    served = serve(sums)
    kind = "application/vnd.apache.arrow.stream"
    table = pa.table({"b": [2.0, -1.0] * 50_000, "a": [1, 3] * 50_000})
    answer = served.invoke(stream(table), {"Content-Type": kind})
    assert answer.headers["content-type"] == kind
    found = pa.ipc.open_stream(answer.body).read_all()
    assert found.column("predictions").to_pylist() == [3.0, 2.0] * 50_000
    assert served.invoke(
        stream(table.slice(0, 1)), {"Content-Type": kind, "Accept": "application/json"}
    ).predictions == [3.0]
    assert pa.ipc.open_stream(served.invoke(SPLIT, {"Accept": kind}).body).read_all().num_rows == 2


def test_missing_values_and_nan(serve, sums):
    served = serve(sums)
    assert served.invoke({"dataframe_split": {"columns": ["a", "b"], "data": [[None, 1.0]]}}).predictions == [1.0]
    # Python's own encoder writes NaN and Infinity.
    body = b'{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, 1.0], [1, 2]]}}'
    found = Servable("f", "1", lambda data, params: data["a"].isna().to_numpy(), inputs=sums.inputs)
    assert serve(found).invoke(body).predictions == [True, False]


def test_predictions_that_json_cannot_say(serve, sums):
    odd = Servable("f", "1", lambda data, params: np.array([math.nan, math.inf][: len(data)]), inputs=sums.inputs)
    assert serve(odd).invoke(SPLIT).predictions == [None, None]


def test_types_arrive_as_the_schema_says(serve, tools):
    inputs = tools.columns(
        ("i", "integer"), ("l", "long"), ("f", "float"), ("s", "string"), ("t", "boolean"), ("w", "datetime"),
        ("b", "binary"), ("o", "long?"),
    )  # fmt: skip
    served = serve(Servable("f", "1", seen, inputs=inputs, batches=False))
    row = {"i": 1, "l": 2**53 + 1, "f": 0.5, "s": "é", "t": True, "w": "2026-01-31T10:00:00", "b": "YQ=="}
    (found,) = served.invoke({"dataframe_records": [row]}).predictions
    assert found["types"][:3] == ["int32", "int64", "float32"]
    assert found["types"][4] == "bool"
    assert found["types"][5].startswith("datetime64")
    assert found["rows"][0][1] == 2**53 + 1
    assert found["rows"][0][3:5] == ["é", True]
    assert found["rows"][0][7] is None


def test_without_a_signature(serve):
    served = serve(Servable("f", "1", seen))
    (found,) = served.invoke({"dataframe_split": {"columns": ["x", "y"], "data": [[1, "a"], [2, "b"]]}}).predictions
    assert (found["columns"], found["rows"]) == (["x", "y"], [[1, "a"], [2, "b"]])
    (found,) = served.invoke({"dataframe_records": [{"x": 1}, {"x": 2, "y": "b"}]}).predictions
    assert (found["columns"], found["rows"]) == (["x", "y"], [[1, None], [2, "b"]])
    assert served.invoke({"inputs": [[1, 2], [3, 4]]}).predictions == ["array([[1, 2],\n       [3, 4]])"]
    assert "array([1, 2])" in served.invoke({"instances": [{"x": 1}, {"x": 2}]}).predictions[0]


def test_tensors_are_cast_and_checked(serve):
    inputs = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]
    served = serve(Servable("f", "1", lambda data, params: [str(data.dtype)] * len(data), inputs=inputs))
    assert served.invoke({"inputs": [[1, 2], [3, 4]]}).predictions == ["float32", "float32"]
    for wrong in ([[1, 2, 3]], [1, 2], [[1, 2], [3]], [["a", "b"]]):
        assert served.invoke({"inputs": wrong}).status == 400


def test_params(serve, sums):
    served = serve(Servable("f", "1", lambda data, params: [params] * len(data), inputs=sums.inputs))
    assert served.invoke({**SPLIT, "params": {"k": [1, "é"]}}).predictions == [{"k": [1, "é"]}] * 2
    assert served.invoke(SPLIT).predictions == [None, None]
    assert served.invoke({**SPLIT, "params": [1]}).status == 400


@pytest.mark.parametrize(
    ("prediction", "wanted"),
    [
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (pd.DataFrame({"x": [1, 2], "y": ["a", None]}), [{"x": 1, "y": "a"}, {"x": 2, "y": None}]),
        (pd.Series([1.5, 2]), [1.5, 2.0]),
        ({"p": np.array([1, 2])}, {"p": [1, 2]}),
        (["a", "b"], ["a", "b"]),
        ("text", "text"),
        (np.float32(0.5), 0.5),
        (np.array(["2026-01-31", "2026-02-01"], dtype="datetime64[D]"), ["2026-01-31", "2026-02-01"]),
        ([{"x": np.int64(3)}, {"y": b"a"}], [{"x": 3}, {"y": "YQ=="}]),
    ],
)
def test_answers(serve, sums, prediction, wanted):
    served = serve(Servable("f", "1", lambda data, params: prediction, inputs=sums.inputs, batches=False))
    assert served.invoke(SPLIT).predictions == wanted


WANTED = (
    "The input must be a JSON dictionary with exactly one of the input fields "
    "{'dataframe_records', 'dataframe_split', 'inputs', 'instances'}"
)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"{", "BAD_REQUEST", "Ensure that input is a valid JSON formatted string."),
        (b"", "BAD_REQUEST", "Ensure that input is a valid JSON formatted string."),
        (b"\xff\xfe", "BAD_REQUEST", "Ensure that input is a valid JSON formatted string."),
        (b"[1]", "BAD_REQUEST", WANTED),
        (b"{}", "BAD_REQUEST", WANTED + ". Received dictionary with input fields: []"),
        (b'{"data": 1}', "BAD_REQUEST", WANTED + ". Received dictionary with input fields: ['data']"),
        (b'{"inputs": [[1, 2]], "instances": [[1, 2]]}', "BAD_REQUEST", WANTED),
        (b"[" * 100_000, "BAD_REQUEST", ""),
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, "INVALID_PARAMETER_VALUE", "Model is missing inputs ['b']."),
        (
            {"dataframe_split": {"columns": ["a", "c"], "data": [[1, 2]]}},
            "INVALID_PARAMETER_VALUE",
            "Model is missing inputs ['b']. Note that there were extra inputs: ['c']",
        ),
        ({"dataframe_records": [{"a": 1, "b": 2}, {"a": 1}]}, "INVALID_PARAMETER_VALUE", "Model is missing inputs ['b']."),
        (
            {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [1, "x"]]}},
            "BAD_REQUEST",
            "Incompatible input types for column b.",
        ),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2, 3]]}}, "INVALID_PARAMETER_VALUE", "Each row must have 2"),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}}, "INVALID_PARAMETER_VALUE", "Each row must have 2"),
        ({"dataframe_split": {"columns": 3, "data": [[1]]}}, "BAD_REQUEST", "The columns of 'dataframe_split'"),
        ({"dataframe_split": {"columns": ["a", "b"]}}, "BAD_REQUEST", "'dataframe_split' must have"),
        ({"dataframe_split": [1]}, "BAD_REQUEST", WANTED),
        ({"dataframe_records": {"a": 1}}, "INVALID_PARAMETER_VALUE", "'dataframe_records' must be a list"),
        ({"instances": {"a": 1}}, "BAD_REQUEST", "'instances' must be a list"),
        ({"inputs": {"a": [1, 2], "b": [1]}}, "INVALID_PARAMETER_VALUE", "The length of values for each input/column name"),
    ],
)  # fmt: skip
def test_refusals(serve, sums, body, code, text):
    answer = serve(sums).invoke(body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["error_code"] == code
    assert answer.json["message"].startswith(text)


@pytest.mark.parametrize("body", [b"", b"garbage", b"a,b\n1", b"PAR1" + b"\x00" * 50])
@pytest.mark.parametrize("kind", ["text/csv", "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"])
def test_tables_that_are_none(serve, sums, kind, body):
    assert serve(sums).invoke(body, {"Content-Type": kind}).status == 400


def test_other_kinds_of_bodies(serve, sums):
    served = serve(sums)
    for kind in ("application/x-www-form-urlencoded", "application/octet-stream", "application/x-pickle", "text/html"):
        assert served.invoke(b"x", {"Content-Type": kind}).status == 415
    assert (
        served.invoke(json.dumps(SPLIT).encode(), {"Content-Type": "application/json; charset=latin-1"}).status == 400
    )
    assert served.invoke(json.dumps(SPLIT).encode(), {"Content-Type": "application/json; charset=UTF-8"}).status == 200


def test_a_model_that_raises(serve, sums):
    def fail(data, params):
        raise RuntimeError("no such tree")

    answer = serve(Servable("f", "1", fail, inputs=sums.inputs)).invoke(SPLIT)
    assert (answer.status, answer.json["error_code"]) == (400, "BAD_REQUEST")
    assert answer.json["message"].startswith("Encountered an unexpected error while evaluating the model.")
    assert "no such tree" in answer.json["message"]


def test_probes(serve, sums):
    served = serve(sums)
    assert (served.ask("GET", "/ping").status, served.ask("GET", "/ping").body) == (200, b"\n")
    assert served.ask("GET", "/health").json["models"]["sums"]["current"]["version"] == "1"
    assert served.ask("GET", "/version").body == b"3.11.1"


def test_several_models(serve, sums):
    other = Servable("oth er", "2", lambda data, params: np.zeros(len(data)), inputs=sums.inputs)
    served = serve(sums, other)
    assert served.ask("POST", "/models/sums/invocations", SPLIT).predictions == [3.0, 2.5]
    answer = served.ask("POST", "/models/oth%20er/invocations", SPLIT)
    assert (answer.predictions, answer.headers["x-model-version"]) == ([0.0, 0.0], "2")
    assert served.invoke(SPLIT).status == 404
    assert served.ask("POST", "/models/none/invocations", SPLIT).status == 404
    assert served.ask("GET", "/models/sums/invocations").status == 405
    assert served.ask("GET", "/nothing").status == 404
    assert set(served.ask("GET", "/models").json["models"]) == {"sums", "oth er"}


def test_ids(serve, sums):
    served = serve(sums)
    assert served.invoke(SPLIT, {"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = {served.invoke(SPLIT).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    assert served.invoke(SPLIT, {"X-Request-Id": "x" * 500}).headers["x-request-id"] not in (*made, "x" * 500)


def test_the_check_costs_the_same_for_many_columns(serve, tools):
    names = [f"c{n}" for n in range(3000)]
    wide = Servable(
        "wide",
        "1",
        lambda data, params: data.to_numpy().sum(axis=1),
        inputs=tools.columns(*((n, "double") for n in names)),
    )
    served = serve(wide)
    assert served.invoke({"dataframe_split": {"columns": names, "data": [[1.0] * 3000]}}).predictions == [3000.0]
    assert served.invoke({"dataframe_records": [dict.fromkeys(names, 2)]}).predictions == [6000.0]
    assert served.invoke({"dataframe_split": {"columns": names, "data": [[1.0] * 2999 + ["x"]]}}).status == 400


def test_tables_that_swell(serve, sums, monkeypatch):
    """A few bytes that become gigabytes."""
    monkeypatch.setattr("tidemill.serving.tables.MOST_BYTES", 1 << 20)
    served = serve(sums)
    table = pa.table({name: pa.array(np.ones(500_000)) for name in "ab"})
    small = io.BytesIO()
    pq.write_table(table, small)
    assert len(small.getvalue()) < 100_000
    assert served.invoke(small.getvalue(), {"Content-Type": "application/vnd.apache.parquet"}).status == 413
    assert served.invoke(stream(table), {"Content-Type": "application/vnd.apache.arrow.stream"}).status == 413


def test_whole_numbers_that_come_as_fractions(serve, tools):
    double = Servable(
        "d", "1", lambda data, params: data["n"].to_numpy() * 2, inputs=tools.columns(("n", "long"), ("s", "string"))
    )
    served = serve(double)
    assert served.invoke({"dataframe_records": [{"n": 3.0, "s": "x"}, {"s": None, "n": 4}]}).predictions == [6, 8]
    assert served.invoke({"dataframe_split": {"columns": ["s", "n"], "data": [["x", 3.0]]}}).predictions == [6]
    for wrong in (3.5, "3", True, None, 1e30, 2**63):
        answer = served.invoke({"dataframe_records": [{"n": wrong, "s": "x"}]})
        assert (answer.status, answer.json["error_code"]) == (400, "BAD_REQUEST"), wrong
        assert answer.json["message"].startswith("Incompatible input types for column n.")
