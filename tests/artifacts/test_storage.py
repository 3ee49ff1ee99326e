"""What every storage promises, against a real server of each kind."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tidemill.artifacts.local import LocalStorage
from tidemill.artifacts.storage import Storage, open_storage
from tidemill.errors import InvalidParameter, NotFound, NotSupported, PermissionDenied, Unavailable
from tidemill.types.artifacts import FileInfo


def content(storage: Storage, path: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join(storage.read(path, start, length))


class TestEveryStorage:
    def test_what_was_written_is_read(self, storage: Storage) -> None:
        assert storage.write("a/b/c.bin", [b"one ", bytearray(b"two "), memoryview(b"three")]) == 13
        assert content(storage, "a/b/c.bin") == b"one two three"

    def test_an_empty_file_is_a_file(self, storage: Storage) -> None:
        assert storage.write("empty", []) == 0
        assert content(storage, "empty") == b""
        assert storage.stat("empty") == FileInfo("empty", is_dir=False, file_size=0)

    def test_names_are_kept_byte_for_byte(self, storage: Storage, name: str) -> None:
        storage.write(f"in dir/{name}", [name.encode()])
        assert [info.path for info in storage.list("in dir")] == [f"in dir/{name}"]
        assert content(storage, f"in dir/{name}") == name.encode()
        assert storage.stat(f"in dir/{name}") is not None
        storage.delete(f"in dir/{name}")
        assert storage.stat(f"in dir/{name}") is None

    def test_a_second_write_replaces_the_first(self, storage: Storage) -> None:
        storage.write("f", [b"a long first version"])
        storage.write("f", [b"second"])
        assert content(storage, "f") == b"second"
        assert len(storage.list()) == 1

    def test_list_is_sorted_relative_to_the_root_and_one_level_deep(self, storage: Storage) -> None:
        for path in ("z.txt", "dir/b", "dir/a", "dir/deeper/x", "a.txt", "dir2/y"):
            storage.write(path, [b"123"])
        assert storage.list() == [
            FileInfo("a.txt", is_dir=False, file_size=3),
            FileInfo("dir", is_dir=True),
            FileInfo("dir2", is_dir=True),
            FileInfo("z.txt", is_dir=False, file_size=3),
        ]
        assert [info.path for info in storage.list("dir")] == ["dir/a", "dir/b", "dir/deeper"]
        assert storage.list("dir/") == storage.list("dir")

    def test_list_of_nothing_or_a_file_is_empty(self, storage: Storage) -> None:
        assert storage.list() == []
        storage.write("f", [b"x"])
        assert storage.list("missing") == []
        assert storage.list("missing/deeper") == []
        assert storage.list("f") == []
        assert storage.list("f/below") == []

    def test_stat(self, storage: Storage) -> None:
        storage.write("dir/f", [b"12345"])
        assert storage.stat("dir/f") == FileInfo("dir/f", is_dir=False, file_size=5)
        assert storage.stat("dir") == FileInfo("dir", is_dir=True)
        assert storage.stat("") == FileInfo("", is_dir=True)
        assert storage.stat("missing") is None
        assert storage.stat("di") is None
        assert storage.stat("dir/f/below") is None

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, 4, b"0123"),
            (3, None, b"3456789"),
            (3, 4, b"3456"),
            (8, 100, b"89"),
            (10, None, b""),
            (11, 5, b""),
            (2, 0, b""),
        ],
    )
    def test_ranges(self, storage: Storage, start: int, length: int | None, expected: bytes) -> None:
        storage.write("f", [b"0123456789"])
        assert content(storage, "f", start, length) == expected

    def test_impossible_ranges_are_refused(self, storage: Storage) -> None:
        storage.write("f", [b"0123456789"])
        for start, length in ((-1, None), (0, -1)):
            with pytest.raises(InvalidParameter, match="range of bytes"):
                storage.read("f", start, length)

    def test_reading_what_is_no_file_fails_at_once(self, storage: Storage) -> None:
        storage.write("dir/f", [b"x"])
        for path in ("missing", "dir", "dir/f/below", "missing/deeper"):
            with pytest.raises(NotFound, match=f"No such artifact: '{path}'"):
                storage.read(path)
            with pytest.raises(NotFound):
                storage.read(path, 1)

    def test_a_read_may_be_given_up(self, storage: Storage) -> None:
        storage.write("f", [os.urandom(3 << 20)])
        chunks = storage.read("f")
        assert len(next(chunks)) > 0
        chunks.close()  # type: ignore[attr-defined]
        assert len(content(storage, "f")) == 3 << 20

    def test_delete_a_file(self, storage: Storage) -> None:
        storage.write("dir/f", [b"x"])
        storage.write("dir/g", [b"x"])
        storage.delete("dir/f")
        assert [info.path for info in storage.list("dir")] == ["dir/g"]

    def test_delete_a_folder_with_all_it_holds_and_nothing_else(self, storage: Storage) -> None:
        for path in ("dir/a", "dir/deeper/b", "dir/deeper/still/c", "dir2/d", "dir.txt"):
            storage.write(path, [b"x"])
        storage.delete("dir")
        assert [info.path for info in storage.list()] == ["dir.txt", "dir2"]
        assert storage.stat("dir") is None
        assert storage.stat("dir/deeper/still/c") is None

    def test_deleting_nothing_is_fine(self, storage: Storage) -> None:
        storage.delete("missing")
        storage.delete("missing/deeper")
        storage.write("f", [b"x"])
        storage.delete("f/below")
        assert content(storage, "f") == b"x"

    def test_the_root_is_no_file(self, storage: Storage) -> None:
        storage.write("f", [b"x"])
        for act in (storage.read, storage.open_writer, storage.delete):
            for path in ("", ".", "./", ".//."):
                with pytest.raises(InvalidParameter, match="Invalid path"):
                    act(path)
        assert content(storage, "f") == b"x"

    def test_nothing_is_visible_before_the_commit(self, storage: Storage) -> None:
        with storage.open_writer("dir/f") as writer:
            writer.write(b"x" * 100)
            assert storage.stat("dir/f") is None
            assert storage.list("dir") == []
            assert writer.commit() == writer.size == 100
        assert storage.stat("dir/f") == FileInfo("dir/f", is_dir=False, file_size=100)

    @pytest.mark.parametrize("megabytes", [0, 1, 20])
    def test_an_aborted_write_leaves_the_old_file(self, storage: Storage, megabytes: int) -> None:
        storage.write("f", [b"old"])
        with storage.open_writer("f") as writer:
            for _ in range(megabytes):
                writer.write(b"n" * (1 << 20))
        with pytest.raises(InvalidParameter, match="finished already"):
            writer.write(b"more")
        with pytest.raises(InvalidParameter, match="finished already"):
            writer.commit()
        writer.abort()
        assert content(storage, "f") == b"old"
        assert [info.path for info in storage.list()] == ["f"]

    def test_a_source_that_fails_leaves_nothing(self, storage: Storage) -> None:
        def chunks():
            yield b"x" * (6 << 20)
            raise ValueError("the client hung up")

        with pytest.raises(ValueError, match="hung up"):
            storage.write("dir/f", chunks())
        assert storage.stat("dir/f") is None
        assert storage.list("dir") == []

    def test_large_files_arrive_whole(self, storage: Storage) -> None:
        block = os.urandom(1 << 20)
        expected = hashlib.sha256(block * 20 + b"tail").hexdigest()
        assert storage.write("big", [*[block] * 20, b"tail"], size_hint=20 << 20) == (20 << 20) + 4
        found = hashlib.sha256()
        for chunk in storage.read("big"):
            found.update(chunk)
        assert found.hexdigest() == expected
        assert content(storage, "big", 20 << 20) == b"tail"

    def test_a_reused_buffer_does_not_change_what_was_written(self, storage: Storage) -> None:
        buffer = bytearray(b"a" * 1000)
        with storage.open_writer("f") as writer:
            writer.write(buffer)
            buffer[:] = b"b" * 1000
            writer.write(memoryview(buffer))
            buffer[:] = b"c" * 1000
            writer.commit()
        assert content(storage, "f") == b"a" * 1000 + b"b" * 1000

    def test_threads_share_a_storage(self, storage: Storage) -> None:
        def turn(number: int) -> bytes:
            storage.write(f"dir/{number}", [str(number).encode() * 1000])
            return content(storage, f"dir/{number}")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(turn, range(24))) == [str(number).encode() * 1000 for number in range(24)]
        assert len(storage.list("dir")) == 24

    def test_escapes_are_refused_by_every_method(self, storage: Storage, unreachable: str) -> None:
        for act in (storage.list, storage.stat, storage.read, storage.open_writer, storage.delete):
            with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
                act(unreachable)
        for act in (storage.multipart_create, lambda path: storage.signed_url("GET", path, 60)):
            with pytest.raises((InvalidParameter, NotSupported)):
                act(unreachable)

    def test_signed_addresses_need_no_credentials(self, storage: Storage, request_http) -> None:
        put = storage.signed_url("PUT", "dir/new file.txt", 60)
        get = storage.signed_url("GET", "dir/new file.txt", 60)
        if put is None or get is None:
            assert put is get is None
            return
        request_http("PUT", put.url, b"straight", put.headers)
        assert content(storage, "dir/new file.txt") == b"straight"
        assert request_http("GET", get.url, headers=get.headers) == b"straight"

    def test_multipart_where_the_storage_takes_parts(self, storage: Storage) -> None:
        if not isinstance(storage, LocalStorage):
            for act in (storage.multipart_create, lambda path: storage.multipart_part(path, "id", 1)):
                with pytest.raises(NotSupported, match=r"^Multipart upload is not supported for the current artifact"):
                    act("dir/f")
            return
        upload_id = storage.multipart_create("dir/f")
        parts = []
        for number in (2, 1):
            with storage.multipart_part("dir/f", upload_id, number) as writer:
                writer.write(f"part {number} ".encode())
                writer.commit()
            parts.append((number, writer.etag))
        assert storage.stat("dir/f") is None
        assert storage.list("dir") == []
        assert storage.multipart_complete("dir/f", upload_id, parts) == 14
        assert content(storage, "dir/f") == b"part 1 part 2 "
        storage.multipart_abort("dir/f", upload_id)
        assert content(storage, "dir/f") == b"part 1 part 2 "


@pytest.mark.parametrize("scheme", ["dbfs", "hdfs", "runs", "models", "javascript"])
def test_unknown_schemes_are_refused(scheme: str) -> None:
    with pytest.raises(InvalidParameter, match=f"unknown scheme '{scheme}'"):
        open_storage(f"{scheme}:/x")


@pytest.mark.parametrize("address", ["mlflow-artifacts:/0/run", "http://host/api", "https://host/api"])
def test_what_a_server_proxies_is_reached_through_it(address: str) -> None:
    with pytest.raises(InvalidParameter, match="behind a tracking server"):
        open_storage(address)


@pytest.mark.parametrize("address", ["s3:///x", "s3:/x", "gs:", "az:///x", "sftp:///x", "ftp:/x", "ftps:///x"])
def test_an_address_must_name_its_bucket_or_host(address: str) -> None:
    with pytest.raises(InvalidParameter, match=r"names no (bucket|host)"):
        open_storage(address)


@pytest.mark.parametrize("address", ["s3://bucket/a/../b", "gs://bucket/%2e%2e", "az://container/../x"])
def test_an_address_does_not_climb(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;AccountKey=a2V5")
    with pytest.raises(InvalidParameter, match="Invalid path"):
        open_storage(address)


@pytest.mark.parametrize("scheme", ["sftp", "ftp"])
def test_a_server_that_is_away_is_unavailable(scheme: str) -> None:
    with (
        open_storage(f"{scheme}://user:pw@127.0.0.1:1/x") as storage,
        pytest.raises(Unavailable, match="cannot be reached"),
    ):
        storage.stat("f")


@pytest.mark.parametrize("kind", ["sftp", "ftp"])
def test_a_wrong_password_is_permission_denied(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(f"TIDEMILL_{kind.upper()}_PASSWORD", "wrong")
    with open_storage(server.address) as storage, pytest.raises(PermissionDenied, match="could not be logged in"):
        storage.stat("f")
