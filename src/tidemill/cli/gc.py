"""`tidemill gc`: empty the trash."""

import re
import sys
from collections import Counter
from collections.abc import Sequence

import click

from tidemill.api import trash
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.cli.find import SHORT
from tidemill.cli.options import as_json
from tidemill.cli.output import Cell, Column
from tidemill.cli.progress import counting
from tidemill.types.trash import EmptyTrash, TrashItem

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGE = re.compile(r"(?:\d+[smhdw])+")
_STEP = 100
_PREVIEW = 1000
_SHOWN = 30
_MS = 1000


def age_ms(_: click.Context, __: click.Parameter, text: str) -> int:
    """An age such as `30d`, `12h` or `1d12h` in milliseconds; `0` is any age."""
    if text == "0":
        return 0
    if not _AGE.fullmatch(text):
        raise click.BadParameter(
            f"'{text}' is no age. Write numbers with w, d, h, m or s, such as 30d, 12h or 1d12h; 0 for any age."
        )
    seconds = sum(int(amount) * _UNITS[unit] for amount, unit in re.findall(r"(\d+)([smhdw])", text))
    return min(seconds * _MS, 2**62)


@click.command()
@click.option(
    "--older-than", default="30d", show_default=True, metavar="AGE", callback=age_ms,
    help="Only what was deleted at least so long ago: 30d, 12h, 1d12h; 0 for everything.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would go, and leave it.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@as_json
@with_store
def gc(store: Store, older_than: int, dry_run: bool, yes: bool, json_: bool) -> None:
    """Remove for good the runs, models and experiments that were deleted, with their files.

    Until then 'runs restore' and 'experiments restore' bring them back; afterwards nothing does.
    """
    store.require()
    preview = store.call(trash.empty, EmptyTrash(older_than, dry_run=True, limit=_PREVIEW))
    if not preview.remaining:
        _say_nothing(store, older_than, json_)
        return
    if dry_run:
        _show(preview.items, preview.remaining, json_)
        output.note(f"Nothing was removed (dry run). {_summary(preview.items, preview.remaining)} would go.")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody is here to ask; pass --yes to remove, or --dry-run to look.")
        _show(preview.items, preview.remaining, False)
        what = "this" if preview.remaining == 1 else f"these {preview.remaining}"
        if not click.confirm(f"Remove {what} for good?", err=True):
            output.note("Nothing was removed.")
            raise click.exceptions.Exit(1)
    gone = _empty(store, older_than, preview.remaining)
    if json_:
        output.print_json({"removed": [_document(one) for one in gone], "remaining": 0})
    output.note(f"Removed {_summary(gone, len(gone))}.")


def _say_nothing(store: Store, older_than: int, json_: bool) -> None:
    if json_:
        output.print_json({"removed": [], "remaining": 0})
    younger = store.call(trash.empty, EmptyTrash(0, dry_run=True, limit=1)).remaining if older_than else 0
    if younger:
        age = output.duration(older_than)
        output.note(
            f"Nothing was deleted more than {age} ago. {output.count_of(younger, 'younger thing')}: see --older-than."
        )
    else:
        output.note("The trash is empty.")


def _show(items: Sequence[TrashItem], total: int, json_: bool) -> None:
    if json_:
        output.print_json({"would_remove": [_document(one) for one in items], "remaining": total})
        return
    columns = [Column("KIND"), Column("ID"), Column("NAME", least=12), Column("DELETED"), Column("FILES", least=12)]
    rows: list[list[Cell | str]] = [
        [
            one.kind.replace("_", " "),
            Cell(_short(one), "yellow"),
            one.name,
            output.ago(one.deleted_time),
            Cell(one.artifact_uri, "dim"),
        ]
        for one in items[:_SHOWN]
    ]
    output.print_table(columns, rows)
    if total > _SHOWN:
        output.note(f"… and {total - _SHOWN} more")


def _short(one: TrashItem) -> str:
    return one.id[: SHORT + 2] if one.kind == "logged_model" else one.id[:SHORT]


def _document(one: TrashItem) -> dict[str, object]:
    return {
        "kind": one.kind,
        "id": one.id,
        "name": one.name,
        "deleted_time": one.deleted_time,
        "artifact_uri": one.artifact_uri,
    }


def _summary(items: Sequence[TrashItem], total: int) -> str:
    if total > len(items):
        return output.count_of(total, "thing")
    counts = Counter(one.kind.replace("_", " ") for one in items)
    return ", ".join(output.count_of(count, kind) for kind, count in counts.items())


def _empty(store: Store, older_than: int, total: int) -> list[TrashItem]:
    gone: list[TrashItem] = []
    with counting("Removing", total) as advance:
        while True:
            done = store.call(trash.empty, EmptyTrash(older_than, limit=_STEP))
            gone += done.items
            advance(len(done.items))
            if not done.remaining or not done.items:
                return gone
