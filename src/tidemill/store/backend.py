"""The embedded backend: operations carried out on a database in this process."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tidemill.api import codec
from tidemill.api.codec import Encoded
from tidemill.api.operation import AnyOperation, Operation
from tidemill.errors import TidemillError
from tidemill.store import (
    approvals,
    artifacts,
    deployments,
    events,
    experiments,
    heartbeats,
    inputs,
    jobs,
    logged_models,
    metric_rules,
    metrics,
    model_records,
    model_versions,
    registered_models,
    runs,
    secrets,
    server,
    trash,
    triggers,
    views,
    webhooks,
)
from tidemill.store.compaction import compact_if_due
from tidemill.store.database import Database
from tidemill.store.sqlite import Job, SqliteDatabase
from tidemill.store.transaction import Files, Outgoing, Site, Tx

In = TypeVar("In")
Out = TypeVar("Out")
_log = logging.getLogger(__name__)
_LOOK_S = 10.0

_NOUNS = {
    "experiments": experiments,
    "runs": runs,
    "metrics": metrics,
    "inputs": inputs,
    "logged_models": logged_models,
    "registered_models": registered_models,
    "model_versions": model_versions,
    "model_records": model_records,
    "approvals": approvals,
    "artifacts": artifacts,
    "server": server,
    "trash": trash,
    "events": events,
    "webhooks": webhooks,
    "triggers": triggers,
    "views": views,
    "deployments": deployments,
    "jobs": jobs,
}
_OUTSIDE = frozenset(
    ("webhooks.create", "webhooks.update", "webhooks.delete", "webhooks.rotate_secret", "webhooks.test")
)
"""Operations that see to their transactions themselves, because they talk to the world in between."""


def function_of(op: AnyOperation) -> Callable[[Tx, Any], Any]:
    """The store's function for an operation: the one with its name, in the file of its noun."""
    found: Callable[[Tx, Any], Any] = getattr(_NOUNS[op.noun], op.name.partition(".")[2])
    return found


class SqlBackend:
    """A Backend on SQLite or PostgreSQL. See `api/operation.py` for what it promises."""

    def __init__(
        self, database: Database, *, artifact_root: str, files: Files, outgoing: Outgoing | None = None
    ) -> None:
        self.database = database
        file = database.path.with_name("secret.key") if isinstance(database, SqliteDatabase) else None
        self.site = Site(artifact_root=artifact_root, files=files, keyring=secrets.Keyring(file), outgoing=outgoing)
        self._look_again = 0.0
        self._functions: dict[str, Callable[[Tx, Any], Any]] = {}
        self._sqlite = database if isinstance(database, SqliteDatabase) else None
        with database.read(self.site) as tx:
            new = experiments.is_new(tx)
        if new:
            database.write(self.site, experiments.ensure_default)
        metric_rules.reload(database, self.site)

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out `op`, after the check for missing fields that a request over HTTP gets when it is decoded."""
        answer = self.answer(op, codec.check_required(op, arg))
        if isinstance(answer, Encoded):
            return codec.decode_answer(op, answer.body)
        return answer

    def answer(self, op: Operation[In, Out], arg: In) -> Out | Encoded[Out]:
        """As `call`, but for an argument that was decoded and checked; the answer may be JSON already."""
        function = self._function(op)
        if op.name in _OUTSIDE:
            outside: Any = function
            found: Out = outside(self.database, self.site, arg)
            return found
        if not op.writes:
            if op.noun == "runs":
                self._give_up_the_silent()
            with self.database.read(self.site) as tx:
                result: Out | Encoded[Out] = function(tx, arg)
                return result
        answer: Out | Encoded[Out] = self.database.write(self.site, lambda tx: function(tx, arg))
        compact_if_due(self.database, self.site)
        return answer

    def _give_up_the_silent(self) -> None:
        """Before somebody looks at runs: those whose processes are gone are not running."""
        now = time.monotonic()
        if now < self._look_again:
            return
        self._look_again = now + _LOOK_S
        with self.database.read(self.site) as tx:
            silent = heartbeats.overdue(tx)
        if not silent:
            return
        if self._sqlite is not None:
            # Whoever looks need not wait for another writer, nor fail with it: the next drain will see to it.
            self._sqlite.enqueue(Job(self.site, heartbeats.give_up))
            self._sqlite.drain(wait=False)
            return
        try:
            self.database.write(self.site, heartbeats.give_up)
        except TidemillError as error:
            _log.warning("Runs that fell silent cannot be marked: %s", error)

    def enqueue(self, op: Operation[In, Out], arg: In, done: Callable[[Any, BaseException | None], None]) -> bool:
        """Queue a small write for the next `drain`; False where this database or operation cannot.

        `done(answer, error)` is called once, by whichever thread drains.
        """
        if self._sqlite is None or not op.replay:
            return False
        function = self._function(op)
        self._sqlite.enqueue(Job(self.site, lambda tx: function(tx, arg), done))
        return True

    def drain(self, wait: bool) -> bool:
        """Carry out everything queued in one transaction; False where another writer is at it and not `wait`."""
        if self._sqlite is None:
            return True
        return self._sqlite.drain(wait)

    def housekeeping_due(self) -> bool:
        """Whether `housekeep` has something to do."""
        return bool(self.site.due)

    def housekeep(self) -> None:
        """Fold metric logs that have grown long into blocks."""
        compact_if_due(self.database, self.site)

    def close(self) -> None:
        """Close the database."""
        self.database.close()
        if self.site.outgoing is not None:
            self.site.outgoing.close()

    def _function(self, op: AnyOperation) -> Callable[[Tx, Any], Any]:
        found = self._functions.get(op.name)
        if found is None:
            found = self._functions[op.name] = function_of(op)
        return found
