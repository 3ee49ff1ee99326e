"""The git repository around a folder: commit, branch and address read from its files, changes asked of `git`."""

import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass

_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*://)([^/@\s]*)@")
_SHA = re.compile(r"[0-9a-f]{40,64}")
_WAIT_S = 0.05
_KEEP_S = 30.0
_PATIENCE_S = 15.0
_known: dict[tuple[str, str | None], tuple[float, bool]] = {}


@dataclass(frozen=True)
class Repository:
    """A work tree at `root`. `commit` is None before the first one, `branch` on a detached head, `url` without a remote."""

    root: str
    commit: str | None
    branch: str | None
    url: str | None

    def is_dirty(self) -> bool | None:
        """Whether tracked files differ from the commit; None where `git` is missing or does not answer at once.

        An answer is kept for half a minute, so that a sweep of many runs asks once.
        """
        key = (self.root, self.commit)
        kept = _known.get(key)
        if kept is not None and time.monotonic() - kept[0] < _KEEP_S:
            return kept[1]
        dirty = _changes(self.root)
        if dirty is not None:
            _known[key] = (time.monotonic(), dirty)
        return dirty

    def diff(self, limit: int) -> tuple[bytes, bool]:
        """What tracked files have other than the commit, for `git apply`; at most `limit` bytes, and whether it was cut.

        Empty before the first commit and where `git` is missing. External diff programs do not run.
        """
        if self.commit is None:
            return b"", False
        return _output(self.root, ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD"], limit)

    def untracked(self, limit: int) -> tuple[bytes, bool]:
        """The files that git neither tracks nor ignores, one path a line; at most `limit` bytes, and whether it was cut."""
        return _output(self.root, ["ls-files", "--others", "--exclude-standard"], limit)

    def knows(self, path: str) -> bool:
        """Whether git tracks the file at this absolute path. False where `git` is missing."""
        return bool(_output(self.root, ["ls-files", "--", path], 1)[0])


def find(folder: str) -> Repository | None:
    """The repository that `folder` lies in, or None. Raises OSError where its files cannot be read."""
    root = folder
    while not os.path.exists(os.path.join(root, ".git")):
        parent = os.path.dirname(root)
        if parent == root:
            return None
        root = parent
    own = _git_folder(root)
    shared = _read(os.path.join(own, "commondir"))
    common = os.path.join(own, shared.strip()) if shared else own
    head = (_read(os.path.join(own, "HEAD")) or "").strip()
    ref = head.removeprefix("ref:").strip() if head.startswith("ref:") else None
    commit = _resolve(own, common, ref) if ref else head
    return Repository(
        root=root,
        commit=commit if commit and _SHA.fullmatch(commit) else None,
        branch=ref.removeprefix("refs/heads/") if ref and ref.startswith("refs/heads/") else None,
        url=_remote(_read(os.path.join(common, "config")) or ""),
    )


def without_credentials(text: str) -> str:
    """An address without the password in front of its host, and without the user, who is part of SSH addresses only."""
    match = _USERINFO.match(text)
    if match is None:
        return text
    user = match[2].partition(":")[0] + "@" if match[1].lower() == "ssh://" else ""
    return match[1] + user + text[match.end() :]


def _git_folder(root: str) -> str:
    path = os.path.join(root, ".git")
    if os.path.isdir(path):
        return path
    # A linked work tree or submodule: a file that says where.
    return os.path.join(root, (_read(path) or "").partition("gitdir:")[2].strip())


def _resolve(own: str, common: str, ref: str) -> str | None:
    loose = _read(os.path.join(own, ref)) or _read(os.path.join(common, ref))
    if loose:
        return loose.strip()
    for line in (_read(os.path.join(common, "packed-refs")) or "").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return None


def _remote(config: str) -> str | None:
    """The address of `origin`, or of the first remote."""
    urls: dict[str, str] = {}
    name = None
    for line in config.splitlines():
        header = re.match(r'\s*\[\s*(\w+)(?:\s+"(.*)")?\s*\]', line)
        if header:
            name = header[2] if header[1].lower() == "remote" else None
        setting = re.match(r"\s*url\s*=\s*(.+?)\s*$", line)
        if name and setting:
            urls.setdefault(name, setting[1].strip('"'))
    url = urls.get("origin") or next(iter(urls.values()), None)
    return without_credentials(url) if url else None


def _changes(root: str) -> bool | None:
    try:
        found = subprocess.run(  # noqa: S603
            _command(root, ["status", "--porcelain", "-uno"]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WAIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(found.stdout)


def _command(root: str, words: list[str]) -> list[str]:
    # No locks taken, no file monitor started: asking must not disturb what else works in the tree.
    settings = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
    return ["git", "--no-optional-locks", *settings, "-C", root, *words]


def _output(root: str, words: list[str], limit: int) -> tuple[bytes, bool]:
    """What `git` says, cut after `limit` bytes or `_PATIENCE_S` seconds; and whether it was. Empty where git fails."""
    # A partial clone must not begin to fetch.
    env = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    command = _command(root, words)
    try:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
    except OSError:
        return b"", False
    with process:
        assert process.stdout is not None
        timer = threading.Timer(_PATIENCE_S, process.kill)
        timer.daemon = True
        timer.start()
        try:
            found = process.stdout.read(limit + 1)
            if len(found) > limit:
                process.kill()
            failed = process.wait() != 0
        finally:
            timer.cancel()
    if len(found) > limit:
        return found[:limit], True
    return (b"", False) if failed and process.returncode > 0 else (found, failed)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None
