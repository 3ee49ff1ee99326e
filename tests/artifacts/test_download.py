"""Files and folders from a storage, as hostile or unreliable as it may be."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.artifacts.download import download
from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.storage import HIDDEN, Listing, Storage
from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.types.artifacts import FileInfo

BIG = os.urandom(5_000_000)


class Unreliable(LocalStorage):
    """A local folder whose reads break off after `breaks[0]` bytes, then `breaks[1]`, and so on. Notes every start."""

    def __init__(self, root: Path, breaks: list[int]) -> None:
        super().__init__(root)
        self.breaks = breaks
        self.starts: list[int] = []

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.starts.append(start)
        if not self.breaks:
            return super().read(path, start, length)
        return self._breaking(super().read(path, start, self.breaks.pop(0)))

    def _breaking(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from chunks
        raise Unavailable("the network is away")


class Lying(LocalStorage):
    """A storage that lists `path` in its root."""

    def __init__(self, root: Path, path: str, is_dir: bool = False) -> None:
        super().__init__(root)
        self._lie = FileInfo(path, is_dir, None if is_dir else 1)

    def list(self, path: str = "") -> Listing:
        return [self._lie]

    def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        return iter([b"x"])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidemill.retry.time.sleep", lambda seconds: None)


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob(f"{HIDDEN}*"))


def test_a_folder_comes_whole(storage: Storage, tmp_path: Path) -> None:
    files = {"run/a.txt": b"a", "run/dir/big": BIG, "run/dir/empty": b"", "run/step%20+1.png": b"p", "other": b"o"}
    for path, data in files.items():
        storage.write(path, [data])
    target = tmp_path / "target"
    assert download(storage, "run", target) == str(target / "run")
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {path: data for path, data in files.items() if path.startswith("run/")}
    assert download(storage, "", target) == str(target)
    assert (target / "other").read_bytes() == b"o"
    assert download(storage, "run/dir/big", tmp_path / "one") == str(tmp_path / "one" / "run" / "dir" / "big")


def test_what_breaks_off_is_taken_up(storage: Storage, tmp_path: Path) -> None:
    """Over every storage: the first process keeps a part, the second asks only for the rest."""
    storage.write("big", [BIG])
    target = tmp_path / "target"
    target.mkdir()

    class Interrupt(Exception):
        pass

    def stop(done: int, total: int, name: str) -> None:
        if 1_500_000 < done < total:
            raise Interrupt

    with pytest.raises(Interrupt):
        download(storage, "big", target, progress=stop)
    (part,) = parts(target)
    assert 1_500_000 < part.stat().st_size < len(BIG)
    assert not (target / "big").exists()
    steps: list[int] = []
    kept = part.stat().st_size
    download(storage, "big", target, progress=lambda done, total, name: steps.append(done))
    assert steps[0] == kept
    assert (target / "big").read_bytes() == BIG
    assert parts(target) == []


def test_a_retry_asks_only_for_the_rest(tmp_path: Path) -> None:
    storage = Unreliable(tmp_path / "storage", [2_000_000, 1_500_000])
    storage.write("big", [BIG])
    steps: list[int] = []
    download(storage, "big", tmp_path / "target", progress=lambda done, total, name: steps.append(done))
    assert (tmp_path / "target" / "big").read_bytes() == BIG
    assert storage.starts == [0, 2_000_000 - (1 << 20), 2_000_000 - (1 << 20) + 1_500_000 - (1 << 20)]
    assert steps[-1] == len(BIG)


def test_a_file_that_changed_meanwhile_is_fetched_anew(tmp_path: Path) -> None:
    storage = Unreliable(tmp_path / "storage", [2_000_000])
    storage.write("big", [BIG])
    with pytest.raises(Unavailable):
        download(storage, "big", tmp_path / "target", attempts=1)
    changed = BIG[::-1]
    storage.write("big", [changed])
    download(storage, "big", tmp_path / "target")
    assert (tmp_path / "target" / "big").read_bytes() == changed


def test_a_file_that_is_cut_short_is_not_accepted(tmp_path: Path) -> None:
    class Short(LocalStorage):
        def read(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
            return super().read(path, start, max(0, 4_000_000 - start))

    storage = Short(tmp_path / "storage")
    storage.write("big", [BIG])
    with pytest.raises(Unavailable, match="4000000 of 5000000 bytes of 'big' arrived"):
        download(storage, "big", tmp_path / "target", attempts=2)
    assert not (tmp_path / "target" / "big").exists()


def test_checksums_are_compared(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    storage.write("big", [BIG])
    storage.write("other", [b"x"])
    digest = hashlib.sha256(BIG).hexdigest()
    download(storage, "", tmp_path / "target", digests={"big": digest.upper()})
    with pytest.raises(Unavailable, match="'big' arrived damaged"):
        download(storage, "", tmp_path / "target2", digests={"big": "0" * 64}, attempts=2)
    assert not (tmp_path / "target2" / "big").exists()


def test_existing_files_are_replaced(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    storage.write("dir/f", [b"new"])
    (tmp_path / "target" / "dir").mkdir(parents=True)
    (tmp_path / "target" / "dir" / "f").write_bytes(b"old and longer")
    download(storage, "dir", tmp_path / "target")
    assert (tmp_path / "target" / "dir" / "f").read_bytes() == b"new"


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """While one download of a file is under way in another process, a second one takes a part of its own."""
    from tidemill.artifacts.partial import PartialFile

    storage = LocalStorage(tmp_path / "storage")
    storage.write("big", [BIG])
    target = LocalStorage(tmp_path / "target")
    folder, name = target.place("big")
    with PartialFile(folder, name, "big", str(len(BIG))) as first:
        first.write(BIG[:100])
        download(storage, "big", tmp_path / "target")
        assert (tmp_path / "target" / "big").read_bytes() == BIG
        first.write(BIG[100:])
        first.commit()
    assert (tmp_path / "target" / "big").read_bytes() == BIG
    assert parts(tmp_path / "target") == []


def test_a_missing_path_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No such artifact: 'missing'"):
        download(LocalStorage(tmp_path / "storage"), "missing", tmp_path / "target")


def test_an_empty_folder_is_made(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    (tmp_path / "storage" / "dir").mkdir(parents=True)
    assert os.listdir(download(storage, "dir", tmp_path / "target")) == []


def test_escapes_are_refused(unreachable: str, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
        download(storage, unreachable, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_what_a_storage_lists_is_not_trusted(unreachable: str, tmp_path: Path) -> None:
    for is_dir in (False, True):
        storage = Lying(tmp_path / "storage", unreachable, is_dir)
        (tmp_path / "storage").mkdir(exist_ok=True)
        with pytest.raises(InvalidParameter):
            download(storage, "", tmp_path / "target")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("path", ["dir/elsewhere", "", "/", "a//b", "./a"])
def test_a_name_that_is_not_in_the_listed_folder_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    with pytest.raises(InvalidParameter):
        download(Lying(tmp_path / "storage", path), "", tmp_path / "target")


def test_endless_folders_are_refused(tmp_path: Path) -> None:
    class Endless(LocalStorage):
        def list(self, path: str = "") -> Listing:
            return [FileInfo(f"{path}/d" if path else "d", is_dir=True)]

    (tmp_path / "storage").mkdir()
    with pytest.raises(InvalidParameter, match="nested more than 100 folders deep"):
        download(Endless(tmp_path / "storage"), "", tmp_path / "target")


def test_links_in_the_destination_are_not_followed_out_of_it(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    storage.write("dir/f", [b"x"])
    (tmp_path / "outside").mkdir()
    (tmp_path / "target").mkdir()
    os.symlink(tmp_path / "outside", tmp_path / "target" / "dir")
    with pytest.raises(InvalidParameter):
        download(storage, "dir", tmp_path / "target")
    with pytest.raises(InvalidParameter):
        download(storage, "dir/f", tmp_path / "target")
    assert os.listdir(tmp_path / "outside") == []
