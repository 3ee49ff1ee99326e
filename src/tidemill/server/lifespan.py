"""What a server process lives on: opened before the first request, closed after the last."""

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence

from tidemill import settings
from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.roots import Roots
from tidemill.errors import PermissionDenied
from tidemill.events.deliver import Deliverer
from tidemill.events.egress import Egress
from tidemill.events.trigger_file import load
from tidemill.events.triggers import TriggerRunner
from tidemill.events.webhooks import WebhookSender
from tidemill.server.app import App
from tidemill.server.config import ServerConfig
from tidemill.server.feed import Feed
from tidemill.store import triggers, webhooks
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database
from tidemill.store.deliveries import DeliveryQueue
from tidemill.store.events import clean_old
from tidemill.store.feed import FeedReader
from tidemill.store.transaction import Tx
from tidemill.types.deliveries import Sink


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


def open_backend(config: ServerConfig, roots: Roots, sender: WebhookSender | None = None) -> SqlBackend:
    """The store of `config`, with `sender` as its way out.

    Raises InvalidParameter, Unavailable or MissingDependency where one of them cannot be opened.
    """
    database = open_database(config.store, background=True)
    try:
        return SqlBackend(database, artifact_root=config.artifact_root, files=roots, outgoing=sender)
    except BaseException:
        database.close()
        raise


def open_app(config: ServerConfig) -> App:
    """The app, ready to serve; it closes its backend when it is told to stop."""
    roots = open_roots(config)
    actions = load(config.triggers) if config.triggers else []
    sender = WebhookSender(Egress())
    backend = open_backend(config, roots, sender)
    deliverer = open_deliverer(backend, sender, TriggerRunner(actions, Egress(), config.store))
    deliverer.start()

    def stop() -> None:
        deliverer.stop()
        backend.close()

    return App(backend, config, roots=roots, feed=open_feed(backend), on_stop=stop)


def open_feed(backend: SqlBackend) -> Feed:
    """The live feed of what happens in `backend`."""
    wake = threading.Event()
    return Feed(FeedReader(backend.database, backend.site, wake.set), wake)


@contextlib.contextmanager
def open_standalone(store: str) -> Iterator[Deliverer]:
    """A deliverer for the database at `store` without a server, not started yet; webhooks only."""
    sender = WebhookSender(Egress())
    backend = SqlBackend(
        open_database(store, background=True), artifact_root="mlflow-artifacts:/", files=Roots("."), outgoing=sender
    )
    deliverer = open_deliverer(backend, sender, TriggerRunner([], Egress(), store))
    try:
        yield deliverer
    finally:
        deliverer.stop()
        backend.close()


def open_deliverer(backend: SqlBackend, sender: WebhookSender, runner: TriggerRunner) -> Deliverer:
    """Whoever tells receivers what happens in `backend`, and runs triggers; not started yet."""
    backend.site.triggers = runner.shown
    if runner.sinks:
        names = [one.name for one in runner.shown]
        backend.database.write(backend.site, lambda tx: triggers.subscribe(tx, names))

    def sinks(tx: Tx) -> Sequence[Sink]:
        hooks = [Sink(name, active, target) for name, (active, target) in webhooks.targets(tx).items()]
        return [*hooks, *runner.sinks]

    queue = DeliveryQueue(backend.database, backend.site, sinks)

    def clean() -> None:
        clean_old(backend.database, backend.site, settings.event_days())

    found = Deliverer(queue, {"webhook": sender, "trigger": runner}, clean=clean)
    backend.site.listeners.append(found.notice)
    return found
