"""What a shell offers for a RUN or an EXPERIMENT: read from stores on this machine only, so that a key press never waits."""

import re

import click
from click.shell_completion import CompletionItem

from tidemill.cli.address import Store
from tidemill.cli.run_search import RunQuery
from tidemill.errors import TidemillError
from tidemill.tracking.embedded import EmbeddedBackend

_OFFERED = 50
_SEEN = 500
_PLAIN = re.compile(r"[\w./:=@%+,-]+")


def complete_experiment(ctx: click.Context, _: click.Parameter, start: str) -> list[CompletionItem]:
    """Names of experiments that begin like this."""
    try:
        store = _local(ctx)
        names = [one.name for one in store.experiments() if _fits(one.name, start)] if store else []
    except TidemillError:
        return []
    return [CompletionItem(name) for name in names[:_OFFERED]]


def complete_run(ctx: click.Context, _: click.Parameter, start: str) -> list[CompletionItem]:
    """Ids, with their names beside them, and names of the newest runs that begin like this."""
    try:
        store = _local(ctx)
        if store is None:
            return []
        query = RunQuery.of(store, (), "", (), "ALL")
        query.select = ["info"]
        infos = [row.run.info for row in query.rows(_SEEN)]
    except TidemillError:
        return []
    by_id = [CompletionItem(info.run_id, help=info.run_name) for info in infos if info.run_id.startswith(start)]
    by_name = [CompletionItem(info.run_name) for info in infos if start and _fits(info.run_name, start)]
    return (by_id + by_name)[:_OFFERED]


def _fits(name: str, start: str) -> bool:
    """Whether a name goes on like this and needs no quotes, which shells do not put around what they complete."""
    return name.startswith(start) and _PLAIN.fullmatch(name) is not None


def _local(ctx: click.Context) -> Store | None:
    store = Store(ctx.params.get("uri") or ctx.find_root().params.get("uri"))
    return store if isinstance(store.backend, EmbeddedBackend) and not store.is_missing else None
