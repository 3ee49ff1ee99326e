"""The contract of deployments."""

import time
from typing import Any

import msgspec
import pytest

from tidemill.api import deployments, events
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import unique
from tidemill.types import deployments as t
from tidemill.types.events import ListEvents


def report(backend: Backend, deployment_id: str, **fields: Any) -> t.Deployment:
    """Report a deployment."""
    arg = t.ReportDeployment(deployment_id=deployment_id, **{"name": "fraud", "version": "1", **fields})
    return backend.call(deployments.report, arg).deployment


def told(backend: Backend, deployment_id: str) -> list[dict[str, Any]]:
    """What its events said, oldest first."""
    found = backend.call(events.list_events, ListEvents(subject=f"deployment/{deployment_id}"))
    return [msgspec.convert(one.data, dict[str, Any]) for one in found.events]


class TestDeployments:
    """What serving processes say of themselves."""

    def test_everything_given(self, backend: Backend) -> None:
        one, model = unique("d"), unique("fräud")
        fields = {
            "name": "näme", "model": model, "model_address": f"models:/{model}@champion", "version": "7",
            "previous_version": "6", "canary_version": "8", "canary_percent": 12.5, "shadow_version": "9",
            "url": "http://10.0.0.1:5001", "host": "node-1", "problem": "version 10 is broken", "since": 5,
            "interval_s": 60, "details": {"pid": 4, "ä": [1, None]},
        }  # fmt: skip
        before = time.time_ns() // 1_000_000
        made = report(backend, one, **fields)
        assert {name: getattr(made, name) for name in fields} == fields
        assert made.status is t.DeploymentStatus.HEALTHY
        assert before - 1000 <= made.created == made.last_seen
        assert backend.call(deployments.get, t.GetDeployment(one)).deployment == made
        assert backend.call(deployments.list_deployments, t.ListDeployments(model)).deployments == [made]

    def test_a_report_replaces_the_one_before(self, backend: Backend) -> None:
        one = unique("d")
        made = report(backend, one, model="m", problem="p", healthy=False)
        assert made.status is t.DeploymentStatus.UNHEALTHY
        again = report(backend, one, version="2", since=9)
        assert (again.version, again.model, again.problem, again.since) == ("2", "", "", 9)
        assert again.status is t.DeploymentStatus.HEALTHY
        assert again.created == made.created

    def test_without_since_it_is_now(self, backend: Backend) -> None:
        made = report(backend, unique("d"))
        assert made.since == made.created

    def test_silence(self, backend: Backend) -> None:
        one = unique("d")
        report(backend, one, interval_s=1)
        deadline = time.monotonic() + 20
        while self.status(backend, one) is not t.DeploymentStatus.SILENT:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        heard = backend.call(deployments.heartbeat, t.DeploymentHeartbeat([one, "nobody", one]))
        assert heard.unknown == ["nobody"]
        assert self.status(backend, one) is t.DeploymentStatus.HEALTHY

    def status(self, backend: Backend, one: str) -> t.DeploymentStatus:
        """How a deployment stands."""
        return backend.call(deployments.get, t.GetDeployment(one)).deployment.status

    def test_events_for_what_changed(self, backend: Backend) -> None:
        one = unique("d")
        for version, healthy in (("1", True), ("1", True), ("2", True), ("2", False)):
            report(backend, one, version=version, healthy=healthy)
        backend.call(deployments.delete, t.DeleteDeployment(one))
        found = [(data["version"], data["healthy"], data.get("deleted", False)) for data in told(backend, one)]
        assert found == [("1", True, False), ("2", True, False), ("2", False, False), ("2", False, True)]

    def test_deleted(self, backend: Backend) -> None:
        one = unique("d")
        report(backend, one)
        backend.call(deployments.delete, t.DeleteDeployment(one))
        with refused(NotFound, f"Deployment with id={one} not found"):
            backend.call(deployments.get, t.GetDeployment(one))
        with refused(NotFound, f"Deployment with id={one} not found"):
            backend.call(deployments.delete, t.DeleteDeployment(one))
        assert backend.call(deployments.heartbeat, t.DeploymentHeartbeat([one])).unknown == [one]

    def test_order(self, backend: Backend) -> None:
        model = unique("m")
        for name in ("b", "a", "c"):
            report(backend, unique("d"), name=name, model=model)
        found = backend.call(deployments.list_deployments, t.ListDeployments(model)).deployments
        assert [one.name for one in found] == ["a", "b", "c"]
        assert len(backend.call(deployments.list_deployments, t.ListDeployments(model, 2)).deployments) == 2

    @pytest.mark.parametrize("wrong", ["a/b", "a b", "x" * 101, "é"])
    def test_ids(self, backend: Backend, wrong: str) -> None:
        with refused(
            InvalidParameter, "A deployment's id has 1 to 100 of the characters A-Z, a-z, 0-9, '_', '.' and '-'."
        ):
            report(backend, wrong)

    def test_refusals(self, backend: Backend) -> None:
        with refused(InvalidParameter, missing("deployment_id")):
            report(backend, "")
        with refused(InvalidParameter, missing("name")):
            report(backend, unique("d"), name="")
        with refused(InvalidParameter, "'version' exceeds the maximum length of 500 characters"):
            report(backend, unique("d"), version="1" * 501)
        with refused(InvalidParameter, "canary_percent lies between 0 and 100, not at 101."):
            report(backend, unique("d"), canary_percent=101)
        with refused(InvalidParameter, "interval_s lies between 1 and 86400, not at 0."):
            report(backend, unique("d"), interval_s=0)
        with refused(InvalidParameter, "The details of a deployment have at most 65535 bytes."):
            report(backend, unique("d"), details={"a": "x" * 70_000})
        with refused(InvalidParameter, "Invalid value 0 for parameter 'max_results' supplied. It must be 1 to 10000."):
            backend.call(deployments.list_deployments, t.ListDeployments(max_results=0))
        with refused(InvalidParameter, "A heartbeat can name at most 1000 deployments; send several."):
            backend.call(deployments.heartbeat, t.DeploymentHeartbeat(["x"] * 1001))
