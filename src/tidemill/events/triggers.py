"""Triggers: an event comes, and the server runs a command, runs a project, or calls an address."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tidemill.clock import now_ms
from tidemill.errors import TidemillError, Unavailable
from tidemill.events.commands import Commands, Ended
from tidemill.events.egress import Egress
from tidemill.events.payloads import payload
from tidemill.events.trigger_file import Action
from tidemill.events.webhooks import RETRIED, failed, retry_after, signature
from tidemill.types.deliveries import Due, Outcome, Sink, matches
from tidemill.types.events import Event
from tidemill.types.triggers import Trigger
from tidemill.types.webhooks import Attempt, DeliveryState

_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
_PLACE = re.compile(r"\{(kind|subject|id|data\.([A-Za-z0-9_]+))\}")


class TriggerRunner:
    """Sees to the triggers of one server. `store` is the address where projects record their runs."""

    def __init__(self, actions: Sequence[Action], egress: Egress, store: str) -> None:
        self._actions = {action.name: action for action in actions}
        self._egress = egress
        self._store = store
        self._commands = Commands()

    @property
    def sinks(self) -> list[Sink]:
        """The triggers as receivers of events."""
        return [Sink(f"trigger/{name}") for name in self._actions]

    @property
    def shown(self) -> list[Trigger]:
        """As operations answer them."""
        return [action.shown() for action in self._actions.values()]

    def render(self, sink: Sink, event: Event) -> str | None:
        """The event as JSON; None where the trigger does not wait for it."""
        action = self._action(sink)
        if not matches(tuple(action.kinds), event.kind) or (
            action.subject and not _fits(action.subject, event.subject)
        ):
            return None
        if any(_plain(event.data.get(name)) != _plain(value) for name, value in action.where.items()):
            return None
        return msgspec.json.encode(event).decode()

    def workers(self, sink: Sink) -> int:
        """How often a trigger runs at a time."""
        return self._action(sink).concurrency

    def stop(self) -> None:
        """End what is running."""
        self._commands.stop()
        self._egress.close()

    def deliver(self, sink: Sink, due: Due) -> Outcome:
        """Do what the trigger says, and tell what came of it."""
        action = self._action(sink)
        event = msgspec.json.decode(due.body, type=Event)
        begun = now_ms()
        if action.http is not None:
            status, body, error, again, wish = self._call(action, due, event)
            good = status is not None and 200 <= status < 300
        else:
            ended = self._run(action, due, event)
            status, body, error, again, wish = ended.code, ended.tail, ended.error, True, 0.0
            good = status == 0
            if not good and not error:
                error = f"The command ended with the exit code {status}."
        attempt = Attempt(at=begun, took=now_ms() - begun, status=status, body=body, error=error)
        if good:
            return Outcome(due, DeliveryState.DELIVERED, begun, attempt)
        return failed(due, attempt, again, wish, action.retries)

    def _action(self, sink: Sink) -> Action:
        return self._actions[sink.name.partition("/")[2]]

    def _run(self, action: Action, due: Due, event: Event) -> Ended:
        env = {name: os.environ[name] for name in (*_KEPT, *action.pass_env) if name in os.environ}
        env.update(variables(event, due.tries))
        if action.project is not None:
            env.setdefault("TIDEMILL_URI", self._store)
        env.update(action.env)
        command = action.command or project_command(action, event)
        return self._commands.run(due.delivery_id, command, due.body, env, action.folder, action.time_limit)

    def _call(self, action: Action, due: Due, event: Event) -> tuple[int | None, str, str, bool, float]:
        assert action.http is not None
        body = payload(event)
        seconds = due.created // 1000
        headers = {
            "Content-Type": "application/json",
            **action.http.headers,
            "X-MLflow-Delivery-Id": due.delivery_id,
            "X-MLflow-Timestamp": str(seconds),
        }
        secret = os.environ.get(action.http.secret_env, "") if action.http.secret_env else ""
        if secret:
            headers["X-MLflow-Signature"] = signature(secret, due.delivery_id, seconds, body)
        try:
            reply = self._egress.call(action.http.url, body.encode(), headers, what="Trigger URL")
        except Unavailable as problem:
            return None, "", problem.message, True, 0.0
        except TidemillError as problem:
            return None, "", problem.message, False, 0.0
        text = reply.body[:2000].decode("utf-8", "replace").replace("\0", "\ufffd")
        error = "" if 200 <= reply.status < 300 else f"The receiver answered with status {reply.status}."
        return reply.status, text, error, reply.status in RETRIED, retry_after(reply)


def variables(event: Event, tries: int) -> dict[str, str]:
    """What a command is told by its environment. Plain fields of the data come one by one, in capitals."""
    found = {
        "TIDEMILL_EVENT_ID": str(event.id),
        "TIDEMILL_EVENT_KIND": event.kind,
        "TIDEMILL_EVENT_SUBJECT": event.subject,
        "TIDEMILL_EVENT_TIME": str(event.time),
        "TIDEMILL_EVENT_TRY": str(tries + 1),
    }
    for name, value in event.data.items():
        if isinstance(value, str | int | float) and re.fullmatch(r"[a-z][a-z0-9_]*", name):
            text = _plain(value)
            if "\0" not in text:
                found[f"TIDEMILL_EVENT_DATA_{name.upper()}"] = text
    return found


def project_command(action: Action, event: Event) -> list[str]:
    """`tidemill run …` for the project of a trigger. Each parameter is one word, whatever its value holds."""
    assert action.project is not None
    command = [sys.executable, "-m", "tidemill.cli.main", "run", *action.project.options]
    if action.project.entry_point:
        command += ["--entry-point", action.project.entry_point]
    for name, value in action.project.params.items():
        command += ["--param", f"{name}={_filled(value, event)}"]
    return [*command, "--", action.project.uri]


def _filled(text: str, event: Event) -> str:
    fields: Mapping[str, Any] = {"kind": event.kind, "subject": event.subject, "id": event.id}

    def value(found: re.Match[str]) -> str:
        return _plain(event.data.get(found[2]) if found[2] else fields[found[1]])

    return _PLACE.sub(value, text)


def _fits(pattern: str, subject: str) -> bool:
    return matches((pattern,), subject)


def _plain(value: Any) -> str:
    """A value as a word: true and false as in JSON, nothing for nothing."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
