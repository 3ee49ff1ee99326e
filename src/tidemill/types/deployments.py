"""Deployments: which process serves which version of which model, as it says itself."""

import enum
from typing import Any

from tidemill.types.page import Entity, Int64, Request


class DeploymentStatus(enum.StrEnum):
    """How a deployment stands: it answers, it says that something is wrong, or it has not been heard of."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    SILENT = "SILENT"


class Deployment(Entity, frozen=True, kw_only=True):
    """One name that one process serves. Times are ms since the epoch.

    `name` is the endpoint's name, `model_address` what it follows, `model` the registered model (absent for files).
    `previous_version` is what a rollback brings back; `canary_version` answers `canary_percent` of the requests;
    `shadow_version` is asked but not heard. `since` is when `version` began to answer, `created` when the process first
    reported, `last_seen` when it was last heard. `interval_s`: it is SILENT after three of these without a word.
    """

    deployment_id: str
    name: str
    model: str = ""
    model_address: str = ""
    version: str = ""
    previous_version: str = ""
    canary_version: str = ""
    canary_percent: float = 0.0
    shadow_version: str = ""
    url: str = ""
    host: str = ""
    status: DeploymentStatus
    problem: str = ""
    since: int
    created: int
    last_seen: int
    interval_s: int
    details: dict[str, Any] = {}


class ReportDeployment(Request, frozen=True):
    """Say what a process serves under one name. The first report of an id creates the deployment; each is a heartbeat.

    `healthy` and `problem` are the process's own judgement; the other fields as in Deployment.
    """

    deployment_id: str = ""
    name: str = ""
    model: str = ""
    model_address: str = ""
    version: str = ""
    previous_version: str = ""
    canary_version: str = ""
    canary_percent: float = 0.0
    shadow_version: str = ""
    url: str = ""
    host: str = ""
    healthy: bool = True
    problem: str = ""
    since: Int64 = 0
    interval_s: Int64 = 30
    details: dict[str, Any] = {}


class DeploymentHeartbeat(Request, frozen=True):
    """Say that deployments are as they were."""

    deployment_ids: list[str] = []


class HeardDeployments(Entity, frozen=True):
    """`unknown`: ids that nobody reported, or that were deleted; they must be reported again."""

    unknown: list[str] = []


class ListDeployments(Request, frozen=True):
    """Read deployments, ordered by name and age. `model`: only those of this registered model."""

    model: str = ""
    max_results: Int64 = 1000


class DeploymentList(Entity, frozen=True):
    """Deployments."""

    deployments: list[Deployment] = []


class GetDeployment(Request, frozen=True):
    """Read one deployment."""

    deployment_id: str = ""


class DeploymentAnswer(Entity, frozen=True):
    """One deployment."""

    deployment: Deployment


class DeleteDeployment(Request, frozen=True):
    """Forget a deployment. The process is not stopped; where it still runs, its next report is the first again."""

    deployment_id: str = ""
