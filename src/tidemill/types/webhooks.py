"""Webhooks: who is told of events by HTTP, what was sent to them, and what they answered."""

import enum

from tidemill.types.page import Entity, Int64, Request


class WebhookEntity(enum.StrEnum):
    """What MLflow's events are about. Order and names are the wire's (0 to 10)."""

    ENTITY_UNSPECIFIED = "ENTITY_UNSPECIFIED"
    REGISTERED_MODEL = "REGISTERED_MODEL"
    MODEL_VERSION = "MODEL_VERSION"
    MODEL_VERSION_TAG = "MODEL_VERSION_TAG"
    MODEL_VERSION_ALIAS = "MODEL_VERSION_ALIAS"
    PROMPT = "PROMPT"
    PROMPT_VERSION = "PROMPT_VERSION"
    PROMPT_TAG = "PROMPT_TAG"
    PROMPT_VERSION_TAG = "PROMPT_VERSION_TAG"
    PROMPT_ALIAS = "PROMPT_ALIAS"
    BUDGET_POLICY = "BUDGET_POLICY"


class WebhookAction(enum.StrEnum):
    """What happened to it. Order and names are the wire's (0 to 5)."""

    ACTION_UNSPECIFIED = "ACTION_UNSPECIFIED"
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    SET = "SET"
    EXCEEDED = "EXCEEDED"


class WebhookStatus(enum.StrEnum):
    """Whether a webhook is told. Order and names are the wire's (1, 2)."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class WebhookEvent(Request, frozen=True, omit_defaults=False):
    """One of MLflow's kinds of events."""

    entity: WebhookEntity = WebhookEntity.ENTITY_UNSPECIFIED
    action: WebhookAction = WebhookAction.ACTION_UNSPECIFIED


class MetricRule(Request, frozen=True, omit_defaults=False):
    """A threshold: told once when a metric of a run of `experiment_id` comes to fulfil `comparison` with `value`.

    `comparison` is one of `>`, `>=`, `<`, `<=`. It is told again only after the metric has gone back in between.
    """

    experiment_id: str = ""
    key: str = ""
    comparison: str = ">"
    value: float = 0.0


class Webhook(Entity, frozen=True, kw_only=True):
    """A receiver. Times are ms since the epoch. `kinds`, `rules` and `has_secret` are Tidemill's own."""

    webhook_id: str
    name: str
    url: str
    events: list[WebhookEvent] = []
    description: str | None = None
    status: WebhookStatus
    creation_timestamp: int
    last_updated_timestamp: int
    kinds: list[str] = []
    rules: list[MetricRule] = []
    has_secret: bool = False


class WebhookAnswer(Entity, frozen=True):
    """One webhook."""

    webhook: Webhook


class WebhookPage(Entity, frozen=True):
    """Some webhooks, the newest first; a token exactly when there are more."""

    webhooks: list[Webhook] = []
    next_page_token: str | None = None


class CreateWebhook(Request, frozen=True):
    """Tell `url` of `events` (MLflow's), of `kinds` (any, `run.*` too) and of `rules`; at least one of them."""

    name: str = ""
    url: str = ""
    events: list[WebhookEvent] | None = None
    description: str | None = None
    secret: str = ""
    status: WebhookStatus | None = None
    kinds: list[str] = []
    rules: list[MetricRule] = []


class ListWebhooks(Request, frozen=True):
    """All webhooks, page by page. Those without any of MLflow's events are left out unless `all` is set.

    `max_results` is 1 to 1000; 0 is the default.
    """

    max_results: Int64 = 100
    page_token: str = ""
    all: bool = False


class GetWebhook(Request, frozen=True):
    """Ask for one webhook."""

    webhook_id: str = ""


class UpdateWebhook(Request, frozen=True):
    """Change what is given; an empty text or list leaves it as it is, but an empty description removes it.

    `kinds` and `rules` replace those before where given, an empty list too.
    """

    webhook_id: str = ""
    name: str = ""
    url: str = ""
    events: list[WebhookEvent] = []
    description: str | None = None
    secret: str = ""
    status: WebhookStatus | None = None
    kinds: list[str] | None = None
    rules: list[MetricRule] | None = None


class DeleteWebhook(Request, frozen=True):
    """Remove a webhook, its secret and its deliveries."""

    webhook_id: str = ""


class TestWebhook(Request, frozen=True):
    """Send an example of `event` now (default: the webhook's first). `kind` names one of Tidemill's instead."""

    __test__ = False

    webhook_id: str = ""
    event: WebhookEvent | None = None
    kind: str = ""


class WebhookTestResult(Entity, frozen=True, omit_defaults=False):
    """How the receiver took it. `success`: it answered with a status below 400."""

    success: bool
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None


class WebhookTestAnswer(Entity, frozen=True):
    """The result of a test."""

    result: WebhookTestResult


class RotateWebhookSecret(Request, frozen=True):
    """Sign with `secret` from now on; the one before goes along in a header of its own for `grace_seconds`."""

    webhook_id: str = ""
    secret: str = ""
    grace_seconds: Int64 = 86_400


class DeliveryState(enum.StrEnum):
    """How a delivery stands: to be made or tried again, done, or given up."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


class Attempt(Entity, frozen=True, kw_only=True):
    """One try: when (ms since the epoch) and how long it took (ms), and what came of it.

    `status` and `body` (its beginning) are the receiver's answer; for a command `status` is its exit code and `body`
    the end of what it printed. `error` says why there is no answer.
    """

    at: int
    took: int
    status: int | None = None
    body: str = ""
    error: str = ""


class Delivery(Entity, frozen=True, kw_only=True):
    """One event on its way to one receiver. Times are ms since the epoch; `request` is the body as it is sent."""

    delivery_id: str
    event_id: int
    kind: str
    subject: str
    state: DeliveryState
    created: int
    due: int
    ended: int | None = None
    tries: int = 0
    attempts: list[Attempt] = []
    request: str = ""


class DeliveryPage(Entity, frozen=True):
    """Some deliveries, the newest first; a token exactly when there are more."""

    deliveries: list[Delivery] = []
    next_page_token: str | None = None


class ListWebhookDeliveries(Request, frozen=True):
    """What was sent to a webhook, or is to be; of one `state`, where it is given."""

    webhook_id: str = ""
    state: DeliveryState | None = None
    max_results: Int64 = 50
    page_token: str = ""


class RedeliverWebhook(Request, frozen=True):
    """Send a delivery once more, with the same id and body."""

    webhook_id: str = ""
    delivery_id: str = ""
