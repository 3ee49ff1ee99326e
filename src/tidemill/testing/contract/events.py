"""Events, webhooks and triggers through any backend: what can be asked, and what is refused.

What is delivered is tested with servers and receivers; this is about the operations.
"""

from typing import Any

import pytest

from tidemill.api import events, runs, triggers, webhooks
from tidemill.api.operation import AnyOperation, Backend
from tidemill.errors import InvalidParameter, NotFound
from tidemill.testing.contract.refusals import missing, refused
from tidemill.testing.factories import new_run, unique
from tidemill.types import webhooks as t
from tidemill.types.events import CleanEvents, Event, ListEvents
from tidemill.types.runs import RunStatus, UpdateRun
from tidemill.types.triggers import ListTriggerRuns, ListTriggers

# Addresses as numbers: nothing is looked up, and nothing is sent.
URL = "https://8.8.8.8/hook"
CREATED = t.WebhookEvent(t.WebhookEntity.MODEL_VERSION, t.WebhookAction.CREATED)


def cursor_of(backend: Backend) -> int:
    """The id of the newest event."""
    return backend.call(events.list_events, ListEvents(max_results=1, newest=True)).cursor


class TestEvents:
    """Reading what has happened."""

    def since(self, backend: Backend, cursor: int, *kinds: str, subject: str = "") -> list[Event]:
        """The events after a cursor."""
        return backend.call(events.list_events, ListEvents(cursor, list(kinds), subject)).events

    def test_a_run_from_its_creation_to_its_end(self, backend: Backend) -> None:
        cursor = cursor_of(backend)
        run_id = new_run(backend)
        for status in (RunStatus.RUNNING, RunStatus.FINISHED, RunStatus.FINISHED):
            backend.call(runs.update, UpdateRun(run_id, status=status, end_time=5))
        found = self.since(backend, cursor, subject=f"run/{run_id}")
        assert [one.kind for one in found] == ["run.created", "run.finished"]
        assert [one.data["status"] for one in found] == ["RUNNING", "FINISHED"]
        assert found[1].data["end_time"] == 5
        assert found[0].id < found[1].id
        assert found[0].time <= found[1].time

    def test_kinds(self, backend: Backend) -> None:
        cursor = cursor_of(backend)
        run_id = new_run(backend)
        subject = f"run/{run_id}"
        for kinds, count in (
            (["run.created"], 1),
            (["run.*"], 1),
            (["*"], 1),
            (["run.f*", "experiment.*"], 0),
            ([], 1),
        ):
            assert len(self.since(backend, cursor, *kinds, subject=subject)) == count, kinds

    def test_pages(self, backend: Backend) -> None:
        cursor = cursor_of(backend)
        ids = [new_run(backend, "0") for _ in range(5)]
        seen = []
        more = True
        while more:
            page = backend.call(events.list_events, ListEvents(cursor, ["run.created"], max_results=2))
            seen += [one.data["run_id"] for one in page.events]
            cursor, more = page.cursor, page.more
        assert [one for one in seen if one in ids] == ids
        assert self.since(backend, cursor, "run.created") == []

    @pytest.mark.parametrize("count", [0, -1, 1001])
    def test_how_many(self, backend: Backend, count: int) -> None:
        with refused(
            InvalidParameter, f"Invalid value {count} for parameter 'max_results' supplied. It must be 1 to 1000."
        ):
            backend.call(events.list_events, ListEvents(max_results=count))

    def test_cleaning_keeps_what_is_young(self, backend: Backend) -> None:
        cursor = cursor_of(backend)
        new_run(backend)
        assert backend.call(events.clean, CleanEvents(older_than_ms=10**9)).events == 0
        assert self.since(backend, cursor, "run.created")


class TestWebhooks:
    """Webhooks as MLflow has them, and what is Tidemill's own."""

    def make(self, backend: Backend, **more: object) -> t.Webhook:
        """A webhook."""
        fields: dict[str, object] = {"name": "hook", "url": URL, "events": [CREATED], **more}
        return backend.call(webhooks.create, t.CreateWebhook(**fields)).webhook  # type: ignore[arg-type]

    def test_life(self, backend: Backend) -> None:
        made = self.make(backend, description="about", kinds=["run.*"])
        assert made.status is t.WebhookStatus.ACTIVE
        assert (made.events, made.kinds, made.description, made.has_secret) == ([CREATED], ["run.*"], "about", False)
        assert backend.call(webhooks.get, t.GetWebhook(made.webhook_id)).webhook == made
        change = t.UpdateWebhook(made.webhook_id, name="other", status=t.WebhookStatus.DISABLED, description="")
        changed = backend.call(webhooks.update, change).webhook
        assert (changed.name, changed.url, changed.status, changed.description) == (
            "other", URL, t.WebhookStatus.DISABLED, None,
        )  # fmt: skip
        assert changed.events == [CREATED]
        backend.call(webhooks.delete, t.DeleteWebhook(made.webhook_id))
        with refused(NotFound, f"Webhook with ID {made.webhook_id} not found."):
            backend.call(webhooks.get, t.GetWebhook(made.webhook_id))

    def test_lists(self, backend: Backend) -> None:
        plain = self.make(backend).webhook_id
        own = self.make(backend, events=[], kinds=["run.*"]).webhook_id
        theirs = [one.webhook_id for one in backend.call(webhooks.list_webhooks, t.ListWebhooks(1000)).webhooks]
        assert plain in theirs
        assert own not in theirs
        seen: list[str] = []
        token: str | None = ""
        while token is not None:
            page = backend.call(webhooks.list_webhooks, t.ListWebhooks(1, token, all=True))
            seen += [one.webhook_id for one in page.webhooks]
            token = page.next_page_token
        assert seen.index(own) < seen.index(plain)
        assert len(set(seen)) == len(seen)

    def test_a_disabled_one_gets_no_deliveries(self, backend: Backend) -> None:
        made = self.make(backend, kinds=["run.*"], status=t.WebhookStatus.DISABLED)
        new_run(backend)
        assert backend.call(webhooks.list_deliveries, t.ListWebhookDeliveries(made.webhook_id)).deliveries == []
        with refused(NotFound, "There is no delivery with ID nope here; it may have been cleaned away."):
            backend.call(webhooks.redeliver, t.RedeliverWebhook(made.webhook_id, "nope"))

    def test_unknown_ones(self, backend: Backend) -> None:
        name = unique()
        asked: tuple[tuple[AnyOperation, Any], ...] = (
            (webhooks.get, t.GetWebhook(name)),
            (webhooks.update, t.UpdateWebhook(name, name="x")),
            (webhooks.delete, t.DeleteWebhook(name)),
            (webhooks.test, t.TestWebhook(name)),
            (webhooks.list_deliveries, t.ListWebhookDeliveries(name)),
            (webhooks.redeliver, t.RedeliverWebhook(name, "x")),
        )
        for op, arg in asked:
            with refused(NotFound, f"Webhook with ID {name} not found."):
                backend.call(op, arg)

    def test_what_is_needed(self, backend: Backend) -> None:
        for arg, field in (
            (t.CreateWebhook(url=URL, events=[CREATED]), "name"),
            (t.CreateWebhook(name="x", events=[CREATED]), "url"),
            (t.CreateWebhook(name="x", url=URL), "events"),
        ):
            with refused(InvalidParameter, missing(field)):
                backend.call(webhooks.create, arg)
        made = self.make(backend, events=[], kinds=["run.*"])
        with refused(
            InvalidParameter, "A webhook needs something to be told of: events, kinds or rules. Delete it instead."
        ):
            backend.call(webhooks.update, t.UpdateWebhook(made.webhook_id, kinds=[]))

    @pytest.mark.parametrize("name", ["-x", "x-", "x y", "x" * 64, "é", "x/y"])
    def test_names(self, backend: Backend, name: str) -> None:
        text = (
            f"Webhook name '{name}' is invalid. It must start and end with a letter or digit, be less than 63 characters "
            "long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
        with refused(InvalidParameter, text):
            self.make(backend, name=name)

    @pytest.mark.parametrize(
        ("url", "text"),
        [
            ("   ", "Webhook URL cannot be empty or just whitespace: '   '"),
            ("http://8.8.8.8/", "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."),
            ("https:///x", "Webhook URL must include a hostname: 'https:///x'"),
            (
                "https://127.0.0.1/",
                "Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to 127.0.0.1.",
            ),
        ],
    )
    def test_addresses(self, backend: Backend, url: str, text: str) -> None:
        with refused(InvalidParameter, text):
            self.make(backend, url=url)

    def test_events_and_kinds(self, backend: Backend) -> None:
        wrong = t.WebhookEvent(t.WebhookEntity.REGISTERED_MODEL, t.WebhookAction.SET)
        text = "Invalid action 'set' for entity 'registered_model'. Valid actions are: ['created']"
        with refused(InvalidParameter, text):
            self.make(backend, events=[wrong])
        for kind in ("", "run", "run finished", "RUN.FINISHED", "run.*.x"):
            with pytest.raises(InvalidParameter):
                self.make(backend, kinds=[kind])

    def test_rules(self, backend: Backend) -> None:
        rule = t.MetricRule("0", "accuracy", ">=", 0.9)
        made = self.make(backend, events=[], rules=[rule])
        assert made.rules == [rule]
        backend.call(webhooks.delete, t.DeleteWebhook(made.webhook_id))
        with pytest.raises(InvalidParameter):
            self.make(backend, rules=[t.MetricRule("0", "accuracy", "~", 0.9)])


class TestTriggers:
    """Without a file of triggers there are none."""

    def test_none(self, backend: Backend) -> None:
        assert backend.call(triggers.list_triggers, ListTriggers()).triggers == []
        text = "There is no trigger 'nope' here. Triggers are written in the file that the server was given."
        with refused(NotFound, text):
            backend.call(triggers.list_runs, ListTriggerRuns("nope"))
