"""The files of a run whose store is behind a journal: written to the journal, read from the store."""

import os
from collections.abc import Callable

from tidemill.artifacts.storage import file_path
from tidemill.artifacts.upload import planned
from tidemill.errors import Unavailable
from tidemill.journal.backend import JournalBackend
from tidemill.tracking.files import Files
from tidemill.types.artifacts import FileInfo


class StagedFiles(Files):
    """As Files. What is written is kept in the journal and uploaded in the background; reading waits for that.

    `owner` is `runs/<id>` or `models/<id>`; `direct` gives the files where they really are.
    """

    def __init__(self, journal: JournalBackend, owner: str, direct: Callable[[], Files]) -> None:
        self._journal = journal
        self._owner = owner
        self._direct = direct

    def list(self, path: str = "") -> list[FileInfo]:
        """See Files."""
        return self._now().list(path)

    def read(self, path: str) -> bytes:
        """See Files."""
        return self._now().read(path)

    def write(self, path: str, data: bytes, attempts: int = 5) -> None:
        """See Files. Returns once the bytes are in the journal."""
        if not self._journal.stage(self._owner, file_path(path), data):
            self._now().write(path, data, attempts)

    def write_live(self, path: str, data: bytes) -> None:
        """See Files. Not kept in the journal, which would fill with versions while the store is away."""
        if self._journal.offline:
            raise Unavailable("Nothing is sent while TIDEMILL_OFFLINE is set.")
        self._direct().write(path, data, attempts=1)

    def download(self, path: str = "", to: "str | os.PathLike[str] | None" = None) -> str:
        """See Files."""
        return self._now().download(path, to)

    def _send(self, source: str, path: str) -> None:
        for file, name in planned(source, path):
            if not self._journal.stage(self._owner, name, file):
                self._now()._send(file, name)

    def _now(self) -> Files:
        """The files where they are, once everything that was logged before has arrived there."""
        self._journal.flush()
        return self._direct()
