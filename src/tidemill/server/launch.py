"""Starting a server: one process by default, several behind one socket where asked for."""

import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from tidemill.server import sockets as listening
from tidemill.server.config import ServerConfig, check_config
from tidemill.server.lifespan import open_app, open_backend, open_roots
from tidemill.server.protocol import HttpProtocol
from tidemill.server.workers import Workers

_KEEP_ALIVE_SECONDS = 75


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
    settings = uvicorn.Config(
        app,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=config.access_log,
        server_header=False,
        proxy_headers=False,
        backlog=listening.BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(config.drain_seconds)),
    )
    # What is there now stays for good; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    server = uvicorn.Server(settings)
    with _signals_end_here(server):
        if ready is not None:
            ready()
        server.run(sockets=sockets)


@contextlib.contextmanager
def _signals_end_here(server: uvicorn.Server) -> Iterator[None]:
    """Stop `server` by signals, and return afterwards.

    uvicorn listens to signals itself, but not yet while it starts, and raises them once more when it is done.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start_logging(level: str) -> None:
    """Send what the server has to say to standard error, unless the program has set up its logging already."""
    if not logging.getLogger().hasHandlers():
        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
