"""Operations on webhooks: MLflow's, and Tidemill's own on their deliveries and secrets."""

from tidemill.api.operation import Operation
from tidemill.types.page import Nothing
from tidemill.types.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    DeliveryPage,
    GetWebhook,
    ListWebhookDeliveries,
    ListWebhooks,
    RedeliverWebhook,
    RotateWebhookSecret,
    TestWebhook,
    UpdateWebhook,
    WebhookAnswer,
    WebhookPage,
    WebhookTestAnswer,
)

_PATH = "/api/2.0/mlflow/webhooks"
_ONE = _PATH + "/{webhook_id}"
_OWN = "/api/tidemill/1/webhooks/{webhook_id}"

create = Operation(
    "webhooks.create", CreateWebhook, WebhookAnswer,
    "POST", _PATH, allow="webhook:manage", writes=True, required=("name", "url"), emits=("webhook.created",),
)  # fmt: skip
list_webhooks = Operation("webhooks.list_webhooks", ListWebhooks, WebhookPage, "GET", _PATH, allow="webhook:read")
get = Operation("webhooks.get", GetWebhook, WebhookAnswer, "GET", _ONE, allow="webhook:read", required=("webhook_id",))
update = Operation(
    "webhooks.update", UpdateWebhook, WebhookAnswer,
    "PATCH", _ONE, allow="webhook:manage", writes=True, required=("webhook_id",), emits=("webhook.updated",),
)  # fmt: skip
delete = Operation(
    "webhooks.delete", DeleteWebhook, Nothing,
    "DELETE", _ONE, allow="webhook:manage", writes=True, required=("webhook_id",), emits=("webhook.deleted",),
)  # fmt: skip
test = Operation(
    "webhooks.test", TestWebhook, WebhookTestAnswer,
    "POST", _ONE + "/test", allow="webhook:manage", required=("webhook_id",),
)  # fmt: skip
rotate_secret = Operation(
    "webhooks.rotate_secret", RotateWebhookSecret, WebhookAnswer,
    "POST", _OWN + "/rotate-secret", allow="webhook:manage", writes=True, required=("webhook_id", "secret"),
    emits=("webhook.updated",),
)  # fmt: skip
list_deliveries = Operation(
    "webhooks.list_deliveries", ListWebhookDeliveries, DeliveryPage,
    "GET", _OWN + "/deliveries", allow="webhook:manage", required=("webhook_id",),
)  # fmt: skip
redeliver = Operation(
    "webhooks.redeliver", RedeliverWebhook, Nothing,
    "POST", _OWN + "/deliveries/{delivery_id}/redeliver", allow="webhook:manage", writes=True,
    required=("webhook_id", "delivery_id"),
)  # fmt: skip

OPERATIONS = (create, list_webhooks, get, update, delete, test, rotate_secret, list_deliveries, redeliver)
