"""Answers on the ASGI wire: head and body, the headers that every answer carries, errors as JSON."""

import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from tidemill.errors import InternalError, TidemillError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

SECURITY: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"SAMEORIGIN"))
"""On every answer: no guessing of types, no framing by strangers."""
_JSON: tuple[Header, ...] = ((b"content-type", b"application/json"), *SECURITY)
_TEXT: tuple[Header, ...] = ((b"content-type", b"text/plain; charset=utf-8"), *SECURITY)

_log = logging.getLogger("tidemill.http")


async def send_bytes(send: Send, status: int, headers: tuple[Header, ...], body: bytes) -> None:
    """One whole answer; the content length is added here."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, body: bytes, status: int = 200, more: tuple[Header, ...] = ()) -> None:
    """An answer that is JSON already."""
    await send_bytes(send, status, _JSON + more if more else _JSON, body)


async def send_text(send: Send, text: str, status: int = 200, more: tuple[Header, ...] = ()) -> None:
    """A plain text answer."""
    await send_bytes(send, status, _TEXT + more, text.encode())


async def send_empty(send: Send, more: tuple[Header, ...] = ()) -> None:
    """204, no body."""
    await send({"type": "http.response.start", "status": 204, "headers": [*SECURITY, *more]})
    await send({"type": "http.response.body", "body": b""})


async def send_error(send: Send, error: TidemillError, more: tuple[Header, ...] = ()) -> None:
    """An error in the form of the wire."""
    await send_json(send, error_body(error), error.status, more)


def error_body(error: TidemillError) -> bytes:
    """`{"error_code", "message"}`. A lone surrogate, which JSON cannot carry as UTF-8, becomes a question mark."""
    message = error.message.encode("utf-8", "replace").decode()
    return msgspec.json.encode({"error_code": error.code, "message": message})


def unexpected(error: BaseException, scope: Scope) -> TidemillError:
    """The error to answer for a failure nobody foresaw: its details go to the log, the caller gets the place there."""
    mark = secrets.token_hex(6)
    _log.error("request %s failed: %s %r", mark, scope["method"], scope["path"], exc_info=error)
    return InternalError(f"The server failed to answer this request. Its log says why, under {mark}.")
