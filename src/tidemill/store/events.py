"""Events, in the database: reading them, and forgetting the old ones."""

from collections.abc import Sequence

import msgspec

from tidemill.api.codec import Encoded
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter
from tidemill.store.database import Database
from tidemill.store.pages import Where
from tidemill.store.transaction import Row, Site, Tx, marks
from tidemill.types import events as t

_COLUMNS = "id, at, kind, subject, data"
_PENDING = 0
_AT_ONCE = 2000
_ABANDONED_MS = 7 * 86_400_000


class _Event(msgspec.Struct):
    """As `types.events.Event`, with the data as it lies in the database."""

    id: int
    time: int
    kind: str
    subject: str
    data: msgspec.Raw


def list_events(tx: Tx, arg: t.ListEvents) -> Encoded[t.EventPage]:
    """See the operation `events.list_events`."""
    if not 1 <= arg.max_results <= 1000:
        raise InvalidParameter(
            f"Invalid value {arg.max_results} for parameter 'max_results' supplied. It must be 1 to 1000."
        )
    where = Where()
    _of_kinds(where, arg.kinds)
    if arg.subject:
        where.append("subject = ?", (arg.subject,))
    if arg.newest and arg.after:
        where.append("id < ?", (arg.after,))
    elif not arg.newest:
        where.append("id > ?", (arg.after,))
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM events WHERE {where.sql()} ORDER BY id {'DESC' if arg.newest else ''} LIMIT ?",
        (*where.params, arg.max_results + 1),
    )
    more = len(rows) > arg.max_results
    del rows[arg.max_results :]
    if arg.newest:
        rows.reverse()
    oldest = tx.row("SELECT min(id), max(id) FROM events") or (None, None)
    # With nothing found, whoever goes on from here has missed nothing up to the newest.
    cursor = rows[-1][0] if more and not arg.newest else max(arg.after, oldest[1] or 0)
    page = {"events": [_event(row) for row in rows], "cursor": cursor, "more": more, "oldest": oldest[0] or 0}
    return Encoded(msgspec.json.encode(page))


def _event(row: Row) -> _Event:
    return _Event(row[0], row[1], row[2], row[3], msgspec.Raw(row[4].encode()))


def _of_kinds(where: Where, kinds: Sequence[str]) -> None:
    if not kinds or "*" in kinds:
        return
    plain = [kind for kind in kinds if not kind.endswith("*")]
    parts = [f"kind IN ({marks(len(plain))})"] if plain else []
    params = list(plain)
    for kind in kinds:
        if kind.endswith("*"):
            start = kind[:-1]
            parts.append("(kind >= ? AND kind < ?)")
            params += [start, start + "\U0010ffff"]
    where.append("(" + " OR ".join(parts) + ")", params)


def newest_id(tx: Tx) -> int:
    """The id of the newest event ever written, 0 for none."""
    row = tx.row("SELECT max(id) FROM events")
    return int(row[0] or 0) if row else 0


def clean_old(database: Database, site: Site, days: float) -> None:
    """Forget what is older than `days` (0: nothing), a piece at a time so that writers need not wait for long."""
    while days:
        gone = database.write(site, lambda tx: clean(tx, t.CleanEvents(round(days * 86_400_000), _AT_ONCE)))
        if max(gone.events, gone.deliveries) < _AT_ONCE:
            return


def clean(tx: Tx, arg: t.CleanEvents) -> t.CleanedEvents:
    """See the operation `events.clean`."""
    if arg.older_than_ms < 0 or not 1 <= arg.limit <= 100_000:
        raise InvalidParameter("'older_than_ms' must not be negative, and 'limit' must be 1 to 100000.")
    before = now_ms() - arg.older_than_ms
    # Triggers that no server has worked for in a week are not waited for any more.
    row = tx.row("SELECT min(position) FROM subscriptions WHERE lease_until > ?", (now_ms() - _ABANDONED_MS,))
    behind = row[0] if row and row[0] is not None else 2**62
    # The newest stays: what comes next must not take a number that somebody has seen.
    events = tx.run(
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? AND id <= ? AND id < (SELECT max(id) FROM "
        "events) ORDER BY id LIMIT ?)",
        (before, behind, arg.limit),
    )
    deliveries = tx.run(
        "DELETE FROM deliveries WHERE pk IN (SELECT pk FROM deliveries WHERE state <> ? AND created < ? LIMIT ?)",
        (_PENDING, before, arg.limit),
    )
    return t.CleanedEvents(events=events, deliveries=deliveries)
