"""The store in this process, opened when it is needed and never carried over a fork."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from weakref import WeakSet

from tidemill.api import codec, runs
from tidemill.api.operation import Operation
from tidemill.artifacts.roots import PROXY, Roots
from tidemill.errors import InvalidParameter
from tidemill.events.egress import Egress
from tidemill.events.webhooks import WebhookSender
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database

In = TypeVar("In")
Out = TypeVar("Out")

_FORK_WAIT_S = 10.0
_everyone: "WeakSet[EmbeddedBackend]" = WeakSet()


class EmbeddedBackend:
    """A Backend (see `api/operation.py`) on `database`, an address that `open_database` takes.

    `file` is the SQLite file, None for a server's database; as long as it does not exist, reads answer what an empty
    store would and leave nothing behind. `artifacts` is the address of the storage behind `mlflow-artifacts:`.

    SQLite connections must not live through a fork (a child that closes them drops the parent's locks, one that uses
    them takes locks it does not have), so everything is closed right before and opened again, on both sides, by the
    next call.
    """

    def __init__(self, database: str, file: str | None, artifacts: str) -> None:
        self.database = database
        self.file = file
        self.artifacts = artifacts
        self._store: SqlBackend | None = None
        self._roots: Roots | None = None
        self._gate = _Gate()
        _everyone.add(self)

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out `op`; its argument is checked as a server would check it."""
        arg = checked(op, arg)
        with self._gate:
            if self._store is None and self._is_missing() and not op.writes:
                return _answer_of_empty_store(op, arg)
            return (self._store or self._opened()).call(op, arg)

    @property
    def roots(self) -> Roots:
        """The storages that the addresses in this store's answers mean."""
        if self._roots is None:
            # Addresses come from whoever runs this process: all may be opened.
            self._roots = Roots(self.artifacts)
        return self._roots

    def close(self) -> None:
        """Close the database once nobody is in a call. A later call opens it again."""
        with self._gate.alone():
            self._drop()

    def _opened(self) -> SqlBackend:
        with self._gate.opening:
            if self._store is None:
                if self._is_missing():
                    _refuse_other_stores(os.path.dirname(self.file or ""))
                database = open_database(self.database)
                way_out = WebhookSender(Egress())
                self._store = SqlBackend(database, artifact_root=f"{PROXY}:/", files=self.roots, outgoing=way_out)
            return self._store

    def _is_missing(self) -> bool:
        return self.file is not None and not os.path.exists(self.file)

    def _drop(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def before_fork(self) -> None:
        """Wait for calls under way, close, and let no other in."""
        self._gate.shut(_FORK_WAIT_S)
        self._drop()

    def after_fork(self, child: bool) -> None:
        """Let calls in again."""
        if child:
            self._gate = _Gate()
        else:
            self._gate.open()


class _Gate:
    """Lets any number of calls in, or one caller who is then alone."""

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self._state = threading.Condition(threading.Lock())
        self._inside = 0
        self._shut = False

    def __enter__(self) -> None:
        with self._state:
            while self._shut:
                self._state.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._state:
            self._inside -= 1
            if self._shut:
                self._state.notify_all()

    def shut(self, timeout_s: float | None = None) -> None:
        """Let nobody in, and wait until nobody is inside."""
        with self._state:
            while self._shut:
                self._state.wait()
            self._shut = True
            self._state.wait_for(lambda: self._inside == 0, timeout_s)

    def open(self) -> None:
        """Let callers in again."""
        with self._state:
            self._shut = False
            self._state.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else inside for as long as this lasts."""
        self.shut()
        try:
            yield
        finally:
            self.open()


def checked(op: Operation[In, Out], arg: In) -> In:
    """`arg` with every field of the type that the operation declares, as if it had travelled.

    Raises InvalidParameter in the wire's words. Batches are let through: the client builds them from checked parts.
    """
    if op is runs.log_batch:
        return arg
    try:
        body = codec.encode(arg)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidParameter(f"An argument of {op.name} cannot be sent: {error}.") from None
    return codec.decode_request(op, body)


def _answer_of_empty_store(op: Operation[In, Out], arg: In) -> Out:
    with tempfile.TemporaryDirectory(prefix="tidemill-") as folder:
        empty = EmbeddedBackend(os.path.join(folder, "empty.db"), None, folder)
        try:
            return empty.call(op, arg)
        finally:
            empty.close()


def _refuse_other_stores(folder: str) -> None:
    """Where MLflow's client keeps runs as files, starting an empty store of ours would hide them."""
    if os.path.isfile(os.path.join(folder, "0", "meta.yaml")):
        raise InvalidParameter(
            f"The folder '{folder}' holds runs in MLflow's file format, which Tidemill does not write to. "
            "Choose another folder, or convert it to a database with 'mlflow migrate-filestore' first."
        )


def _all(action: Callable[["EmbeddedBackend"], None]) -> None:
    for one in list(_everyone):
        action(one)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _all(EmbeddedBackend.before_fork),
        after_in_parent=lambda: _all(lambda one: one.after_fork(child=False)),
        after_in_child=lambda: _all(lambda one: one.after_fork(child=True)),
    )
