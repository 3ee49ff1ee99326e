"""Requests over the wire, as clients of every age send them."""

import json
import logging
from typing import Any

import pytest

from tidemill.types.page import NOTHING

API = "/api/2.0/mlflow/"
JSON = {"Content-Type": "application/json"}


def error(answer: Any) -> tuple[int, str, str]:
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    return answer.status, answer.json["error_code"], answer.json["message"]


@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_both_prefixes_carry_out_operations(server, prefix):
    path = f"{prefix}/2.0/mlflow/experiments/"
    made = server.ask("POST", path + "create", {"name": prefix})
    assert made.status == 200
    found = server.ask("GET", path + f"get?experiment_id={made.json['experiment_id']}")
    assert found.json["experiment"]["name"] == prefix
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"


def test_a_write_without_an_answer_is_an_empty_object(server):
    answer = server.post(
        "runs/log-metric", {"run_id": server.new_run(), "key": "loss", "value": 0.5, "timestamp": 1, "step": 2}
    )
    assert (answer.status, answer.body) == (200, b"{}")


def test_fields_as_text_in_camel_case_with_null_and_strangers(server):
    run_id = server.new_run()
    body = {"runId": run_id, "key": "loss", "value": "0.5", "timestamp": "1700000000000", "step": 3.0, "modelId": None}
    assert server.post("runs/log-metric", {**body, "colour": "blue"}).status == 200
    (metric,) = server.run_data(run_id)["metrics"]
    assert metric == {"key": "loss", "value": 0.5, "timestamp": 1700000000000, "step": 3}


@pytest.mark.parametrize("sent", ['"NaN"', "NaN"])
def test_nan_goes_in_as_text_or_bare_and_comes_out_as_text(server, sent):
    run_id = server.new_run()
    body = f'{{"run_id": "{run_id}", "key": "loss", "value": {sent}, "timestamp": 1}}'
    assert server.post("runs/log-metric", body.encode()).status == 200
    assert server.run_data(run_id)["metrics"][0]["value"] == "NaN"
    history = server.ask("GET", f"{API}metrics/get-history?run_id={run_id}&metric_key=loss").json
    assert history["metrics"][0]["value"] == "NaN"


@pytest.mark.parametrize("sent", ['"Infinity"', "Infinity", "1e400"])
def test_infinity_is_kept_as_the_largest_double(server, sent):
    run_id = server.new_run()
    body = f'{{"run_id": "{run_id}", "key": "loss", "value": {sent}, "timestamp": 1}}'
    assert server.post("runs/log-metric", body.encode()).status == 200
    assert server.run_data(run_id)["metrics"][0]["value"] == 1.7976931348623157e308


def test_json_inside_a_json_text(server):
    run_id = server.new_run()
    inner = json.dumps({"run_id": run_id, "key": "team", "value": "red"})
    assert server.post("runs/set-tag", json.dumps(inner).encode()).status == 200
    assert {"key": "team", "value": "red"} in server.run_data(run_id)["tags"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe"])
def test_an_unreadable_body_counts_as_empty(server, body):
    status, code, message = error(server.post("runs/log-metric", body))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Missing value for required parameter 'run_id'.")


@pytest.mark.parametrize("body", [b"[]", b"7", b"[{}]", b"null"])
def test_a_body_that_is_no_object_is_refused(server, body):
    assert error(server.post("runs/log-metric", body))[:2] == (400, "BAD_REQUEST")


def test_a_wrong_type_is_quoted_literally_in_the_raw_body(server):
    answer = server.post("runs/log-batch", {"run_id": server.new_run(), "tags": "5"})
    assert answer.status == 400
    assert b"Invalid value \\\"5\\\" for parameter 'tags' supplied" in answer.body


def test_get_with_a_json_body_instead_of_a_query(server):
    run_id = server.new_run()
    answer = server.ask("GET", API + "runs/get", {"run_id": run_id})
    assert answer.json["run"]["info"]["run_id"] == run_id


def test_a_list_in_a_query_may_occur_once_or_often(server):
    runs = [server.new_run(), server.new_run()]
    for run_id in runs:
        server.post("runs/log-metric", {"run_id": run_id, "key": "loss", "value": 1, "timestamp": 1})
    path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=loss&run_id="
    assert len(server.ask("GET", path + runs[0]).json["metrics"]) == 1
    assert len(server.ask("GET", path + "&run_id=".join(runs)).json["metrics"]) == 2


def test_booleans_in_a_query(server):
    made = server.post("logged-models", {"experiment_id": "0", "name": "m"}).json
    model = API + "logged-models/" + made["model"]["info"]["model_id"]
    assert server.ask("DELETE", model).status == 200
    assert server.ask("GET", model).status == 404
    assert server.ask("GET", model + "?allow_deleted=TRUE").status == 200
    assert error(server.ask("GET", model + "?allow_deleted=yes")) == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid boolean value: yes, must be 'true' or 'false'.",
    )


@pytest.mark.parametrize("query", ["run_id=%ff", "run_id=%E2%28%A1"])
def test_a_query_that_is_not_utf8_is_refused(server, query):
    assert error(server.ask("GET", f"{API}runs/get?{query}"))[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_an_endless_query_is_refused(server):
    assert server.ask("GET", f"{API}runs/get?" + "&".join(["a=1"] * 2001)).status == 400


def test_the_content_type_rule(server):
    verb, path = "POST", API + "experiments/create"
    body = b'{"name": "wine"}'
    assert error(server.ask(verb, path, body)) == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Bad Request. Content-Type header is missing.",
    )
    assert error(server.ask(verb, path, body, {"Content-Type": "text/plain"})) == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Bad Request. Content-Type must be one of ['application/json'].",
    )
    assert server.ask(verb, path, body, {"Content-Type": "Application/JSON; charset=utf-8"}).status == 200


def test_patch_and_delete_need_no_content_type(server):
    made = server.post("logged-models", {"experiment_id": "0", "name": "m"}).json
    path = API + "logged-models/" + made["model"]["info"]["model_id"]
    body = json.dumps({"model_id": made["model"]["info"]["model_id"], "status": "LOGGED_MODEL_READY"}).encode()
    answer = server.ask("PATCH", path, body)
    assert answer.json["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    assert server.ask("DELETE", path, body).status == 200


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("team", "team"),
        ("a/b", "a/b"),
        ("a/b", "a%2Fb"),
        ("a b:c", "a%20b:c"),
        ("ümläut", "%C3%BCml%C3%A4ut"),
        ("50%", "50%25"),
    ],
)
def test_tag_keys_in_a_path_come_raw_or_escaped(server, key, sent):
    # "50%" cannot be set, its name is refused, so its deletion says that there is no such tag
    made = server.post("logged-models", {"experiment_id": "0", "name": "m"}).json
    model_id = made["model"]["info"]["model_id"]
    path = f"{API}logged-models/{model_id}/tags"
    if key != "50%":
        assert server.ask("PATCH", path, {"tags": [{"key": key, "value": "red"}]}).status == 200
        assert server.ask("DELETE", f"{path}/{sent}").status == 200
    assert error(server.ask("DELETE", f"{path}/{sent}")) == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        f"No tag with key '{key}' found for model with ID '{model_id}'.",
    )


def test_an_escaped_slash_does_not_leave_its_segment(server):
    status, _, message = error(server.ask("DELETE", API + "logged-models/m-1%2Ftags%2Fteam"))
    assert (status, message) == (404, "Logged model with ID 'm-1/tags/team' not found.")


def test_a_path_is_decoded_once(server):
    status, _, message = error(server.ask("GET", API + "logged-models/%252e%252e"))
    assert (status, message) == (404, "Logged model with ID '%2e%2e' not found.")


def test_escapes_of_a_path_that_are_not_utf8_are_replaced(server):
    status, _, message = error(server.ask("GET", API + "logged-models/%ff%fe"))
    assert (status, message) == (404, "Logged model with ID '\ufffd\ufffd' not found.")


def test_several_leading_slashes_count_as_one(server):
    run_id = server.new_run()
    assert server.ask("GET", f"//api/2.0/mlflow/runs/get?run_id={run_id}").status == 200
    assert server.ask("GET", "///health").body == b"OK"


@pytest.mark.parametrize("path", ["/nothing", API + "runs/list", API + "runs/get/", "/api/2.0/mlflow/runs//get"])
def test_an_unknown_path_is_a_json_404(server, path):
    assert error(server.ask("GET", path))[:2] == (404, "ENDPOINT_NOT_FOUND")


def test_a_wrong_verb_says_which_are_right(server):
    answer = server.ask("DELETE", API + "runs/get")
    assert error(answer)[:2] == (405, "BAD_REQUEST")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    answer = server.ask("PUT", API + "logged-models/m-1")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert server.ask("GET", API + "runs/create").status == 405


@pytest.mark.parametrize("path", [API + "runs/create", "/ajax-api/2.0/mlflow/anything", "/api/whatever"])
def test_options_on_api_paths(server, path):
    answer = server.ask("OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-length" not in answer.headers


def test_options_elsewhere(server):
    assert server.ask("OPTIONS", "/nothing").status == 404
    assert server.ask("OPTIONS", "/health").status == 405


def test_head_is_get_without_the_body(server):
    whole = server.ask("GET", "/health")
    answer = server.ask("HEAD", "/health")
    assert (answer.status, answer.headers["content-length"]) == (200, str(len(whole.body)))
    assert server.ask("HEAD", API + "runs/get").status == 400
    assert server.ask("HEAD", API + "runs/create").status == 405


def test_answers_share_a_connection(server, read_answer):
    with server.connect() as connection:
        for number in range(3):
            body = json.dumps({"name": f"e{number}"}).encode()
            head = f"POST {API}experiments/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert list(read_answer(connection).json) == ["experiment_id"]


class Broken:
    """A backend that fails in ways nobody foresaw."""

    def call(self, op, arg):
        raise RuntimeError("the secret is 1234")

    def close(self):
        pass


def test_an_unforeseen_failure_is_told_to_the_log_only(serve, caplog):
    server = serve(Broken())
    with caplog.at_level(logging.ERROR, logger="tidemill.http"):
        answer = server.ask("GET", API + "runs/get?run_id=1")
    status, code, message = error(answer)
    assert (status, code) == (500, "INTERNAL_ERROR")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    (record,) = [one for one in caplog.records if one.name == "tidemill.http"]
    assert message.rpartition("under ")[2].rstrip(".") in record.getMessage()
    assert "the secret is 1234" in str(record.exc_info)


class Plain:
    """A backend with nothing but the two methods of the interface."""

    def __init__(self):
        self.seen = []

    def call(self, op, arg):
        self.seen.append((op.name, arg))
        return NOTHING

    def close(self):
        pass


def test_any_backend_can_be_served(serve):
    backend = Plain()
    server = serve(backend)
    assert server.post("runs/log-metric", {"run_id": "r", "key": "k", "value": 1, "timestamp": 1}).body == b"{}"
    ((name, arg),) = backend.seen
    assert (name, arg.key, arg.value) == ("runs.log_metric", "k", 1.0)


def test_a_static_prefix_stands_before_everything(serve):
    server = serve(static_prefix="mill/")
    assert server.ask("POST", "/mill/api/2.0/mlflow/experiments/create", {"name": "a"}).status == 200
    assert server.ask("POST", "/mill/ajax-api/2.0/mlflow/experiments/create", {"name": "b"}).status == 200
    assert server.ask("POST", "/api/2.0/mlflow/experiments/create", {"name": "c"}).status == 404
    for path in ("/health", "/mill/health", "/version", "/mill/version", "/mill/openapi.json", "/mill/docs"):
        assert server.ask("GET", path).status == 200, path
    assert server.ask("OPTIONS", "/mill/api/2.0/mlflow/runs/get").status == 204
    paths = server.ask("GET", "/mill/openapi.json").json["paths"]
    assert "/mill/api/2.0/mlflow/runs/get" in paths
