"""What the parts of the client share: the store they talk to, and how MLflow's loose arguments become the wire's."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tidemill.api.operation import Operation
from tidemill.errors import InvalidParameter
from tidemill.tracking import resolve
from tidemill.types.page import Tag, ViewType

In = TypeVar("In")
Out = TypeVar("Out")
LogPoints = Callable[[str, tuple[str, ...], Sequence[float], int, int], None]
"""Takes run id, keys, values, timestamp and step at once; a journal has it."""


class Connection:
    """Where operations go. `uri` as in `tidemill.set_tracking_uri`; None: the address in force now."""

    def __init__(self, uri: "str | os.PathLike[str] | None" = None) -> None:
        self.tracking_uri = resolve.current_address() if uri is None else resolve.address_of(uri)
        self.backend = resolve.backend(self.tracking_uri)
        self._log_points: LogPoints | None = getattr(self.backend, "log_points", None)

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out one operation of `tidemill.api` there."""
        return self.backend.call(op, arg)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({resolve.shown(self.tracking_uri)!r})"


def text_list(value: Any, name: str) -> list[str]:
    """One id or many, as numbers or texts, as a list of texts."""
    if value is None:
        return []
    if isinstance(value, str | int):
        return [str(value)]
    if isinstance(value, Mapping):
        raise InvalidParameter(f"'{name}' must be a list of texts, not a dict.")
    return [str(one) for one in value]


def tag_list(tags: Mapping[str, Any] | None, name: str = "tags") -> list[Tag]:
    """A dict as the wire's list; values become texts."""
    if tags is None:
        return []
    if not isinstance(tags, Mapping):
        raise InvalidParameter(f"'{name}' must be a dict of key to value, not a {type(tags).__name__}.")
    return [Tag(str(key), str(value)) for key, value in tags.items()]


def view_of(value: "ViewType | str | int") -> ViewType:
    """Which lifecycle stages to see: a ViewType, its name, or MLflow's number for it (1, 2, 3)."""
    members = list(ViewType)
    if isinstance(value, int) and 1 <= value <= len(members):
        return members[value - 1]
    try:
        return ViewType(str(value).upper())
    except ValueError:
        names = ", ".join(member.name for member in members)
        raise InvalidParameter(f"There is no view type {value!r}; use one of {names}.") from None
