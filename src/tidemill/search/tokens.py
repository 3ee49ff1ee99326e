"""From text to words: one compiled expression, and errors that point at a place in the text."""

import re
from typing import NamedTuple

from tidemill.errors import FilterError

MAX_TEXT = 500_000
"""Characters in one search text: enough for a list of 10,000 run ids."""

MAX_TOKENS = 60_000
"""Words in one search text, so that half a megabyte of brackets costs milliseconds."""

_EXCERPT = 30
_MESSAGE = 2_000

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<escaped> [Ee](?: '[^'\\]*+(?:\\.[^'\\]*+)*+' | "[^"\\]*+(?:\\.[^"\\]*+)*+" ) )
    | (?P<name>    (?: [^\W\d]\w* | `[^`]*(?:``[^`]*)*` )
                   (?: \. (?: `[^`]*(?:``[^`]*)*` | "[^"]*(?:""[^"]*)*" | '[^']*(?:''[^']*)*' | [\w.]* ) )? )
    | (?P<number>  -?(?: [0-9]+(?:\.[0-9]*)? | \.[0-9]+ )(?:[eE][+-]?[0-9]+)?(?![\w.]) )
    | (?P<bare>    -?\.?[0-9][\w.]* )
    | (?P<text>    '[^'\\]*(?:(?:''|\\'|\\)[^'\\]*)*' | "[^"\\]*(?:(?:""|\\"|\\)[^"\\]*)*" )
    | (?P<op>      [<>=!~]+ )
    | (?P<mark>    [(),;] )
    | (?P<junk>    . )
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "\\": "\\", "/": "/"}


class Token(NamedTuple):
    """A word of the text. `kind` is `mark` for brackets, comma and semicolon, and `junk` for what is never right."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self.start + len(self.text)


def tokenize(text: str) -> list[Token]:
    """All words of the text, blanks left out. Raises FilterError for text that no database can hold or that is too long."""
    if len(text) > MAX_TEXT:
        raise FilterError(f"The search text has {len(text)} characters; at most {MAX_TEXT} are allowed.", text)
    if (nul := text.find("\0")) >= 0:
        raise pointed("A search text must not contain NUL characters.", text, nul)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise FilterError("The search text is not valid Unicode.", "", error.start) from None
    tokens: list[Token] = []
    # Without the blanks at the end each match begins where the last one ended: `junk` takes whatever is left over.
    for match in _TOKEN.finditer(text.rstrip()):
        kind = match.lastgroup or "junk"
        start, end = match.span(kind)
        if len(tokens) == MAX_TOKENS:
            raise pointed(f"A search text may hold at most {MAX_TOKENS} words.", text, start)
        tokens.append(Token(kind, text[start:end], start))
    return tokens


def pointed(message: str, text: str, position: int, hint: str = "") -> FilterError:
    """The error with the place appended, counted from 1 as editors do: `... (at character 17: "excerpt")`."""
    rest = " ".join(text[position : position + _EXCERPT].split())
    cut = "..." if len(text) > position + _EXCERPT else ""
    place = f'(at character {position + 1}: "{rest}{cut}")' if rest else "(at the end)"
    if len(message) > _MESSAGE:
        message = message[:_MESSAGE] + "..."
    return FilterError(f"{message} {place}{f'. {hint}' if hint else ''}", text, position)


def unescape(token: Token, text: str) -> str:
    r"""The value of `E'...'`: the escapes of JSON and `\'`. Raises FilterError for any other escape."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        try:
            return _ESCAPED[match[2]]
        except KeyError:
            where = token.start + 2 + match.start()
            raise pointed(f"There is no escape '{match[0]}' in an E'...' text.", text, where) from None

    value = _ESCAPE.sub(one, token.text[2:-1])
    if "\\u" in token.text:
        try:
            value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise pointed("Half of a surrogate pair in an E'...' text.", text, token.start) from None
    if "\0" in value:
        raise pointed("A search text must not contain NUL characters.", text, token.start)
    return value
