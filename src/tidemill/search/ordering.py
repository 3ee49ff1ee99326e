"""Sort keys: `metrics.loss DESC`, one text each."""

from collections.abc import Sequence

from tidemill.errors import FilterError
from tidemill.search.comparisons import split
from tidemill.search.fields import Field, Noun, names
from tidemill.search.tokens import tokenize
from tidemill.search.tree import OrderBy

MAX_SORTS = 50
"""Each sort key is a join; SQLite joins at most 64 tables."""


def parse_order_by(clauses: Sequence[str], noun: Noun) -> tuple[OrderBy, ...]:
    """The sort keys in the order given; direction ascending where not named. Raises FilterError."""
    if len(clauses) > MAX_SORTS:
        raise FilterError(f"A search may be ordered by at most {MAX_SORTS} fields, not {len(clauses)}.")
    found: dict[Field, OrderBy] = {}
    for clause in clauses:
        one = _sort(clause, noun)
        if one.field in found and not noun.sort_twice:
            raise FilterError(f"`order_by` contains duplicate fields: {list(clauses)}", clause)
        found.setdefault(one.field, one)
    return tuple(found.values())


def _sort(clause: str, noun: Noun) -> OrderBy:
    tokens = tokenize(clause)
    first = tokens[0] if tokens else None
    named = first is not None and (first.kind == "name" or (first.kind == "text" and first.text[0] == '"'))
    if first is None or not named or clause != clause.strip() or len(tokens) > 2:
        raise _unreadable(clause)
    direction = ""
    name = first.text
    if len(tokens) == 2:
        direction = tokens[1].text.upper()
        if tokens[1].kind != "name":
            raise _unreadable(clause)
        if direction not in ("ASC", "DESC"):
            raise FilterError(f"Invalid ordering key in order_by clause '{clause}'.", clause, tokens[1].start)
        if name[0] == name[-1] == "`" and name.count("`") == 2:
            name = name[1:-1]  # MLflow takes backquotes around the whole name, but only before a direction
    elif name.upper() in ("ASC", "DESC"):
        raise _unreadable(clause)
    return OrderBy(_field(name, clause, noun), direction == "DESC")


def _field(name: str, clause: str, noun: Noun) -> Field:
    kind, key = ("attribute", name) if noun.sort_whole else split(noun, name, 0, clause)
    wording = noun.wording
    if kind not in noun.sort_kinds:
        raise FilterError(wording.sort_kind.format(kind=kind, key=key, keys=names(noun.sorts)), clause, 0)
    if kind != "attribute":
        return Field(kind, key)
    if key not in noun.sorts:
        raise FilterError(wording.sort_key.format(key=key, keys=names(noun.sorts)), clause, 0)
    return Field("attribute", noun.sorts[key].key)


def _unreadable(clause: str) -> FilterError:
    hint = " Put a key with unusual characters in backquotes." if any(one in clause for one in "-/:,") else ""
    return FilterError(f"Invalid order_by clause '{clause}'. Could not be parsed.{hint}", clause)
