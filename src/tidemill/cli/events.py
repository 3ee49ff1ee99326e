"""`tidemill events`: what has happened, and what follows from it."""

import time
from datetime import datetime

import click
import msgspec

from tidemill.api import events as ops
from tidemill.cli import output
from tidemill.cli.address import ELSEWHERE, Store, with_store
from tidemill.cli.options import limit
from tidemill.errors import InvalidParameter
from tidemill.tracking.embedded import EmbeddedBackend
from tidemill.types.events import Event, ListEvents

_PAUSE_S = 0.5
_AT_ONCE = 1000


@click.group()
def events() -> None:
    """Show what has happened, and deliver it."""


@events.command(short_help="Show the latest events, and those that follow.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind, such as run.failed or run.*. Repeatable."
)
@click.option("--subject", default="", metavar="SUBJECT", help="Only what is about this, such as run/4f0c….")
@click.option(
    "--after", type=click.IntRange(0), metavar="ID", help="Begin after this event instead of with the latest."
)
@limit(20)
@click.option("--json", "json_", is_flag=True, help="Print one JSON object a line.")
@with_store
def tail(
    store: Store, follow: bool, kinds: tuple[str, ...], subject: str, after: int | None, limit: int, json_: bool
) -> None:
    """Show the latest events, oldest first; with --follow, go on with what happens."""
    if store.is_missing and not follow:
        output.note(f"There is no store at {store.shown} yet. {ELSEWHERE}")
        return
    most = min(limit, _AT_ONCE)
    first = ListEvents(after or 0, list(kinds), subject, most, newest=after is None)
    page = store.call(ops.list_events, first)
    for event in page.events:
        _show(event, json_)
    if not page.events and not follow:
        output.note("Nothing has happened yet." if not (kinds or subject) else "No event matches.")
    while follow:
        more = page.more and after is not None
        if not more:
            time.sleep(_PAUSE_S)
        page = store.call(ops.list_events, ListEvents(page.cursor, list(kinds), subject, _AT_ONCE))
        after = 0
        for event in page.events:
            _show(event, json_)


def _show(event: Event, json_: bool) -> None:
    if json_:
        output.emit(msgspec.json.encode(event).decode())
        return
    when = datetime.fromtimestamp(event.time / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    fields = " ".join(
        f"{name}={_short(value)}" for name, value in event.data.items() if value not in (None, "", {}, [])
    )
    output.emit(output.plain(f"{event.id:>8}  {when}  {event.kind:<28} {event.subject}  {fields}"))


def _short(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:59] + "…"


@events.command(short_help="Deliver to webhooks without a server.")
@click.option("--once", is_flag=True, help="End when nothing is due any more.")
@with_store
def deliver(store: Store, once: bool) -> None:
    """Tell webhooks what happened in a database that no server serves, until Ctrl-C.

    A server does this by itself. Beside one, on the same database, this takes a part of the work over.
    """
    from tidemill.server.lifespan import open_standalone

    if not isinstance(store.backend, EmbeddedBackend):
        raise InvalidParameter(
            "A server delivers by itself. To take a part of its work over, name its database by --uri."
        )
    store.require()
    with open_standalone(store.backend.database) as deliverer:
        if once:
            output.note(f"{deliverer.until_idle()} deliveries were made.")
            return
        deliverer.start()
        output.note("Delivering. Ctrl-C stops it.")
        while True:
            time.sleep(3600)
