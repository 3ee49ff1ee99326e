"""One file as an HTTP answer: type, name, ranges, bytes."""

import asyncio
import mimetypes
import re
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from typing import Any
from urllib.parse import quote

from tidemill.artifacts.storage import Storage
from tidemill.errors import NotFound
from tidemill.http.answers import SECURITY, Header
from tidemill.http.request import Request

_TEXT = frozenset(
    "txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json js py py3 csv tsv md rst mlmodel "
    "mlproject".split()
)
_PLAIN_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z@=:,\[\]{}()]+")
_RANGE = re.compile(rb"bytes=(\d*)-(\d*)")
# Whatever the bytes are, a browser that shows them runs nothing and sends nothing on our behalf.
_SANDBOX = (b"content-security-policy", b"default-src 'none'; sandbox")
# A page that somebody wants to look at may run its own scripts, in an origin of its own that reaches nothing.
_PAGE_SANDBOX = (
    b"content-security-policy",
    b"sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    b"style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; "
    b"form-action 'none'; frame-ancestors 'self'",
)


def content_type(path: str) -> str:
    """The media type by a file's name, as MLflow's server gives it; no charset."""
    name = path.rpartition("/")[2]
    if name.rpartition(".")[2].lower() in _TEXT:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def disposition(path: str) -> bytes:
    """`attachment` with the file's base name; names beyond plain ASCII as RFC 6266 has them."""
    name = path.rpartition("/")[2]
    if _PLAIN_NAME.fullmatch(name):
        return b"attachment; filename=" + name.encode()
    plain = "".join(char if " " <= char <= "~" and char not in '"\\' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}".encode()


async def send_file(
    request: Request, storage: Storage, path: str, pool: Executor, shown: str = "", as_page: bool = False
) -> None:
    """Answer with the file `path` of `storage`, or the part of it that the request's Range names.

    `as_page`: an HTML file is shown, in a sandbox, instead of saved; other files are not affected.

    Raises NotFound (`shown` is the path in its message) and the storage's errors.
    """
    loop = asyncio.get_running_loop()
    info = await loop.run_in_executor(pool, storage.stat, path)
    if info is None or info.is_dir or info.file_size is None:
        raise NotFound(f"No such artifact: '{shown or path}'")
    start, length, status = _part(request, info.file_size)
    page = as_page and content_type(path) == "text/html"
    headers: list[Header] = [
        (b"content-type", content_type(path).encode()),
        (b"content-disposition", b"inline" if page else disposition(path)),
        (b"accept-ranges", b"bytes"),
        (b"content-length", b"%d" % length),
        *SECURITY,
        _PAGE_SANDBOX if page else _SANDBOX,
    ]
    if status == 206:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, start + length - 1, info.file_size)))
    elif status == 416:
        headers.append((b"content-range", b"bytes */%d" % info.file_size))
    head = {"type": "http.response.start", "status": status, "headers": headers}
    if request.verb == "HEAD" or length == 0:
        await request.send(head)
        await request.send({"type": "http.response.body", "body": b""})
        return
    chunks: Any = await loop.run_in_executor(pool, storage.read, path, start, length)
    with closing(chunks):
        await request.send(head)
        sent = 0
        while sent < length:
            chunk = await loop.run_in_executor(pool, _next, chunks)
            if not chunk:
                break  # the file shrank; the missing bytes tell the client
            sent += len(chunk)
            await request.send({"type": "http.response.body", "body": chunk, "more_body": sent < length})


def _next(chunks: Iterator[bytes]) -> bytes:
    return next(chunks, b"")


def _part(request: Request, size: int) -> tuple[int, int, int]:
    """Start, length and status for the request's Range header; the whole file where there is none we understand."""
    value = next((value for name, value in request.scope["headers"] if name == b"range"), b"")
    found = _RANGE.fullmatch(value.strip())
    if found is None or found[1] == found[2] == b"":
        return 0, size, 200
    if not found[1]:
        length = min(int(found[2]), size)
        return (size - length, length, 206) if length else (0, 0, 416)
    start = int(found[1])
    end = min(int(found[2]), size - 1) if found[2] else size - 1
    if start >= size or end < start:
        return 0, 0, 416
    return start, end - start + 1, 206
