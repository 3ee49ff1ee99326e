"""Running an ASGI app in this process: uvicorn under our own protocol, stopped by signals."""

import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from tidemill.http.protocol import HttpProtocol
from tidemill.http.sockets import BACKLOG

_KEEP_ALIVE_SECONDS = 75


def run(
    app: Any,
    sockets: list[socket.socket],
    ready: Callable[[], None] | None = None,
    *,
    drain_seconds: float,
    access_log: bool = False,
    protocol: type[HttpProtocol] = HttpProtocol,
) -> None:
    """Serve `app` on listening sockets until SIGTERM or SIGINT, then let running requests finish and return.

    `ready` is called once, when it can be reached. `drain_seconds`: how long running requests may take at the end. Call
    from the main thread.
    """
    settings = uvicorn.Config(
        app,
        loop="asyncio" if sys.platform == "win32" else "uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=access_log,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
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
