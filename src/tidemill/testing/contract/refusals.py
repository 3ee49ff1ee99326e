"""How the contract checks that something is refused: the error's class and its text, to the letter."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tidemill.errors import TidemillError

SEE_DOCS = "See the API docs for more information about request parameters."

_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) "
    "and slashes (/)."
)
_FILES = (
    "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. "
    "This name would resolve to '{}'"
)
BAD_NAMES = {
    "a#b": _CHARACTERS,
    "a$": _CHARACTERS,
    "a\\\\b": _CHARACTERS,
    "(a)": _CHARACTERS,
    "a,b": _CHARACTERS,
    ".": _FILES.format("."),
    "..": _FILES.format(".."),
    "../a": _FILES.format("../a"),
    "..a": _FILES.format("..a"),
    "/a": _FILES.format("/a"),
    "./a": _FILES.format("a"),
    "a//b": _FILES.format("a/b"),
    "a/../b": _FILES.format("b"),
    "a/./b": _FILES.format("a/b"),
    "a/": _FILES.format("a"),
}
"""Names that metrics, params and tags cannot have, as they stand in JSON, and why."""

GOOD_NAMES = (
    "a",
    "a.b",
    "a-b_c",
    "a b",
    "a/b/c",
    "a:b",
    ".a",
    "a..b",
    "grün",
    "学习率",
    "Скорость/1",
    "0",
    "_",
    "x" * 250,
)
"""Names that they can have."""


def bad_name(shown: str, path: str) -> str:
    """The text that refuses the name whose JSON is `shown`; `path` is the parameter's."""
    return f"Invalid value \"{shown}\" for parameter '{path}' supplied: {BAD_NAMES[shown]}"


def missing(field: str) -> str:
    """The text for a required field that is not there."""
    return f"Missing value for required parameter '{field}'. {SEE_DOCS}"


@contextmanager
def refused(kind: type[TidemillError], text: str | None = None, *, starts: str = "", holds: str = "") -> Iterator[None]:
    """The block raises an error of the wire code and status of `kind`.

    Its text is exactly `text`, or starts with `starts`, or holds `holds`.
    """
    with pytest.raises(TidemillError) as caught:
        yield
    error = caught.value
    assert (error.code, error.status) == (kind.code, kind.status), f"{type(error).__name__}: {error}"
    assert isinstance(error, kind), f"{type(error).__name__}: {error}"
    assert str(error) == error.message
    if text is not None:
        assert error.message == text
    assert error.message.startswith(starts)
    assert holds in error.message
