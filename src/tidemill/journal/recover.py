"""What processes left behind: finding journals, looking into them, sending many at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tidemill.errors import NotFound
from tidemill.journal import format, owners, segments, state
from tidemill.journal.sender import Outcome, Sender

_KINDS = {format.POINTS: "points", format.CALL: "calls", format.ARTIFACT: "files"}


@dataclass(frozen=True)
class Found:
    """A journal on this disk. `left_bytes` are still to be sent, at most; `is_owned`: its process is alive."""

    folder: Path
    target: str
    left_bytes: int
    is_sent: bool
    is_owned: bool
    rejected: int


@dataclass(frozen=True)
class Checked:
    """What a journal holds: how many `points`, `calls` and `files` records, and where it is damaged (segment, damage)."""

    folder: Path
    counts: dict[str, int]
    damages: list[tuple[int, format.Damage]]


def folder_of(place: Path) -> Path:
    """The folder with the journals, from itself, the `.tidemill` folder above, or the one where the program ran.

    Raises NotFound.
    """
    for path in (place, place / "journal", place / ".tidemill" / "journal"):
        if state.journals(path):
            return path
    if (place / state.TARGET).exists():
        return place.parent
    for path in (place / ".tidemill" / "journal", place / "journal", place):
        if path.is_dir():
            return path
    raise NotFound(f"There is no journal in '{place}'. Name the folder where the program ran, or its journal folder.")


def find(root: Path) -> list[Found]:
    """The journals below `root`, the oldest first."""
    return [
        Found(
            folder,
            state.read_target(folder),
            0 if state.is_sent(folder) else state.bytes_left(folder),
            state.is_sent(folder),
            owners.is_owned(folder),
            len(state.rejected(folder)),
        )
        for folder in state.journals(root)
    ]


def verify(folder: Path) -> Checked:
    """Read all that a journal holds."""
    counts: Counter[str] = Counter(dict.fromkeys(_KINDS.values(), 0))
    damages = []
    for number in segments.numbers(folder):
        for found in segments.read(folder, number):
            if isinstance(found, format.Damage):
                damages.append((number, found))
            elif found.kind in _KINDS:
                counts[_KINDS[found.kind]] += 1
    return Checked(folder, dict(counts), damages)


def send_all(
    folders: list[Path],
    sender_of: Callable[[Path, int], Sender],
    progress: Callable[[int], None] = lambda _: None,
    jobs: int = 8,
) -> list[tuple[Path, Outcome]]:
    """Send journals, several at once, and once more those that waited for what was in another.

    `jobs` requests are under way together at most: in as many journals as there are, and where these are fewer, for
    several runs of one. `sender_of` gives the sender for a journal and a number of jobs in it.
    """
    threads = max(1, min(jobs, len(folders)))
    inside = max(1, jobs // threads)

    def send(folder: Path) -> tuple[Path, Outcome]:
        return folder, sender_of(folder, inside).send(folder, wait=True, progress=progress)

    with ThreadPoolExecutor(threads, thread_name_prefix="tidemill-sync") as pool:
        outcomes = dict(pool.map(send, folders))
        again = [folder for folder, outcome in outcomes.items() if isinstance(outcome.error, NotFound)]
        outcomes.update(pool.map(send, again))
    return list(outcomes.items())
