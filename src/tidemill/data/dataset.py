"""What is noted about a data set. The data itself stays where it is."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from tidemill.errors import InvalidParameter


@dataclass(frozen=True)
class Dataset:
    """A data set's description. Two of the same content and name have the same `digest` (at most 36 characters).

    `source` says where the data came from, as a dict; `source_type` is the kind of place (`local`, `http`, `s3`, …, or
    `code` where only the script is known). `schema` and `profile` are dicts, in MLflow's form where it has one.
    `data` is the object it was made from.
    """

    name: str
    digest: str
    source_type: str
    source: dict[str, Any]
    schema: dict[str, Any]
    profile: dict[str, Any]
    data: Any = None

    def to_dict(self) -> dict[str, str]:
        """The texts that are kept with a run."""
        return {
            "name": self.name,
            "digest": self.digest,
            "source_type": self.source_type,
            "source": json.dumps(self.source),
            "schema": json.dumps(self.schema),
            "profile": json.dumps(self.profile),
        }


def source_of(source: "str | os.PathLike[str] | None") -> tuple[str, dict[str, Any]]:
    """The kind of place that a source is, and its description. None: the running script.

    Raises InvalidParameter for what is neither a text nor a path.
    """
    if source is None:
        return "code", {"tags": {"mlflow.source.name": sys.argv[0] or "<console>", "mlflow.source.type": "LOCAL"}}
    if not isinstance(source, str | os.PathLike):
        raise InvalidParameter(f"The source of a data set is a path or address, not a {type(source).__name__}.")
    text = os.fspath(source)
    scheme = text.partition("://")[0].lower() if "://" in text else "local"
    if scheme in ("http", "https"):
        return "http", {"url": text}
    return ("local" if scheme == "file" else scheme), {"uri": text}


def check_digest(digest: str) -> str:
    """A digest that the caller chose, if it is a text of 1 to 36 characters."""
    if not isinstance(digest, str) or not 1 <= len(digest) <= 36:
        raise InvalidParameter(f"The digest of a data set is a text of 1 to 36 characters, not {digest!r}.")
    return digest
