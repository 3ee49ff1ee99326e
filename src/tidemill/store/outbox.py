"""The outbox: events are rows that are written by the transaction that makes them true.

A function of the store says `emit(tx, kind, subject, data)`. The rows go in just before the commit, after everything
else: on PostgreSQL under a lock that is held until the commit is visible, so that ids grow in the order of commits and
a reader who has seen id 7 never has to look for a 6 that came late. SQLite has one writer anyway. A transaction that
emits nothing pays nothing.
"""

from typing import Any

import msgspec

from tidemill.clock import now_ms
from tidemill.store.transaction import Emitted, Tx

INSERT = "INSERT INTO events (at, kind, subject, data) VALUES (?, ?, ?, ?)"
LOCK = 0x7469_6576  # any fixed number: writers of events commit one after the other


def emit(tx: Tx, kind: str, subject: str, data: dict[str, Any]) -> None:
    """Write one event in the caller's transaction: it will have happened exactly where the transaction commits.

    `kind` is `<noun>.<what>` in lower case, such as `model_version.created`; `subject` is what it is about, such as
    `registered_model/fraud` or `run/4f…`: events of one subject keep their order everywhere. `data` is JSON.
    """
    tx.emitted.append(Emitted(now_ms(), kind, subject, msgspec.json.encode(data).decode()))
