"""Secrets in the database: encrypted, bound to their place, and never shown.

HMAC-SHA256 as the only primitive: a key stream in counter mode under one derived key, a tag over everything under
another (encrypt, then authenticate), a random nonce for each secret. The place (such as a webhook's id) goes into
the tag, so that a secret copied to another row does not open. Format: `v1.` and base64 of nonce, text, tag.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from tidemill import settings
from tidemill.errors import InvalidParameter, InvalidState

_NONCE, _TAG, _LEAST = 16, 32, 32
_MARK = "v1."


class Keyring:
    """The keys of a store: those of the setting, else one in `file`, made when it is first needed.

    `file` is None where the database is not a file. The first key encrypts, all are tried to decrypt.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._keys: list[bytes] = []

    def seal(self, text: str, place: str) -> str:
        """`text`, encrypted for `place`. Raises InvalidParameter where there is no key and none can be made."""
        key = self._loaded(make=True)[0]
        nonce = secrets.token_bytes(_NONCE)
        hidden = _mixed(key, nonce, text.encode())
        sealed = nonce + hidden + _tag(key, nonce, hidden, place)
        return _MARK + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, place: str) -> str:
        """The text that was sealed for `place`. Raises InvalidState where no key fits."""
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(_MARK))
        except binascii.Error:
            raw = b""
        if sealed.startswith(_MARK) and len(raw) >= _NONCE + _TAG:
            nonce, hidden, tag = raw[:_NONCE], raw[_NONCE:-_TAG], raw[-_TAG:]
            for key in self._loaded(make=False):
                if hmac.compare_digest(tag, _tag(key, nonce, hidden, place)):
                    return _mixed(key, nonce, hidden).decode()
        raise InvalidState(
            "A secret in the database cannot be decrypted: it was encrypted with another key. Put that key back "
            "(TIDEMILL_SECRET_KEY, or the file secret.key beside the database), or set the secret anew."
        )

    def _loaded(self, make: bool) -> list[bytes]:
        words = settings.secret_keys()
        if words:
            if min(map(len, words)) < _LEAST:
                raise InvalidParameter(
                    f"TIDEMILL_SECRET_KEY must have at least {_LEAST} characters; choose random ones. (A comma "
                    "separates several keys.)"
                )
            return [hashlib.sha256(word.encode()).digest() for word in words]
        if not self._keys and self._file is not None:
            if make and not self._file.exists():
                _make(self._file)
            if self._file.exists():
                self._keys = [hashlib.sha256(self._file.read_bytes().strip()).digest()]
        if not self._keys and make:
            raise InvalidParameter(
                "Secrets are stored encrypted, and there is no key: set TIDEMILL_SECRET_KEY to at least 32 random "
                "characters, the same for every process that serves this database."
            )
        return self._keys


def _make(file: Path) -> None:
    """Make a key that only its owner can read; whole or not at all, and once, however many processes want one."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".secret-")  # 0600
    try:
        os.write(handle, secrets.token_hex(32).encode() + b"\n")
        os.fsync(handle)
        os.close(handle)
        with contextlib.suppress(FileExistsError):
            os.link(name, file)
    finally:
        os.unlink(name)


def _derived(key: bytes, what: bytes) -> bytes:
    return hmac.digest(key, b"tidemill secrets, " + what, "sha256")


def _mixed(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """`text` with the key stream laid over it; the same again gives it back."""
    inner = _derived(key, b"stream")
    blocks = (len(text) + 31) // 32
    stream = b"".join(hmac.digest(inner, nonce + count.to_bytes(8, "big"), "sha256") for count in range(blocks))
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _tag(key: bytes, nonce: bytes, hidden: bytes, place: str) -> bytes:
    where = place.encode()
    signed = len(where).to_bytes(8, "big") + where + nonce + hidden
    return hmac.digest(_derived(key, b"tag"), signed, "sha256")
