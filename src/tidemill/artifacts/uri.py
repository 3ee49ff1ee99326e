"""Artifact addresses, and the one judge of every path and location that a caller sends.

Paths are judged on every stage of their percent-decoding, but kept byte for byte: artifact names may hold `%`, `+`,
spaces and any other printable character, and a name is never rewritten.
"""

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from tidemill.errors import InvalidParameter

LOCATION_LIMIT = 2048
"""Most characters in an experiment's artifact location."""

AZURE_SCHEMES = ("az", "azure", "abfs", "abfss", "wasb", "wasbs")
"""How an address of Azure Blob Storage may begin."""

LOCATION_SCHEMES = frozenset(
    ("file", "s3", "s3a", "gs", *AZURE_SCHEMES, "sftp", "ftp", "ftps", "mlflow-artifacts", "http", "https")
)
"""The schemes that an artifact location may have; a bare local path has none."""

_DECODINGS = 8  # a longer chain of %25… is an attack, never a name
_SCHEMED = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_ELSEWHERE = re.compile(r"file:|[A-Za-z][A-Za-z0-9+.\-]*:/", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class ArtifactUri:
    """An address of artifacts, cut into its parts; `str()` gives the text back as it was.

    A text without a scheme (or with a one-letter one: `C:\\x`) is a local path and taken whole: `?` and `#` are
    part of its name. `authority`, `query` and `fragment` are None where the text has none. Nothing is decoded.
    """

    scheme: str
    authority: str | None
    path: str
    query: str | None = None
    fragment: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ArtifactUri":
        """Cut `text` into parts. Any text is an address; whether it can be opened is `open_storage`'s business."""
        match = _SCHEMED.fullmatch(text)
        if match is None:
            return cls("", None, text)
        scheme, authority, path, query, fragment = match.groups()
        return cls(scheme.lower(), authority, path, query, fragment)

    def join(self, *segments: str) -> "ArtifactUri":
        """The address of something below this one: `segments` are added to the path, query and fragment stay.

        Each segment is a relative path such as `"run"` or `"dir/file.txt"`. Raises InvalidParameter for a segment
        that leads elsewhere, or whose `?` would be read as a query, and for `..` in the query.
        """
        if ".." in _decoded(self.query or ""):
            raise InvalidParameter("Invalid query string")
        path = self.path.rstrip("/")
        rooted = path or self.scheme or self.path.startswith("/")
        for segment in filter(None, (safe_path(text) for text in segments)):
            path = f"{path}/{self._spelled(segment)}" if rooted else segment
            rooted = path
        return replace(self, path=path or self.path)

    def _spelled(self, segment: str) -> str:
        if self.scheme == "file":  # the only scheme whose path is percent-decoded when opened
            return segment.replace("%", "%25").replace("?", "%3F")
        if self.scheme and "?" in segment:
            raise InvalidParameter("Invalid path")
        return segment

    def local_path(self) -> str:
        """The folder on this machine that a bare path or a `file:` address names (relative ones stay relative).

        Raises InvalidParameter for another machine's (`file://host/…`) and for other schemes.
        """
        if not self.scheme:
            return self.path
        if self.scheme != "file":
            raise InvalidParameter(f"'{self}' is not the address of a local folder.")
        if self.authority not in (None, "", "localhost"):
            raise InvalidParameter(
                f"{self} is not a valid remote uri. For remote access on windows, please consider using a different "
                "scheme such as SMB (e.g. smb://<hostname>/<path>)."
            )
        path = unquote(self.path, errors="surrogateescape")
        return path[1:] if os.name == "nt" and _DRIVE.match(path, 1) else path

    def __str__(self) -> str:
        if not self.scheme:
            return self.path
        authority = "" if self.authority is None else f"//{self.authority}"
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return f"{self.scheme}:{authority}{self.path}{query}{fragment}"


def safe_path(text: str) -> str:
    """`text` as a path relative to some root, proven not to lead out of it; "" is the root itself.

    Names come back byte for byte; only empty and `.` segments are dropped (`a//b/./` is `a/b`). Raises
    InvalidParameter "Invalid path" for `..`, absolute paths (POSIX, Windows drive, UNC), backslashes, `#`, NUL, other
    schemes, and for all of these hidden behind percent-encoding (any number of times), `;` or `?`.
    """
    names = "/".join(part for part in text.split("/") if part not in ("", "."))
    try:
        names.encode()  # lone surrogates are no file name on any storage
        stages = [text, *_stages(names)]
    except ValueError:
        raise InvalidParameter("Invalid path") from None
    # A name such as %2e is one only until somebody decodes it: no stage of the names may hold a `.` segment.
    if "." in stages[-1].split("/") or not all(_is_harmless(stage) for stage in stages):
        raise InvalidParameter("Invalid path")
    return names


def _is_harmless(stage: str) -> bool:
    if stage.startswith("/") or any(char in stage for char in "\\#\0"):
        return False
    if _DRIVE.match(stage) or _ELSEWHERE.match(stage):
        return False
    # `;` and `?` cut a segment in some readers: what either side of them says must be harmless too.
    return not any(_is_climbing(part) or _DRIVE.fullmatch(part) for part in re.split("[/;?]", stage))


def _is_climbing(part: str) -> bool:
    # Windows drops trailing dots and blanks, so ". .", "..." and ".. " are as good as "..".
    return part.count(".") > 1 and not part.strip(". \t\r\n\v\f")


def _stages(text: str) -> Iterator[str]:
    for _ in range(_DECODINGS):
        yield text
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded
    raise ValueError("percent-encoded too many times")


def _decoded(text: str) -> str:
    try:
        return list(_stages(text))[-1]
    except ValueError:
        raise InvalidParameter("Invalid path") from None


def check_artifact_location(text: str, cwd: str) -> str:
    """The artifact location that a caller wants for an experiment, made absolute, or InvalidParameter.

    A bare or relative local path is taken relative to `cwd`, the server's working folder. This judges the form
    alone: whether the server may open such a place is decided where it is opened (`open_storage`'s `local_roots`).
    """
    if len(text) > LOCATION_LIMIT:
        raise InvalidParameter(
            "Invalid artifact path length. The length of the artifact path cannot be greater than "
            f"{LOCATION_LIMIT} characters. Choose a shorter artifact_location."
        )
    uri = ArtifactUri.parse(text)
    if uri.scheme == "runs":
        raise InvalidParameter(f"Artifact location cannot be a runs:/ URI. Given: '{text}'")
    before_query, _, query = text.partition("?")
    if "#" in _decoded(text) or ";" in _decoded(before_query):
        raise InvalidParameter("'artifact_location' URL can't include fragments or params.")
    if ".." in _decoded(query):
        raise InvalidParameter("Invalid query string")
    if uri.scheme and uri.scheme not in LOCATION_SCHEMES:
        raise InvalidParameter(
            f"Artifact location '{text}' has the unknown scheme '{uri.scheme}'. Give a local path or one of: "
            f"{', '.join(sorted(LOCATION_SCHEMES))}."
        )
    return _absolute(uri, text, cwd)


def _absolute(uri: ArtifactUri, text: str, cwd: str) -> str:
    decoded = _decoded(uri.path)
    if "\0" in decoded or (os.name != "nt" and "\\" in decoded):
        raise InvalidParameter("Invalid path")
    if not uri.scheme:
        return os.path.normpath(os.path.join(cwd, text)) if text else text
    if any(_is_climbing(part) for part in decoded.split("/")):
        raise InvalidParameter("Invalid path")
    if uri.scheme == "file":
        uri.local_path()  # refuses other machines
        if not uri.path.startswith("/"):
            folder = cwd.replace("%", "%25").replace("#", "%23").replace("?", "%3F")
            return "file://" + posixpath.normpath(posixpath.join(folder, uri.path))
    return text
