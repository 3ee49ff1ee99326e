"""Starting a server: one process by default, several behind one socket where asked for."""

import socket
from collections.abc import Callable

from tidemill.http import running
from tidemill.http import sockets as listening
from tidemill.http.logs import start_logging
from tidemill.server.config import ServerConfig, check_config
from tidemill.server.lifespan import open_app, open_backend, open_roots
from tidemill.server.workers import Workers


def serve(config: ServerConfig, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish and return.

    `ready` is called once with the server's address, when it can be reached. Call from the main thread.
    Raises InvalidParameter, Unavailable, PermissionDenied or MissingDependency where it cannot start.
    """
    check_config(config)
    start_logging(config.log_level)
    sockets = listening.listen(config.host, config.port)
    try:
        address = listening.url_of(config.host, sockets)
        if config.workers > 1:
            # Creates or migrates the database before several processes want it, and fails early and once.
            open_backend(config, open_roots(config)).close()
            Workers(config, sockets).run(lambda: ready(address) if ready else None)
        else:
            run(config, sockets, lambda: ready(address) if ready else None)
    finally:
        listening.close(sockets)


def run(config: ServerConfig, sockets: list[socket.socket], ready: Callable[[], None] | None = None) -> None:
    """Serve on listening sockets, in this process."""
    app = open_app(config)
    running.run(app, sockets, ready, drain_seconds=config.drain_seconds, access_log=config.access_log)
