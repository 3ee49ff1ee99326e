"""Searches that go on until there is enough."""

from collections.abc import Callable
from typing import TypeVar

from tidemill.tracking.entities import PagedList

T = TypeVar("T")
_PAGE = 1000


def pages(most: int | None, page: Callable[[int, str | None], PagedList[T]]) -> list[T]:
    """The items of as many pages as it takes to have `most` of them, or all."""
    found: list[T] = []
    token: str | None = None
    while most is None or len(found) < most:
        items = page(_PAGE if most is None else min(_PAGE, most - len(found)), token)
        found += items
        token = items.token
        if token is None:
            break
    return found
