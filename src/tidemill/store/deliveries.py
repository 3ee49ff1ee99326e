"""Deliveries, in the database: from events to rows, who works on them, and what came of it.

Each sink (a webhook, a trigger) has a place in the events up to which it has been looked at, and a lease: one process at
a time works for it, and when that process dies another takes over once the lease has run out. A delivery keeps its id
and its body through all its tries. Deliveries of one subject to one sink go out one after the other.
"""

import uuid
from collections.abc import Callable, Sequence

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, NotFound
from tidemill.store import metric_rules
from tidemill.store.database import Database
from tidemill.store.pages import Column, Order, Where, page, read_token
from tidemill.store.transaction import Site, Tx, marks
from tidemill.types import webhooks as t
from tidemill.types.deliveries import Due, Outcome, Sink
from tidemill.types.events import Event

PENDING, DELIVERED, DEAD = range(3)
_STATES = list(t.DeliveryState)
_NEWEST = Order((Column("d.pk", True),))
_MOST_LOGGED = 10
_MOST_EVENTS = 500
_RELOAD_MS = 2000

Render = Callable[[Sink, Event], str | None]
"""The body of an event for a sink; None where the sink does not care."""


def subscribe(tx: Tx, sink: str, position: int, active: bool = True) -> None:
    """Tell `sink` of the events after `position`; one that is known stays where it is."""
    tx.run(
        "INSERT INTO subscriptions (sink, position, active, lease_until) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (sink) DO NOTHING",
        (sink, position, int(active), now_ms() - 1),
    )


def listed(tx: Tx, sink: str, state: t.DeliveryState | None, most: int, token: str) -> t.DeliveryPage:
    """One page of a sink's deliveries, the newest first."""
    if not 1 <= most <= 1000:
        raise InvalidParameter(f"Invalid value {most} for parameter 'max_results' supplied. It must be 1 to 1000.")
    where = Where()
    where.append("d.sink = ?", (sink,))
    if state is not None:
        where.append("d.state = ?", (_STATES.index(state),))
    columns = "d.id, d.event_id, d.kind, d.subject, d.state, d.created, d.due_at, d.ended_at, d.attempts, d.log, d.body"
    rows, more = page(tx, columns, "deliveries d", where, _NEWEST, most, read_token(token, _NEWEST))
    found = [
        t.Delivery(
            delivery_id=row[0],
            event_id=row[1],
            kind=row[2],
            subject=row[3],
            state=_STATES[row[4]],
            created=row[5],
            due=row[6],
            ended=row[7],
            tries=row[8],
            attempts=_attempts(row[9]),
            request=row[10],
        )
        for row in rows
    ]
    return t.DeliveryPage(found, more)


def again(tx: Tx, sink: str, delivery_id: str) -> None:
    """Make a delivery that has ended pending once more, with all its tries before it."""
    sets = "UPDATE deliveries SET state = 0, attempts = 0, due_at = ?, ended_at = NULL WHERE id = ? AND sink = ?"
    if not tx.run(sets, (now_ms(), delivery_id, sink)):
        raise NotFound(f"There is no delivery with ID {delivery_id} here; it may have been cleaned away.")


class DeliveryQueue:
    """What a deliverer needs of the store. `sinks_of` answers all sinks as they are configured now."""

    def __init__(self, database: Database, site: Site, sinks_of: Callable[[Tx], Sequence[Sink]]) -> None:
        self._database = database
        self._site = site
        self._sinks_of = sinks_of
        self._reloaded = 0

    def hold(self, owner: str, lease_ms: int, most_new: int) -> list[Sink]:
        """The sinks that `owner` works for, at most `most_new` more than before; their leases last `lease_ms` at least."""
        now = now_ms()
        if now - self._reloaded > _RELOAD_MS:
            self._reloaded = now
            metric_rules.reload(self._database, self._site)  # others may have changed them
        with self._database.read(self._site) as tx:
            sinks = {sink.name: sink for sink in self._sinks_of(tx)}
            rows = tx.rows("SELECT sink, lease_owner, lease_until FROM subscriptions")
        rows = [row for row in rows if row[0] in sinks]
        mine = [row for row in rows if row[1] == owner]
        if any(row[2] < now + lease_ms for row in mine) or any(row[1] != owner and row[2] < now for row in rows):
            names = self._database.write(
                self._site, lambda tx: _lease(tx, sorted(sinks), owner, lease_ms * 2, most_new)
            )
        else:
            names = [row[0] for row in mine]
        return [sinks[name] for name in names]

    def release(self, owner: str) -> None:
        """Give all leases back, so that others need not wait."""
        sets = "UPDATE subscriptions SET lease_until = ?, lease_owner = '' WHERE lease_owner = ?"
        self._database.write(self._site, lambda tx: tx.run(sets, (now_ms() - 1, owner)))

    def fan_out(self, sinks: Sequence[Sink], render: Render) -> bool:
        """Turn events into deliveries, at most 500 events at a time; are there more?"""
        names = [sink.name for sink in sinks]
        if not names:
            return False
        with self._database.read(self._site) as tx:
            row = tx.row(
                f"SELECT (SELECT max(id) FROM events), min(position) FROM subscriptions WHERE sink IN ({marks(len(names))})",
                names,
            )
        if not row or row[0] is None or row[1] is None or row[0] <= row[1]:
            return False
        return self._database.write(self._site, lambda tx: _fan_out(tx, sinks, render))

    def due(self, sink: str, busy: Sequence[str], most: int) -> list[Due]:
        """Up to `most` of a sink's deliveries to make now, in order, but none of the subjects that are `busy`."""
        others = f"AND subject NOT IN ({marks(len(busy))}) " if busy else ""
        with self._database.read(self._site) as tx:
            rows = tx.rows(
                "SELECT pk, id, sink, event_id, kind, subject, body, created, attempts, log FROM deliveries "
                f"WHERE state = 0 AND sink = ? AND due_at <= ? {others}ORDER BY due_at, pk LIMIT ?",
                (sink, now_ms(), *busy, most),
            )
        return [
            Due(pk, one, name, event, kind, subject, body, created, tries, tuple(_attempts(log)))
            for pk, one, name, event, kind, subject, body, created, tries, log in rows
        ]

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what came of deliveries. Those behind a failed one wait for it."""
        if outcomes:
            self._database.write(self._site, lambda tx: _record(tx, outcomes))


def _lease(tx: Tx, names: Sequence[str], owner: str, lease_ms: int, most_new: int) -> list[str]:
    now = now_ms()
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect.name == "postgresql" else ""
    within = f"sink IN ({marks(len(names))})"
    mine = tx.rows(f"SELECT sink FROM subscriptions WHERE {within} AND lease_owner = ?", (*names, owner))
    free = tx.rows(
        f"SELECT sink FROM subscriptions WHERE {within} AND lease_owner <> ? AND lease_until < ? ORDER BY lease_until "
        f"LIMIT ?{skip}",
        (*names, owner, now, most_new),
    )
    held = [row[0] for row in (*mine, *free)]
    tx.many(
        "UPDATE subscriptions SET lease_owner = ?, lease_until = ? WHERE sink = ?",
        [(owner, now + lease_ms, name) for name in sorted(held)],
    )
    return held


def _fan_out(tx: Tx, sinks: Sequence[Sink], render: Render) -> bool:
    by_name = {sink.name: sink for sink in sinks}
    lock = " FOR UPDATE" if tx.dialect.name == "postgresql" else ""
    places = tx.rows(
        f"SELECT sink, position, active FROM subscriptions WHERE sink IN ({marks(len(by_name))}) ORDER BY sink{lock}",
        sorted(by_name),
    )
    if not places:
        return False
    start = min(place for _, place, _ in places)
    active = {name: bool(on) for name, _, on in places}
    rows = tx.rows(
        "SELECT id, at, kind, subject, data FROM events WHERE id > ? ORDER BY id LIMIT ?", (start, _MOST_EVENTS)
    )
    if not rows:
        return False
    made = []
    now = now_ms()
    waits: dict[tuple[str, str], int] = {}
    for row in rows:
        event = Event(row[0], row[1], row[2], row[3], msgspec.json.decode(row[4]))
        for name, place, _ in places:
            if event.id <= place:
                continue
            if event.subject == name and "status" in event.data:
                # Exactly what happened while it was active, however late somebody comes to look.
                active[name] = event.data["status"] == t.WebhookStatus.ACTIVE
            if not active[name]:
                continue
            body = render(by_name[name], event)
            if body is not None:
                lane = (name, event.subject)
                if lane not in waits:
                    waits[lane] = _wait(tx, *lane, now)
                made.append((str(uuid.uuid4()), name, event.id, event.kind, event.subject, body, now, waits[lane]))
    tx.many(
        "INSERT INTO deliveries (id, sink, event_id, kind, subject, body, state, attempts, created, due_at, log) "
        "VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?, '[]')",
        made,
    )
    end = rows[-1][0]
    tx.many(
        "UPDATE subscriptions SET position = ?, active = ? WHERE sink = ? AND position < ?",
        [(end, int(active[name]), name, end) for name, _, _ in places],
    )
    return len(rows) == _MOST_EVENTS


def _wait(tx: Tx, sink: str, subject: str, now: int) -> int:
    """When a new delivery may go out: not before those of the same subject that wait already."""
    row = tx.row("SELECT max(due_at) FROM deliveries WHERE state = 0 AND sink = ? AND subject = ?", (sink, subject))
    return max(now, row[0]) if row and row[0] is not None else now


def _record(tx: Tx, outcomes: Sequence[Outcome]) -> None:
    now = now_ms()
    ended, failed = [], []
    for one in outcomes:
        log = msgspec.json.encode([*one.due.log, one.attempt][-_MOST_LOGGED:]).decode()
        if one.state is t.DeliveryState.PENDING:
            failed.append((one.due_at, log, one.due.pk))
            # What stands behind it in line waits as long.
            tx.run(
                "UPDATE deliveries SET due_at = ? WHERE state = 0 AND sink = ? AND subject = ? AND due_at < ?",
                (one.due_at, one.due.sink, one.due.subject, one.due_at),
            )
        else:
            ended.append((_STATES.index(one.state), log, now, one.due.pk))
    tx.many("UPDATE deliveries SET attempts = attempts + 1, due_at = ?, log = ? WHERE pk = ? AND state = 0", failed)
    tx.many(
        "UPDATE deliveries SET attempts = attempts + 1, state = ?, log = ?, ended_at = ? WHERE pk = ? AND state = 0",
        ended,
    )


def _attempts(log: str) -> list[t.Attempt]:
    return msgspec.json.decode(log, type=list[t.Attempt])
