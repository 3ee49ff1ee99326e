"""What every struct shares, and the answer that carries nothing."""

import enum
from typing import Annotated

import msgspec

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A signed 64-bit integer: what the wire, SQLite and PostgreSQL can all hold."""


class Entity(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing in an answer. Fields at their default are absent on the wire."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The argument of an operation.

    Unknown fields make the fast decoder give up; the lenient one (`api/codec.py`) then ignores them, as the
    protobuf JSON mapping asks.
    """


class Nothing(Entity, frozen=True):
    """The answer `{}`."""


NOTHING = Nothing()


class Tag(Request, frozen=True, omit_defaults=False):
    """A key and its text. As sent, a missing value is the empty text; as answered, an empty value is there."""

    key: str
    value: str = ""


class ViewType(enum.StrEnum):
    """Which lifecycle stages a search sees. Order and names are the wire's (1, 2, 3)."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"
