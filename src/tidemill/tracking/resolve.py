"""From an address to the backend behind it: one for each address in a process, closed at exit, opened again after a fork.

nothing                     the folder ./.tidemill, made when something is first written
a folder                    the same, elsewhere
sqlite:///file.db, a file   that database, with its artifacts in the folder `artifacts` beside it
postgresql://…              that database, with its artifacts where TIDEMILL_ARTIFACTS says
http://…, https://…         a server
"""

import atexit
import os
import threading
from functools import partial
from urllib.parse import unquote

from tidemill import settings
from tidemill.api.operation import Backend
from tidemill.errors import InvalidParameter
from tidemill.tracking.embedded import EmbeddedBackend
from tidemill.tracking.git import without_credentials

FOLDER = ".tidemill"
DATABASE = "tidemill.db"
_chosen: str | None = None
_absolute: dict[str, str] = {}
"""Addresses from the environment as they were when first needed, so that changing the working folder moves nothing."""
_open: dict[str, Backend] = {}
_stores: dict[tuple[str, float | None], Backend] = {}
_lock = threading.RLock()


def address_of(uri: "str | os.PathLike[str]") -> str:
    """`uri` in its one canonical form: an absolute folder, `sqlite:////…`, `postgresql://…` or `http(s)://…`.

    Relative paths are taken relative to the working folder now. Raises InvalidParameter for other kinds.
    """
    text = os.fspath(uri)
    if not isinstance(text, str) or not text.strip():
        raise InvalidParameter("The address of a store must be a text such as './runs' or 'http://host:5000'.")
    scheme, separator, rest = text.partition("://")
    if not separator and not text.startswith("file:"):
        path = os.path.abspath(os.path.expanduser(text))
        return f"sqlite:///{path}" if os.path.isfile(path) else path
    scheme = scheme.lower() if separator else "file"
    if scheme in ("http", "https"):
        return f"{scheme}://{rest.rstrip('/')}"
    if scheme in ("postgresql", "postgres"):
        return f"postgresql://{rest}"
    if scheme == "sqlite" and rest.startswith("/") and rest != "/":
        return f"sqlite:///{os.path.abspath(rest[1:])}"
    if scheme == "file":
        path = unquote(text.removeprefix("file:").removeprefix("//"))
        return os.path.abspath(path.removeprefix("localhost"))
    raise InvalidParameter(
        f"Tidemill cannot log to '{without_credentials(text)}'. Use a folder, sqlite:///file.db, postgresql://user@host/name "
        "or the http(s):// address of a server."
    )


def current_address() -> str:
    """The address in force: what `set_tracking_uri` chose, else the environment's, else `./.tidemill`."""
    if _chosen is not None:
        return _chosen
    text = settings.tracking_uri() or FOLDER
    found = _absolute.get(text)
    if found is None:
        found = _absolute[text] = address_of(text)
    return found


def choose(uri: "str | os.PathLike[str] | None") -> None:
    """Make `uri` the address in force, here and in processes started from here; None: go by the environment again."""
    global _chosen
    _chosen = None if uri is None else address_of(uri)
    _absolute.clear()
    if _chosen is None:
        os.environ.pop("TIDEMILL_URI", None)
    else:
        os.environ["TIDEMILL_URI"] = _chosen


def is_chosen() -> bool:
    """Whether an address was given, by `set_tracking_uri` or the environment."""
    return bool(_chosen or settings.tracking_uri())


def backend(address: str) -> Backend:
    """The backend of a canonical address."""
    with _lock:
        found = _open.get(address)
        if found is None:
            found = _open[address] = _journaled(address)
        return found


def store(address: str, patience_s: float | None = None) -> Backend:
    """The store at a canonical address itself, without a journal before it: for commands, and for who sends journals.

    `patience_s`: how long a server is tried that fails in passing; None: as the settings say.
    """
    is_server = address.startswith(("http://", "https://"))
    key = (address, patience_s if is_server else None)
    with _lock:
        found = _stores.get(key)
        if found is None:
            found = _stores[key] = _make(address, key[1])
        return found


def shown(address: str) -> str:
    """An address for people, without its password."""
    return without_credentials(address)


def close_all() -> None:
    """Close every backend. The next call opens its own again."""
    with _lock:
        backends = list(_open.values())
        _open.clear()
    for one in backends:
        one.close()
    with _lock:
        backends = list(_stores.values())
        _stores.clear()
    for one in backends:
        one.close()


def _journaled(address: str) -> Backend:
    is_server = address.startswith(("http://", "https://"))
    if settings.sync(default=not is_server) or not hasattr(os, "register_at_fork"):
        return store(address)
    from tidemill.tracking.shipping import journaling

    try:
        return journaling(address, shown(address), partial(store, address))
    except OSError:
        return store(address)  # nowhere to keep a journal: every call waits for the store


def _make(address: str, patience_s: float | None) -> Backend:
    scheme, separator, rest = address.partition("://")
    if scheme in ("http", "https"):
        from tidemill.transport.http import HttpBackend

        return HttpBackend(address, patience=patience_s)
    chosen = settings.artifact_folder()
    if scheme == "postgresql" and separator:
        return EmbeddedBackend(address, None, chosen or os.path.abspath(os.path.join(FOLDER, "artifacts")))
    database = rest[1:] if separator else os.path.join(address, DATABASE)
    return EmbeddedBackend(database, database, chosen or os.path.join(os.path.dirname(database), "artifacts"))


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()  # a thread that is not in this process may have held the old one


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
