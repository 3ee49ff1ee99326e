"""Operations about the server itself."""

from tidemill.api.operation import Operation
from tidemill.types.server import GetServerInfo, ServerInfo

info = Operation(
    "server.info", GetServerInfo, ServerInfo,
    "GET", "/api/3.0/mlflow/server-info", allow="anyone",
)  # fmt: skip

OPERATIONS = (info,)
