"""Secrets at rest: bound to their place, unreadable without the key, noticed when changed."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.errors import InvalidParameter, InvalidState
from tidemill.store.secrets import Keyring


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIDEMILL_SECRET_KEY", "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_there_and_back(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "secret.key")

    @given(st.text(max_size=200), st.text(max_size=20))
    def check(text: str, place: str) -> None:
        sealed = ring.seal(text, place)
        assert ring.open(sealed, place) == text
        assert sealed != ring.seal(text, place)

    check()
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
    assert Keyring(tmp_path / "secret.key").open(ring.seal("x", "p"), "p") == "x"


def test_another_place_another_key_a_changed_bit(tmp_path: Path) -> None:
    ring, other = Keyring(tmp_path / "a.key"), Keyring(tmp_path / "b.key")
    sealed = ring.seal("secret text", "webhook-1")
    other.seal("make a key", "x")
    assert "secret" not in sealed
    flipped = sealed[:30] + ("A" if sealed[30] != "A" else "B") + sealed[31:]
    for keys, text, place in (
        (ring, sealed, "webhook-2"),
        (other, sealed, "webhook-1"),
        (ring, flipped, "webhook-1"),
        (ring, sealed[:-8], "webhook-1"),
        (ring, "v1.", "webhook-1"),
        (ring, "plain", "webhook-1"),
        (Keyring(None), sealed, "webhook-1"),
    ):
        with pytest.raises(InvalidState, match="cannot be decrypted"):
            keys.open(text, place)


def test_keys_of_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ring = Keyring(None)
    with pytest.raises(InvalidParameter, match="there is no key"):
        ring.seal("x", "p")
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", "short")
    with pytest.raises(InvalidParameter, match="at least 32"):
        ring.seal("x", "p")
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", "m" * 44)
    monkeypatch.delenv("TIDEMILL_SECRET_KEY")
    old = ring.seal("x", "p")
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", f"{'n' * 40},{'m' * 44}")
    assert ring.open(old, "p") == "x"
    new = ring.seal("y", "p")
    monkeypatch.setenv("TIDEMILL_SECRET_KEY", "m" * 44)
    assert ring.open(old, "p") == "x"
    with pytest.raises(InvalidState):
        ring.open(new, "p")


def test_many_at_once_make_one_key(tmp_path: Path) -> None:
    rings = [Keyring(tmp_path / "secret.key") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        sealed = list(pool.map(lambda ring: ring.seal("x", "p"), rings))
    assert {ring.open(one, "p") for ring in rings for one in sealed} == {"x"}
