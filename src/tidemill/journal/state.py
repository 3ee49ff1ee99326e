"""What a journal's folder holds beside its segments: for which store it is, and how far that store has it.

target          JSON: the store's address, without a password
acked           JSON: `State`; replaced as a whole, so that it is never half written
rejected.jsonl  one JSON object a line: a record that the store refused for good, and why
files/          artifacts waiting to be uploaded
owner.lock      locked by the process that writes the journal
send.lock       locked by whoever sends from it just now
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tidemill.journal import segments

TARGET = "target"
ACKED = "acked"
REJECTED = "rejected.jsonl"
FILES = "files"
SEND_LOCK = "send.lock"


class State(msgspec.Struct):
    """Everything before `offset` of segment `segment` has arrived, and so have all segments before it.

    `rejected` counts records that the store refused. `runs` are the runs that this process has started and not ended.
    `ended`: the process has ended its journal in good order.
    `ids` maps the id of a run, as the client made it, to the one that a store gave it which makes its own.
    """

    segment: int = 0
    offset: int = 0
    rejected: int = 0
    ended: bool = False
    runs: list[str] = []
    ids: dict[str, str] = {}

    @property
    def position(self) -> tuple[int, int]:
        """Segment and offset, for comparing."""
        return self.segment, self.offset


class _Target(msgspec.Struct):
    target: str


def write_target(folder: Path, target: str) -> None:
    """Note for which store a journal is."""
    _replace(folder / TARGET, msgspec.json.encode(_Target(target)))


def read_target(folder: Path) -> str:
    """For which store a journal is; "" where that cannot be read."""
    try:
        return msgspec.json.decode((folder / TARGET).read_bytes(), type=_Target).target
    except (OSError, msgspec.MsgspecError):
        return ""


def load(folder: Path) -> State:
    """How far a journal has been sent. Where that is unknown, from its beginning: sending twice does no harm."""
    try:
        return msgspec.json.decode((folder / ACKED).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return State()


def save(folder: Path, state: State) -> None:
    """Note how far a journal has been sent."""
    _replace(folder / ACKED, msgspec.json.encode(state))


def open_runs(known: State) -> list[str]:
    """The runs that this journal's process has written to and not ended, by the ids that the store knows."""
    return [known.ids.get(one, one) for one in known.runs]


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)


def reject(folder: Path, record: dict[str, Any]) -> None:
    """Keep a record that was refused for good."""
    with (folder / REJECTED).open("ab") as file:
        file.write(msgspec.json.encode(record) + b"\n")


def rejected(folder: Path) -> list[dict[str, Any]]:
    """The records that were refused for good, oldest first."""
    try:
        lines = (folder / REJECTED).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [msgspec.json.decode(line) for line in lines if line]


def journals(root: Path) -> list[Path]:
    """The folders of all journals below `root`, the oldest first."""
    try:
        found = [one for one in root.iterdir() if (one / TARGET).exists()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda one: (one.name.rpartition("-")[2].zfill(20), one.name))


def is_sent(folder: Path, state: State | None = None) -> bool:
    """Whether the store has everything that is in this journal now."""
    state = state or load(folder)
    for number in segments.numbers(folder):
        if number == state.segment:
            if segments.has_more(folder, number, state.offset):
                return False
        elif number > state.segment and segments.has_more(folder, number, 32):
            return False
    return True


def bytes_left(folder: Path) -> int:
    """How many bytes of a journal's segments and files are still to be sent, at most."""
    known = load(folder)
    left = sum(_sizes(folder / FILES))
    for number in segments.numbers(folder):
        if number >= known.segment:
            with contextlib.suppress(FileNotFoundError):
                size = segments.path_of(folder, number).stat().st_size
                left += size - (known.offset if number == known.segment else 0)
    return left


def bytes_below(root: Path) -> int:
    """How much disk the journals below `root` take."""
    return sum(_sizes(root))


def _sizes(root: Path) -> Iterator[int]:
    """The size of every file below `root`. Others send, rename and remove there meanwhile."""
    with contextlib.suppress(FileNotFoundError), os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            else:
                with contextlib.suppress(FileNotFoundError):
                    yield entry.stat().st_size
