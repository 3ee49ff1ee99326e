"""The endpoints of a process: for each name the version that answers, and those beside it.

Changes happen on the event loop between two requests: a request is answered by the version it was given at its start,
the next one by the new version. Nothing waits.
"""

import asyncio
import logging
import random
import zlib
from collections.abc import Iterator
from typing import Any

from tidemill.clock import now_ms
from tidemill.errors import InvalidState, NotFound, Unavailable
from tidemill.serving.config import ServingConfig
from tidemill.serving.loaded import Loaded, Prepared
from tidemill.serving.metrics import ModelMetrics

_KNOWN_METRICS = 16
"""How many versions of a name keep their numbers, so that a hundred swaps do not grow the page for ever."""
_log = logging.getLogger("tidemill.serving")


class Endpoint:
    """One name. `current` answers; `previous` stays loaded for a rollback; `canary` answers `percent` of the requests
    (of a key always the same ones); `shadow` is asked too, but not heard.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.current: Loaded | None = None
        self.previous: Loaded | None = None
        self.canary: Loaded | None = None
        self.shadow: Loaded | None = None
        self.percent = 0.0
        self.problem = ""
        self.address = ""
        self.pinned = ""
        self.switched_ms = 0

    def pick(self, key: bytes | None = None) -> Loaded:
        """The version for a request. Raises Unavailable while there is none."""
        if self.canary is not None and self.percent > 0:
            draw = random.random() if key is None else zlib.crc32(key) / 2**32  # noqa: S311 (a share, no secret)
            if draw * 100 < self.percent:
                return self.canary
        if self.current is None:
            raise Unavailable(f"The model '{self.name}' is not loaded: {self.problem or 'it is being loaded'}.")
        return self.current

    def loaded(self) -> Iterator[Loaded]:
        """All versions in memory."""
        for one in (self.current, self.canary, self.shadow, self.previous):
            if one is not None:
                yield one

    def describe(self) -> dict[str, Any]:
        """What `/health` tells."""
        told: dict[str, Any] = {"healthy": self.healthy, "address": self.address}
        for role in ("current", "canary", "shadow", "previous"):
            one: Loaded | None = getattr(self, role)
            if one is not None:
                told[role] = one.describe()
        if self.canary is not None:
            told["percent"] = self.percent
        if self.problem:
            told["problem"] = self.problem
        if self.pinned:
            told["rolled_back_from"] = self.pinned
        return told

    @property
    def healthy(self) -> bool:
        """Whether requests are answered."""
        return self.current is not None and self.current.threads.healthy


class Fleet:
    """All endpoints. Use it on the event loop only."""

    def __init__(self, config: ServingConfig) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self._config = config
        self._metrics: dict[str, dict[str, ModelMetrics]] = {}
        self._drains: set[asyncio.Task[None]] = set()

    def add(self, name: str) -> Endpoint:
        """The endpoint of that name, made where it does not exist yet."""
        return self.endpoints.setdefault(name, Endpoint(name))

    def find(self, name: str) -> Endpoint:
        """Raises NotFound."""
        found = self.endpoints.get(name)
        if found is None:
            names = ", ".join(sorted(self.endpoints))
            raise NotFound(f"No model '{name[:200]}' is served here; there are: {names}.")
        return found

    def only(self) -> Endpoint:
        """The endpoint, where there is just one. Raises NotFound."""
        if len(self.endpoints) != 1:
            names = ", ".join(sorted(self.endpoints))
            raise NotFound(f"Several models are served here. Ask /models/<name>/invocations; the names are: {names}.")
        return next(iter(self.endpoints.values()))

    def metrics(self) -> Iterator[ModelMetrics]:
        """The numbers of all versions."""
        for versions in self._metrics.values():
            yield from versions.values()

    def install(self, name: str, role: str, prepared: Prepared) -> None:
        """Let a version take its place: `current`, `canary` or `shadow`. The one before it is drained, or kept for
        a rollback.
        """
        endpoint = self.add(name)
        loaded = Loaded(prepared, self._config, self._numbers(name, prepared.servable.version))
        old: Loaded | None = getattr(endpoint, role)
        if role == "current":
            old, endpoint.previous = endpoint.previous, endpoint.current
            endpoint.problem, endpoint.pinned = "", ""
            endpoint.switched_ms = now_ms()
        setattr(endpoint, role, loaded)
        _log.info("%s: version %s is %s now", name, loaded.version, role)
        self._retire(old)

    def rollback(self, name: str) -> str:
        """Let the previous version answer again, at once; answers its version. It stays until the alias moves next.

        Raises InvalidState where there is none.
        """
        endpoint = self.find(name)
        if endpoint.previous is None or endpoint.current is None:
            raise InvalidState(f"'{name}' has no previous version to go back to.")
        endpoint.pinned = endpoint.current.version
        endpoint.current, endpoint.previous = endpoint.previous, endpoint.current
        endpoint.switched_ms = now_ms()
        _log.warning("%s: rolled back to version %s", name, endpoint.current.version)
        return endpoint.current.version

    def remove(self, name: str, role: str) -> None:
        """Take a canary or a shadow away."""
        endpoint = self.find(name)
        self._retire(getattr(endpoint, role))
        setattr(endpoint, role, None)

    def complain(self, name: str, problem: str) -> None:
        """Note why the version that should be served is not."""
        self.add(name).problem = problem

    def _numbers(self, name: str, version: str) -> ModelMetrics:
        versions = self._metrics.setdefault(name, {})
        if version not in versions and len(versions) >= _KNOWN_METRICS:
            versions.pop(next(iter(versions)))
        return versions.setdefault(version, ModelMetrics(name, version))

    def _retire(self, loaded: Loaded | None) -> None:
        if loaded is None:
            return
        task = asyncio.get_running_loop().create_task(loaded.drain(self._config.timeout))
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def close(self) -> None:
        """Let go of everything."""
        for endpoint in self.endpoints.values():
            for loaded in endpoint.loaded():
                self._retire(loaded)
        if self._drains:
            await asyncio.wait(self._drains, timeout=self._config.drain_seconds)
