"""Keys of metrics, params and tags as small integers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

_MOST = 200_000
_CHUNK = 1000


class _Queries(Protocol):
    writes: bool
    fresh_names: dict[str, int]

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...
    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None: ...


class Names:
    """Both directions, kept in memory. Ids are never reused and names never deleted.

    What a writing transaction makes or meets may never be committed, and its ids may then be given to other names: it
    is held apart, in the transaction's `fresh_names`, until `committed`.
    """

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._texts: dict[int, str] = {}

    def find(self, tx: _Queries, name: str) -> int:
        """The id of `name`, or -1 where no such name was ever logged."""
        found = self._ids.get(name)
        return self.find_all(tx, (name,)).get(name, -1) if found is None else found

    def find_all(self, tx: _Queries, names: Collection[str]) -> dict[str, int]:
        """The ids of those of `names` that were ever logged."""
        answer: dict[str, int] = {}
        unknown: list[str] = []
        for name in names:
            found = self._ids.get(name)
            if found is None:
                found = tx.fresh_names.get(name)
            if found is None:
                unknown.append(name)
            else:
                answer[name] = found
        if unknown:
            answer.update(self._looked_up(tx, unknown))
        return answer

    def find_or_make(self, tx: _Queries, names: Collection[str]) -> dict[str, int]:
        """The ids of `names`; unknown ones are made, in `tx`."""
        answer = self.find_all(tx, names)
        if len(answer) < len(names):
            # Sorted, so that two transactions making the same names cannot wait for each other.
            lacking = sorted({name for name in names if name not in answer})
            tx.many("INSERT INTO names (name) VALUES (?) ON CONFLICT DO NOTHING", [(name,) for name in lacking])
            answer.update(self._looked_up(tx, lacking))
        return answer

    def committed(self, fresh: dict[str, int]) -> None:
        """The transaction that `fresh` belongs to has ended well."""
        if fresh:
            self._learn(fresh.items())
            fresh.clear()

    def texts(self, tx: _Queries, ids: set[int]) -> Mapping[int, str]:
        """id to name, for all of `ids` at least."""
        known = self._texts
        lacking = [one for one in ids if one not in known]
        if not lacking:
            return known
        found: dict[int, str] = {one: known[one] for one in ids if one in known}
        for start in range(0, len(lacking), _CHUNK):
            part = lacking[start : start + _CHUNK]
            rows = tx.rows(f"SELECT name, id FROM names WHERE id IN ({', '.join('?' * len(part))})", part)
            found.update((one, name) for name, one in rows)
            self._note(tx, rows)
        return found

    def _looked_up(self, tx: _Queries, names: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(names), _CHUNK):
            part = names[start : start + _CHUNK]
            rows = tx.rows(f"SELECT name, id FROM names WHERE name IN ({', '.join('?' * len(part))})", part)
            found.update((name, one) for name, one in rows)
            self._note(tx, rows)
        return found

    def _note(self, tx: _Queries, pairs: Collection[tuple[Any, ...]]) -> None:
        if tx.writes:
            tx.fresh_names.update((name, one) for name, one in pairs)
        else:
            self._learn((name, one) for name, one in pairs)

    def _learn(self, pairs: Iterable[tuple[str, int]]) -> None:
        if len(self._ids) > _MOST:
            # New dicts, since readers in other threads hold on to the old ones.
            self._ids, self._texts = {}, {}
        for name, one in pairs:
            self._texts[one] = name
            self._ids[name] = one
