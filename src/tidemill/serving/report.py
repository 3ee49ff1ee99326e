"""What this process tells the tracking server: what it serves, and that it is alive. Never in the way of serving."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any

from tidemill.api import deployments
from tidemill.api.operation import Backend
from tidemill.errors import TidemillError
from tidemill.serving.address import Plan
from tidemill.serving.fleet import Endpoint, Fleet
from tidemill.types.deployments import DeleteDeployment, DeploymentHeartbeat, ReportDeployment

INTERVAL_S = 15
_log = logging.getLogger("tidemill.serving")


class Reporter:
    """Reports the endpoints of `fleet` to `backend`, in a thread of its own; `url` is where they are reached."""

    def __init__(self, backend: Backend, fleet: Fleet, plans: list[Plan], url: str) -> None:
        self._backend, self._fleet, self._url = backend, fleet, url
        self._models = {one.name: one.address.model for one in plans if one.role == "current"}
        self._mark = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._told: dict[str, ReportDeployment] = {}
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._silent = False
        self._thread = threading.Thread(target=self._run, name="tidemill-report", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """Something has changed: report it now."""
        self._wake.set()

    def stop(self, seconds: float = 3.0) -> None:
        """Say that this process serves no more, where the server listens within `seconds`."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._quietly(self._report)
            self._wake.wait(INTERVAL_S)
            self._wake.clear()
        self._quietly(self._leave)

    def _quietly(self, work: Callable[[], None]) -> None:
        try:
            work()
            self._silent = False
        except TidemillError as error:
            if not self._silent:
                self._silent = True
                _log.warning("the tracking server does not take the report of this deployment: %s", error)
        except Exception:
            _log.exception("reporting this deployment failed")

    def _report(self) -> None:
        """Report what differs from what was told, and say of the rest that it is as it was."""
        same = []
        for name, endpoint in list(self._fleet.endpoints.items()):
            report = self._report_of(endpoint)
            if self._told.get(name) == report:
                same.append(report.deployment_id)
            else:
                self._backend.call(deployments.report, report)
                self._told[name] = report
        if same:
            heard = self._backend.call(deployments.heartbeat, DeploymentHeartbeat(same))
            self._told = {name: one for name, one in self._told.items() if one.deployment_id not in set(heard.unknown)}
            if heard.unknown:
                self._wake.set()

    def _report_of(self, endpoint: Endpoint) -> ReportDeployment:
        current = endpoint.current
        return ReportDeployment(
            deployment_id=f"{self._mark}-{_safe(endpoint.name)}"[:100],
            name=endpoint.name,
            model=self._models.get(endpoint.name, ""),
            model_address=endpoint.address[:500],
            version=_version(current),
            previous_version=_version(endpoint.previous),
            canary_version=_version(endpoint.canary),
            canary_percent=endpoint.percent if endpoint.canary is not None else 0.0,
            shadow_version=_version(endpoint.shadow),
            url=self._url,
            host=socket.gethostname()[:500],
            healthy=endpoint.healthy,
            problem=endpoint.problem[:5000],
            since=endpoint.switched_ms,
            interval_s=INTERVAL_S,
            details={"pid": os.getpid()},
        )

    def _leave(self) -> None:
        for report in self._told.values():
            self._backend.call(deployments.delete, DeleteDeployment(report.deployment_id))


def _version(loaded: Any) -> str:
    return "" if loaded is None else str(loaded.version)[:500]


def _safe(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "-" for char in name)
