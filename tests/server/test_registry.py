"""The registry over raw HTTP: files of versions, what sources can never reach, who moved an alias."""

import base64
from pathlib import Path

import pytest

from tidemill.testing.factories import unique

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
TRICKS = [
    "../x",
    "%2e%2e/x",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5cx",
    "%2fetc%2fpasswd",
    "a%00b",
    "..;/x",
    "a%23b",
    "file:%2f%2f%2fetc%2fpasswd",
]


@pytest.fixture
def name(server):
    """A registered model's name."""
    made = unique("wine")
    assert server.post("registered-models/create", {"name": made}).status == 200
    return made


def version(server, name, source, **more):
    answer = server.post("model-versions/create", {"name": name, "source": source, **more})
    assert answer.status == 200, answer
    return answer.json["model_version"]["version"]


def file(server, name, number, path="MLmodel", route="/model-versions/get-artifact"):
    return server.ask("GET", f"{route}?name={name}&version={number}&path={path}")


def test_files_of_versions(server, name):
    run = server.new_run()
    assert server.ask("PUT", f"{PROXY}/0/{run}/artifacts/model/MLmodel", b"flavors: {}").status == 200
    source = f"mlflow-artifacts:/0/{run}/artifacts/model"
    numbers = [
        version(server, name, source, run_id=run),
        version(server, name, f"runs:/{run}/model", run_id=run),
        version(server, name, f"models:/{name}/2"),
    ]
    for number in numbers:
        answer = file(server, name, number)
        assert (answer.status, answer.body) == (200, b"flavors: {}")
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert file(server, name, number, "nothing").status == 404
    assert file(server, name, 1, route="//model-versions/get-artifact").body == b"flavors: {}"
    assert file(server, name, 9).status == 404
    for lacking in ("name", "version", "path"):
        fields = {"name": name, "version": "1", "path": "MLmodel"} | {lacking: ""}
        query = "&".join(f"{key}={value}" for key, value in fields.items())
        answer = server.ask("GET", f"/model-versions/get-artifact?{query}")
        assert (answer.status, lacking in answer.json["message"]) == (400, True)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_path_leads_out_of_a_version(server, name, trick):
    run = server.new_run()
    for source in (f"mlflow-artifacts:/0/{run}/artifacts", f"runs:/{run}/model"):
        answer = file(server, name, version(server, name, source, run_id=run), trick)
        assert (answer.status, answer.json["message"]) == (400, "Invalid path")


@pytest.mark.parametrize(
    "source", ["s3://elsewhere/x", "sftp://internal/x", "dbfs:/etc", "http://169.254.169.254/latest", "hdfs://h/x"]
)
def test_places_that_callers_name_are_not_opened(server, name, source):
    number = version(server, name, source)
    other = unique("copy")
    server.post("registered-models/create", {"name": other})
    server.post("registered-models/alias", {"name": name, "alias": "champion", "version": number})
    for shown, which in ((name, number), (other, version(server, other, f"models:/{name}@champion"))):
        answer = file(server, shown, which, "passwd")
        assert answer.status in (400, 403), answer
        assert b"root:" not in answer.body
    compared = server.ask("GET", f"/api/tidemill/1/model-versions/compare?name={name}&version=1&other_version=1")
    assert compared.status == 200
    assert len(compared.json["notes"]) == 2


@pytest.mark.parametrize(
    "source",
    [
        "/etc",
        "file:///etc",
        "file://localhost/etc",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts:/%2e%2e/%2e%2e/etc",
        "mlflow-artifacts:/%252e%252e/etc",
        "mlflow-artifacts:/a\\..\\..\\etc",
        "mlflow-artifacts:/a;/../../etc",
        "s3:/b/../etc",
        "etc/../../passwd",
    ],
)
def test_sources_that_lead_elsewhere_are_refused(server, name, source):
    run = server.new_run()
    for more in ({}, {"run_id": run}, {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}):
        answer = server.post("model-versions/create", {"name": name, "source": source, **more})
        assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer


def test_a_link_does_not_lead_out_of_a_run(server, name, tmp_path):
    location = tmp_path / "experiment"
    made = server.post("experiments/create", {"name": unique(), "artifact_location": str(location)}).json
    run = server.post("runs/create", {"experiment_id": made["experiment_id"]}).json["run"]["info"]
    root = Path(run["artifact_uri"])
    root.mkdir(parents=True)
    (root / "link").symlink_to("/etc")
    answer = server.post("model-versions/create", {"name": name, "source": f"{root}/link", "run_id": run["run_id"]})
    assert (answer.status, "contained within" in answer.json["message"]) == (400, True)


def test_who_and_why_come_from_headers(server, name):
    for _ in range(4):
        version(server, name, "s3://b/x")
    basic = "Basic " + base64.b64encode("zoë:secret".encode()).decode()
    for number, body, headers in (
        ("1", {}, {"X-Tidemill-User": "anna", "X-Tidemill-Reason": "a test"}),
        ("2", {}, {"Authorization": basic}),
        ("3", {"user": "carl", "reason": "his own"}, {"X-Tidemill-User": "anna", "X-Tidemill-Reason": "a test"}),
        ("4", {}, {"Authorization": "Basic !"}),
    ):
        sent = {"name": name, "alias": "champion", "version": number, **body}
        assert server.post("registered-models/alias", sent, headers).status == 200
    holds = server.ask("GET", f"/api/tidemill/1/registered-models/history?name={name}").json["holds"]
    found = [(one["version"], one.get("set_by", ""), one.get("set_reason", "")) for one in holds]
    assert found == [("4", "", ""), ("3", "carl", "his own"), ("2", "zoë", ""), ("1", "anna", "a test")]
    assert b"secret" not in server.ask("GET", "/api/tidemill/1/events?max_results=1000").body
    long = server.post(
        "registered-models/alias", {"name": name, "alias": "x", "version": "1"}, {"X-Tidemill-User": "u" * 300}
    )
    assert long.status == 400


def test_a_protected_alias_is_refused_with_the_way_to_go(server, name):
    version(server, name, "s3://b/x")
    policy = {"name": name, "alias": "champion"}
    headers = {"Content-Type": "application/json"}
    assert server.ask("POST", "/api/tidemill/1/approval-policies", policy, headers).status == 200
    answer = server.post("registered-models/alias", {"name": name, "alias": "champion", "version": "1"})
    assert (answer.status, answer.json["error_code"]) == (403, "PERMISSION_DENIED")
    assert "POST /api/tidemill/1/approvals" in answer.json["message"]
