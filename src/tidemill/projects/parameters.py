"""Parameters of an entry point: their types, their defaults, and the values that a run gets."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.errors import InvalidParameter

TYPES = ("string", "float", "int", "path", "uri")
_NAMES = {"str": "string", "double": "float", "integer": "int", "number": "float"}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:/")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
Fetch = Callable[[str, str], str]
"""Brings what lies at an address into a local folder, and answers where it is then."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of an entry point. `default` None: a value must be given."""

    name: str
    type: str = "string"
    default: str | None = None

    @classmethod
    def of(cls, name: str, declared: Any) -> "Parameter":
        """From the file: a type's name, or a table with `type` and `default`. Raises InvalidParameter."""
        if not _NAME.fullmatch(name):
            raise InvalidParameter(f"'{name}' cannot be a parameter's name; use letters, digits, '_', '-' and '.'.")
        if declared is None:
            declared = {}
        if isinstance(declared, str):
            declared = {"type": declared}
        if not isinstance(declared, Mapping):
            raise InvalidParameter(f"The parameter '{name}' must be a type or a table with 'type' and 'default'.")
        kind = str(declared.get("type", "string")).lower()
        kind = _NAMES.get(kind, kind)
        if kind not in TYPES:
            raise InvalidParameter(f"The parameter '{name}' has the type '{kind}'; use one of {', '.join(TYPES)}.")
        default = declared.get("default")
        return cls(name, kind, None if default is None else str(default))

    def checked(self, value: str) -> str:
        """`value`, if it is of the type. Raises InvalidParameter."""
        if self.type in ("int", "float"):
            try:
                int(value) if self.type == "int" else float(value)
            except ValueError:
                what = "a whole number" if self.type == "int" else "a number"
                raise InvalidParameter(f"The parameter '{self.name}' must be {what}, not {value!r}.") from None
        if self.type == "uri" and not _ADDRESS.match(value):
            raise InvalidParameter(
                f"The parameter '{self.name}' must be an address such as s3://bucket/x, not {value!r}."
            )
        return value


@dataclass(frozen=True)
class Values:
    """The values of one run: `given` as they are recorded, `local` as the command gets them, `extra` arguments."""

    given: dict[str, str]
    local: dict[str, str]
    extra: list[str]


def values_for(
    parameters: Mapping[str, Parameter], given: Mapping[str, Any], folder: str, fetch: Fetch | None = None
) -> Values:
    """What an entry point gets.

    Parameters that it does not declare become `--name value`. A `path` is made absolute (relative ones are taken from
    the working folder, then from the project's `folder`); one that is an address is brought here by `fetch`.
    Raises InvalidParameter for missing or wrong values.
    """
    texts = {str(name): str(value) for name, value in given.items()}
    missing = [one.name for one in parameters.values() if one.default is None and one.name not in texts]
    if missing:
        shown = ", ".join(f"'{name}'" for name in missing)
        raise InvalidParameter(f"No value given for missing parameters: {shown}. Give them with -P NAME=VALUE.")
    chosen = {name: one.checked(texts.get(name, one.default or "")) for name, one in parameters.items()}
    local = {
        name: _path(name, value, folder, fetch) if parameters[name].type == "path" else value
        for name, value in chosen.items()
    }
    extra: list[str] = []
    for name, value in texts.items():
        if name not in parameters:
            if not _NAME.fullmatch(name):
                raise InvalidParameter(f"'{name}' cannot be a parameter's name; use letters, digits, '_', '-' and '.'.")
            chosen[name] = value
            extra += [f"--{name}", value]
    return Values(chosen, local, extra)


def _path(name: str, value: str, folder: str, fetch: Fetch | None) -> str:
    if _ADDRESS.match(value) and not value.startswith("file:"):
        return value if fetch is None else fetch(name, value)
    text = value.removeprefix("file://")
    for place in (os.path.abspath(os.path.expanduser(text)), os.path.join(folder, text)):
        if os.path.exists(place):
            return os.path.abspath(place)
    raise InvalidParameter(f"The parameter '{name}' is the path {value!r}, but there is no such file or folder.")
