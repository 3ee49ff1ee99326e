"""Triggers: what a server does when something happens, as its admin has written it into a file."""

from typing import Any

from tidemill.types.page import Entity, Int64, Request
from tidemill.types.webhooks import DeliveryState


class Trigger(Entity, frozen=True, kw_only=True, omit_defaults=False):
    """One trigger of the server's file. `does` is `command`, `project` or `http`; `target` says which, without secrets.

    `where` holds fields of an event's data and the values that they must have.
    """

    name: str
    kinds: list[str]
    subject: str = ""
    where: dict[str, Any] = {}
    does: str
    target: str
    time_limit: float
    retries: int
    concurrency: int


class ListTriggers(Request, frozen=True):
    """Ask for all triggers of the server that answers."""


class TriggerList(Entity, frozen=True, omit_defaults=False):
    """All triggers, in the order of the file."""

    triggers: list[Trigger]


class ListTriggerRuns(Request, frozen=True):
    """What a trigger has done, or is to do; of one `state`, where it is given."""

    name: str = ""
    state: DeliveryState | None = None
    max_results: Int64 = 50
    page_token: str = ""


class RunTriggerAgain(Request, frozen=True):
    """Run a trigger once more for the event of one of its runs, with the same delivery id."""

    name: str = ""
    delivery_id: str = ""
