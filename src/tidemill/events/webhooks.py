"""Sending events to webhooks, signed as MLflow signs them."""

import base64
import hmac
import random
import time
import uuid
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from threading import BoundedSemaphore

from tidemill import settings
from tidemill.clock import now_ms
from tidemill.errors import TidemillError, Unavailable
from tidemill.events.egress import Egress
from tidemill.events.exchange import Reply
from tidemill.events.payloads import example, payload
from tidemill.types.deliveries import Due, Outcome, Sink, Target, matches
from tidemill.types.events import Event
from tidemill.types.webhooks import Attempt, DeliveryState, MetricRule, WebhookTestResult

RETRIED = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers after which the same request may be taken later."""
_LONGEST_PAUSE_S = 3600.0
_LONGEST_WISH_S = 86_400.0
_MOST_LOGGED = 2000
_TESTS_AT_ONCE = 2
_TEST_RETRIES = 3
_random = random.Random()  # noqa: S311 (spreading, not secrecy)


class WebhookSender:
    """Renders events for webhooks and sends them; also the store's `Outgoing`."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._testing = BoundedSemaphore(_TESTS_AT_ONCE)

    def check(self, url: str) -> None:
        """Whether `url` may be called. Raises InvalidParameter."""
        self._egress.check(url)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._egress.close()

    def render(self, sink: Sink, event: Event) -> str | None:
        """The body of an event for a webhook; None where it has not asked for it."""
        wanted = sink.target is not None and (
            matches(sink.target.kinds, event.kind)
            or (event.kind == "run.metric_crossed" and event.data.get("sink") == sink.name)
        )
        return payload(event) if wanted else None

    def deliver(self, sink: Sink, due: Due) -> Outcome:
        """Send one delivery and say what came of it."""
        assert sink.target is not None
        begun = now_ms()
        status, body, error, again, wish = None, "", "", True, 0.0
        try:
            if sink.target.problem:
                raise Unavailable(sink.target.problem)
            reply = self._send(sink.target, due.delivery_id, due.created // 1000, due.body, due.event_id)
            status, body = reply.status, _shown(reply)
            again = status in RETRIED
            wish = retry_after(reply)
            if not 200 <= status < 300 and not again:
                error = f"The receiver answered with status {status}."
        except Unavailable as problem:
            error = problem.message
        except TidemillError as problem:
            error, again = problem.message, False
        attempt = Attempt(at=begun, took=now_ms() - begun, status=status, body=body, error=error)
        if status is not None and 200 <= status < 300:
            return Outcome(due, DeliveryState.DELIVERED, begun, attempt)
        return failed(due, attempt, again, wish, settings.webhook_retries())

    def stop(self) -> None:
        """Break off what is under way."""
        self._egress.close()

    def workers(self, sink: Sink) -> int:
        """How many deliveries to one webhook are made at a time."""
        return settings.webhook_workers()

    def test(self, target: Target, kind: str, rules: Sequence[MetricRule]) -> WebhookTestResult:
        """Send an example of an event, with a few retries, and say how it was taken. See the operation `webhooks.test`."""
        if target.problem:
            return WebhookTestResult(False, error_message=target.problem)
        event = example(kind, now_ms())
        if rules and kind == "run.metric_crossed":
            rule = rules[0]
            event.data.update(key=rule.key, comparison=rule.comparison, threshold=rule.value)
        if not self._testing.acquire(blocking=False):
            raise Unavailable("Other webhooks are being tested right now. Try again in a moment.")
        try:
            return self._tested(target, payload(event))
        finally:
            self._testing.release()

    def _tested(self, target: Target, body: str) -> WebhookTestResult:
        delivery_id, timestamp = str(uuid.uuid4()), int(time.time())
        reply: Reply | None = None
        for attempt in range(min(settings.webhook_retries(), _TEST_RETRIES) + 1):
            if attempt:
                time.sleep(pause(attempt))
            try:
                reply = self._send(target, delivery_id, timestamp, body, 0)
            except Unavailable as error:
                problem = error.message
            except TidemillError as error:
                return WebhookTestResult(False, error_message=f"Failed to test webhook: {error.message}")
            else:
                if reply.status not in RETRIED:
                    break
        if reply is None:
            return WebhookTestResult(False, error_message=f"Failed to test webhook: {problem}")
        return WebhookTestResult(reply.status < 400, reply.status, _shown(reply))

    def _send(self, target: Target, delivery_id: str, timestamp: int, body: str, event_id: int) -> Reply:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tidemill-webhook",
            "X-MLflow-Delivery-Id": delivery_id,
            "X-MLflow-Timestamp": str(timestamp),
        }
        if event_id:
            headers["X-Tidemill-Event-Id"] = str(event_id)
        if target.secret:
            headers["X-MLflow-Signature"] = signature(target.secret, delivery_id, timestamp, body)
        if target.secret and target.previous_secret:
            headers["X-Tidemill-Previous-Signature"] = signature(target.previous_secret, delivery_id, timestamp, body)
        return self._egress.call(target.url, body.encode(), headers)


def signature(secret: str, delivery_id: str, timestamp: int, body: str) -> str:
    """MLflow's signature: `v1,` and the base64 of HMAC-SHA256 over `<delivery id>.<timestamp>.<body>`."""
    signed = f"{delivery_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()


def pause(tries: int) -> float:
    """Seconds before try number `tries` + 1: 1, 2, 4 and so on up to an hour, and up to a second more."""
    return min(2.0 ** min(tries - 1, 20), _LONGEST_PAUSE_S) + _random.random()


def failed(due: Due, attempt: Attempt, again: bool, wish: float, retries: int) -> Outcome:
    """A try that failed: pending where it may be made `again` and has been so less than `retries` times, else dead.

    `wish` is how many seconds the receiver asked to be left alone.
    """
    tries = due.tries + 1
    if not again or tries > retries:
        return Outcome(due, DeliveryState.DEAD, due.created, attempt)
    wait = max(pause(tries), min(wish, _LONGEST_WISH_S))
    return Outcome(due, DeliveryState.PENDING, now_ms() + round(wait * 1000), attempt)


def retry_after(reply: Reply) -> float:
    """The seconds that a `Retry-After` header asks for, as a number or a date; 0 where there is none to be read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0) if text else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _shown(reply: Reply) -> str:
    text = reply.body[:_MOST_LOGGED].decode("utf-8", "replace").replace("\0", "\ufffd")
    return text + "…" if reply.truncated or len(reply.body) > _MOST_LOGGED else text
