"""Whatever a framework has as keys, texts, numbers and plain data that can be logged."""

import csv
import io
import posixpath
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

MOST_CHARACTERS = 500
"""Longest text of a param that autologging writes."""
_MOST_ITEMS = 50
_FORBIDDEN = re.compile(r"[^/\w.\- :]")
_MOST_KEY = 250


def key(name: Any) -> str:
    """A key that the wire takes: `@` becomes `_at_`, as in MLflow, and other signs `_`."""
    found = _FORBIDDEN.sub("_", str(name).replace("@", "_at_"))[:_MOST_KEY] or "_"
    is_path = posixpath.normpath(found) == found and found != "." and not found.startswith(("..", "/"))
    return found if is_path else "_" + found.replace("/", "_")[1:]


def shown(value: Any) -> str:
    """A value as a text of at most 500 characters. Long collections are not written out first."""
    return _cut(str(_short(value)))


def _short(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Mapping) and len(value) > _MOST_ITEMS:
        return f"{str(dict(islice(value.items(), _MOST_ITEMS)))[:-1]}, … {len(value)} in all}}"
    if isinstance(value, list | tuple | set | frozenset) and len(value) > _MOST_ITEMS:
        return f"{str(list(islice(value, _MOST_ITEMS)))[:-1]}, … {len(value)} in all]"
    return value


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def number(value: Any) -> float | None:
    """A float, or None for what is no single number."""
    if isinstance(value, str | bytes):
        return None
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def json_bytes(document: Any) -> bytes:
    """A document as JSON: NaN and infinities as null, NumPy's arrays and scalars as lists and numbers, the rest as text."""
    return msgspec.json.encode(document, enc_hook=lambda one: one.tolist() if hasattr(one, "tolist") else str(one))


def table_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns of equal length as the JSON file that `load_table` reads."""
    return json_bytes({"columns": list(columns), "data": list(zip(*columns.values(), strict=True))})


def csv_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns of equal length as a CSV file with a head line."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return target.getvalue().encode()
