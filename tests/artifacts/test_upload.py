"""Files and folders to a storage."""

import hashlib
import os
from pathlib import Path

import pytest

from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.storage import Storage, Writer
from tidemill.artifacts.upload import upload
from tidemill.errors import InvalidParameter, NotFound, Unavailable


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for path, data in {
        "a.txt": b"a",
        "dir/b.bin": b"b" * 3_000_000,
        "dir/deeper/c": b"",
        "step%20+1.png": b"p",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def content(storage: Storage, path: str) -> bytes:
    return b"".join(storage.read(path))


class Unreliable(LocalStorage):
    """A local folder that fails `failures` times, in the middle of the chunk after `good` bytes of a file."""

    failures = 0
    good = 0

    def open_writer(self, path: str, size_hint: int | None = None) -> Writer:
        writer = super().open_writer(path, size_hint)
        write = writer._write

        def failing(chunk: bytes) -> None:
            if self.failures > 0 and writer.size >= self.good:
                self.failures -= 1
                write(chunk[: len(chunk) // 2])
                raise Unavailable("the network is away")
            write(chunk)

        writer._write = failing  # type: ignore[method-assign]
        return writer


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidemill.retry.time.sleep", lambda seconds: None)


def test_a_folder_arrives_whole_with_its_checksums(storage: Storage, source: Path) -> None:
    sent = upload(storage, source, "run 1/model")
    assert [item.path for item in sent] == [
        "run 1/model/a.txt",
        "run 1/model/dir/b.bin",
        "run 1/model/dir/deeper/c",
        "run 1/model/step%20+1.png",
    ]
    assert [item.size for item in sent] == [1, 3_000_000, 0, 1]
    for item in sent:
        assert hashlib.sha256(content(storage, item.path)).hexdigest() == item.sha256


def test_a_file_keeps_its_name_or_takes_another(tmp_path: Path, source: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    assert [item.path for item in upload(storage, source / "a.txt")] == ["a.txt"]
    assert [item.path for item in upload(storage, source / "a.txt", "dir/other")] == ["dir/other"]
    assert content(storage, "a.txt") == content(storage, "dir/other") == b"a"


def test_progress_ends_at_the_total_and_never_skips(tmp_path: Path, source: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    upload(LocalStorage(tmp_path / "storage"), source, progress=lambda *step: steps.append(step))
    assert steps[-1][:2] == (3_000_002, 3_000_002)
    assert {name for _, _, name in steps} == {"a.txt", "dir/b.bin", "step%20+1.png"}
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)


def test_what_fails_for_a_moment_is_sent_again(tmp_path: Path, source: Path) -> None:
    storage = Unreliable(tmp_path / "storage")
    storage.failures, storage.good = 3, 2 << 20
    steps: list[tuple[int, int, str]] = []
    sent = upload(storage, source, threads=2, progress=lambda *step: steps.append(step))
    assert content(storage, "dir/b.bin") == b"b" * 3_000_000
    assert len(sent) == 4
    assert steps[-1][0] == max(done for done, _, _ in steps) == 3_000_002


def test_what_keeps_failing_is_an_error_and_leaves_nothing(tmp_path: Path, source: Path) -> None:
    storage = Unreliable(tmp_path / "storage")
    storage.failures = 100
    with pytest.raises(Unavailable, match="network is away"):
        upload(storage, source / "a.txt", attempts=3)
    assert storage.failures == 97
    assert storage.list() == []


def test_nothing_is_sent_where_one_name_cannot_be(tmp_path: Path, source: Path) -> None:
    (source / "zz#.txt").write_bytes(b"x")
    storage = LocalStorage(tmp_path / "storage")
    with pytest.raises(InvalidParameter, match=r"Invalid path: 'zz#\.txt' is no name for an artifact"):
        upload(storage, source)
    assert storage.list() == []


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    with pytest.raises(NotFound, match="There is no file"):
        upload(storage, tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidParameter, match="neither a file nor a folder"):
        upload(storage, tmp_path / "pipe")


def test_links_are_followed_but_not_in_circles(tmp_path: Path, source: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    os.symlink(source / "dir", tmp_path / "linked")
    assert [item.path for item in upload(storage, tmp_path / "linked")] == ["b.bin", "deeper/c"]
    os.symlink(source, source / "dir" / "circle")
    with pytest.raises(InvalidParameter, match="holds a link to itself"):
        upload(storage, source)
