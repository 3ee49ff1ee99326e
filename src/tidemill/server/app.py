"""The server as one ASGI callable, put together from the operation table.

A request for a plain path costs one look-up in a dictionary. Small writes go through the lane that commits them
together (`lane.py`); everything else is carried out in a few threads, so that the loop never waits for a query.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from tidemill.api.codec import Encoded, check_required, decode_fields, decode_request, encode, read_object
from tidemill.api.operation import AnyOperation, Backend
from tidemill.api.table import OPERATIONS
from tidemill.artifacts.roots import Roots
from tidemill.errors import EndpointNotFound, InvalidParameter, MethodNotAllowed, PayloadTooLarge, TidemillError
from tidemill.http.answers import Receive, Scope, Send, send_empty, send_error, send_json, unexpected
from tidemill.http.body import Disconnected, inflate, read_body, refuse_body, too_large
from tidemill.http.gate import Gate, cross_origin_headers
from tidemill.http.request import Request, query_fields
from tidemill.server.config import ServerConfig, clean_prefix
from tidemill.server.feed import Feed
from tidemill.server.files import Files
from tidemill.server.lane import QueueingBackend, WriteLane
from tidemill.server.pages import add_pages
from tidemill.server.routes import Route, RouteTable
from tidemill.server.signing import signature_of, signed
from tidemill.server.ui import add_ui

_SMALL = 256 * 1024


class App:
    """Serves `backend`, the files of `roots` and the live `feed` over HTTP.

    `on_stop` runs once when the server stops, after the last request is answered.
    """

    def __init__(
        self,
        backend: Backend,
        config: ServerConfig | None = None,
        *,
        roots: Roots | None = None,
        feed: Feed | None = None,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        config = config or ServerConfig()
        self._answer: Callable[[AnyOperation, Any], Any] = getattr(backend, "answer", backend.call)
        self._queueing = cast(QueueingBackend, backend) if hasattr(backend, "enqueue") else None
        self._limit = config.body_limit
        self._gate = Gate(config.host, config.allowed_hosts, config.allowed_origins)
        self._prefix = clean_prefix(config.static_prefix)
        self.routes = RouteTable(OPERATIONS.values(), prefix=self._prefix)
        self._exempt = add_pages(self.routes, self._prefix)
        add_ui(self.routes, self._prefix)
        self._files = Files(backend, roots, self._prefix) if roots is not None else None
        if self._files is not None:
            self._files.add_to(self.routes)
        self._feed = feed
        if feed is not None:
            feed.add_to(self.routes, self._prefix)
        self._exact = self.routes.exact
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="tidemill")
        self._lane: WriteLane | None = None
        self._on_stop = on_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        request = Request(scope, receive, send)
        request.read_headers(scope["headers"])
        try:
            if await self._gate.refuses(request, scope["path"] in self._exempt):
                return
            if request.origin is not None and self._gate.trusts(request):
                request.send = _readable_by(request.origin, request)
            route = self._exact.get((scope["method"], scope["path"]))
            if route is not None and route.op is not None:
                await self._operate(request, route, route.op, {})
            else:
                await self._seek(request)
        except Disconnected:
            return
        except PayloadTooLarge as error:
            await refuse_body(receive, request.send, error)
        except TidemillError as error:
            await send_error(request.send, error)
        except Exception as error:
            await send_error(request.send, unexpected(error, scope))

    async def _seek(self, request: Request) -> None:
        """Answer what is not a plain path of an operation."""
        verb, path, raw = request.verb, request.path, request.raw_path
        if verb == "OPTIONS" and self.routes.is_api(path):
            allow = ", ".join(self.routes.verbs(path, raw))
            await send_empty(request.send, ((b"allow", allow.encode()),) if allow else ())
            return
        found = self.routes.find(verb, path, raw)
        if found is None:
            await self._refuse_path(request.send, verb, path, self.routes.verbs(path, raw))
        elif found.route.page is not None:
            await found.route.page(request, found.params)
        elif found.route.op is not None:
            await self._operate(request, found.route, found.route.op, found.params)

    async def _refuse_path(self, send: Send, verb: str, path: str, verbs: list[str]) -> None:
        shown = path if len(path) <= 200 else path[:200] + "..."
        if not verbs:
            raise EndpointNotFound(f"There is nothing at {verb} {shown}. {self._prefix}/docs lists what there is.")
        allow = ", ".join(verbs)
        error = MethodNotAllowed(f"{verb} is not allowed at {shown}, which answers to {allow}.")
        await send_error(send, error, ((b"allow", allow.encode()),))

    async def _operate(self, request: Request, route: Route, op: AnyOperation, params: dict[str, str]) -> None:
        raw = bool(op.raw_type) and request.content_type == op.raw_type.encode()
        if route.checked and not raw and request.content_type != b"application/json":
            _check_content_type(request.content_type)
        query: bytes = request.scope["query_string"] if route.by_query else b""
        body = b""
        if not query and (not route.by_query or request.has_body):
            if request.declared_size > self._limit:
                raise too_large(self._limit)
            body = await read_body(request.receive, self._limit)
        encoding = request.content_encoding
        if route.queued and encoding is None and len(body) <= _SMALL and self._queueing is not None:
            if self._lane is None:
                self._lane = WriteLane(self._queueing)
            future = self._lane.put(op, decode_request(op, body))
            if future is not None:
                await send_json(request.send, _encoded(await future))
                return
        signature = signature_of(request.scope["headers"]) if op.signed else {}
        coding = encoding.decode("latin-1") if encoding else ""
        work = partial(self._work, op, params, query, body, coding, raw, signature)
        await send_json(request.send, await asyncio.get_running_loop().run_in_executor(self._pool, work))

    def _work(
        self,
        op: AnyOperation,
        params: dict[str, str],
        query: bytes,
        body: bytes,
        encoding: str,
        raw: bool,
        signature: dict[str, str],
    ) -> bytes:
        """One request from its bytes to its answer's, in a thread."""
        if encoding:
            body = inflate(body, encoding, self._limit)
        if raw:
            arg = check_required(op, op.input(**params, **{op.raw_field: body}))
        elif query:
            arg = decode_fields(op, {**query_fields(query), **params}, text=True)
        elif params:
            arg = decode_fields(op, {**read_object(body), **params})
        else:
            arg = decode_request(op, body)
        return _encoded(self._answer(op, signed(arg, signature) if signature else arg))

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _stop(self) -> None:
        if self._feed is not None:
            self._feed.close()
        self._pool.shutdown(wait=True)
        if self._files is not None:
            self._files.close()
        if self._lane is not None:
            self._lane.close()
        if self._on_stop is not None:
            self._on_stop()


def _encoded(answer: Any) -> bytes:
    return answer.body if type(answer) is Encoded else encode(answer)


def _readable_by(origin: bytes, request: Request) -> Send:
    """`request.send`, with the headers added that let a page of `origin` read the answer."""
    send = request.send
    more = cross_origin_headers(origin, preflight=request.verb == "OPTIONS")

    async def with_origin(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return with_origin


def _check_content_type(value: bytes | None) -> None:
    if value is None:
        raise InvalidParameter("Bad Request. Content-Type header is missing.")
    if value.partition(b";")[0].strip().lower() != b"application/json":
        raise InvalidParameter("Bad Request. Content-Type must be one of ['application/json'].")
