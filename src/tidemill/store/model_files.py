"""What a model's own files say, read as data: `MLmodel` (YAML) and `requirements.txt`. No code of a model ever runs.

Addresses come from callers: they are opened only where `Files` allows, and what cannot be read is a reason, not an error.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from tidemill.errors import TidemillError
from tidemill.store.transaction import Tx

_MOST_BYTES = 4 << 20
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Signature:
    """A model's signature: lists of columns or tensors, as MLflow writes them."""

    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What was found. `signature` is None where the model has none; `why_not` says why nothing could be read."""

    signature: Signature | None = None
    requirements: tuple[str, ...] = ()
    size: int | None = None
    why_not: str = ""


def place_of(tx: Tx, location: str) -> tuple[str, str]:
    """The address that a version's location means, and the path below it: `runs:/…` is looked up."""
    if not location.startswith("runs:/"):
        return location, ""
    run_id, _, path = location.removeprefix("runs:").strip("/").partition("/")
    row = tx.row("SELECT artifact_uri FROM runs WHERE run_id = ?", (run_id,))
    return ("", "") if row is None else (row[0], path)


def read(tx: Tx, location: str, *, sizes: bool = False) -> ModelFiles:
    """The signature and requirements of the model at `location`; with `sizes` also the bytes of all its files."""
    uri, path = place_of(tx, location)
    try:
        text = _file(tx, uri, path, "MLmodel")
        if text is None:
            return ModelFiles(why_not="there is no file MLmodel")
        requirements = _file(tx, uri, path, "requirements.txt") or b""
        size = _size(tx, uri, path) if sizes else None
    except (TidemillError, OSError) as error:
        return ModelFiles(why_not=str(error))
    lines = requirements.decode("utf-8", "replace").splitlines()
    wanted = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    try:
        return ModelFiles(_signature(text), wanted, size)
    except ValueError as error:
        return ModelFiles(None, wanted, size, f"the file MLmodel cannot be read: {error}")


def _file(tx: Tx, uri: str, folder: str, name: str) -> bytes | None:
    return tx.site.files.read(uri, "/".join(filter(None, (folder, name))), _MOST_BYTES) if uri else None


def _size(tx: Tx, uri: str, folder: str) -> int:
    total, count, todo = 0, 0, [folder]
    while todo and count < _MOST_FILES:
        for info in tx.site.files.list(uri, todo.pop()):
            count += 1
            if info.is_dir:
                todo.append(info.path)
            else:
                total += info.file_size or 0
    return total


def _signature(text: bytes) -> Signature | None:
    import yaml

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, UnicodeError) as error:
        raise ValueError("it is no YAML") from error
    given = found.get("signature") if isinstance(found, dict) else None
    if not isinstance(given, dict):
        return None
    return Signature(_specs(given.get("inputs")), _specs(given.get("outputs")))


def _specs(text: Any) -> list[dict[str, Any]]:
    if not isinstance(text, str):
        return []
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("its signature is nested too deeply") from None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
