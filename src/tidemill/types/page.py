"""What every struct shares, and the answer that carries nothing."""

import msgspec


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


class Tag(Entity, frozen=True, omit_defaults=True):
    """A key and its text."""

    key: str
    value: str


class TagIn(Request, frozen=True):
    """A tag as sent: a missing value is the empty text."""

    key: str
    value: str = ""
