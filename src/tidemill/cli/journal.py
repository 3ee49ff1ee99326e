"""`tidemill journal`: look at what waits on this disk to be sent."""

from pathlib import Path

import click

from tidemill.cli import output
from tidemill.cli.output import Cell, Column
from tidemill.errors import InternalError
from tidemill.journal import recover
from tidemill.tracking.shipping import journal_root

_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
_JSON = click.option("--json", "json_", is_flag=True, help="Print one JSON document instead of a table.")


@click.group()
def journal() -> None:
    """What programs have logged and the store does not have yet."""


@journal.command("ls")
@_FOLDER
@_JSON
def list_journals(folder: Path | None, json_: bool) -> None:
    """List the journals: whose they are, for which store, how much waits. DIR as for 'tidemill sync'."""
    root = journal_root() if folder is None else recover.folder_of(folder)
    found = recover.find(root)
    if json_:
        output.print_json(
            [
                {
                    "journal": str(one.folder), "target": one.target, "left_bytes": one.left_bytes, "sent": one.is_sent,
                    "running": one.is_owned, "rejected": one.rejected,
                }
                for one in found
            ]
        )  # fmt: skip
        return
    if not found:
        output.note(f"There are no journals in {root}.")
        return
    columns = [
        Column("JOURNAL", least=12),
        Column("TARGET", least=12),
        Column("TO SEND"),
        Column("PROCESS"),
        Column("REFUSED"),
    ]
    rows: list[list[Cell | str]] = [
        [
            one.folder.name,
            one.target,
            "nothing" if one.is_sent else f"{one.left_bytes / 1e6:.3g} MB",
            "running" if one.is_owned else "gone",
            str(one.rejected),
        ]
        for one in found
    ]
    output.print_table(columns, rows)


@journal.command()
@_FOLDER
@_JSON
def verify(folder: Path | None, json_: bool) -> None:
    """Read every record of the journals and say what is damaged, and where. DIR as for 'tidemill sync'."""
    root = journal_root() if folder is None else recover.folder_of(folder)
    checked = [recover.verify(one.folder) for one in recover.find(root)]
    bad = [(one.folder.name, number, damage) for one in checked for number, damage in one.damages if not damage.torn]
    torn = sum(1 for one in checked for _, damage in one.damages if damage.torn)
    if json_:
        output.print_json(
            {
                "journals": [{"journal": str(one.folder), **one.counts} for one in checked],
                "damaged": [
                    {"journal": name, "segment": number, "offset": damage.at, "reason": damage.reason}
                    for name, number, damage in bad
                ],
                "unfinished": torn,
            }
        )
    else:
        for one in checked:
            counts = ", ".join(f"{count} {kind}" for kind, count in one.counts.items())
            output.note(f"{one.folder.name}: {counts}")
    for name, number, damage in bad:
        output.note(
            f"{name}: segment {number} is damaged at offset {damage.at}: {damage.reason}. What is before it is whole."
        )
    if bad:
        raise InternalError(f"{output.count_of(len(bad), 'segment')} damaged.")
