"""One comparison: the field it names, the value it takes, and whether the two go together."""

import re
from collections.abc import Sequence

from tidemill.errors import FilterError
from tidemill.search.fields import (
    ATTRIBUTE_KEY,
    DATASET_KEY,
    DATASET_KEYS,
    UNQUOTED,
    Attribute,
    Field,
    Kind,
    Noun,
    Shape,
    names,
    unquote,
)
from tidemill.search.patterns import MAX_PATTERN, compile_pattern
from tidemill.search.tokens import Token, pointed, unescape
from tidemill.search.tree import Op, Value

_ORDERING = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE)
_NULL = (Op.IS_NULL, Op.IS_NOT_NULL)
_NUMBER_OPS = (*_ORDERING, Op.IN, Op.NOT_IN, *_NULL)
_INT64 = 2**63
_LIST = "While parsing a list in the query, expected "


class Operand:
    """The left side: a field of the noun, with all that is needed to judge what it is compared with."""

    __slots__ = ("attribute", "field", "noun", "shape", "text", "token", "written")

    def __init__(self, noun: Noun, token: Token, text: str) -> None:
        """`token` is the field's name in `text`. Raises FilterError where the noun has no such field."""
        self.noun, self.token, self.text = noun, token, text
        self.attribute: Attribute | None = None
        self.shape: Shape
        kind, key = split(noun, token.text, token.start, text)
        self.written = key
        if kind == "attribute":
            found = noun.filters.get(key)
            if found is None:
                raise self.wrong(ATTRIBUTE_KEY.format(key=key, keys=names(noun.filters)))
            self.attribute, self.shape, key = found, found.shape, found.key
        else:
            self.shape = kind
            if kind == "dataset" and key not in DATASET_KEYS:
                raise self.wrong(DATASET_KEY.format(key=key, keys=", ".join(f"'{one}'" for one in DATASET_KEYS)))
        self.field = Field(kind, key)

    def wrong(self, message: str, place: Token | None = None, hint: str = "") -> FilterError:
        """An error that points at `place`, by default at the field."""
        return pointed(message, self.text, (place or self.token).start, hint)

    def takes(self, op: Op | None, written: str, place: Token) -> Op:
        """The operator, if there is one of that name and the field takes it."""
        valid = _NUMBER_OPS if self.numeric else tuple(Op)
        if op in valid:
            return op
        listed = ", ".join(f"'{one.value}'" for one in valid)
        sentence = self.noun.wording.comparator[self.shape]
        fill = {"op": written, "key": self.written, "kind": self.field.kind, "valid": listed}
        raise self.wrong(sentence.format(**fill), place)

    @property
    def numeric(self) -> bool:
        """Whether only numbers can be compared with it."""
        return self.shape in ("metric", "number")

    def one(self, op: Op | None, token: Token) -> str | int | float:
        """The value of a single word after the operator."""
        if self.numeric:
            return self._number(token)
        if token.kind in ("text", "escaped"):
            return self._name_of(_text(token, self.text), op)
        if token.kind == "number":
            if self.shape in ("param", "tag") and (op in _ORDERING or op is None):
                return number(token.text)
            if not self.noun.loose:
                raise self.not_text(token.text, token)
        if self.noun.loose:
            return self._name_of(token.text, op)
        if token.text.lower() == "null":
            raise self.not_text(token.text, token, "IS NULL asks for what has no value.")
        raise self.wrong(UNQUOTED.format(value=token.text), token)

    def many(self, op: Op | None, tokens: Sequence[Token]) -> Value:
        """The values of a bracketed list; `tokens` are the words from the opening to the closing bracket."""
        source = self.text[tokens[0].start : tokens[-1].end]
        if op not in (Op.IN, Op.NOT_IN):
            raise self.not_number(source, tokens[0]) if self.numeric else self.not_text(source, tokens[0])
        members = tokens[1:-1:2]
        if not members and not self.noun.loose:
            raise self.wrong(_LIST + "a non-empty list of string values, but got empty list", tokens[0])
        well_formed = all(one.text == "," for one in tokens[2:-1:2]) and all(
            one.kind in ("text", "escaped", "number") for one in members
        )
        if not well_formed:
            raise self.wrong(_LIST + "a non-empty list of string values, but got ill-formed list.", tokens[0])
        numbers = [number(one.text) for one in members if one.kind == "number"]
        if numbers and len(numbers) == len(members) and self.shape in ("metric", "number", "param", "tag"):
            return tuple(numbers)
        if self.numeric and members:
            raise self.not_number(source, tokens[0])
        if numbers:
            mixed = tuple(number(one.text) if one.kind == "number" else _text(one, self.text) for one in members)
            sentence = f"string value, punctuation, or whitespace, but got different type in list: {mixed}"
            raise self.wrong(_LIST + sentence, tokens[0])
        return tuple(self._name_of(_text(one, self.text), op) for one in members)

    def pattern(self, value: Value, place: Token) -> None:
        """Raises FilterError unless the value is a regular expression (see `patterns.py`)."""
        assert isinstance(value, str)
        if len(value) > MAX_PATTERN:
            raise self.wrong(f"A regular expression may have at most {MAX_PATTERN} characters.", place)
        try:
            compile_pattern(value)
        except ValueError as error:
            raise self.wrong(f"Invalid regular expression: {error}", place) from None

    def not_text(self, value: str, place: Token, hint: str = "") -> FilterError:
        """The error for something that should be quoted text."""
        return self.wrong(self.noun.wording.not_text[self.shape].format(value=value), place, hint)

    def not_number(self, value: str, place: Token) -> FilterError:
        """The error for something that should be a number."""
        sentence = self.noun.wording.not_number[self.shape]
        return self.wrong(sentence.format(value=value, key=self.written), place)

    def _number(self, token: Token) -> int | float:
        if token.kind == "number":
            return number(token.text)
        if self.noun.loose and token.text.lower() in ("inf", "infinity"):
            return float("inf")
        if token.kind == "text" and self.noun.quoted_numbers:
            inner = token.text[1:-1]
            if re.fullmatch(r"-?[0-9]{1,30}", inner):
                return number(inner)
            raise self.not_number(token.text, token)
        if self.noun.quoted_numbers:
            raise self.wrong(UNQUOTED.format(value=token.text), token)
        raise self.not_number(token.text, token)

    def _name_of(self, value: str, op: Op | None) -> str:
        if self.attribute is None or op not in (Op.EQ, Op.NE, Op.IN, Op.NOT_IN):
            return value
        return self.attribute.values.get(value, value)


def split(noun: Noun, name: str, position: int, text: str) -> tuple[Kind, str]:
    """A written name as kind and key, without quotes: only the first dot counts. Raises FilterError: no such entity."""
    entity, dot, key = name.partition(".")
    if not dot:
        return "attribute", unquote(name)
    kind = noun.entities.get(unquote(entity))
    if kind is None:
        raise pointed(noun.wording.entity.format(name=entity), text, position)
    return kind, unquote(key)


def number(text: str) -> int | float:
    """A number as written: whole numbers within 64 bits as int, all others as float."""
    if len(text) <= 20 and text.lstrip("-").isdecimal():
        value = int(text)
        if -_INT64 <= value < _INT64:
            return value
    return float(text)


def _text(token: Token, text: str) -> str:
    return unescape(token, text) if token.kind == "escaped" else token.text[1:-1]
