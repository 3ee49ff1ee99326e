"""Keyset pagination: a page starts after the last row of the one before, so inserts meanwhile shift nothing."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tidemill.errors import InvalidParameter
from tidemill.store.transaction import Row, Tx


class Where:
    """Conditions joined by AND, with their parameters in order."""

    def __init__(self) -> None:
        self.clauses: list[str] = []
        self.params: list[Any] = []

    def append(self, clause: str, params: Sequence[Any] = ()) -> None:
        """Add one condition."""
        self.clauses.append(clause)
        self.params.extend(params)

    def sql(self) -> str:
        """The text after WHERE."""
        return " AND ".join(self.clauses) or "1 = 1"


@dataclass(frozen=True, slots=True)
class Column:
    """One ordering key: an SQL expression that is never null."""

    sql: str
    descending: bool = False

    def text(self) -> str:
        """As it stands in ORDER BY."""
        return f"{self.sql} DESC" if self.descending else self.sql


@dataclass(frozen=True, slots=True)
class Order:
    """Ordering keys, the last of them unique, and the joins that they need.

    `signature` tells orderings apart whose SQL is the same; by default the parameters of the joins do.
    """

    columns: tuple[Column, ...]
    joins: str = ""
    join_params: tuple[Any, ...] = ()
    signature: str = field(default="", compare=False)

    def sign(self) -> str:
        """A short digest: a token of another ordering is no good for this one."""
        text = f"{self.signature or self.join_params}|{self.joins}|{self.columns}"
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def page(
    tx: Tx, columns: str, source: str, where: Where, order: Order, limit: int, after: Sequence[Any] | None
) -> tuple[list[Row], str | None]:
    """Up to `limit` rows of `columns`, and a token exactly when there are more."""
    rows = fetch(tx, columns, source, where, order, limit + 1, after)
    if len(rows) <= limit:
        return rows, None
    del rows[limit:]
    return rows, make_token(order, rows[-1][-len(order.columns) :])


def fetch(
    tx: Tx, columns: str, source: str, where: Where, order: Order, limit: int, after: Sequence[Any] | None
) -> list[Row]:
    """Up to `limit` rows of `columns` and the ordering keys, starting after the keys `after`."""
    keys = ", ".join(column.sql for column in order.columns)
    clauses, params = [where.sql()], [*order.join_params, *where.params]
    if after is not None:
        clause, more = _beyond(order.columns, after)
        clauses.append(clause)
        params += more
    return tx.rows(
        f"SELECT {columns}, {keys} FROM {source} {order.joins} WHERE {' AND '.join(clauses)} "
        f"ORDER BY {', '.join(column.text() for column in order.columns)} LIMIT ?",
        [*params, limit],
    )


def _beyond(columns: Sequence[Column], after: Sequence[Any]) -> tuple[str, list[Any]]:
    """The condition for rows that come after the keys `after`."""
    first = columns[0]
    # The first key's bound stands alone too, where an index can use it.
    parts = [f"{first.sql} {'<=' if first.descending else '>='} ?"]
    params: list[Any] = [after[0]]
    choices = []
    for place, column in enumerate(columns):
        same = [f"{earlier.sql} = ?" for earlier in columns[:place]]
        choices.append("(" + " AND ".join([*same, f"{column.sql} {'<' if column.descending else '>'} ?"]) + ")")
        params += [*after[:place], after[place]]
    parts.append("(" + " OR ".join(choices) + ")")
    return " AND ".join(parts), params


def make_token(order: Order, keys: Sequence[Any]) -> str:
    """The token of the page that starts after `keys`."""
    return base64.urlsafe_b64encode(msgspec.json.encode([order.sign(), *keys])).decode()


def read_token(token: str, order: Order) -> list[Any] | None:
    """The keys in a token, None for the first page. Raises InvalidParameter where it is not one of this ordering."""
    if not token:
        return None
    try:
        values = msgspec.json.decode(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, UnicodeError, msgspec.DecodeError):
        raise InvalidParameter("Invalid page token: it cannot be read. Start again without a token.") from None
    keys = values[1:] if isinstance(values, list) else []
    if (
        len(keys) != len(order.columns)
        or values[0] != order.sign()
        or not all(isinstance(key, str | int | float) and not isinstance(key, bool) for key in keys)
    ):
        raise InvalidParameter(
            "Invalid page token: it belongs to another search. Use it with the same filter and order, or start again."
        )
    return keys
