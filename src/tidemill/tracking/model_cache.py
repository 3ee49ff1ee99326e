"""Downloaded models, kept on this machine: what a logged model or a registered version holds never changes.

One folder a model, named by a digest of where it came from; it appears under that name only when it is complete.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tidemill import settings


def cached(key: str, fetch: Callable[[Path], None]) -> Path:
    """The folder kept under `key`; where there is none, `fetch` fills a new one.

    Two processes may fetch the same model at once: one of the copies is kept. What was used longest ago is deleted when
    all of them take more than TIDEMILL_MODEL_CACHE_GIB; with 0 nothing is kept beyond this process.
    """
    limit = settings.model_cache_bytes()
    root = Path(settings.model_cache()) if limit else Path(tempfile.mkdtemp(prefix="tidemill-models-"))
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = root / hashlib.sha256(key.encode()).hexdigest()[:32]
    if not kept.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix="part-", dir=root))  # 0700
        try:
            fetch(fresh)
            _place(fresh, kept)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        if limit:
            _make_room(root, kept, limit)
    os.utime(kept)  # used now
    return kept


def _place(fresh: Path, kept: Path) -> None:
    try:
        fresh.rename(kept)
    except OSError:
        if not kept.is_dir():
            raise
        shutil.rmtree(fresh, ignore_errors=True)  # another process was faster


def _make_room(root: Path, keep: Path, limit: int) -> None:
    folders = sorted((one for one in root.iterdir() if one != keep and not one.name.startswith("part-")), key=_used)
    left = limit - _size(keep)
    for folder in reversed(folders):  # the latest first
        left -= _size(folder)
        if left < 0:
            shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    return sum(one.lstat().st_size for one in folder.rglob("*") if one.is_file())
