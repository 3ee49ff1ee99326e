"""Webhooks through the client: MLflow's names and arguments, and Tidemill's own kinds of events."""

from pathlib import Path

import pytest

from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.receiver import ALLOWED, receiver
from tidemill.testing.server import server_process
from tidemill.tracking.client import Client
from tidemill.types.webhooks import WebhookAction, WebhookEntity, WebhookEvent


def test_a_webhook_from_its_making_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with receiver() as hook, server_process(tmp_path / "t.db", tmp_path / "artifacts", env=ALLOWED) as server:
        client = Client(server.address)
        made = client.create_webhook(
            "ops", hook.url, ["registered_model.created"], secret="first", kinds=["run.failed"]
        )
        assert (made.name, made.kinds, made.has_secret) == ("ops", ["run.failed"], True)
        assert made.events == [WebhookEvent(WebhookEntity.REGISTERED_MODEL, WebhookAction.CREATED)]
        assert [one.webhook_id for one in client.list_webhooks()] == [made.webhook_id]
        assert client.test_webhook(made.webhook_id).success
        assert client.test_webhook(made.webhook_id, "registered_model.created").response_status == 200
        client.create_registered_model("wine")
        told = hook.wait(3)[-1]
        assert told.json["data"]["name"] == "wine"
        (delivery,) = client.list_webhook_deliveries(made.webhook_id)
        assert (delivery.delivery_id, delivery.kind) == (told.delivery_id, "registered_model.created")
        client.rotate_webhook_secret(made.webhook_id, "second")
        client.redeliver_webhook(made.webhook_id, delivery.delivery_id)
        again = hook.wait(4)[-1]
        assert (again.delivery_id, again.body) == (told.delivery_id, told.body)
        assert again.headers["x-mlflow-signature"] != told.headers["x-mlflow-signature"]
        assert client.update_webhook(made.webhook_id, status="DISABLED").status == "DISABLED"
        assert client.get_webhook(made.webhook_id).url == hook.url
        client.delete_webhook(made.webhook_id)
        with pytest.raises(NotFound):
            client.get_webhook(made.webhook_id)


@pytest.mark.parametrize("event", ["run.failed", "model_version", "nonsense.created"])
def test_an_event_that_is_none_of_mlflows_is_refused(tmp_path: Path, event: str) -> None:
    with pytest.raises(InvalidParameter, match="kinds"):
        Client(tmp_path / "store").create_webhook("ops", "https://example.org", [event])
