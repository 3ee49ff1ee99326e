"""SFTP: what only it has. The rest is in test_storage.py."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tidemill.artifacts.sftp import SftpStorage
from tidemill.artifacts.storage import open_storage
from tidemill.errors import InvalidParameter, PermissionDenied, Unavailable


@pytest.fixture
def address(sftp_server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in sftp_server.env.items():
        monkeypatch.setenv(name, value)
    return sftp_server.address


def test_an_unknown_host_key_is_refused(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    monkeypatch.setenv("TIDEMILL_SFTP_KNOWN_HOSTS", str(tmp_path / "known_hosts"))
    with open_storage(address) as storage, pytest.raises(PermissionDenied, match="could not be logged in"):
        storage.stat("f")


def test_user_and_password_may_be_in_the_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMILL_SFTP_USER")
    monkeypatch.delenv("TIDEMILL_SFTP_PASSWORD")
    with open_storage(address.replace("://", "://user:secret%20word@")) as storage:
        storage.write("with-address/f", [b"x"])
        assert b"".join(storage.read("with-address/f")) == b"x"


def test_a_lost_connection_is_made_again(address: str) -> None:
    with open_storage(address) as storage:
        assert isinstance(storage, SftpStorage)
        storage.write("lost/f", [b"x"])
        storage._loop.call_soon_threadsafe(storage._connection.abort)
        for _ in range(20):
            try:
                assert b"".join(storage.read("lost/f")) == b"x"
                return
            except Unavailable:  # the very call that was under way may fail
                continue
        pytest.fail("never connected again")


def test_a_file_in_the_way_is_named(address: str) -> None:
    with open_storage(address) as storage:
        storage.write("way/f", [b"x"])
        with pytest.raises(InvalidParameter, match="leads through a file"):
            storage.write("way/f/below", [b"x"])
        with pytest.raises(InvalidParameter, match="is a folder"):
            storage.write("way", [b"x"])


def test_closing_ends_the_thread(address: str) -> None:
    def threads() -> int:
        return sum(thread.name == "tidemill-sftp" for thread in threading.enumerate())

    before = threads()
    storage = open_storage(address)
    storage.write("closing/f", [b"x" * 9_000_000])
    half_read = storage.read("closing/f")
    next(half_read)
    assert threads() == before + 1
    storage.close()
    storage.close()
    assert threads() == before
    del half_read


def test_without_asyncssh_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['asyncssh'] = None\n"
        "from tidemill.artifacts.storage import open_storage\n"
        "try: open_storage('sftp://host/x')\n"
        "except ImportError as error: print(error)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tidemill[sftp]'" in answer.stdout
