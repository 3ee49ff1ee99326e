"""Operations on events. Tidemill's own."""

from tidemill.api.operation import Operation, Transfer
from tidemill.types.events import CleanedEvents, CleanEvents, EventPage, ListEvents

_PATH = "/api/tidemill/1/events"

list_events = Operation("events.list_events", ListEvents, EventPage, "GET", _PATH, allow="event:read")
clean = Operation(
    "events.clean", CleanEvents, CleanedEvents,
    "POST", _PATH + "/clean", allow="server:manage", writes=True,
)  # fmt: skip

OPERATIONS = (list_events, clean)

feed = Transfer(
    "feed", "GET", _PATH + "/feed", "event:read", "Events as they happen, as server-sent events; never ends by itself."
)
TRANSFERS = (feed,)
