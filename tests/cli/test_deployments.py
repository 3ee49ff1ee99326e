"""`tidemill serve` and `tidemill deployments`: what goes wrong before anything is served, and what is listed."""

import json

from tidemill.api import deployments
from tidemill.tracking.client import Client
from tidemill.types.deployments import ReportDeployment


def report(folder, **fields):
    client = Client(folder / ".tidemill")
    for name, problem in (("fraud", ""), ("churn", "version 3 cannot be served")):
        arg = ReportDeployment(
            deployment_id=f"node-{name}", name=name, model=name, version="2", url="http://127.0.0.1:9", problem=problem,
            healthy=not problem, canary_version="3", canary_percent=10.0,
        )  # fmt: skip
        client.backend.call(deployments.report, arg)


def test_list_and_show(cli, tmp_path):
    assert "There is no store" in cli("deployments", "list").err
    report(tmp_path)
    said = cli("deployments", "list").works().out
    assert "fraud" in said
    assert "2 + 3 (10 %)" in said
    assert "unhealthy" in said
    found = json.loads(cli("deployments", "list", "--model", "churn", "--json").works().out)
    assert [(one["name"], one["status"]) for one in found] == [("churn", "UNHEALTHY")]
    assert "version 3 cannot be served" in cli("deployments", "show", "node-churn").works().out
    assert json.loads(cli("deployments", "show", "node-fraud", "--json").works().out)["version"] == "2"
    cli("deployments", "delete", "node-fraud").works()
    assert "Deployment with id=node-fraud not found" in cli("deployments", "show", "node-fraud").err


def test_rollback(cli, tmp_path):
    report(tmp_path)
    assert "needs an admin's token" in cli("deployments", "rollback", "fraud").err
    token = {"TIDEMILL_SERVE_ADMIN_TOKENS": "root"}
    assert "Nothing serves 'none' now" in cli("deployments", "rollback", "none", **token).err
    assert "Cannot reach the server" in cli("deployments", "rollback", "fraud", **token).err


def test_what_cannot_be_served(cli, tmp_path):
    assert "Missing argument" in cli("serve").err
    assert "holds no MLmodel" in cli("serve", "./nothing").err
    assert "is no model address" in cli("serve", "models:/x").err
    assert "Two models are named 'a'" in cli("serve", "a=./x", "a=./y").err
    assert "beside no model" in cli("serve", "a=./x", "--shadow", "b=./y").err
    assert "A canary is" in cli("serve", "a=./x", "--canary", "a=./y").err
    assert "without a token" in cli("serve", "a=./x", "--host", "0.0.0.0").err
    (tmp_path / "empty").touch()
    assert "holds no token" in cli("serve", "a=./x", "--token-file", "empty").err
