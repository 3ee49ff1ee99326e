"""SHA-256 as bytes stream past."""

import hashlib
from pathlib import Path

import pytest

from tidemill.artifacts.digest import hashed, sha256_chunks, sha256_file


@pytest.mark.parametrize("data", [b"", b"abc", b"x" * 3_000_001])
def test_digests_agree(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(data)
    expected = hashlib.sha256(data).hexdigest()
    assert sha256_file(tmp_path / "f") == expected
    assert sha256_chunks([data[:1000], data[1000:]]) == expected


def test_chunks_pass_unchanged() -> None:
    hasher = hashlib.sha256()
    assert list(hashed([b"one", b"", b"two"], hasher)) == [b"one", b"", b"two"]
    assert hasher.hexdigest() == hashlib.sha256(b"onetwo").hexdigest()


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "missing")
