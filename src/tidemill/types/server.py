"""What a server says about itself."""

from tidemill.types.page import Entity, Request


class GetServerInfo(Request, frozen=True):
    """Ask what kind of server this is."""


class ServerInfo(Entity, frozen=True):
    """`store_type` is MLflow's word for a database-backed store; workspaces are not enabled."""

    store_type: str
    workspaces_enabled: bool
