"""What is told about a server: numbers, the interface, a page to try a model; feedback and the request log."""

import json
import re
from urllib.parse import urlencode

import pandas as pd
import pytest

from tidemill.errors import NotFound
from tidemill.serving import read_log
from tidemill.serving.log import RequestLog
from tidemill.serving.servable import Servable

BODY = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}}
EVIL = '"><script>alert(1)</script>'


def test_metrics(serve, sums):
    served = serve(sums)
    served.invoke(BODY)
    served.invoke(b"{}")
    text = served.ask("GET", "/metrics").body.decode()
    assert 'tidemill_serving_requests_total{model="sums",version="1",status="200"} 1' in text
    assert 'tidemill_serving_requests_total{model="sums",version="1",status="400"} 1' in text
    assert 'tidemill_serving_batch_rows_sum{model="sums",version="1"} 2' in text
    assert 'tidemill_serving_healthy{model="sums"} 1' in text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|[a-z_]+(\{[^{}]*\})? [-+.e\d]+", line), line


def test_openapi(serve, sums, tools):
    from openapi_spec_validator import validate

    other = Servable("t", "1", tools.total, inputs=tools.columns(("a", "long"), ("s", "string?")), batches=False)
    served = serve(sums, other)
    document = served.ask("GET", "/openapi.json").json
    validate(document)
    assert "/models/sums/invocations" in document["paths"]
    one = served.ask("GET", "/models/t/openapi.json").json
    validate(one)
    schema = one["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    record = schema["oneOf"][0]["properties"]["dataframe_records"]["items"]
    assert (record["required"], list(record["properties"])) == (["a"], ["a", "s"])


def test_a_page_to_try_a_model(serve, tools):
    inputs = tools.columns(("a", "double"), (EVIL, "string"))
    example = json.dumps({"dataframe_split": {"columns": ["a", EVIL], "data": [[1.5, EVIL]]}}).encode()
    echo = Servable("m", EVIL, lambda data, params: data[EVIL].to_numpy(), inputs=inputs, example=example)
    served = serve(echo)
    for path in ("/docs", "/models/m/docs"):
        page = served.ask("GET", path)
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert b"<script" not in page.body
    assert b'name="c-a" value="1.5"' in page.body
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = urlencode({"c-a": "2", "c-" + EVIL: EVIL}).encode()
    tried = served.ask("POST", "/models/m/try", sent, form)
    assert tried.status == 200
    assert b"<script" not in tried.body
    assert b"predictions" in tried.body
    wrong = served.ask("POST", "/models/m/try", urlencode({"body": "{" + EVIL}).encode(), form)
    assert (wrong.status, b"<script" in wrong.body) == (400, False)
    assert served.ask("GET", "/").status == 307


def test_signature_of_a_model(serve, sums):
    found = serve(sums).ask("GET", "/models/sums").json
    assert found["signature"]["inputs"][0] == {"name": "a", "type": "double", "required": True}


def test_the_log_and_feedback(serve, sums, tmp_path):
    log = RequestLog(str(tmp_path), redact=("b",), seconds=0.2)
    served = serve(sums, log=log)
    ids = [served.invoke(BODY).headers["x-request-id"] for _ in range(3)]
    served.invoke(b"{}", {"X-Request-Id": "bad-one"})
    served.ask(
        "POST",
        "/v2/models/sums/infer",
        {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [5, 6]}]},
    )
    for answer in (1, [{"right": 4}]):
        told = served.ask("POST", "/feedback", {"request_id": ids[0], "answer": answer, "comment": "é"})
        assert told.status == 202
    served.stop()
    found = read_log(tmp_path)
    assert list(found["status"]) == [200, 200, 200, 400, 200]
    assert list(found["request_id"][:4]) == [*ids, "bad-one"]
    assert found["inputs"][0] == [{"a": 1, "b": "***"}, {"a": 3, "b": "***"}]
    assert (found["outputs"][0], found["outputs"][4]) == ([3.0, 7.0], [11.0])
    assert found["answer"][0] == [{"right": 4}]
    assert found["comment"][0] == "é"
    assert pd.isna(found["comment"][1])
    assert (found["version"] == "1").all()
    assert (found["latency_ms"] > 0).all()
    assert read_log(tmp_path, "sums", expand=False)["inputs"][0].startswith("[{")
    assert len(read_log(tmp_path, "other")) == 0


def test_feedback_that_is_none(serve, sums, tmp_path):
    assert serve(sums).ask("POST", "/feedback", {"request_id": "x", "answer": 1}).status == 404
    served = serve(sums, log=RequestLog(str(tmp_path)))
    for wrong in ({}, {"request_id": "x"}, {"answer": 1}, {"request_id": "x" * 200, "answer": 1}, [1]):
        assert served.ask("POST", "/feedback", wrong).status == 400


def test_a_log_never_holds_up_serving(serve, sums, tmp_path, monkeypatch, tools):
    monkeypatch.setattr("tidemill.serving.log._MOST_WAITING", 10)
    log = RequestLog(str(tmp_path), seconds=60)
    served = serve(sums, log=log)
    for _ in range(30):
        assert served.invoke(BODY).status == 200
    assert log.dropped == 20
    # The folder is gone, as if the disk were full: records are lost, counted, and nothing else happens.
    for one in tmp_path.iterdir():
        one.unlink()
    tmp_path.rmdir()
    log._wake.set()
    tools.until(lambda: log.dropped == 30)
    assert served.invoke(BODY).status == 200
    tmp_path.mkdir()


def test_samples_and_sizes(tmp_path, serve, sums):
    log = RequestLog(str(tmp_path / "all"), most_bytes=30)
    served = serve(sums, log=log)
    served.invoke(BODY)
    served.stop()
    found = read_log(tmp_path / "all")
    assert found["inputs"][0] is None
    assert found["outputs"][0] == [3.0, 7.0]
    assert bool(found["cut"][0]) is True
    log = RequestLog(str(tmp_path / "none"), sample=0.0)
    served = serve(sums, log=log)
    served.invoke(BODY)
    served.stop()
    with pytest.raises(NotFound):
        read_log(tmp_path / "none")
