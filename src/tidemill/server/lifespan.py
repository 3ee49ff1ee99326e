"""What a server process lives on: opened before the first request, closed after the last."""

import os

from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.roots import Roots
from tidemill.errors import PermissionDenied
from tidemill.server.app import App
from tidemill.server.config import ServerConfig
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database


def open_roots(config: ServerConfig) -> Roots:
    """The artifact storages of `config`.

    Raises InvalidParameter where one of them has a wrong address, PermissionDenied where the proxied files lie in a
    local folder that cannot be made or written to: better now than at the first upload.
    """
    root = [] if config.artifact_root.startswith("mlflow-artifacts:") else [config.artifact_root]
    roots = Roots(config.artifacts, [*root, *config.allowed_artifacts])
    if isinstance(roots.proxied, LocalStorage):
        _make_folder(roots.proxied.root)
    return roots


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise PermissionDenied(f"Files cannot be kept in '{path}': {error.strerror}. Choose another folder.") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionDenied(f"Files cannot be kept in '{path}': it is not writable. Choose another folder.")


def open_backend(config: ServerConfig, roots: Roots) -> SqlBackend:
    """The store of `config`.

    Raises InvalidParameter, Unavailable or MissingDependency where one of them cannot be opened.
    """
    database = open_database(config.store, background=True)
    try:
        return SqlBackend(database, artifact_root=config.artifact_root, files=roots)
    except BaseException:
        database.close()
        raise


def open_app(config: ServerConfig) -> App:
    """The app, ready to serve; it closes its backend when it is told to stop."""
    roots = open_roots(config)
    backend = open_backend(config, roots)
    return App(backend, config, roots=roots, on_stop=backend.close)
