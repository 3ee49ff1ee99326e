"""`tidemill sync`: send what programs have logged and could not send themselves."""

import sys
import threading
from pathlib import Path

import click

from tidemill.cli import output
from tidemill.cli.progress import counting
from tidemill.errors import Unavailable
from tidemill.journal import recover
from tidemill.journal.sender import Sender
from tidemill.tracking import resolve
from tidemill.tracking.shipping import journal_root, sender_for


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--to", metavar="ADDRESS", help="Send to this store instead of the one that the journal names.")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Most requests at once.")
def sync(folder: Path | None, to: str | None, jobs: int) -> None:
    """Send what was logged while the store could not be reached, or with TIDEMILL_OFFLINE=1.

    DIR is where the program ran, or its journal folder; default: here. What has arrived before is not sent again, and
    sending a thing twice changes nothing. Journals are sent several at once, and so are the runs in one.
    """
    root = journal_root() if folder is None else recover.folder_of(folder)
    waiting = [one for one in recover.find(root) if not one.is_sent or not one.is_owned]
    waiting = [one for one in waiting if not (one.is_sent and one.rejected)]
    if not waiting:
        output.note(f"Nothing is waiting in {root}.")
        return
    chosen = resolve.address_of(to) if to else None
    senders: dict[str, Sender] = {}

    def sender_of(path: Path, inside: int) -> Sender:
        target = targets[path]
        with making:
            if target not in senders:
                senders[target] = sender_for(chosen or target, inside)
            return senders[target]

    making = threading.Lock()
    targets = {one.folder: one.target for one in waiting}
    with counting("Sending (bytes)", sum(one.left_bytes for one in waiting)) as advance:
        outcomes = recover.send_all(list(targets), sender_of, advance, jobs)
    sent = sum(1 for _, outcome in outcomes if outcome.error is None)
    refused = sum(one.rejected for one in recover.find(root))
    output.note(f"Sent {output.count_of(sent, 'journal')}.")
    if refused:
        output.note(
            f"The store refused {output.count_of(refused, 'record')}; 'tidemill journal ls {root}' says where they are."
        )
    failed = [(path, outcome.error) for path, outcome in outcomes if outcome.error is not None]
    for path, error in failed:
        print(f"{path.name}: {error}", file=sys.stderr)
    if failed:
        raise Unavailable(
            f"{output.count_of(len(failed), 'journal')} could not be sent completely; nothing is lost, try again."
        )
