"""From the addresses that are stored with experiments, runs and models to the storages behind them.

`mlflow-artifacts:/3/ab12/artifacts` and `http://host/api/2.0/mlflow-artifacts/artifacts/3/…` mean the proxied storage:
one root that this server (or the embedded folder) keeps for everybody. All other addresses name a place of their own.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence

from tidemill.artifacts.storage import Storage, open_storage
from tidemill.artifacts.uri import ArtifactUri, check_artifact_location, safe_path
from tidemill.errors import InvalidParameter, NotSupported
from tidemill.types.artifacts import FileInfo, PresignedUpload

PROXY = "mlflow-artifacts"
PROXY_PATH = "/api/2.0/mlflow-artifacts/artifacts"
_MOST_OPEN = 32


class Roots:
    """The storages of one store. Safe to use from many threads.

    `destination` is the address of the proxied storage. Local folders are opened only inside `local_roots` (default:
    the destination, where that is local), because their addresses come from callers.
    """

    def __init__(self, destination: str, local_roots: Sequence[str] | None = None) -> None:
        self.destination = destination
        uri = ArtifactUri.parse(destination)
        if uri.scheme in ("", "file"):
            os.makedirs(uri.local_path(), exist_ok=True)
            local_roots = [uri.local_path(), *(local_roots or ())]
        self._local_roots = list(local_roots or ())
        self._proxied: Storage | None = None
        self._open: OrderedDict[str, Storage] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def proxied(self) -> Storage:
        """The storage behind the proxy."""
        if self._proxied is None:
            self._proxied = open_storage(self.destination)
        return self._proxied

    def place(self, uri: str) -> tuple[Storage, str]:
        """The storage that holds `uri`, and the path of `uri` in it.

        Raises InvalidParameter for an address that no storage of ours holds, PermissionDenied for a local folder
        outside the roots.
        """
        parsed = ArtifactUri.parse(uri)
        if parsed.scheme == PROXY:
            return self.proxied, safe_path(parsed.path.lstrip("/"))
        if parsed.scheme in ("http", "https"):
            _, anchor, path = parsed.path.partition(PROXY_PATH)
            if not anchor:
                raise InvalidParameter(f"'{uri}' is not an address of artifacts that this server can open.")
            return self.proxied, safe_path(path.lstrip("/"))
        with self._lock:
            storage = self._open.pop(uri, None)
            if storage is None:
                storage = open_storage(parsed, local_roots=self._local_roots)
            self._open[uri] = storage
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return storage, ""

    def list(self, uri: str, path: str) -> list[FileInfo]:
        """The files of folder `path` below `uri`, sorted, with paths relative to `uri`."""
        storage, root = self.place(uri)
        inside = safe_path(path)
        cut = len(root) + 1 if root else 0
        return [
            FileInfo(info.path[cut:], info.is_dir, info.file_size)
            for info in storage.list("/".join(filter(None, (root, inside))))
        ]

    def signed_upload(self, uri: str, path: str, expires_s: int) -> PresignedUpload:
        """An address to PUT one file to, for runs whose artifacts lie directly in a cloud's storage.

        Raises InvalidParameter for proxied runs and NotSupported where the storage cannot sign.
        """
        scheme = ArtifactUri.parse(uri).scheme
        if scheme == PROXY:
            raise InvalidParameter(
                "Presigned upload is not supported for runs with proxied artifact storage (artifact URI scheme: "
                f"{scheme}). Upload the file through this server."
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
        if root:
            storage.delete(root)
        else:
            for info in storage.list(""):
                storage.delete(info.path)

    def check_location(self, uri: str) -> str:
        """An experiment's artifact location as it will be stored. Raises InvalidParameter."""
        return check_artifact_location(uri, os.getcwd())

    def join(self, uri: str, *segments: str) -> str:
        """`uri` with segments appended to its path."""
        return str(ArtifactUri.parse(uri).join(*segments))
