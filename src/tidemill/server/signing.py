"""Who asks, and why, for operations that keep it: from the body, else from the request's headers.

`X-Tidemill-User` and `X-Tidemill-Reason` may hold any UTF-8 text. Without the first, the name in `Authorization: Basic`
counts. Nobody verifies any of them here.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

import msgspec

from tidemill.http.answers import Header

_FIELDS = {b"x-tidemill-user": "user", b"x-tidemill-reason": "reason"}


def signature_of(headers: Iterable[Header]) -> dict[str, str]:
    """What the headers say: `user` and `reason`, each only where it is there."""
    found: dict[str, str] = {}
    basic = ""
    for name, value in headers:
        if name in _FIELDS:
            found[_FIELDS[name]] = value.decode("utf-8", "replace")
        elif name == b"authorization":
            basic = _basic_user(value)
    if basic:
        found.setdefault("user", basic)
    return found


def _basic_user(value: bytes) -> str:
    scheme, _, rest = value.partition(b" ")
    if scheme.lower() != b"basic":
        return ""
    try:
        return base64.b64decode(rest.strip(), validate=True).partition(b":")[0].decode("utf-8", "replace")
    except binascii.Error:
        return ""


def signed(arg: Any, signature: dict[str, str]) -> Any:
    """`arg` with those of its empty fields filled in that the signature has."""
    lacking = {name: value for name, value in signature.items() if getattr(arg, name, None) == ""}
    return msgspec.structs.replace(arg, **lacking) if lacking else arg
