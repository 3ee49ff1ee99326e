"""Keys of metrics, params and tags as small integers."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

_MOST = 200_000


class _Queries(Protocol):
    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...
    def row(self, sql: str, params: Sequence[Any] = ()) -> tuple[Any, ...] | None: ...
    def run(self, sql: str, params: Sequence[Any] = ()) -> int: ...


class Names:
    """Both directions, kept in memory. Ids are never reused and names never deleted.

    Names made in a transaction that has not ended yet are held apart, so that a rollback leaves nothing wrong behind.
    """

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def find(self, tx: _Queries, name: str) -> int:
        """The id of `name`, or -1 where no such name was ever logged."""
        found = self._ids.get(name)
        if found is None:
            row = tx.row("SELECT id FROM names WHERE name = ?", (name,))
            if row is None:
                return -1
            found = row[0]
            self._learn([(name, found)])
        return found

    def find_or_make(self, tx: _Queries, fresh: dict[str, int], names: Iterable[str]) -> dict[str, int]:
        """The ids of `names`; unknown ones are made, in `tx`, and noted in `fresh` until it is committed."""
        ids = self._ids
        answer: dict[str, int] = {}
        unknown: list[str] = []
        for name in names:
            found = ids.get(name)
            if found is None:
                found = fresh.get(name)
            if found is None:
                unknown.append(name)
            else:
                answer[name] = found
        # Sorted, so that two transactions making the same names cannot wait for each other.
        for name in sorted(set(unknown)):
            row = tx.row("SELECT id FROM names WHERE name = ?", (name,))
            if row is None:
                tx.run("INSERT INTO names (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
                row = tx.row("SELECT id FROM names WHERE name = ?", (name,))
            assert row is not None
            answer[name] = fresh[name] = row[0]
        return answer

    def committed(self, fresh: dict[str, int]) -> None:
        """The transaction that made `fresh` has ended well."""
        if fresh:
            self._learn(list(fresh.items()))
            fresh.clear()

    def texts(self, tx: _Queries, ids: set[int]) -> dict[int, str]:
        """id to name, for all of `ids`."""
        known = self._texts
        lacking = [one for one in ids if one not in known]
        for start in range(0, len(lacking), 500):
            part = lacking[start : start + 500]
            rows = tx.rows(f"SELECT name, id FROM names WHERE id IN ({', '.join('?' * len(part))})", part)
            self._learn([(row[0], row[1]) for row in rows])
        return self._texts

    def _learn(self, pairs: list[tuple[str, int]]) -> None:
        if len(self._ids) > _MOST:
            # New dicts, since readers in other threads hold on to the old ones.
            self._ids, self._texts = {}, {}
        for name, one in pairs:
            self._texts[one] = name
            self._ids[name] = one
