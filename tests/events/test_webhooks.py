"""Webhooks: what is sent, how it is signed, what happens to what fails."""

import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest

from tidemill.api import runs, webhooks
from tidemill.errors import InvalidParameter, NotFound
from tidemill.events import webhooks as sender
from tidemill.events.deliver import Deliverer
from tidemill.store.backend import SqlBackend
from tidemill.store.outbox import emit
from tidemill.testing.factories import new_experiment, new_run
from tidemill.testing.receiver import Call, Receiver
from tidemill.types import webhooks as t
from tidemill.types.metrics import MetricPoint
from tidemill.types.runs import LogBatch, LogMetric, RunStatus, UpdateRun

VERSION_CREATED = t.WebhookEvent(t.WebhookEntity.MODEL_VERSION, t.WebhookAction.CREATED)
Start = Callable[..., Deliverer]


def new_hook(store: SqlBackend, url: str, **more: Any) -> str:
    arg = t.CreateWebhook(name="hook", url=url, **{"kinds": ["run.*"], **more})
    return store.call(webhooks.create, arg).webhook.webhook_id


def tell(store: SqlBackend, kind: str = "run.test", subject: str = "run/1", **data: Any) -> None:
    store.database.write(store.site, lambda tx: emit(tx, kind, subject, data))


def deliveries(store: SqlBackend, webhook_id: str, **more: Any) -> list[t.Delivery]:
    return store.call(webhooks.list_deliveries, t.ListWebhookDeliveries(webhook_id, **more)).deliveries


def wait_for(store: SqlBackend, webhook_id: str, state: t.DeliveryState, count: int = 1) -> list[t.Delivery]:
    deadline = time.monotonic() + 20
    while True:
        found = deliveries(store, webhook_id, state=state)
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, deliveries(store, webhook_id)
        time.sleep(0.02)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once."""
    monkeypatch.setattr(sender, "pause", lambda tries: 0.05)


def signed_by(call: Call, secret: str, header: str = "x-mlflow-signature") -> bool:
    text = f"{call.delivery_id}.{call.headers['x-mlflow-timestamp']}.{call.body}".encode()
    wanted = base64.b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()
    return call.headers.get(header) == f"v1,{wanted}"


def test_an_event_of_mlflows_travels_as_mlflow_sends_it(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    new_hook(store, hook.url, kinds=[], events=[VERSION_CREATED], secret="s3cret")
    deliver()
    data = {"name": "m", "version": "1", "source": "s", "run_id": None, "tags": {"k": "v"}, "description": None}
    tell(store, "model_version.created", "registered_model/m", **data, user="not MLflow's")
    tell(store, "model_version.deleted", "registered_model/m", name="m")
    (call,) = hook.wait(1)
    assert call.json["entity"] == "model_version"
    assert call.json["action"] == "created"
    assert call.json["timestamp"].endswith("+00:00")
    assert call.json["data"] == data
    assert set(call.json) == {"entity", "action", "timestamp", "data"}
    assert call.headers["content-type"] == "application/json"
    assert abs(int(call.headers["x-mlflow-timestamp"]) - time.time()) < 10
    assert len(call.delivery_id) == 36
    assert signed_by(call, "s3cret")
    hook.quiet(0.3)


def test_an_event_of_ours(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    webhook = new_hook(store, hook.url, kinds=["run.finished"])
    deliver()
    run_id = new_run(store, "0")
    store.call(runs.update, UpdateRun(run_id, status=RunStatus.FINISHED, end_time=9))
    (call,) = hook.wait(1)
    assert (call.json["entity"], call.json["action"]) == ("run", "finished")
    assert call.json["data"]["run_id"] == run_id
    assert call.json["subject"] == f"run/{run_id}"
    assert call.headers["x-tidemill-event-id"] == str(call.json["event_id"])
    assert "x-mlflow-signature" not in call.headers
    (done,) = wait_for(store, webhook, t.DeliveryState.DELIVERED)
    assert done.delivery_id == call.delivery_id
    assert done.request == call.body
    assert [(one.status, one.body) for one in done.attempts] == [(200, "thanks")]


def test_only_what_comes_after_its_creation_and_while_it_is_active(
    store: SqlBackend, deliver: Start, hook: Receiver
) -> None:
    tell(store, number=0)
    webhook = new_hook(store, hook.url)
    deliver()
    tell(store, number=1)
    hook.wait(1)
    store.call(webhooks.update, t.UpdateWebhook(webhook, status=t.WebhookStatus.DISABLED))
    tell(store, number=2)
    store.call(webhooks.update, t.UpdateWebhook(webhook, status=t.WebhookStatus.ACTIVE))
    tell(store, number=3)
    assert [call.json["data"]["number"] for call in hook.wait(2)] == [1, 3]


@pytest.mark.usefixtures("quick")
def test_what_fails_is_tried_again_with_the_same_id(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    statuses = [500, 503, 429, 200]

    def answer(call: Call) -> Any:
        if len(hook.calls) == 1:
            raise OSError("closed")
        return statuses[len(hook.calls) - 2], {}, b"no" * 5000

    hook.answer = answer
    webhook = new_hook(store, hook.url, secret="s")
    deliver()
    tell(store)
    calls = hook.wait(5)
    assert len({(call.delivery_id, call.headers["x-mlflow-timestamp"], call.body) for call in calls}) == 1
    assert all(signed_by(call, "s") for call in calls)
    (done,) = wait_for(store, webhook, t.DeliveryState.DELIVERED)
    assert [one.status for one in done.attempts] == [None, 500, 503, 429, 200]
    assert "closed" in done.attempts[0].error
    assert len(done.attempts[1].body) == 2001


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [400, 404, 410, 301])
def test_what_is_refused_is_dead_at_once(store: SqlBackend, deliver: Start, hook: Receiver, status: int) -> None:
    hook.answer = lambda call: (status, {"Location": "http://127.0.0.1:1/"}, b"gone")
    webhook = new_hook(store, hook.url)
    deliver()
    tell(store)
    (dead,) = wait_for(store, webhook, t.DeliveryState.DEAD)
    assert dead.attempts[0].error == f"The receiver answered with status {status}."
    assert dead.ended is not None
    assert len(hook.quiet(0.3)) == 1


@pytest.mark.usefixtures("quick")
def test_dead_after_all_retries_and_alive_by_redelivery(
    store: SqlBackend, deliver: Start, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", "2")
    hook.answer = lambda call: (500, {}, b"")
    webhook = new_hook(store, hook.url)
    deliver()
    tell(store)
    (dead,) = wait_for(store, webhook, t.DeliveryState.DEAD)
    assert (dead.tries, len(hook.calls)) == (3, 3)
    hook.answer = lambda call: (204, {}, b"")
    store.call(webhooks.redeliver, t.RedeliverWebhook(webhook, dead.delivery_id))
    (done,) = wait_for(store, webhook, t.DeliveryState.DELIVERED)
    assert done.delivery_id == dead.delivery_id
    assert len({call.delivery_id for call in hook.wait(4)}) == 1
    with pytest.raises(NotFound, match="no delivery"):
        store.call(webhooks.redeliver, t.RedeliverWebhook(webhook, "nope"))


def test_retry_after_is_honoured(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    hook.answer = lambda call: (429, {"Retry-After": "3"}, b"") if len(hook.calls) == 1 else (200, {}, b"")
    new_hook(store, hook.url)
    deliver()
    tell(store)
    first, second = hook.wait(2)
    assert 2.5 < second.at - first.at < 5


def test_a_receiver_that_hangs_keeps_no_other_waiting(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    from tidemill.testing.receiver import receiver

    with receiver() as slow:
        slow.answer = lambda call: (time.sleep(1.5), (200, {}, b""))[1]  # type: ignore[return-value, func-returns-value]
        new_hook(store, slow.url)
        new_hook(store, hook.url)
        deliver()
        begun = time.monotonic()
        for number in range(20):
            tell(store, subject=f"run/{number}")
        hook.wait(20)
        assert time.monotonic() - begun < 1.4


@pytest.mark.usefixtures("quick")
def test_one_subject_keeps_its_order_and_others_pass(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    failures = {"left": 4}

    def answer(call: Call) -> Any:
        if call.json["subject"] == "run/a" and failures["left"]:
            failures["left"] -= 1
            return 500, {}, b""
        return 200, {}, b""

    hook.answer = answer
    new_hook(store, hook.url)
    deliver()
    for number in range(5):
        tell(store, subject="run/a", number=number)
    tell(store, subject="run/b", number=9)
    calls = hook.wait(10)
    first = [call.json["data"]["number"] for call in calls if call.json["subject"] == "run/a"]
    assert first == [0, 0, 0, 0, 0, 1, 2, 3, 4]
    assert [call.json["subject"] for call in calls].index("run/b") < 5


def test_two_processes_share_and_nothing_is_sent_twice(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    ids = [new_hook(store, hook.url) for _ in range(6)]
    deliver(), deliver()
    for number in range(10):
        tell(store, subject=f"run/{number}")
    calls = hook.wait(60)
    assert len({call.delivery_id for call in calls}) == 60
    assert len(hook.quiet(0.5)) == 60
    for webhook in ids:
        wait_for(store, webhook, t.DeliveryState.DELIVERED, 10)


def test_rotation(store: SqlBackend, deliver: Start, hook: Receiver) -> None:
    webhook = new_hook(store, hook.url, secret="old")
    store.call(webhooks.rotate_secret, t.RotateWebhookSecret(webhook, secret="new"))
    deliver()
    tell(store)
    (call,) = hook.wait(1)
    assert signed_by(call, "new")
    assert signed_by(call, "old", "x-tidemill-previous-signature")
    store.call(webhooks.rotate_secret, t.RotateWebhookSecret(webhook, secret="newer", grace_seconds=0))
    time.sleep(0.2)
    tell(store)
    call = hook.wait(2)[1]
    assert signed_by(call, "newer")
    assert "x-tidemill-previous-signature" not in call.headers


def test_a_test_call(store: SqlBackend, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "pause", lambda tries: 0.01)
    webhook = new_hook(store, hook.url, kinds=[], events=[VERSION_CREATED], secret="s")
    store.call(webhooks.update, t.UpdateWebhook(webhook, status=t.WebhookStatus.DISABLED))
    result = store.call(webhooks.test, t.TestWebhook(webhook)).result
    assert (result.success, result.response_status, result.response_body) == (True, 200, "thanks")
    (call,) = hook.calls
    assert signed_by(call, "s")
    assert call.json["data"] == {
        "name": "example_model", "version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678",
        "tags": {"example_key": "example_value"}, "description": "An example model version",
    }  # fmt: skip
    hook.answer = lambda call: (500, {}, b"no")
    alias = t.WebhookEvent(t.WebhookEntity.PROMPT_ALIAS, t.WebhookAction.CREATED)
    result = store.call(webhooks.test, t.TestWebhook(webhook, event=alias)).result
    assert (result.success, result.response_status) == (False, 500)
    assert hook.calls[-1].json["data"] == {"name": "example_prompt", "alias": "example_alias", "version": "1"}
    assert len(hook.calls) == 5  # with retries
    store.call(webhooks.update, t.UpdateWebhook(webhook, url="http://127.0.0.1:1/"))
    result = store.call(webhooks.test, t.TestWebhook(webhook)).result
    assert not result.success
    assert result.error_message is not None
    assert result.error_message.startswith("Failed to test webhook: ")


def test_the_secret_lies_encrypted_and_is_shown_nowhere(store: SqlBackend, hook: Receiver) -> None:
    webhook = new_hook(store, hook.url, secret="hush-hush-hush")
    answer = store.call(webhooks.get, t.GetWebhook(webhook))
    assert answer.webhook.has_secret
    assert "hush" not in repr(answer)
    with store.database.read(store.site) as tx:
        for table in ("webhooks", "events", "subscriptions", "deliveries"):
            assert "hush" not in repr(tx.rows(f"SELECT * FROM {table}"))


def test_a_secret_that_cannot_be_read_holds_deliveries_back(
    store: SqlBackend, deliver: Start, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "pause", lambda tries: 0.1)
    webhook = new_hook(store, hook.url, secret="s")
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", "another key which fits nothing at all")
    deliver()
    tell(store)
    time.sleep(0.5)
    assert hook.calls == []
    assert "cannot be decrypted" in deliveries(store, webhook)[0].attempts[0].error
    keys = "a new key that goes first and is long enough,a key for tests of thirty-two characters and more"
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", keys)
    assert signed_by(hook.wait(1)[0], "s")


class TestMetricRules:
    """Thresholds."""

    def hooked(self, store: SqlBackend, url: str, comparison: str = ">", value: float = 0.9) -> tuple[str, str]:
        experiment = new_experiment(store)
        rule = t.MetricRule(experiment, "accuracy", comparison, value)
        return new_hook(store, url, kinds=[], rules=[rule]), experiment

    def test_a_crossing_is_told_once_and_again_after_going_back(
        self, store: SqlBackend, deliver: Start, hook: Receiver
    ) -> None:
        _, experiment = self.hooked(store, hook.url)
        deliver()
        run_id = new_run(store, experiment)
        other = new_run(store)
        for step, value in enumerate([0.5, 0.95, 0.99, 0.8, float("nan"), 0.91]):
            for run in (run_id, other):
                store.call(runs.log_metric, LogMetric(run, key="accuracy", value=value, timestamp=1, step=step))
        points = [MetricPoint("accuracy", value, 1, 10 + n) for n, value in enumerate([0.1, 0.95, 0.2])]
        store.call(runs.log_batch, LogBatch(run_id, [*points, MetricPoint("loss", 0.99, 1)]))
        calls = hook.wait(3)
        assert [(one.json["data"]["step"], one.json["data"]["value"]) for one in calls] == [
            (1, 0.95),
            (5, 0.91),
            (11, 0.95),
        ]
        assert {one.json["data"]["run_id"] for one in calls} == {run_id}
        assert calls[0].json["data"]["threshold"] == 0.9
        hook.quiet(0.3)

    def test_logging_elsewhere_costs_no_statement(self, store: SqlBackend, hook: Receiver) -> None:
        _, experiment = self.hooked(store, hook.url, "<", 0.1)
        assert list(store.site.rules) == [int(experiment)]

    def test_rules_go_with_their_webhook(self, store: SqlBackend, hook: Receiver) -> None:
        webhook, experiment = self.hooked(store, hook.url)
        assert [rule.key for rule in store.call(webhooks.get, t.GetWebhook(webhook)).webhook.rules] == ["accuracy"]
        store.call(webhooks.update, t.UpdateWebhook(webhook, kinds=["run.*"], rules=[]))
        assert store.site.rules == {}
        store.call(webhooks.update, t.UpdateWebhook(webhook, rules=[t.MetricRule(experiment, "a", "<=", 1)]))
        store.call(webhooks.delete, t.DeleteWebhook(webhook))
        assert store.site.rules == {}

    def test_refusals(self, store: SqlBackend, hook: Receiver) -> None:
        for rule in (t.MetricRule("0", "a", "=", 1.0), t.MetricRule("0", "a", ">", float("nan")), t.MetricRule("0"),
                     t.MetricRule("x", "a")):  # fmt: skip
            with pytest.raises(InvalidParameter):
                new_hook(store, hook.url, kinds=[], rules=[rule])
