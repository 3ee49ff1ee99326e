"""From the addresses that are stored with experiments, runs and models to the storages behind them.

`mlflow-artifacts:/3/ab12/artifacts` and `http://host/api/2.0/mlflow-artifacts/artifacts/3/…` mean the proxied storage:
one root that this server (or the embedded folder) keeps for everybody. All other addresses name a place of their own.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import replace

from tidemill.artifacts.sources import check_source, contains
from tidemill.artifacts.storage import Storage, open_storage
from tidemill.artifacts.uri import ArtifactUri, check_artifact_location, safe_path
from tidemill.errors import InvalidParameter, NotSupported, PermissionDenied
from tidemill.types.artifacts import FileInfo, PresignedUpload

PROXY = "mlflow-artifacts"
PROXY_PATH = "/api/2.0/mlflow-artifacts/artifacts"


class Roots:
    """The storages of one store. Safe to use from many threads.

    `destination` is the address of the proxied storage. Other addresses are opened only where they lie below one of
    `allowed`, because callers choose them and they would be opened with this process's credentials; None allows all,
    for a process that acts for its own user.
    """

    def __init__(self, destination: str, allowed: Sequence[str] | None = None) -> None:
        self.destination = destination
        self._allowed = None if allowed is None else [ArtifactUri.parse(one) for one in (destination, *allowed)]
        self._open: dict[str, Storage] = {}
        self._lock = threading.Lock()

    @property
    def proxied(self) -> Storage:
        """The storage behind the proxy."""
        return self._storage(self.destination)

    def place(self, uri: str) -> tuple[Storage, str]:
        """The storage that holds `uri`, and the path of `uri` in it.

        Raises InvalidParameter for an address that no storage of ours holds, PermissionDenied for one that is not
        below an allowed address.
        """
        parsed = ArtifactUri.parse(uri)
        if parsed.scheme == PROXY:
            return self.proxied, safe_path(parsed.path.lstrip("/"))
        if parsed.scheme in ("http", "https"):
            _, anchor, path = parsed.path.partition(PROXY_PATH)
            if not anchor:
                raise InvalidParameter(f"'{uri}' is not an address of artifacts that this server can open.")
            return self.proxied, safe_path(path.lstrip("/"))
        if self._allowed is None:
            root = replace(parsed, path="/") if parsed.scheme else ArtifactUri.parse("/")
            return self._storage(str(root)), safe_path(_path_of(parsed).lstrip("/"))
        for root in self._allowed:
            inside = _inside(parsed, root)
            if inside is not None:
                return self._storage(str(root)), safe_path(inside)
        raise PermissionDenied(
            f"This server may not open '{uri}': it lies below none of its artifact locations. Whoever runs the server "
            "can allow it with --allowed-artifacts."
        )

    def _storage(self, address: str) -> Storage:
        with self._lock:
            storage = self._open.get(address)
            if storage is None:
                storage = self._open[address] = open_storage(address)
            return storage

    def list(self, uri: str, path: str) -> list[FileInfo]:
        """The files of folder `path` below `uri`, sorted, with paths relative to `uri`."""
        storage, root = self.place(uri)
        inside = safe_path(path)
        cut = len(root) + 1 if root else 0
        return [
            FileInfo(info.path[cut:], info.is_dir, info.file_size)
            for info in storage.list("/".join(filter(None, (root, inside))))
        ]

    def read(self, uri: str, path: str, most: int) -> bytes | None:
        """The file `path` below `uri`, None where there is none. Raises InvalidParameter over `most` bytes."""
        storage, root = self.place(uri)
        inside = "/".join(filter(None, (root, safe_path(path))))
        info = storage.stat(inside)
        if info is None or info.is_dir:
            return None
        if (info.file_size or 0) > most:
            raise InvalidParameter(f"The file '{path}' has {info.file_size} bytes; at most {most} are read.")
        return b"".join(storage.read(inside, 0, most))

    def signed_upload(self, uri: str, path: str, expires_s: int) -> PresignedUpload:
        """An address to PUT one file to, for runs whose artifacts lie directly in a cloud's storage.

        Raises InvalidParameter for proxied runs and NotSupported where the storage cannot sign.
        """
        scheme = ArtifactUri.parse(uri).scheme
        if scheme == PROXY:
            raise InvalidParameter(
                f"Presigned upload is not supported for proxied artifact storage (artifact URI scheme: {scheme}). "
                "This endpoint requires a direct cloud storage artifact URI."
            )
        if not 1 <= expires_s <= 7 * 86_400:
            raise InvalidParameter(
                f"Invalid value {expires_s} for parameter 'expiration' supplied. It must be 1 to 604800."
            )
        storage, root = self.place(uri)
        signed = storage.signed_url("PUT", "/".join(filter(None, (root, safe_path(path)))), expires_s)
        if signed is None:
            raise NotSupported("Presigned upload is not supported for the current artifact repository")
        return PresignedUpload(presigned_url=signed.url, headers=signed.headers)

    def delete(self, uri: str) -> None:
        """Remove everything below `uri`."""
        storage, root = self.place(uri)
        if not root:
            raise InvalidParameter(f"'{uri}' is the root of a storage and is not deleted.")
        storage.delete(root)

    def check_location(self, uri: str) -> str:
        """An experiment's artifact location as it will be stored. Raises InvalidParameter."""
        return check_artifact_location(uri, os.getcwd())

    def check_source(self, source: str) -> bool:
        """Whether a model version's source is a place on this machine. Raises InvalidParameter for a wrong form."""
        return check_source(source)

    def contains(self, root: str, source: str) -> bool:
        """Whether the local place `source` lies in the local place `root`."""
        return contains(root, source)

    def join(self, uri: str, *segments: str) -> str:
        """`uri` with segments appended to its path."""
        return str(ArtifactUri.parse(uri).join(*segments))


def _path_of(uri: ArtifactUri) -> str:
    return uri.local_path() if uri.scheme in ("", "file") else uri.path


def _inside(uri: ArtifactUri, root: ArtifactUri) -> str | None:
    """The path of `uri` below `root`, None where it is not below it."""
    here, there = uri, root
    path, above = _path_of(here), _path_of(there)
    if here.scheme in ("", "file"):
        if there.scheme not in ("", "file"):
            return None
        path, above = os.path.realpath(path), os.path.realpath(above)
    elif (here.scheme, here.authority, here.query) != (there.scheme, there.authority, there.query):
        return None
    above = above.rstrip("/") + "/"
    return (
        (path.rstrip("/") + "/").removeprefix(above).rstrip("/") if (path.rstrip("/") + "/").startswith(above) else None
    )
