"""Servers that deliver, and receivers on this machine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tidemill.events.deliver import Deliverer
from tidemill.events.egress import Egress, Rules
from tidemill.events.webhooks import WebhookSender
from tidemill.store import webhooks as store_webhooks
from tidemill.store.backend import SqlBackend
from tidemill.store.deliveries import DeliveryQueue
from tidemill.testing.databases import embedded
from tidemill.testing.receiver import Receiver, receiver
from tidemill.types.deliveries import Sink

LOOSE = Rules(("http", "https"), private=True, timeout_s=2.0)


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as found:
        yield found


@pytest.fixture
def store(database_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlBackend]:
    """A store that may call receivers of this machine, with no webhooks of other tests."""
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", "a key for tests of thirty-two characters and more")
    with embedded(database_address, tmp_path / "artifacts") as found:
        way_out = WebhookSender(Egress(LOOSE))
        found.site.outgoing = way_out
        yield found
        way_out.close()

        def clear(tx: Any) -> None:
            for table in ("webhooks", "subscriptions", "events"):
                tx.run(f"DELETE FROM {table}")

        found.database.write(found.site, clear)


@pytest.fixture
def deliver(store: SqlBackend) -> Iterator[Callable[..., Deliverer]]:
    """Starts deliverers on `store`."""
    with ExitStack() as running:

        def start(backend: SqlBackend = store) -> Deliverer:
            egress = Egress(LOOSE)
            queue = DeliveryQueue(
                backend.database,
                backend.site,
                lambda tx: [Sink(name, on, target) for name, (on, target) in store_webhooks.targets(tx).items()],
            )
            found = Deliverer(queue, {"webhook": WebhookSender(egress)})
            backend.site.listeners.append(found.notice)
            found.start()
            running.callback(egress.close)
            running.callback(found.stop)
            return found

        yield start
