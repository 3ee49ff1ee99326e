"""Starting a serving process, and ending it."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from tidemill.api.operation import Backend
from tidemill.http import running
from tidemill.http import sockets as listening
from tidemill.http.answers import Receive, Scope, Send
from tidemill.http.logs import start_logging
from tidemill.serving.address import Plan, plans
from tidemill.serving.app import App
from tidemill.serving.config import ServingConfig, check_config
from tidemill.serving.feed import Feed
from tidemill.serving.fleet import Fleet
from tidemill.serving.follow import Follower
from tidemill.serving.log import RequestLog
from tidemill.serving.protocol import SlowProtocol
from tidemill.serving.registry import Registry
from tidemill.serving.report import Reporter

_log = logging.getLogger("tidemill.serving")


def serve(config: ServingConfig, backend: Backend, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish and return.

    `backend` is the store at `config.store`. `ready` is called once with the address, when models answer there. Call from
    the main thread. Raises what loading the models raises, and InvalidParameter, Unavailable or PermissionDenied.
    """
    check_config(config)
    start_logging(config.log_level)
    asked = plans(config.models, config.canaries, config.shadows)
    registry = Registry(backend, config.store, config.cache)
    follower = Follower(asked, registry, config)
    sockets = listening.listen(config.host, config.port)
    try:
        address = listening.url_of(config.host, sockets)
        follower.load_first()
        process = Process(config, follower, backend, asked, address)
        announce = partial(ready, address) if ready is not None else None
        running.run(process, sockets, announce, drain_seconds=config.drain_seconds, protocol=SlowProtocol)
    finally:
        listening.close(sockets)


class Process:
    """The app with what lives around it: made when the event loop starts, ended when it stops."""

    def __init__(
        self, config: ServingConfig, follower: Follower, backend: Backend, asked: list[Plan], address: str
    ) -> None:
        self._config, self._follower, self._backend = config, follower, backend
        self._plans, self._address = asked, address
        self._app: App | None = None
        self._reporter: Reporter | None = None
        self._feed: Feed | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if self._app is not None and scope["type"] != "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            self._start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self._stop()
            await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        config = self._config
        fleet = Fleet(config)
        log = None
        if config.log_folder:
            log = RequestLog(
                config.log_folder,
                sample=config.log_sample,
                most_bytes=config.log_bytes,
                redact=config.log_redact,
                seconds=config.log_seconds,
            )
        self._app = App(fleet, config, log)
        self._follower.start(fleet)
        if any(one.address.model for one in self._plans):
            self._reporter = Reporter(self._backend, fleet, self._plans, self._address)
            self._follower.changed = self._reporter.tell
            self._feed = _feed_of(self._backend, self._plans, self._follower)

    async def _stop(self) -> None:
        self._follower.stop()
        if self._feed is not None:
            self._feed.stop()
        if self._app is not None:
            self._app.stopping = True
            await self._app.close()
        if self._reporter is not None:
            await asyncio.to_thread(self._reporter.stop)


def _feed_of(backend: Backend, asked: list[Plan], follower: Follower) -> Feed | None:
    """The event feed, where the registry is a server."""
    from tidemill.transport.http import HttpBackend

    names = frozenset(one.address.model for one in asked if one.address.follows)
    if not names or not isinstance(backend, HttpBackend):
        return None
    return Feed(backend, names, follower.wake.set)
