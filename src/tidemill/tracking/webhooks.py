"""Webhooks, as the client has them."""

from collections.abc import Sequence

from tidemill.api import webhooks as ops
from tidemill.errors import InvalidParameter
from tidemill.tracking.entities import PagedList
from tidemill.tracking.events import EventCalls
from tidemill.types.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    Delivery,
    DeliveryState,
    GetWebhook,
    ListWebhookDeliveries,
    ListWebhooks,
    MetricRule,
    RedeliverWebhook,
    RotateWebhookSecret,
    TestWebhook,
    UpdateWebhook,
    Webhook,
    WebhookAction,
    WebhookEntity,
    WebhookEvent,
    WebhookStatus,
    WebhookTestResult,
)

Event = str | WebhookEvent
"""One of MLflow's kinds of events: `model_version.created`, or the struct."""


class WebhookCalls(EventCalls):
    """The client's methods about webhooks: who is told of events by HTTP, and how that went."""

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Sequence[Event] = (),
        description: str | None = None,
        secret: str | None = None,
        status: WebhookStatus | str | None = None,
        *,
        kinds: Sequence[str] = (),
        rules: Sequence[MetricRule] = (),
    ) -> Webhook:
        """Tell `url` of events. `events` are MLflow's, `kinds` any of docs/reference/events.md, `rules` thresholds of metrics.

        With a `secret` each delivery is signed as MLflow signs. Raises InvalidParameter, also for an address that must
        not be called (docs/reference/webhooks.md).
        """
        arg = CreateWebhook(
            name=name,
            url=url,
            events=[_event(one) for one in events],
            description=description,
            secret=secret or "",
            status=None if status is None else WebhookStatus(str(status)),
            kinds=list(kinds),
            rules=list(rules),
        )
        return self.call(ops.create, arg).webhook

    def get_webhook(self, webhook_id: str) -> Webhook:
        """One webhook. Raises NotFound."""
        return self.call(ops.get, GetWebhook(webhook_id)).webhook

    def list_webhooks(self, max_results: int | None = None, page_token: str | None = None) -> PagedList[Webhook]:
        """One page of webhooks, the newest first, those with kinds of Tidemill's alone included."""
        page = self.call(ops.list_webhooks, ListWebhooks(max_results or 100, page_token or "", all=True))
        return PagedList(page.webhooks, page.next_page_token)

    def update_webhook(
        self,
        webhook_id: str,
        name: str | None = None,
        description: str | None = None,
        url: str | None = None,
        events: Sequence[Event] | None = None,
        secret: str | None = None,
        status: WebhookStatus | str | None = None,
        *,
        kinds: Sequence[str] | None = None,
        rules: Sequence[MetricRule] | None = None,
    ) -> Webhook:
        """Change what is given. Raises NotFound and InvalidParameter."""
        arg = UpdateWebhook(
            webhook_id=webhook_id,
            name=name or "",
            url=url or "",
            events=[_event(one) for one in events or ()],
            description=description or "",
            secret=secret or "",
            status=None if status is None else WebhookStatus(str(status)),
            kinds=None if kinds is None else list(kinds),
            rules=None if rules is None else list(rules),
        )
        return self.call(ops.update, arg).webhook

    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a webhook, its secret and its deliveries. Raises NotFound."""
        self.call(ops.delete, DeleteWebhook(webhook_id))

    def test_webhook(self, webhook_id: str, event: Event | None = None, *, kind: str = "") -> WebhookTestResult:
        """Send an example now: of `event`, of our `kind`, or of the webhook's first event. Raises NotFound."""
        arg = TestWebhook(webhook_id, None if event is None else _event(event), kind)
        return self.call(ops.test, arg).result

    def rotate_webhook_secret(self, webhook_id: str, secret: str, grace_seconds: int = 86_400) -> Webhook:
        """Sign with `secret` from now on, and for `grace_seconds` with the one before as well, in a header of its own."""
        return self.call(ops.rotate_secret, RotateWebhookSecret(webhook_id, secret, grace_seconds)).webhook

    def list_webhook_deliveries(
        self,
        webhook_id: str,
        state: DeliveryState | str | None = None,
        max_results: int = 50,
        page_token: str | None = None,
    ) -> PagedList[Delivery]:
        """One page of what was sent to a webhook, or is to be, the newest first."""
        chosen = None if state is None else DeliveryState(str(state).upper())
        arg = ListWebhookDeliveries(webhook_id, chosen, max_results, page_token or "")
        page = self.call(ops.list_deliveries, arg)
        return PagedList(page.deliveries, page.next_page_token)

    def redeliver_webhook(self, webhook_id: str, delivery_id: str) -> None:
        """Send a delivery once more, with the same id and body. Raises NotFound."""
        self.call(ops.redeliver, RedeliverWebhook(webhook_id, delivery_id))


def _event(one: Event) -> WebhookEvent:
    if isinstance(one, WebhookEvent):
        return one
    entity, _, action = str(one).upper().partition(".")
    if entity not in WebhookEntity.__members__ or action not in WebhookAction.__members__:
        raise InvalidParameter(
            f"'{one}' is none of MLflow's events, such as 'model_version.created'; other kinds of events go into 'kinds'."
        )
    return WebhookEvent(WebhookEntity(entity), WebhookAction(action))
