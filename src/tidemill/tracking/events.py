"""Events, as the client has them."""

import time
from collections.abc import Iterator, Sequence

from tidemill.api import events as ops
from tidemill.tracking.connection import Connection
from tidemill.types.events import Event, ListEvents

_AT_ONCE = 1000


class EventCalls(Connection):
    """The client's methods about events."""

    def events(
        self,
        kinds: str | Sequence[str] = (),
        *,
        subject: str = "",
        after: int = 0,
        follow: bool = False,
        pause: float = 0.5,
    ) -> Iterator[Event]:
        """What has happened after the event with the id `after`, oldest first: `kinds` such as `run.failed` or `run.*`.

        `follow`: never ends, and looks for more every `pause` seconds. Each event has `id`, `time` (ms since the epoch),
        `kind`, `subject` and `data`; to go on later, keep the last `id`. `after=client.last_event()`: from now on.
        """
        chosen = [kinds] if isinstance(kinds, str) else list(kinds)
        while True:
            page = self.call(ops.list_events, ListEvents(after, chosen, subject, _AT_ONCE))
            yield from page.events
            after = page.cursor
            if page.more:
                continue
            if not follow:
                return
            time.sleep(pause)

    def last_event(self) -> int:
        """The id of the newest event, 0 where there was none."""
        return self.call(ops.list_events, ListEvents(max_results=1, newest=True)).cursor
