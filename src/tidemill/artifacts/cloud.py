"""Artifacts in Amazon S3 (and what speaks its protocol), Google Cloud Storage and Azure Blob Storage, through obstore.

A bucket knows no folders: a folder is there while something lies below it.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from tidemill.artifacts.buckets import azure_store, gcs_store, s3_store
from tidemill.artifacts.storage import (
    CHUNK_SIZE,
    Chunk,
    Listing,
    SignedUrl,
    Storage,
    Writer,
    check_range,
    file_path,
    storage_path,
)
from tidemill.artifacts.uri import ArtifactUri, safe_path
from tidemill.errors import InternalError, InvalidParameter, NotFound, PermissionDenied, TidemillError, Unavailable
from tidemill.types.artifacts import FileInfo

_PART_SIZE = 8 << 20  # of an upload in parts; four are in memory at once
_PARTS_AT_ONCE = 4
_MOST_PARTS = 9_000  # S3 and GCS take 10,000
_DELETES_AT_ONCE = 1000
_STATUS = re.compile(r"non-2xx status code: (\d{3})")


@dataclass(frozen=True, slots=True)
class Signing:
    """What a provider's signed addresses need. `put_headers` go along with a PUT.

    `plain_names`: only names without percent-encoding can be signed. obstore signs Azure's addresses in their encoded
    form, and Azure checks them in their decoded one.
    """

    able: bool = True
    plain_names: bool = False
    put_headers: Mapping[str, str] = field(default_factory=dict)


class CloudStorage(Storage):
    """The keys of `store` (an obstore store) below `prefix`, "" for all."""

    def __init__(self, store: Any, prefix: str, signing: Signing | None = None) -> None:
        self._store = store
        self._prefix = prefix.strip("/")
        self._signing = signing or Signing()

    def list(self, path: str = "") -> Listing:
        """See Storage."""
        import obstore

        clean = storage_path(path)
        key = self._key(clean)
        with _cloud_errors(path, NotFound(f"The bucket of '{path}' does not exist; create it first.")):
            found = obstore.list_with_delimiter(self._store, key or None)
        files = [
            FileInfo(self._path(entry["path"]), is_dir=False, file_size=entry["size"])
            for entry in found["objects"]
            if entry["path"] != key  # the empty object that some tools leave for a folder
        ]
        folders = [FileInfo(self._path(name), is_dir=True) for name in found["common_prefixes"]]
        return sorted(files + folders, key=lambda info: info.path)

    def stat(self, path: str) -> FileInfo | None:
        """See Storage. Where a file and a folder have the same name, the file."""
        import obstore

        clean = storage_path(path)
        if not clean:
            return FileInfo("", is_dir=True)
        with _cloud_errors(path):
            try:
                return FileInfo(clean, is_dir=False, file_size=obstore.head(self._store, self._key(clean))["size"])
            except FileNotFoundError:
                pass
            for _ in obstore.list(self._store, self._key(clean), chunk_size=1):
                return FileInfo(clean, is_dir=True)
        return None

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See Storage. One request whose answer is streamed; a `start` costs one more, for the size."""
        import obstore

        check_range(start, length)
        key = self._key(file_path(path))
        with _cloud_errors(path):
            if start or length is not None:
                size = obstore.head(self._store, key)["size"]
                end = size if length is None else min(size, start + length)
                if start >= end:
                    return iter(())
                answer = obstore.get(self._store, key, options={"range": (start, end)})
            else:
                answer = obstore.get(self._store, key)
        return _chunks(answer, path)

    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        """See Storage. Larger files go in parts, so that 32 MB are in memory; without a hint at most 72 GB."""
        import obstore

        part = max(_PART_SIZE, (size_hint or 0) // _MOST_PARTS + 1)
        with _cloud_errors(path):
            opened = obstore.open_writer(
                self._store, self._key(file_path(path)), buffer_size=part, max_concurrency=_PARTS_AT_ONCE
            )
        return _CloudWriter(opened, path)

    def delete(self, path: str) -> None:
        """See Storage. A folder goes key by key: what is written into it meanwhile may stay."""
        import obstore

        key = self._key(file_path(path))
        with _cloud_errors(path):
            self._delete([key])
            for entries in obstore.list(self._store, key, chunk_size=_DELETES_AT_ONCE):
                self._delete([entry["path"] for entry in entries])

    def signed_url(self, verb: str, path: str, expires_s: int) -> SignedUrl | None:
        """See Storage. None where the credentials cannot sign (a token without a key), or the name cannot be."""
        import obstore

        if verb not in ("GET", "HEAD", "PUT", "DELETE"):
            raise InvalidParameter(f"An address can be signed for GET, HEAD, PUT or DELETE, not for '{verb}'.")
        key = self._key(file_path(path))
        if not self._signing.able:
            return None
        method: Any = verb
        try:
            url = obstore.sign(self._store, method, key, timedelta(seconds=expires_s))
        except obstore.exceptions.BaseError:
            return None
        if self._signing.plain_names and "%" in urlsplit(url).path:
            return None
        return SignedUrl(url, dict(self._signing.put_headers) if verb == "PUT" else {})

    def _delete(self, keys: Sequence[str]) -> None:
        import obstore

        try:
            obstore.delete(self._store, keys)
        except FileNotFoundError:  # one is gone already; the others may not be
            for key in keys if len(keys) > 1 else []:
                self._delete([key])

    def _key(self, clean: str) -> str:
        return f"{self._prefix}/{clean}".strip("/")

    def _path(self, key: str) -> str:
        return key[len(self._prefix) :].lstrip("/")


class _CloudWriter(Writer):
    """Small files go in one request on commit, larger ones as a multipart upload that only commit makes visible."""

    def __init__(self, opened: Any, path: str) -> None:
        self._opened, self._path = opened, path

    def _write(self, chunk: Chunk) -> None:
        with _cloud_errors(self._path):
            # obstore keeps the buffer it is given until the part is sent: what the caller may change must be copied.
            self._opened.write(chunk if isinstance(chunk, bytes) else bytes(chunk))

    def _commit(self) -> None:
        with _cloud_errors(self._path):
            self._opened.close()

    def _abort(self) -> None:
        with suppress(Exception):  # after a failed commit it is closed already
            self._opened.__exit__(InternalError, InternalError("aborted"), None)  # tells the bucket to drop the parts


def _chunks(answer: Any, path: str) -> Iterator[bytes]:
    with _cloud_errors(path):
        for chunk in answer.stream(min_chunk_size=CHUNK_SIZE):
            yield bytes(chunk)


def open_cloud(uri: ArtifactUri) -> CloudStorage:
    """The storage at an address of S3, Google or Azure; see `open_storage`.

    Raises InvalidParameter where no bucket is named or the credentials make no sense.
    """
    if not uri.authority:
        raise InvalidParameter(f"'{uri}' names no bucket; write {uri.scheme}://bucket/folder.")
    prefix = safe_path(uri.path.strip("/"))
    if uri.scheme in ("s3", "s3a"):
        return CloudStorage(s3_store(uri), prefix)
    if uri.scheme == "gs":
        return CloudStorage(gcs_store(uri), prefix, Signing(able="STORAGE_EMULATOR_HOST" not in os.environ))
    azure = Signing(plain_names=True, put_headers={"x-ms-blob-type": "BlockBlob"})
    return CloudStorage(azure_store(uri), prefix, azure)


@contextmanager
def _cloud_errors(path: str, missing: TidemillError | None = None) -> Iterator[None]:
    """Turn obstore's errors into Tidemill's, for work on the artifact `path`."""
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as error:
        if re.search("NoSuchBucket|ContainerNotFound|bucket does not exist", str(error)):
            raise NotFound(f"The bucket of '{path}' does not exist; create it first.") from error
        raise NotFound(f"No such artifact: '{path}'") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise PermissionDenied(f"The storage does not allow access to '{path}': {_first_line(error)}") from error
    except (ValueError, exceptions.InvalidPathError) as error:
        raise InvalidParameter("Invalid path") from error
    except exceptions.BaseError as error:
        status = _STATUS.search(str(error))
        if status and status[1] == "404":
            raise missing or NotFound(f"No such artifact: '{path}'") from error
        kind = (
            InternalError if status and status[1].startswith("4") and status[1] not in ("408", "429") else Unavailable
        )
        raise kind(f"The storage failed at '{path}': {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
