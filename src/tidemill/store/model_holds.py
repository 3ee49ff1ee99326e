"""Which version held an alias or a stage from when to when, moved by whom and why."""

from dataclasses import dataclass

from tidemill.store import limits
from tidemill.store.registry_limits import MAX_REASON, MAX_USER
from tidemill.store.transaction import Tx

ALIAS = 0
STAGE = 1


@dataclass(frozen=True, slots=True)
class Move:
    """One change of who holds what: when (ms since the epoch), by whom and why, as the caller said."""

    at: int
    user: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        limits.check_length("user", self.user, MAX_USER)
        limits.check_length("reason", self.reason, MAX_REASON)


def begin(tx: Tx, model_pk: int, kind: int, place: str, version: int, move: Move) -> None:
    """The version takes the alias or stage `place`."""
    tx.run(
        "INSERT INTO model_holds (model_pk, kind, place, version, since, set_by, set_why) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (model_pk, kind, place, version, move.at, move.user, move.reason),
    )


def end(tx: Tx, model_pk: int, kind: int, place: str, version: int, move: Move) -> None:
    """The version leaves it."""
    tx.run(
        "UPDATE model_holds SET until = ?, ended_by = ?, ended_why = ? "
        "WHERE model_pk = ? AND kind = ? AND place = ? AND version = ? AND until IS NULL",
        (move.at, move.user, move.reason, model_pk, kind, place, version),
    )


def end_all(tx: Tx, model_pk: int, version: int, move: Move) -> None:
    """The version leaves whatever it holds."""
    tx.run(
        "UPDATE model_holds SET until = ?, ended_by = ?, ended_why = ? "
        "WHERE model_pk = ? AND version = ? AND until IS NULL",
        (move.at, move.user, move.reason, model_pk, version),
    )
