"""SHA-256 of bytes as they stream past: the checksum that Tidemill records and compares."""

import hashlib
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Protocol


class Hasher(Protocol):
    """What `hashlib.sha256()` gives."""

    def update(self, chunk: bytes, /) -> None:
        """Take `chunk` into account."""

    def hexdigest(self) -> str:
        """The digest of everything so far."""


def sha256_file(path: str | PathLike[str]) -> str:
    """The SHA-256 of a file as 64 lower-case hex digits, read in constant memory. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_chunks(chunks: Iterable[bytes]) -> str:
    """The SHA-256 of `chunks` put together, as 64 lower-case hex digits."""
    hasher = hashlib.sha256()
    for _ in hashed(chunks, hasher):
        pass
    return hasher.hexdigest()


def hashed(chunks: Iterable[bytes], hasher: Hasher) -> Iterator[bytes]:
    """`chunks` unchanged, each shown to `hasher` on its way."""
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk
