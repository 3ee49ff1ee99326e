"""Events: what has happened, in order."""

from typing import Any

import msgspec

from tidemill.types.page import Entity, Int64, Request


class ListEvents(Request, frozen=True):
    """The events after the id `after`, oldest first.

    `kinds` picks some, each a kind or the start of some with a star (`run.*`); `subject` those of one thing.
    `max_results` is 1 to 1000. `newest` answers the last ones before `after` (0: of all) instead, still oldest first.
    """

    after: Int64 = 0
    kinds: list[str] = []
    subject: str = ""
    max_results: Int64 = 100
    newest: bool = False


class Event(Entity, frozen=True):
    """One event. Ids grow in the order of commits; `time` is in ms since the epoch; `data` depends on the kind."""

    id: int
    time: int
    kind: str
    subject: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


class EventPage(Entity, frozen=True, omit_defaults=False):
    """Some events, and the `cursor` to ask for those that come after them (as `after`).

    `more`: there are some already. `oldest` is the id of the oldest event kept, 0 where there is none.
    """

    events: list[Event]
    cursor: int
    more: bool
    oldest: int


class CleanEvents(Request, frozen=True):
    """Forget events that are older than `older_than_ms` and that nobody has yet to be told of, at most `limit`."""

    older_than_ms: Int64 = 0
    limit: Int64 = 10_000


class CleanedEvents(Entity, frozen=True, omit_defaults=False):
    """How many events and ended deliveries are gone."""

    events: int
    deliveries: int
