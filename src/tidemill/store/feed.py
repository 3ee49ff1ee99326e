"""What a live feed reads: new events, and which runs have changed, whoever changed them.

Events come from the outbox. Changes of runs are notices only, not stored: those of this process from its commits; those
of others (servers beside this one, programs that write to the same file) by the revisions of the runs that are running,
of which there are few. Nothing is read, and no commit is slowed down, while nobody watches.
"""

import threading
from collections.abc import Callable

import msgspec

from tidemill.store.database import Database
from tidemill.store.events import newest_id
from tidemill.store.transaction import Site, marks

_RUNNING = 1
_MOST = 1000


class Entry(msgspec.Struct):
    """An event for a feed: its id, kind and subject to choose by, and itself as JSON. Notices have the id 0."""

    id: int
    kind: str
    subject: str
    body: bytes


class FeedReader:
    """Reads for one process. `wake` is called, from any thread, when there may be something new."""

    def __init__(self, database: Database, site: Site, wake: Callable[[], None]) -> None:
        self._database = database
        self._site = site
        self._wake = wake
        self._lock = threading.Lock()
        self._touched: set[int] = set()
        self._revisions: dict[int, int] | None = None
        self.watching = False
        """Whether somebody wants to know."""
        site.listeners.append(self._notice)

    def _notice(self, touched: set[int], events: int) -> None:
        if not self.watching:
            return
        if touched:
            with self._lock:
                self._touched |= touched
        if events:
            self._wake()

    def newest(self) -> int:
        """The id of the newest event."""
        with self._database.read(self._site) as tx:
            return newest_id(tx)

    def after(self, cursor: int) -> list[Entry]:
        """The next events, at most 1000."""
        with self._database.read(self._site) as tx:
            rows = tx.rows(
                "SELECT id, at, kind, subject, data FROM events WHERE id > ? ORDER BY id LIMIT ?", (cursor, _MOST)
            )
        return [
            Entry(row[0], row[2], row[3], _body(id=row[0], time=row[1], kind=row[2], subject=row[3], data=row[4]))
            for row in rows
        ]

    def oldest(self) -> int:
        """The id of the oldest event that is kept; 0 where there is none."""
        with self._database.read(self._site) as tx:
            row = tx.row("SELECT min(id) FROM events")
        return int(row[0] or 0) if row else 0

    def changed_runs(self) -> list[Entry]:
        """One notice for each run that has changed since the last call."""
        with self._lock:
            touched, self._touched = self._touched, set()
        with self._database.read(self._site) as tx:
            running = tx.rows("SELECT pk, rev FROM runs WHERE status = ?", (_RUNNING,))
            revisions: dict[int, int] = dict(running)
            before = self._revisions
            if before is not None:
                touched |= {pk for pk, rev in revisions.items() if before.get(pk, -1) != rev}
                touched |= before.keys() - revisions.keys()
            self._revisions = revisions
            found = []
            for start in range(0, len(touched), 500):
                part = sorted(touched)[start : start + 500]
                within = f"SELECT run_id, experiment_id FROM runs WHERE pk IN ({marks(len(part))})"
                found += tx.rows(within, part)
        notices = []
        for run_id, experiment in found:
            data = msgspec.json.encode({"run_id": run_id, "experiment_id": str(experiment)}).decode()
            subject = f"run/{run_id}"
            notices.append(Entry(0, "run.changed", subject, _body(kind="run.changed", subject=subject, data=data)))
        return notices

    def forget(self) -> None:
        """Nobody watches any more."""
        self.watching = False
        self._revisions = None
        with self._lock:
            self._touched = set()


def _body(**fields: object) -> bytes:
    data = str(fields.pop("data"))
    return msgspec.json.encode({**fields, "data": msgspec.Raw(data.encode())})
