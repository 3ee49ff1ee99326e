"""What a search text means: a tree of comparisons joined by and, or, not. Plain frozen data, compared by value."""

import dataclasses
import enum
from dataclasses import dataclass

from tidemill.search.fields import Field

Value = str | int | float | tuple[str, ...] | tuple[int | float, ...] | None
"""What a field is compared with: text compares as text, a number as a number, a tuple belongs to IN and NOT IN,
None to IS NULL and IS NOT NULL. Whole numbers within 64 bits are int; all others are float (infinite if too large)."""


class Op(enum.Enum):
    """The operators; the value is how the operator is written."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    NOT_LIKE = "NOT LIKE"
    ILIKE = "ILIKE"
    NOT_ILIKE = "NOT ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"
    RLIKE = "RLIKE"
    NOT_RLIKE = "NOT RLIKE"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition. `position` is the 0-based offset of the field in the text; two trees are equal without it."""

    field: Field
    op: Op
    value: Value
    position: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite: whatever `item` does not match, things without the field included."""

    item: "Expr"


Expr = And | Or | Not | Comparison


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One sort key. Things without the field come last in both directions."""

    field: Field
    descending: bool
