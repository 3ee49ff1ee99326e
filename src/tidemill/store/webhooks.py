"""Webhooks, in the database.

What needs the network (looking up a receiver's name, sending a test) happens outside of any transaction, so these
functions take the database instead of a transaction.
"""

import re
import uuid
from collections.abc import Sequence

import msgspec

from tidemill.api import codec
from tidemill.clock import now_ms
from tidemill.errors import InvalidParameter, InvalidState, NotFound, NotSupported
from tidemill.store import deliveries, limits, metric_rules
from tidemill.store.database import Database
from tidemill.store.events import newest_id
from tidemill.store.outbox import emit
from tidemill.store.pages import Column, Order, Where, page, read_token
from tidemill.store.transaction import Outgoing, Row, Site, Tx
from tidemill.types import webhooks as t
from tidemill.types.deliveries import Target
from tidemill.types.page import NOTHING, Nothing
from tidemill.types.webhooks import WebhookAction as Action
from tidemill.types.webhooks import WebhookEntity as Entity

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_KIND = re.compile(r"[a-z_]+\.[a-z_]+|([a-z_]+\.)?[a-z_]*\*")
_STATUSES = list(t.WebhookStatus)
_COLUMNS = (
    "w.id, w.name, w.url, w.events, w.description, w.status, w.created, w.updated, w.kinds, w.secret, w.previous_secret, "
    "w.previous_until"
)
_NEWEST = Order((Column("w.created", True), Column("w.pk", True)))
_ACTIONS = {
    Entity.REGISTERED_MODEL: (Action.CREATED,),
    Entity.MODEL_VERSION: (Action.CREATED,),
    Entity.MODEL_VERSION_TAG: (Action.SET, Action.DELETED),
    Entity.MODEL_VERSION_ALIAS: (Action.CREATED, Action.DELETED),
    Entity.PROMPT: (Action.CREATED,),
    Entity.PROMPT_VERSION: (Action.CREATED,),
    Entity.PROMPT_TAG: (Action.SET, Action.DELETED),
    Entity.PROMPT_VERSION_TAG: (Action.SET, Action.DELETED),
    Entity.PROMPT_ALIAS: (Action.CREATED, Action.DELETED),
    Entity.BUDGET_POLICY: (Action.EXCEEDED,),
}
_MOST_KINDS = 100
_MOST_GRACE_S = 90 * 86_400


def create(database: Database, site: Site, arg: t.CreateWebhook) -> t.WebhookAnswer:
    """See the operation `webhooks.create`."""
    _check_name(arg.name)
    events = arg.events or []
    if not (events or arg.kinds or arg.rules):
        if arg.events is None:
            raise codec.missing("events")
        raise InvalidParameter("Webhook events must be a non-empty list of WebhookEvent objects: [].")
    _check_texts(arg.description, arg.url, arg.secret)
    _check_kinds(events, arg.kinds)
    _outgoing(site).check(arg.url)
    webhook_id = str(uuid.uuid4())
    secret = site.keyring.seal(arg.secret, webhook_id) if arg.secret else None

    def insert(tx: Tx) -> t.WebhookAnswer:
        now = now_ms()
        status = arg.status or t.WebhookStatus.ACTIVE
        tx.run(
            "INSERT INTO webhooks (id, name, url, description, events, kinds, status, secret, created, updated) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                webhook_id, arg.name, arg.url, arg.description or None, _text(events), _text(arg.kinds),
                _STATUSES.index(status) + 1, secret, now, now,
            ),
        )  # fmt: skip
        deliveries.subscribe(tx, _sink(webhook_id), newest_id(tx), status is t.WebhookStatus.ACTIVE)
        metric_rules.replace(tx, _sink(webhook_id), arg.rules)
        return _changed(tx, "created", webhook_id)

    answer = database.write(site, insert)
    metric_rules.reload(database, site)
    return answer


def update(database: Database, site: Site, arg: t.UpdateWebhook) -> t.WebhookAnswer:
    """See the operation `webhooks.update`."""
    if arg.name:
        _check_name(arg.name)
    _check_texts(arg.description, arg.url, arg.secret)
    _check_kinds(arg.events, arg.kinds or ())
    if arg.url:
        _outgoing(site).check(arg.url)
    secret = site.keyring.seal(arg.secret, arg.webhook_id) if arg.secret else None

    def change(tx: Tx) -> t.WebhookAnswer:
        before = _one(tx, arg.webhook_id)
        sets: dict[str, object] = {"updated": now_ms()}
        for column, given in (("name", arg.name), ("url", arg.url)):
            if given:
                sets[column] = given
        if arg.description is not None:
            sets["description"] = arg.description or None
        if arg.events:
            sets["events"] = _text(arg.events)
        if arg.kinds is not None:
            sets["kinds"] = _text(arg.kinds)
        if arg.status is not None:
            sets["status"] = _STATUSES.index(arg.status) + 1
        if secret:
            sets.update(secret=secret, previous_secret=None, previous_until=0)
        kinds, rules = (before.kinds, before.rules)
        if not (arg.events or before.events or (kinds if arg.kinds is None else arg.kinds)
                or (rules if arg.rules is None else arg.rules)):  # fmt: skip
            raise InvalidParameter(
                "A webhook needs something to be told of: events, kinds or rules. Delete it instead."
            )
        columns = ", ".join(f"{column} = ?" for column in sets)
        tx.run(f"UPDATE webhooks SET {columns} WHERE id = ?", [*sets.values(), arg.webhook_id])
        if arg.rules is not None:
            metric_rules.replace(tx, _sink(arg.webhook_id), arg.rules)
        return _changed(tx, "updated", arg.webhook_id)

    answer = database.write(site, change)
    metric_rules.reload(database, site)
    return answer


def delete(database: Database, site: Site, arg: t.DeleteWebhook) -> Nothing:
    """See the operation `webhooks.delete`."""

    def remove(tx: Tx) -> None:
        _changed(tx, "deleted", arg.webhook_id)
        tx.run("DELETE FROM webhooks WHERE id = ?", (arg.webhook_id,))
        tx.run("DELETE FROM subscriptions WHERE sink = ?", (_sink(arg.webhook_id),))

    database.write(site, remove)
    metric_rules.reload(database, site)
    return NOTHING


def rotate_secret(database: Database, site: Site, arg: t.RotateWebhookSecret) -> t.WebhookAnswer:
    """See the operation `webhooks.rotate_secret`."""
    if not 0 <= arg.grace_seconds <= _MOST_GRACE_S:
        raise InvalidParameter(f"'grace_seconds' must be 0 to {_MOST_GRACE_S}.")
    _check_texts("", "", arg.secret)
    secret = site.keyring.seal(arg.secret, arg.webhook_id)

    def change(tx: Tx) -> t.WebhookAnswer:
        now = now_ms()
        tx.run(
            "UPDATE webhooks SET previous_secret = secret, previous_until = ?, secret = ?, updated = ? WHERE id = ?",
            (now + arg.grace_seconds * 1000, secret, now, arg.webhook_id),
        )
        return _changed(tx, "updated", arg.webhook_id)

    return database.write(site, change)


def test(database: Database, site: Site, arg: t.TestWebhook) -> t.WebhookTestAnswer:
    """See the operation `webhooks.test`."""
    with database.read(site) as tx:
        row, webhook = _row(tx, arg.webhook_id), _one(tx, arg.webhook_id)
        kinds = kinds_of(row[3], row[8])
    kind = arg.kind
    if arg.event is not None:
        _check_kinds([arg.event], ())
        kind = _kind(arg.event)
    if not kind:
        kind = kinds[0] if kinds else "run.metric_crossed"
    if kind.endswith("*"):
        raise InvalidParameter(f"'{kind}' stands for many kinds; name one of them to test.")
    return t.WebhookTestAnswer(_outgoing(site).test(target_of(site, row), kind, webhook.rules))


def list_webhooks(tx: Tx, arg: t.ListWebhooks) -> t.WebhookPage:
    """See the operation `webhooks.list_webhooks`."""
    most = arg.max_results or 100
    if not 1 <= most <= 1000:
        raise InvalidParameter("max_results must be between 1 and 1000.")
    where = Where()
    if not arg.all:
        where.append("w.events <> '[]'")
    after = read_token(arg.page_token, _NEWEST)
    rows, token = page(tx, _COLUMNS, "webhooks w", where, _NEWEST, most, after)
    return t.WebhookPage(webhooks=[_entity(tx, row) for row in rows], next_page_token=token)


def get(tx: Tx, arg: t.GetWebhook) -> t.WebhookAnswer:
    """See the operation `webhooks.get`."""
    return t.WebhookAnswer(_one(tx, arg.webhook_id))


def list_deliveries(tx: Tx, arg: t.ListWebhookDeliveries) -> t.DeliveryPage:
    """See the operation `webhooks.list_deliveries`."""
    _row(tx, arg.webhook_id)
    return deliveries.listed(tx, _sink(arg.webhook_id), arg.state, arg.max_results, arg.page_token)


def redeliver(tx: Tx, arg: t.RedeliverWebhook) -> Nothing:
    """See the operation `webhooks.redeliver`."""
    _row(tx, arg.webhook_id)
    deliveries.again(tx, _sink(arg.webhook_id), arg.delivery_id)
    return NOTHING


def targets(tx: Tx) -> dict[str, tuple[bool, Target]]:
    """All webhooks as their sender needs them: by sink, whether it is active, and where to send."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM webhooks w")
    return {_sink(row[0]): (_STATUSES[row[5] - 1] is t.WebhookStatus.ACTIVE, target_of(tx.site, row)) for row in rows}


def target_of(site: Site, row: Row) -> Target:
    """A row of `_COLUMNS` as its sender needs it."""
    secret = previous = None
    problem = ""
    try:
        secret = site.keyring.open(row[9], row[0]) if row[9] else None
        if row[10] and row[11] > now_ms():
            previous = site.keyring.open(row[10], row[0])
    except (InvalidState, InvalidParameter) as error:
        problem = error.message
    return Target(row[0], row[2], tuple(kinds_of(row[3], row[8])), secret, previous, problem)


def kinds_of(events: str, kinds: str) -> list[str]:
    """The kinds that a webhook is told of, from its two columns."""
    pairs = msgspec.json.decode(events, type=list[t.WebhookEvent])
    return [*map(_kind, pairs), *msgspec.json.decode(kinds, type=list[str])]


def _kind(event: t.WebhookEvent) -> str:
    return f"{event.entity.lower()}.{event.action.lower()}"


def _sink(webhook_id: str) -> str:
    return f"webhook/{webhook_id}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _outgoing(site: Site) -> Outgoing:
    if site.outgoing is None:
        raise NotSupported("This store was opened without a way out; webhooks need a server, or tidemill.Client.")
    return site.outgoing


def _changed(tx: Tx, what: str, webhook_id: str) -> t.WebhookAnswer:
    webhook = _one(tx, webhook_id)
    data = {"webhook_id": webhook_id, "name": webhook.name, "url": webhook.url, "status": webhook.status}
    emit(tx, f"webhook.{what}", _sink(webhook_id), data)
    return t.WebhookAnswer(webhook)


def _row(tx: Tx, webhook_id: str) -> Row:
    row = tx.row(f"SELECT {_COLUMNS} FROM webhooks w WHERE w.id = ?", (webhook_id,))
    if row is None:
        raise NotFound(f"Webhook with ID {webhook_id} not found.")
    return row


def _one(tx: Tx, webhook_id: str) -> t.Webhook:
    return _entity(tx, _row(tx, webhook_id))


def _entity(tx: Tx, row: Row) -> t.Webhook:
    return t.Webhook(
        webhook_id=row[0],
        name=row[1],
        url=row[2],
        events=msgspec.json.decode(row[3], type=list[t.WebhookEvent]),
        description=row[4],
        status=_STATUSES[row[5] - 1],
        creation_timestamp=row[6],
        last_updated_timestamp=row[7],
        kinds=msgspec.json.decode(row[8], type=list[str]),
        rules=metric_rules.of_sink(tx, _sink(row[0])),
        has_secret=row[9] is not None,
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Webhook name '{name}' is invalid. It must start and end with a letter or digit, be less than 63 characters "
            "long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )


def _check_texts(description: str | None, url: str, secret: str) -> None:
    limits.check_length("description", description, 1000)
    limits.check_length("url", url, 500)
    limits.check_length("secret", secret, 1000)


def _check_kinds(events: Sequence[t.WebhookEvent], kinds: Sequence[str]) -> None:
    for event in events:
        actions = _ACTIONS.get(event.entity)
        if actions is None:
            raise codec.missing("events[0].entity")
        if event.action not in actions:
            shown = sorted(action.lower() for action in actions)
            raise InvalidParameter(
                f"Invalid action '{event.action.lower()}' for entity '{event.entity.lower()}'. Valid actions are: {shown}"
            )
    if len(events) + len(kinds) > _MOST_KINDS:
        raise InvalidParameter(f"A webhook can name at most {_MOST_KINDS} kinds of events.")
    for kind in kinds:
        if not _KIND.fullmatch(kind) or len(kind) > 100:
            raise InvalidParameter(
                f"'{kind}' is no kind of event. Write <noun>.<what>, such as run.finished, or the start of some with a "
                "star, such as run.*; docs/reference/events.md lists them."
            )
