"""A version that is ready to answer: the servable with its reader, its threads and its batches."""

import asyncio
import time
from typing import Any

from tidemill.clock import now_ms
from tidemill.serving.batch import Batcher
from tidemill.serving.config import ServingConfig
from tidemill.serving.forms import Payload
from tidemill.serving.invocations import Invocations
from tidemill.serving.metrics import ModelMetrics
from tidemill.serving.results import Result
from tidemill.serving.servable import Servable
from tidemill.serving.threads import ModelThreads
from tidemill.serving.warm import Found, warm

_DRAIN_STEP = 0.02


class Prepared:
    """A servable that was warmed up, in whatever thread; not yet on the loop."""

    def __init__(self, servable: Servable, config: ServingConfig) -> None:
        started = time.perf_counter()
        self.servable = servable
        self.reader = Invocations(servable.schema, servable.objects)
        if config.batch != "auto" and servable.batches is None:
            servable.batches = config.batch == "on"
        self.found: Found = warm(servable, self.reader)
        if self.reader.frames is not None:
            self.reader.frames.arrays = self.found.arrays
        self.warm_seconds = time.perf_counter() - started


class Loaded:
    """One version under requests. Make and use it on the event loop."""

    def __init__(self, prepared: Prepared, config: ServingConfig, metrics: ModelMetrics) -> None:
        servable = prepared.servable
        self.servable, self.reader, self.found = servable, prepared.reader, prepared.found
        self.name, self.version = servable.name, servable.version
        self.metrics = metrics
        self.since_ms = now_ms()
        self.active = 0
        self._lanes = max(config.lanes, servable.lanes)
        self.threads = ModelThreads(f"{self.name} {self.version}", self._lanes, config.timeout, servable.abort)
        self.batcher = Batcher(
            servable.predict,
            self.threads,
            together=prepared.found.together,
            target=config.latency_target,
            most_rows=config.most_rows,
            most_wait=config.most_wait,
            lanes=self._lanes,
            observe=metrics.observe_call,
        )

    async def ask(self, payload: Payload) -> Result:
        """The answer to a payload. Raises what the model raises."""
        self.active += 1
        try:
            return await self.batcher.ask(payload)
        finally:
            self.active -= 1

    def describe(self) -> dict[str, Any]:
        """What `/health` tells about it."""
        return {
            "version": self.version,
            "since": self.since_ms,
            "source": self.servable.source,
            "batching": self.batcher.together,
            "lost_threads": self.threads.lost,
        }

    async def drain(self, seconds: float) -> None:
        """Wait for what it still works at, at most `seconds`, then let go of it."""
        deadline = time.monotonic() + seconds
        while self.active and time.monotonic() < deadline:
            await asyncio.sleep(_DRAIN_STEP)
        self.threads.close(self._lanes)
        await asyncio.get_running_loop().run_in_executor(None, self.servable.close)
