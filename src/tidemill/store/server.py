"""What the store says about itself."""

from tidemill.store.transaction import Tx
from tidemill.types.server import GetServerInfo, ServerInfo


def info(tx: Tx, arg: GetServerInfo) -> ServerInfo:
    """See the operation `server.info`."""
    return ServerInfo(store_type="SqlStore", workspaces_enabled=False)
