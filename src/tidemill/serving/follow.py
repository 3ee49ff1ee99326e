"""Versions that change while others are served.

One thread asks the registry which version each address means: when the event feed says that something moved, and every
few seconds besides. A new version is fetched, loaded and warmed up in that thread, beside the one that answers, and only
then handed to the event loop, which switches between two requests. What fails leaves everything as it was and is said:
in the log, in `/health`, in the deployment on the tracking server.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidemill.errors import TidemillError
from tidemill.serving.address import Plan
from tidemill.serving.config import ServingConfig
from tidemill.serving.fleet import Fleet
from tidemill.serving.loaded import Prepared
from tidemill.serving.opening import open_model
from tidemill.serving.registry import Registry, reachable

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0
_log = logging.getLogger("tidemill.serving")


@dataclass(slots=True)
class _State:
    """How far a plan is carried out: the version in place, and the one that failed, to be tried again at `due`."""

    version: str = ""
    failed: str = ""
    pause: float = _FIRST_PAUSE
    due: float = 0.0
    problem: str = ""


class Follower:
    """Keeps the fleet at what `plans` ask for. `changed` is called, in its thread, after each change."""

    def __init__(
        self, plans: list[Plan], registry: Registry, config: ServingConfig, changed: Callable[[], None] | None = None
    ) -> None:
        self.plans, self.registry, self._config = plans, registry, config
        self.changed = changed
        self.wake = threading.Event()
        self._states = {(one.name, one.role): _State() for one in plans}
        self._stopping = threading.Event()
        self._fleet: Fleet | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first: list[tuple[Plan, Prepared]] = []
        self._thread = threading.Thread(target=self._run, name="tidemill-follow", daemon=True)

    def load_first(self) -> None:
        """Load everything once, before anything is served. What cannot be had now is replaced by what worked before.

        Raises what fetching, loading or warming up raises where nothing worked before; canaries and shadows may fail.
        """
        for plan in self.plans:
            try:
                self._first.append((plan, self._first_version(plan)))
            except Exception as error:
                if plan.role == "current":
                    raise
                self._failed(plan, "", error)

    def _first_version(self, plan: Plan) -> Prepared:
        version, why = reachable(self.registry, plan.address)
        if why is not None:
            self._state(plan).problem = f"the registry does not answer, version {version} is from the cache: {why}"
            _log.warning("%s: %s", plan.name, self._state(plan).problem)
        try:
            prepared = self._prepare(plan, version)
        except Exception as error:
            last = self.registry.last_served(plan.address)
            if not last or last == version:
                raise
            self._failed(plan, version, error)
            prepared, version = self._prepare(plan, last), last
        self._state(plan).version = version
        return prepared

    def start(self, fleet: Fleet) -> None:
        """Install what was loaded first, and follow from now on. Call on the event loop."""
        self._fleet, self._loop = fleet, asyncio.get_running_loop()
        for plan in self.plans:
            endpoint = fleet.add(plan.name)
            if plan.role == "current":
                endpoint.address = plan.address.text
            elif plan.role == "canary":
                endpoint.percent = plan.percent
        for plan, prepared in self._first:
            fleet.install(plan.name, plan.role, prepared)
            self.registry.note_served(plan.address, prepared.servable.version)
        for plan in self.plans:
            if problem := self._state(plan).problem:
                fleet.complain(plan.name, problem)
        self._first.clear()
        self._thread.start()

    def stop(self) -> None:
        """End the thread, once it is done with what it is at."""
        self._stopping.set()
        self.wake.set()

    def _state(self, plan: Plan) -> _State:
        return self._states[plan.name, plan.role]

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self.changed is not None:
                self.changed()
            self.wake.wait(self._config.poll_seconds)
            self.wake.clear()
            for plan in self.plans:
                if self._stopping.is_set():
                    return
                if plan.address.follows or not self._state(plan).version:
                    self._look(plan)

    def _look(self, plan: Plan) -> None:
        """See which version is meant now, and put it in place."""
        state = self._state(plan)
        try:
            version = self.registry.version_of(plan.address)
        except TidemillError as error:
            if not state.failed:
                self._say(plan, f"the registry does not tell the version: {error}")
            return
        if version == state.version or version == self._pinned(plan):
            if state.problem and not state.failed:
                self._say(plan, "")
            if version == state.version and state.failed:
                # The alias went back from the version that failed to the one in place.
                state.failed, state.pause = "", _FIRST_PAUSE
                self._say(plan, "")
            return
        if version == state.failed and time.monotonic() < state.due:
            return
        try:
            prepared = self._prepare(plan, version)
        except Exception as error:
            self._failed(plan, version, error)
            return
        self._install(plan, version, prepared)

    def _install(self, plan: Plan, version: str, prepared: Prepared) -> None:
        state = self._state(plan)
        state.version, state.failed, state.pause, state.problem = version, "", _FIRST_PAUSE, ""
        self._on_loop(lambda fleet: fleet.install(plan.name, plan.role, prepared))
        self.registry.note_served(plan.address, version)
        if self.changed is not None:
            self.changed()

    def _pinned(self, plan: Plan) -> str:
        """The version that was rolled back: only another one is installed over it."""
        if plan.role != "current" or self._fleet is None:
            return ""
        return self._fleet.add(plan.name).pinned

    def _prepare(self, plan: Plan, version: str) -> Prepared:
        started = time.perf_counter()
        folder = self.registry.folder_of(plan.address, version)
        servable = open_model(plan.name, version, folder, self._config)
        try:
            prepared = Prepared(servable, self._config)
        except BaseException:
            servable.close()
            raise
        _log.info("%s version %s is ready after %.2f s", plan.name, version, time.perf_counter() - started)
        return prepared

    def _failed(self, plan: Plan, version: str, error: BaseException) -> None:
        state = self._state(plan)
        if version != state.failed:
            state.pause = _FIRST_PAUSE
        state.failed = version
        state.due = time.monotonic() + state.pause
        state.pause = min(_LONGEST_PAUSE, state.pause * 2)
        what = f"{error}" if isinstance(error, TidemillError) else f"{type(error).__name__}: {error}"
        self._say(plan, f"{plan.role} version {version or '?'} cannot be served: {what}", loud=True)

    def _say(self, plan: Plan, problem: str, loud: bool = False) -> None:
        state = self._state(plan)
        if problem and (loud or problem != state.problem):
            _log.error("%s: %s", plan.name, problem) if loud else _log.warning("%s: %s", plan.name, problem)
        if problem == state.problem:
            return
        state.problem = problem
        self._on_loop(lambda fleet: fleet.complain(plan.name, problem))

    def _on_loop(self, work: Callable[[Fleet], Any]) -> None:
        """Do something with the fleet on its event loop, and wait until it is done."""
        if self._loop is None or self._fleet is None:
            return
        done = threading.Event()
        fleet = self._fleet

        def carry_out() -> None:
            try:
                work(fleet)
            except Exception:
                _log.exception("changing what is served failed")
            finally:
                done.set()

        try:
            self._loop.call_soon_threadsafe(carry_out)
        except RuntimeError:
            return  # the loop is closed: this process ends
        done.wait(30)
