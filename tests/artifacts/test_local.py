"""The local folder: links, permissions, crashes, memory, parts."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.storage import HIDDEN, open_storage
from tidemill.errors import InvalidParameter, NotFound, PermissionDenied
from tidemill.types.artifacts import FileInfo


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"secret")
    return folder


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    (tmp_path / "root").mkdir()
    return LocalStorage(tmp_path / "root")


def content(storage: LocalStorage, path: str) -> bytes:
    return b"".join(storage.read(path))


def leftovers(root: str) -> list[str]:
    return [name for _, folders, files in os.walk(root) for name in [*folders, *files] if name.startswith(HIDDEN)]


class TestLinks:
    def test_links_out_of_the_root_lead_nowhere(self, storage: LocalStorage, outside: Path) -> None:
        os.symlink(outside, f"{storage.root}/folder")
        os.symlink(outside / "secret.txt", f"{storage.root}/file")
        os.symlink(outside / "not there yet", f"{storage.root}/dangling")
        for path in ("folder/secret.txt", "file", "folder", "folder/new/deep", "dangling"):
            for act in (storage.read, storage.stat, storage.list, storage.open_writer, storage.multipart_create):
                with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
                    act(path)
        assert storage.list() == []
        with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
            storage.delete("folder/secret.txt")
        assert os.listdir(outside) == ["secret.txt"]

    def test_deleting_a_link_removes_the_link_alone(self, storage: LocalStorage, outside: Path) -> None:
        os.symlink(outside, f"{storage.root}/folder")
        (Path(storage.root) / "dir").mkdir()
        os.symlink(outside, f"{storage.root}/dir/inner")
        storage.delete("folder")
        storage.delete("dir")
        assert os.listdir(storage.root) == []
        assert (outside / "secret.txt").read_bytes() == b"secret"

    def test_links_that_stay_inside_are_followed(self, storage: LocalStorage) -> None:
        storage.write("real/f", [b"x"])
        os.symlink("real", f"{storage.root}/alias")
        os.symlink(".", f"{storage.root}/self")
        assert content(storage, "alias/f") == b"x"
        assert storage.list("alias") == [FileInfo("alias/f", is_dir=False, file_size=1)]
        assert FileInfo("alias", is_dir=True) in storage.list()
        storage.write("alias/g", [b"y"])
        assert content(storage, "real/g") == b"y"
        for act in (storage.read, storage.open_writer):
            with pytest.raises((NotFound, InvalidParameter)):
                act("self")

    def test_a_circle_of_links_is_refused(self, storage: LocalStorage) -> None:
        os.symlink("b", f"{storage.root}/a")
        os.symlink("a", f"{storage.root}/b")
        assert storage.list() == storage.list("a/x") == []
        for act in (storage.read, storage.open_writer):
            with pytest.raises((InvalidParameter, NotFound)):
                act("a/x")

    def test_the_root_itself_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        os.symlink("real", tmp_path / "link")
        LocalStorage(tmp_path / "link").write("f", [b"x"])
        assert (tmp_path / "real" / "f").read_bytes() == b"x"

    def test_swapping_a_folder_for_a_link_meanwhile_does_not_help(self, storage: LocalStorage, outside: Path) -> None:
        (outside / "f").write_bytes(b"secret")
        storage.write("dir/f", [b"inside"])
        stop = threading.Event()

        def swap() -> None:
            while not stop.is_set():
                os.rename(f"{storage.root}/dir", f"{storage.root}/away")
                with suppress(FileExistsError):  # the writer has made the folder again
                    os.symlink(outside, f"{storage.root}/dir")
                    os.unlink(f"{storage.root}/dir")
                shutil.rmtree(f"{storage.root}/dir", ignore_errors=True)
                with suppress(OSError):
                    os.rename(f"{storage.root}/away", f"{storage.root}/dir")
                    continue
                shutil.rmtree(f"{storage.root}/away")

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            deadline, seen = time.monotonic() + 1.0, set()
            while time.monotonic() < deadline:
                for act in (lambda: seen.add(content(storage, "dir/f")), lambda: storage.write("dir/f", [b"inside"])):
                    try:
                        act()
                    except (InvalidParameter, NotFound):
                        continue
        finally:
            stop.set()
            thread.join()
        assert seen == {b"inside"}
        assert sorted(os.listdir(outside)) == ["f", "secret.txt"]
        assert (outside / "f").read_bytes() == b"secret"


class TestFiles:
    def test_hidden_files_of_ours_are_not_listed(self, storage: LocalStorage) -> None:
        with storage.open_writer("dir/f") as writer:
            writer.write(b"x")
            (stage,) = leftovers(storage.root)
            mode = os.stat(f"{storage.root}/dir/{stage}").st_mode
            assert stat.S_IMODE(mode) == 0o700
            assert storage.list("dir") == []
        assert leftovers(storage.root) == []

    def test_permissions_are_the_users_usual_ones(self, storage: LocalStorage, tmp_path: Path) -> None:
        (tmp_path / "usual").touch()
        storage.write("f", [b"x"])
        assert os.stat(f"{storage.root}/f").st_mode == os.stat(tmp_path / "usual").st_mode

    def test_a_file_in_the_way_is_named(self, storage: LocalStorage) -> None:
        storage.write("f", [b"x"])
        with pytest.raises(InvalidParameter, match="leads through a file"):
            storage.write("f/below", [b"x"])
        storage.write("dir/g", [b"x"])
        with pytest.raises(InvalidParameter, match="is a folder, not a file"):
            storage.write("dir", [b"x"])
        assert leftovers(storage.root) == []

    def test_a_name_that_is_too_long_is_refused(self, storage: LocalStorage) -> None:
        for act in (storage.stat, storage.read, storage.open_writer, storage.list):
            with pytest.raises(InvalidParameter, match="longer than this file system allows"):
                act("n" * 300)

    def test_pipes_and_sockets_are_no_files(self, storage: LocalStorage) -> None:
        os.mkfifo(f"{storage.root}/pipe")
        assert storage.list() == []
        assert storage.stat("pipe") is None
        with pytest.raises(NotFound):
            storage.read("pipe")

    def test_names_that_are_not_utf8_are_seen_but_out_of_reach(self, storage: LocalStorage) -> None:
        with open(os.fsencode(storage.root) + b"/caf\xe9", "wb"):
            pass
        (info,) = storage.list()
        assert info.path == "caf\\xe9"
        with pytest.raises(InvalidParameter):
            storage.read(info.path)

    def test_without_permission(self, storage: LocalStorage) -> None:
        if os.geteuid() == 0:
            pytest.skip("root may do anything")
        storage.write("dir/f", [b"x"])
        os.chmod(f"{storage.root}/dir", 0)
        try:
            with pytest.raises(PermissionDenied, match="does not allow access to 'dir/f'"):
                storage.read("dir/f")
        finally:
            os.chmod(f"{storage.root}/dir", 0o700)

    def test_open_files_are_closed(self, storage: LocalStorage) -> None:
        storage.write("dir/f", [b"x" * 3_000_000])
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
        for _ in range(50):
            content(storage, "dir/f")
            next(storage.read("dir/f"))
            storage.list("dir")
            storage.stat("dir/f")
            storage.open_writer("dir/g")
            storage.write("dir/g", [b"x"])
        if before is not None:
            assert len(os.listdir("/proc/self/fd")) == before
        assert leftovers(storage.root) == []

    def test_sweep_removes_what_crashes_left(self, storage: LocalStorage) -> None:
        storage.multipart_create("dir/f")
        storage.write("dir/g", [b"x"])
        os.mkdir(f"{storage.root}/{HIDDEN}stage-0123456789abcdef")
        assert storage.sweep() == 0
        assert storage.sweep(older_than_s=-1) == 2
        assert leftovers(storage.root) == []
        assert content(storage, "dir/g") == b"x"


class TestRoots:
    def test_a_server_opens_only_folders_in_its_roots(self, tmp_path: Path, outside: Path) -> None:
        root = tmp_path / "root"
        root.mkdir()
        os.symlink(outside, root / "link")
        roots = [str(root)]
        assert open_storage(str(root), local_roots=roots).list() == []
        assert open_storage(f"file://{root}/new", local_roots=roots).list() == []
        for address in (
            str(outside),
            "/",
            "/etc",
            f"file://{outside}",
            f"{root}/../outside",
            f"file://{root}/%2e%2e/outside",
            f"{root}-beside",
            f"{root}/link",
            f"{root}/link/deeper",
        ):
            with pytest.raises(PermissionDenied, match="outside the folders"):
                open_storage(address, local_roots=roots)
        with pytest.raises(PermissionDenied):
            open_storage(str(root), local_roots=[])


class TestParts:
    def test_parts_may_come_again_and_in_any_order(self, storage: LocalStorage) -> None:
        upload_id = storage.multipart_create("dir/f")
        etags = {}
        for number, text in ((3, b"c"), (1, b"wrong"), (2, b"b"), (1, b"a")):
            with storage.multipart_part("dir/f", upload_id, number) as writer:
                writer.write(text)
                writer.commit()
            assert writer.etag == hashlib.sha256(text).hexdigest()
            etags[number] = writer.etag
        assert storage.multipart_complete("dir/f", upload_id, [(3, etags[3]), (1, f'"{etags[1]}"'), (2, etags[2])]) == 3
        assert content(storage, "dir/f") == b"abc"
        assert leftovers(storage.root) == []

    def test_wrong_parts_change_nothing(self, storage: LocalStorage) -> None:
        storage.write("f", [b"old"])
        upload_id = storage.multipart_create("f")
        with storage.multipart_part("f", upload_id, 1) as writer:
            writer.write(b"new")
            writer.commit()
        other = hashlib.sha256(b"other").hexdigest()
        for parts in ([], [(2, writer.etag)], [(1, other)], [(1, "../../x")], [(1, writer.etag)] * 2, [(0, other)]):
            with pytest.raises(InvalidParameter):
                storage.multipart_complete("f", upload_id, parts)
        assert content(storage, "f") == b"old"
        for number in (0, -1, 10_001):
            with pytest.raises(InvalidParameter, match="between 1 and 10000"):
                storage.multipart_part("f", upload_id, number)

    @pytest.mark.parametrize("upload_id", ["", "x", "../..", "0" * 32, "%2e%2e", "/etc"])
    def test_unknown_uploads_are_not_found(self, storage: LocalStorage, upload_id: str) -> None:
        storage.write("f", [b"old"])
        with pytest.raises(NotFound, match="no multipart upload"):
            storage.multipart_part("f", upload_id, 1)
        with pytest.raises(NotFound, match="no multipart upload"):
            storage.multipart_complete("f", upload_id, [(1, "0" * 64)])
        storage.multipart_abort("f", upload_id)
        assert content(storage, "f") == b"old"

    def test_an_abort_leaves_nothing(self, storage: LocalStorage) -> None:
        upload_id = storage.multipart_create("dir/f")
        with storage.multipart_part("dir/f", upload_id, 1) as writer:
            writer.write(b"x")
            writer.commit()
        storage.multipart_abort("dir/f", upload_id)
        assert leftovers(storage.root) == []
        with pytest.raises(NotFound):
            storage.multipart_part("dir/f", upload_id, 1)


def script(text: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", text, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_process_killed_in_the_middle_of_a_write_leaves_no_visible_file(storage: LocalStorage) -> None:
    storage.write("dir/old", [b"old"])
    process = script(
        "import sys, time\n"
        "from tidemill.artifacts.local import LocalStorage\n"
        "storage = LocalStorage(sys.argv[1])\n"
        "writers = [storage.open_writer(path) for path in ('dir/new', 'dir/old')]\n"
        "for writer in writers: writer.write(b'x' * 5_000_000)\n"
        "print('half way', flush=True); time.sleep(60)\n",
        storage.root,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        os.kill(process.pid, signal.SIGKILL)
    assert storage.list("dir") == [FileInfo("dir/old", is_dir=False, file_size=3)]
    assert content(storage, "dir/old") == b"old"
    assert storage.sweep(older_than_s=-1) == 2
    assert os.listdir(f"{storage.root}/dir") == ["old"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    process = script(
        "import resource, sys\n"
        "from tidemill.artifacts.local import LocalStorage\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "storage = LocalStorage(sys.argv[1])\n"
        "storage.write('warm', [b'x']); list(storage.read('warm'))\n"
        "before = peak()\n"
        "size = storage.write('big', (bytes(1 << 20) for _ in range(300)))\n"
        "assert sum(len(chunk) for chunk in storage.read('big')) == size == 300 << 20\n"
        "print(peak() - before)\n",
        str(tmp_path),
    )
    with process:
        assert process.stdout is not None
        grown = int(process.stdout.read())
    kilobytes = 1024 if sys.platform == "darwin" else 1
    assert grown // kilobytes < 50 * 1024
