"""Operations on deployments. Tidemill's own."""

from tidemill.api.operation import Operation
from tidemill.types.deployments import (
    DeleteDeployment,
    DeploymentAnswer,
    DeploymentHeartbeat,
    DeploymentList,
    GetDeployment,
    HeardDeployments,
    ListDeployments,
    ReportDeployment,
)
from tidemill.types.page import Nothing

_PATH = "/api/tidemill/1/deployments"
_ONE = _PATH + "/{deployment_id}"

report = Operation(
    "deployments.report", ReportDeployment, DeploymentAnswer,
    "POST", _PATH, allow="deployment:edit", writes=True, required=("deployment_id", "name"),
    emits=("deployment.changed",),
)  # fmt: skip
heartbeat = Operation(
    "deployments.heartbeat", DeploymentHeartbeat, HeardDeployments,
    "POST", _PATH + "/heartbeat", allow="deployment:edit", writes=True,
)  # fmt: skip
list_deployments = Operation(
    "deployments.list_deployments", ListDeployments, DeploymentList, "GET", _PATH, allow="deployment:read"
)
get = Operation(
    "deployments.get", GetDeployment, DeploymentAnswer,
    "GET", _ONE, allow="deployment:read", required=("deployment_id",),
)  # fmt: skip
delete = Operation(
    "deployments.delete", DeleteDeployment, Nothing,
    "DELETE", _ONE, allow="deployment:delete", writes=True, required=("deployment_id",), emits=("deployment.changed",),
)  # fmt: skip

OPERATIONS = (report, heartbeat, list_deployments, get, delete)
