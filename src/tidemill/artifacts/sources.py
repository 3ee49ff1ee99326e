"""The addresses that a model version may be made from: what a caller may write there, judged before it is stored.

Nothing is opened here. Whether this server may read a place at all is decided again where it is opened (`roots.py`).
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote

from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import InvalidParameter

_DECODINGS = 8


def check_source(source: str) -> bool:
    """Whether `source` is a place on this machine. Raises InvalidParameter for a form that no model has."""
    uri = ArtifactUri.parse(source)
    if uri.scheme in ("", "file"):
        uri.local_path()  # refuses other machines
        return True
    decoded = _decoded(source)
    path = ArtifactUri.parse(decoded).path
    tidy = re.sub("/+", "/", path.rstrip("/"))
    parts = re.split(r"[/\\;?#]", decoded)
    if "\0" in decoded or ".." in parts or "." in tidy.split("/") or not tidy.startswith("/"):
        raise InvalidParameter(
            f"Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp, "
            "objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references "
            "present. Please provide an absolute path."
        )
    return False


def contains(root: str, source: str) -> bool:
    """Whether the local place `source` lies in the local place `root`, symbolic links followed on both sides."""
    outer, inner = ArtifactUri.parse(root), ArtifactUri.parse(source)
    if outer.scheme not in ("", "file") or inner.scheme not in ("", "file"):
        return False
    try:
        folder = Path(os.path.realpath(outer.local_path()))
        return Path(os.path.realpath(inner.local_path())).is_relative_to(folder)
    except ValueError:  # a NUL in it
        return False


def _decoded(text: str) -> str:
    for _ in range(_DECODINGS):
        decoded = unquote(text)
        if decoded == text:
            return text
        text = decoded
    raise InvalidParameter(f"Invalid model version source: '{text}'. It is percent-encoded too many times.")
