"""Request bodies: read up to a limit, inflate up to the same limit, and let go of a sender that is too long."""

import asyncio
import zlib
from typing import Any

from tidemill.errors import InvalidParameter, PayloadTooLarge
from tidemill.http.answers import Receive, Send, send_error

_LINGER_BYTES = 256 * 2**20
_LINGER_SECONDS = 5.0


class Disconnected(Exception):
    """The client went away before its request was complete."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body. One that arrives in a single piece is not copied.

    Raises PayloadTooLarge as soon as more than `limit` bytes have come, and Disconnected.
    """
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise too_large(limit)
    if not message.get("more_body", False):
        return body
    pieces = [body]
    size = len(body)
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def too_large(limit: int) -> PayloadTooLarge:
    """The error for a body of more than `limit` bytes."""
    shown = f"{limit / 2**20:g} MiB" if limit >= 2**20 else f"{limit} bytes"
    return PayloadTooLarge(f"The request body is larger than the {shown} this server takes. Send it in smaller parts.")


async def refuse_body(receive: Receive, send: Send, error: PayloadTooLarge) -> None:
    """Answer `error` at once, then swallow what the client is still sending.

    Closing a socket with unread data resets the connection, and the client may then never see the answer; so the end
    of the answer is held back until the client has stopped, or has had its chance.
    """

    async def hold_back(message: Any) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "more_body": True}
        await send(message)

    await send_error(hold_back, error, ((b"connection", b"close"),))
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            await _swallow(receive)
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


async def _swallow(receive: Receive) -> None:
    left = _LINGER_BYTES
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """`body` without its Content-Encoding (gzip, deflate or identity).

    Raises PayloadTooLarge beyond `limit` bytes and InvalidParameter for another encoding or damaged data.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name in ("gzip", "x-gzip"):
        return _inflate(body, 16 + zlib.MAX_WBITS, name, limit)
    if name == "deflate":
        # The name means the zlib format; some clients send bare deflate data.
        wrapped = len(body) >= 2 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
        return _inflate(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, name, limit)
    raise InvalidParameter(
        f"Content-Encoding '{encoding[:100]}' is not supported. Send the body as gzip, deflate or uncompressed."
    )


def _inflate(body: bytes, window: int, name: str, limit: int) -> bytes:
    engine = zlib.decompressobj(window)
    damaged = InvalidParameter(f"The request body is not valid {name} data.")
    try:
        plain = engine.decompress(body, limit + 1)
    except zlib.error:
        raise damaged from None
    if len(plain) > limit:
        raise too_large(limit)
    if not engine.eof or engine.unused_data:
        raise damaged
    return plain
