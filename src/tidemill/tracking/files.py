"""The files below an address of artifacts, whichever way leads there: this process, a server's proxy, a bucket."""

import os
import tempfile

from tidemill.artifacts.download import download
from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.roots import PROXY, PROXY_PATH
from tidemill.artifacts.storage import Storage, open_storage
from tidemill.artifacts.upload import upload
from tidemill.artifacts.uri import ArtifactUri, safe_path
from tidemill.errors import InvalidParameter, NotFound
from tidemill.retry import retrying
from tidemill.tracking.embedded import EmbeddedBackend
from tidemill.tracking.progress import TransferBar
from tidemill.types.artifacts import FileInfo


class Files:
    """The files below one root: a run's, a logged model's, or those at any address.

    Every `path` is relative to that root, separated by `/`; "" is the root. Paths that lead elsewhere are refused.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def list(self, path: str = "") -> list[FileInfo]:
        """The entries of a folder, sorted by path. A folder that does not exist is empty."""
        return self._storage.list(path)

    def read(self, path: str) -> bytes:
        """A whole file. Raises NotFound."""
        return retrying(lambda: b"".join(self._storage.read(path)))

    def write(self, path: str, data: bytes, attempts: int = 5) -> None:
        """Write a whole file, over what may be there; tried again while the storage is Unavailable."""
        retrying(lambda: self._storage.write(path, [data], len(data)), attempts)

    def write_live(self, path: str, data: bytes) -> None:
        """Write a file that will be written again soon, where the storage can be reached now; raises where it cannot."""
        self.write(path, data, attempts=1)

    def upload(self, local_path: "str | os.PathLike[str]", folder: str = "") -> None:
        """Copy a local file, or a folder with its name, into the folder `folder`. Raises NotFound without it."""
        path = os.fspath(local_path)
        name = os.path.basename(os.path.abspath(path))
        self._send(path, f"{safe_path(folder)}/{name}".lstrip("/"))

    def upload_folder(self, local_folder: "str | os.PathLike[str]", folder: str = "") -> None:
        """Copy all that a local folder holds into the folder `folder`."""
        top = os.fspath(local_folder)
        if not os.path.isdir(top):
            raise NotFound(f"There is no folder '{top}' here; log_artifacts takes a folder, log_artifact a file.")
        self._send(top, safe_path(folder))

    def _send(self, source: str, path: str) -> None:
        with TransferBar("Uploading") as bar:
            upload(self._storage, source, path, progress=bar)

    def download(self, path: str = "", to: "str | os.PathLike[str] | None" = None) -> str:
        """Copy a file or folder below the local folder `to` (default: a new private one); the local path of the copy.

        Without `to`, files in a local folder are not copied at all: the answer is where they lie. Raises NotFound.
        """
        if to is None and isinstance(self._storage, LocalStorage):
            if self._storage.stat(path) is None:
                raise NotFound(f"No such artifact: '{path}'")
            return os.path.join(self._storage.root, *safe_path(path).split("/")).rstrip(os.sep)
        with TransferBar("Downloading") as bar:
            return download(self._storage, path, to or tempfile.mkdtemp(prefix="tidemill-"), progress=bar)


def files_at(uri: str, backend: object, tracking_uri: str) -> Files:
    """The files at an address, as a client of the store behind `backend` sees them."""
    return Files(storage_at(uri, backend, tracking_uri))


def storage_at(uri: str, backend: object, tracking_uri: str) -> Storage:
    """The storage that `files_at` works on. `backend` is the store itself, without a journal before it."""
    parsed = ArtifactUri.parse(uri)
    if parsed.scheme in ("http", "https"):
        before, anchor, path = parsed.path.partition(PROXY_PATH)
        if not anchor:
            raise InvalidParameter(f"'{uri}' is not an address of artifacts: {PROXY_PATH} is missing in it.")
        return _proxied(f"{parsed.scheme}://{parsed.authority}{before}", path, tracking_uri)
    if parsed.scheme != PROXY:
        return open_storage(parsed)
    if parsed.authority:
        return _proxied(f"http://{parsed.authority}", parsed.path, tracking_uri)
    if isinstance(backend, EmbeddedBackend):
        return open_storage(ArtifactUri.parse(backend.artifacts).join(parsed.path.strip("/")))
    return _proxied(tracking_uri, parsed.path, tracking_uri)


def _proxied(server: str, path: str, tracking_uri: str) -> Storage:
    from tidemill.tracking.proxy import proxied  # an HTTP client, only where there is a server

    return proxied(server, path.strip("/"), tracking_uri)
