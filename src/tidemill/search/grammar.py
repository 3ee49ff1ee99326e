r"""The filter language: text to a typed tree. Nothing is ever evaluated.

A superset of the filters of the MLflow REST API. In words, blanks between tokens left out:

    filter     = [ either ] ;                                 nothing matches everything
    either     = all , { "OR" , all } ;
    all        = one , { "AND" , one } ;
    one        = { "NOT" } , ( comparison | "(" , either , ")" ) ;
    comparison = field , ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) , value
               | field , [ "NOT" ] , ( "LIKE" | "ILIKE" | "RLIKE" ) , text
               | field , [ "NOT" ] , "IN" , "(" , value , { "," , value } , [ "," ] , ")"
               | field , "IS" , [ "NOT" ] , "NULL" ;
    field      = [ entity , "." ] , key ;                     no entity: an attribute
    key        = word | "`" , any , "`" | '"' , any , '"' ;   a doubled quote stands for one
    value      = text | number ;
    text       = "'" , any , "'" | '"' , any , '"'            taken as it stands, see below
               | "E'" , json , "'" | 'E"' , json , '"' ;      with the escapes of JSON, and \'
    number     = [ "-" ] , ( digits , [ "." , [ digits ] ] | "." , digits ) , [ exponent ] ;

- Operators and joining words are written in any case; entities and attributes as listed in `fields.py`. A word is
  letters, digits and underscores, after the entity also dots. Only the first dot separates.
- Text between quotes is taken as it stands, as MLflow does: a doubled quote or a backslash before a quote does not end
  it, and both characters stay in the value. `E'...'` is ours, for text that holds both kinds of quotes, line ends and
  the like: a program writes `"E" + json.dumps(value)`.
- As in MLflow, AND may be missing between two comparisons, and stand twice, first or last, as long as the whole text
  has no OR, NOT or bracket.
- A param or tag against an unquoted number compares as numbers.
- In searches for logged models unquoted words are text, and a key may hold signs such as a dash without quotes.

Limits: `MAX_TEXT` characters, `MAX_TOKENS` words, `MAX_COMPARISONS` comparisons, `MAX_MEMBERS` members in all lists
together, `MAX_DEPTH` brackets and NOTs inside each other, `MAX_HEIGHT` levels in the tree. The parser keeps its own
stack, so that no text can exhaust Python's. Brackets that say nothing make no level: an AND inside an AND is one AND,
and two NOTs are none.
"""

from functools import lru_cache

from tidemill.errors import FilterError
from tidemill.search.comparisons import Operand
from tidemill.search.fields import Field, Noun
from tidemill.search.ordering import parse_order_by
from tidemill.search.tokens import Token, pointed, tokenize
from tidemill.search.tree import And, Comparison, Expr, Not, Op, Or, OrderBy, Value

__all__ = [
    "And",
    "Comparison",
    "Expr",
    "Field",
    "Not",
    "Op",
    "Or",
    "OrderBy",
    "Value",
    "parse_filter",
    "parse_order_by",
]

MAX_COMPARISONS = 500
"""A database builds a deep expression from a long one; SQLite's own limit is 1,000."""
MAX_DEPTH = 100
MAX_HEIGHT = 20
"""AND, OR and NOT in turns, inside each other. SQLite before 3.46 parses with a stack of 100 symbols, which overflows at 26."""
MAX_MEMBERS = 20_000
"""Each member travels as a parameter of the statement; SQLite takes 32,766, PostgreSQL 65,535."""

_REMEMBERED_TEXT = 2_000
_SYMBOLS = {op.value: op for op in (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE)}
_WORDS: dict[str, Op | None] = {
    "LIKE": Op.LIKE,
    "NOT LIKE": Op.NOT_LIKE,
    "ILIKE": Op.ILIKE,
    "NOT ILIKE": Op.NOT_ILIKE,
    "RLIKE": Op.RLIKE,
    "NOT RLIKE": Op.NOT_RLIKE,
    "IN": Op.IN,
    "NOT IN": Op.NOT_IN,
    "IS NULL": Op.IS_NULL,
    "IS NOT NULL": Op.IS_NOT_NULL,
    # Read as an operator, as MLflow does, to be refused as one.
    "REGEXP": None,
    "NOT REGEXP": None,
}
_SHOWN = 20
"""Words that an error repeats at most."""


def parse_filter(text: str, noun: Noun) -> Expr | None:
    """The tree of a filter, None where it is empty and so matches everything. Raises FilterError, with the position."""
    if len(text) <= _REMEMBERED_TEXT:
        return _remembered(text, noun)
    return _Parser(text, noun).parse()


@lru_cache(maxsize=512)
def _remembered(text: str, noun: Noun) -> Expr | None:
    return _Parser(text, noun).parse()


class _Group:
    """What has been read between two brackets: finished parts of an OR, parts of the AND being read, pending NOTs."""

    __slots__ = ("any_of", "every", "nots", "opened")

    def __init__(self, opened: Token | None) -> None:
        self.opened = opened
        self.any_of: list[Expr] = []
        self.every: list[Expr] = []
        self.nots = 0

    def add(self, expr: Expr) -> None:
        if self.nots % 2:
            expr = expr.item if isinstance(expr, Not) else Not(expr)
        self.nots = 0
        self.every += expr.items if isinstance(expr, And) else (expr,)

    def next_part(self) -> None:
        part = self.every[0] if len(self.every) == 1 else And(tuple(self.every))
        self.any_of += part.items if isinstance(part, Or) else (part,)
        self.every = []

    def expr(self) -> Expr:
        self.next_part()
        return self.any_of[0] if len(self.any_of) == 1 else Or(tuple(self.any_of))


def _children(node: Expr) -> tuple[Expr, ...]:
    if isinstance(node, Comparison):
        return ()
    return (node.item,) if isinstance(node, Not) else node.items


class _Parser:
    def __init__(self, text: str, noun: Noun) -> None:
        self.text, self.noun = text, noun
        self.tokens = tokenize(text)
        self.at = 0
        self.groups = [_Group(None)]
        self.depth = self.comparisons = self.members = 0
        self.wanting = True  # whether a comparison, NOT or opening bracket must come next
        self.loose: int | None = None  # where MLflow's leniency about AND was first used
        self.strict = False  # whether there was any OR, NOT or bracket, which rule that leniency out

    def parse(self) -> Expr | None:
        if not self.tokens:
            return None
        while self.at < len(self.tokens):
            self.step(self.tokens[self.at])
        last, group = len(self.tokens) - 1, self.groups[-1]
        if group.opened is not None:
            raise self.clause(self.tokens.index(group.opened), "The bracket is never closed.", only=True)
        if self.wanting:
            if group.nots or not group.every:
                raise self.clause(last, "A comparison must follow.", only=True)
            self.lenient(last)
        if self.strict and self.loose is not None:
            raise self.clause(self.loose, "Put one AND or OR between comparisons.")
        return self.checked(group.expr())

    def checked(self, tree: Expr) -> Expr:
        """The tree, if it is not too high."""
        level: list[Expr] = [tree]
        for _ in range(MAX_HEIGHT):
            level = [child for node in level for child in _children(node)]
        for node in level:
            if isinstance(node, Comparison):
                continue
            while not isinstance(node, Comparison):
                node = _children(node)[0]
            message = f"A search text may nest AND, OR and NOT at most {MAX_HEIGHT} deep."
            raise pointed(message, self.text, node.position)
        return tree

    def step(self, token: Token) -> None:
        word = token.text.upper()
        if word == "AND":
            if self.wanting:
                self.lenient(self.at)
            self.wanting = True
        elif word == "OR":
            if self.wanting:
                raise self.clause(self.at, "A comparison must stand on both sides.", only=True)
            self.groups[-1].next_part()
            self.wanting = self.strict = True
        elif word == ")":
            self.close()
        elif not self.wanting and (word in ("NOT", "(") or not self.starts(self.at)):
            raise self.clause(self.at)
        elif word == "NOT":
            self.deeper(token)
            self.groups[-1].nots += 1
        elif word == "(":
            self.deeper(token)
            self.groups.append(_Group(token))
        else:
            if not self.wanting:
                self.lenient(self.at)
            self.add(self.comparison())
            return
        self.at += 1

    def lenient(self, at: int) -> None:
        if self.loose is None:
            self.loose = at

    def deeper(self, token: Token) -> None:
        self.strict = True
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = f"A search text may nest brackets and NOT at most {MAX_DEPTH} deep."
            raise pointed(message, self.text, token.start)

    def add(self, expr: Expr) -> None:
        group = self.groups[-1]
        self.depth -= group.nots
        group.add(expr)
        self.wanting = False

    def close(self) -> None:
        group = self.groups[-1]
        if group.opened is None:
            raise self.clause(self.at, "The bracket was never opened.", only=True)
        if self.wanting:
            raise self.clause(self.at, "A comparison must stand before it.", only=True)
        self.groups.pop()
        self.depth -= 1
        self.add(group.expr())

    def comparison(self) -> Expr:
        start = self.at
        token, at = self.subject(start)
        found = self.operator(at)
        if found is None:
            raise self.clause(start)
        if token.kind != "name" and not (token.kind == "text" and token.text[0] == '"'):
            message = f"Invalid comparison clause. Expected 'Identifier' found '{token.text}'"
            raise pointed(message, self.text, token.start)
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            message = f"A search text may hold at most {MAX_COMPARISONS} comparisons."
            raise pointed(message, self.text, token.start)
        op, written, end = found
        operand = Operand(self.noun, token, self.text)
        if self.noun.loose:
            operand.takes(op, written, self.tokens[at])
        value: Value = None
        if op not in (Op.IS_NULL, Op.IS_NOT_NULL):
            value, end = self.value(operand, op, start, end)
        op = operand.takes(op, written, self.tokens[at])
        if op in (Op.RLIKE, Op.NOT_RLIKE):
            operand.pattern(value, self.tokens[end - 1])
        self.at = end
        if value == ():
            # MLflow takes an empty list for logged models: nothing is in it, and all that have the field are not.
            null, full = (Comparison(operand.field, is_op, None, token.start) for is_op in (Op.IS_NULL, Op.IS_NOT_NULL))
            return full if op is Op.NOT_IN else And((null, full))
        return Comparison(operand.field, op, value, token.start)

    def subject(self, at: int) -> tuple[Token, int]:
        """The word at the left of a comparison, signs such as a dash included, and the place after it."""
        token, end = self.tokens[at], at + 1
        while end < len(self.tokens) and self.tokens[end].start == self.tokens[end - 1].end and self.joins(end):
            end += 1
        if token.kind != "name" or end == at + 1 or self.operator(end) is None:
            return token, at + 1
        whole = Token("name", self.text[token.start : self.tokens[end - 1].end], token.start)
        if not self.noun.loose:
            message = f"Invalid comparison clause. Expected 'Identifier' found '{whole.text}'"
            raise pointed(message, self.text, token.start, "Put a key with such characters in backquotes.")
        return whole, end

    def joins(self, at: int) -> bool:
        token = self.tokens[at]
        return token.kind in ("name", "number", "bare") or (token.kind == "junk" and token.text in "-+*/@#%&|")

    def operator(self, at: int) -> tuple[Op | None, str, int] | None:
        """The operator at a place (None: one that no field takes), as written, and the place after it."""
        if at >= len(self.tokens):
            return None
        token = self.tokens[at]
        if token.kind == "op":
            return None if token.text == "!" else (_SYMBOLS.get(token.text), token.text, at + 1)
        if token.kind != "name":
            return None
        words = token.text.upper()
        for end in range(at + 1, at + 4):
            if words in _WORDS:
                return _WORDS[words], words, end
            if end == len(self.tokens) or words not in ("NOT", "IS", "IS NOT"):
                return None
            words = f"{words} {self.tokens[end].text.upper()}"
        return None

    def starts(self, at: int) -> bool:
        """Whether a comparison starts here."""
        if self.tokens[at].kind in ("op", "mark", "junk"):
            return False
        return self.operator(at + 1) is not None or self.operator(self.subject(at)[1]) is not None

    def value(self, operand: Operand, op: Op | None, start: int, at: int) -> tuple[Value, int]:
        token = self.tokens[at] if at < len(self.tokens) else None
        if token is None or token.kind in ("op", "junk"):
            raise self.clause(start)
        if token.kind != "mark":
            if op in (Op.IN, Op.NOT_IN):
                raise self.clause(start, "A list in brackets must follow.")
            return operand.one(op, token), at + 1
        if token.text != "(":
            raise self.clause(start)
        end = at + 1
        while end < len(self.tokens) and self.tokens[end].text != ")":
            end += 1
        if end == len(self.tokens):
            raise self.clause(start, "The bracket is never closed.")
        self.members += (end - at) // 2
        if self.members > MAX_MEMBERS:
            message = f"The lists of a search text may hold at most {MAX_MEMBERS} members."
            raise pointed(message, self.text, token.start)
        return operand.many(op, self.tokens[at : end + 1]), end + 1

    def clause(self, at: int, hint: str = "", only: bool = False) -> FilterError:
        """The error for words that form no comparison: those from a place on, or just the one."""
        for token in self.tokens[:-1]:
            if token.text == ";":
                statements = self.noun.wording.statements.format(filter=repr(self.text))
                return pointed(statements, self.text, token.start)
        words = [self.tokens[at].text]
        for end in range(at + 1, at + 1 if only else min(at + _SHOWN, len(self.tokens))):
            if self.tokens[end].text.upper() in ("AND", "OR") or self.starts(end):
                break
            words.append(self.tokens[end].text)
        quoted = ", ".join(f"'{word}'" for word in words)
        message = self.noun.wording.clause.format(quoted=quoted, plain=", ".join(words), filter=repr(self.text))
        if not hint and words[-1][0] in "'\"`" and len(words[-1]) == 1:
            hint = "The quote is never closed."
        return pointed(message, self.text, self.tokens[at].start, hint)
