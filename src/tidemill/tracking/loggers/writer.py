"""The run that a logger or callback writes to, and what may go wrong with it without stopping a training."""

import argparse
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, Protocol

from tidemill.errors import Unavailable
from tidemill.tracking import run, start
from tidemill.tracking.autolog import values
from tidemill.tracking.caution import caution
from tidemill.tracking.client import Client
from tidemill.tracking.run import ActiveRun

P = ParamSpec("P")


class Writer(Protocol):
    """What callbacks write to: a RunWriter, or the session of autologging. Nothing here raises."""

    def params(self, given: Mapping[str, Any]) -> None:
        """Write params, as texts of at most 500 characters."""

    def tags(self, given: Mapping[str, Any]) -> None:
        """Write tags."""

    def metrics(self, given: Mapping[str, Any], step: int | None = None) -> None:
        """Write those values that are numbers."""

    def text(self, text: str, name: str) -> None:
        """Write a text file."""

    def flush(self) -> None:
        """See to it that what was noted is written."""


class RunWriter:
    """Writes to the active run, to the run `run_id`, or to a run of its own that ends with `close`.

    The run is looked up, or started and made the active one, with the first write or `open`. It is one of its own
    where none is active, or where a name or an experiment is given. Mistakes in the arguments are raised by `open`; once
    that is done nothing raises: what fails is said once and left out.
    """

    def __init__(
        self,
        *,
        run_id: str | None = None,
        run_name: str | None = None,
        experiment_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self._wanted = run_id
        self._run_name = run_name
        self._experiment_name = experiment_name
        self._tags = dict(tags or {})
        self._run: ActiveRun | None = None
        self._is_own = False
        self._is_dead = False
        self._said: set[str] = set()

    @property
    def client(self) -> Client:
        """The client of the run's store."""
        active = self.open()
        return start.client() if active is None else active.client

    @property
    def run_id(self) -> str | None:
        """The id of the run; None where none could be opened."""
        active = self.open()
        return None if active is None else active.info.run_id

    @property
    def is_open(self) -> bool:
        """Whether the run is known already."""
        return self._run is not None

    @property
    def is_own(self) -> bool:
        """Whether the run was started, or resumed, by this writer and ends with `close`."""
        return self._is_own

    def open(self) -> ActiveRun | None:
        """The run. None where the store cannot be reached; then nothing is written, and a warning has said so."""
        if self._run is None and not self._is_dead:
            try:
                self._run = self._opened()
            except Unavailable as failure:
                self._is_dead = True
                caution(f"this training is not logged: {failure}")
        return self._run

    def _opened(self) -> ActiveRun:
        outer = run.active()
        if self._wanted is not None:
            known = [one for one in run.stack() if one.info.run_id == self._wanted]
            if known:
                return known[0]
            self._is_own = True
            return start.start_run(run_id=self._wanted, nested=True, tags=self._tags)
        if outer is not None and self._run_name is None and self._experiment_name is None:
            if self._tags:
                outer.client.set_tags(outer.info.run_id, self._tags)
            return outer
        inside = None
        if self._experiment_name is not None:
            inside = start.experiment_named(self._experiment_name).experiment_id
        self._is_own = True
        return start.start_run(experiment_id=inside, run_name=self._run_name, nested=True, tags=self._tags)

    def params(self, given: Mapping[str, Any]) -> None:
        """Write params, nested ones with `/` between the names, as texts of at most 500 characters."""
        flat = {values.key(name): values.shown(value) for name, value in flattened(given)}
        with self._part("params") as active:
            if active is not None and flat:
                known = active.client.get_run(active.info.run_id).data.params
                new = {name: value for name, value in flat.items() if name not in known}
                active.client.log_params(active.info.run_id, new)

    def tags(self, given: Mapping[str, Any]) -> None:
        """Write tags."""
        with self._part("tags") as active:
            if active is not None:
                active.client.set_tags(active.info.run_id, given)

    def metrics(self, given: Mapping[str, Any], step: int | None = None) -> None:
        """Write those values that are numbers, in one batch."""
        numbers = {values.key(name): values.number(value) for name, value in given.items()}
        found = {name: value for name, value in numbers.items() if value is not None}
        with self._part("metrics") as active:
            if active is not None and found:
                active.client.log_metrics(active.info.run_id, found, step=step)

    def text(self, text: str, name: str) -> None:
        """Write a text file."""
        with self._part(f"the file {name}") as active:
            if active is not None:
                active.client.files_of(active.info.run_id).write(name, text.encode(errors="replace"), attempts=2)

    def files(self, path: "str | os.PathLike[str]", folder: str) -> None:
        """Copy a local file or folder into the run's folder `folder`."""
        with self._part(f"the file {os.fspath(path)}") as active:
            if active is not None:
                active.client.log_artifact(active.info.run_id, path, folder)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self, status: str = "FINISHED", forget: bool = False) -> None:
        """End the run if it is this writer's own. Later writes still go to it or, with `forget`, to another one."""
        active = self._run
        if active is not None and self._is_own and active in run.stack():
            with self._part("the run's end"):
                run.end_through(active, status)
        if forget:
            self._run = None

    @contextmanager
    def _part(self, what: str) -> Iterator[ActiveRun | None]:
        active = self.open()
        try:
            yield active
        except Exception as failure:
            if what not in self._said:
                self._said.add(what)
                caution(f"{what} could not be logged: {failure}")


def harmless(method: Callable[P, None]) -> Callable[P, None]:
    """A method of a callback whose errors are said once and go no further: it must not end a training."""
    said: set[str] = set()

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception as failure:
            sign = f"{type(failure).__name__}: {failure}"
            if sign not in said:
                said.add(sign)
                caution(f"{method.__qualname__} could not log everything ({sign})")

    return guarded


def flattened(given: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dicts, namespaces and dataclasses, each with its path: `model/layers`."""
    for name, value in _fields(given).items():
        path = f"{prefix}{name}"
        inner = _fields(value)
        if inner:
            yield from flattened(inner, f"{path}/")
        else:
            yield path, value


def _fields(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, argparse.Namespace):
        return vars(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    return {}
