"""The code of a run, kept with it so that the run can be made again.

    code/diff.patch             what tracked files had other than the commit; `git apply` makes them so again
    code/untracked.txt          the files that git neither tracks nor ignores, by name alone
    code/<script>.py            the script, where git does not have it
    code/notebook_history.py    the cells as they were run, under IPython
    environment/packages.txt    the installed packages

Gathered in the background right after the start and in place before the run ends.
"""

import os
import sys
import threading
from collections.abc import Callable

from tidemill import settings
from tidemill.errors import TidemillError
from tidemill.tracking import context, git
from tidemill.tracking.files import Files

PATCH_BYTES = 5_000_000
LIST_BYTES = 1_000_000
SCRIPT_BYTES = 1_000_000
_END_S = 30.0


class CodeCapture:
    """Writes what belongs to the code of this process to `files`, in a thread of its own.

    What cannot be found or written is left out: a run is worth more than its notes.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tidemill-code", daemon=True)
        self._thread.start()

    def finish(self, error: BaseException | None = None) -> None:
        """Wait until all is written, at most 30 s."""
        self._ended.set()
        self._thread.join(_END_S)

    def _work(self) -> None:
        self._write("environment/packages.txt", lambda: context.packages().encode())
        if not settings.capture_code():
            return
        repository = _found_repository()
        if repository is not None:
            self._write("code/diff.patch", lambda: patch(repository))
            self._write("code/untracked.txt", lambda: untracked(repository))
        script = entry_script()
        if script is not None and not (repository is not None and repository.knows(script)):
            self._write(f"code/{os.path.basename(script)}", lambda: _content(script))
        if _shell() is not None:
            self._ended.wait()
            self._write("code/notebook_history.py", notebook_history)

    def _write(self, path: str, make: Callable[[], bytes]) -> None:
        try:
            data = make()
            if data:
                self._files.write(path, data, attempts=2)
        except (TidemillError, OSError, ValueError):
            return


def patch(repository: git.Repository) -> bytes:
    """The uncommitted changes, at most `PATCH_BYTES`; a cut is said in the first line. Empty where there are none."""
    found, cut = repository.diff(PATCH_BYTES)
    return _marked(found, cut, "These changes are longer; they were cut here and cannot be applied as a whole.")


def untracked(repository: git.Repository) -> bytes:
    """The names of files that git does not know, one a line, at most `LIST_BYTES`; a cut is said in the first line."""
    found, cut = repository.untracked(LIST_BYTES)
    return _marked(found, cut, "There are more files than these.")


def _marked(found: bytes, cut: bool, note: str) -> bytes:
    return f"# {note}\n".encode() + found if cut else found


def entry_script() -> str | None:
    """The absolute path of the Python file that this process runs; None for launchers, modules of packages, and shells."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if not path or not str(path).endswith(".py") or _shell() is not None:
        return None
    real = os.path.realpath(path)
    installed = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)}
    return None if any(real.startswith(prefix + os.sep) for prefix in installed) else os.path.abspath(path)


def notebook_history() -> bytes:
    """The cells that this IPython session has run, in their order, as Python (magics as calls); empty elsewhere."""
    shell = _shell()
    cells = list(shell.user_ns.get("In", ())) if shell is not None else []  # type: ignore[attr-defined]
    shown = [f"# In [{number}]:\n{cell.rstrip()}\n" for number, cell in enumerate(cells) if cell.strip()]
    return "\n".join(shown).encode()


def _shell() -> object | None:
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)
    return get() if get is not None else None


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        found = file.read(SCRIPT_BYTES + 1)
    return found if len(found) <= SCRIPT_BYTES else b""


def _found_repository() -> git.Repository | None:
    try:
        return context.repository()
    except OSError:
        return None
