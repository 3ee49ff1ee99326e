"""The serving process as one ASGI callable: who may ask, which model, which protocol; then answer, count, and log."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from tidemill.errors import (
    BadRequest,
    EndpointNotFound,
    MethodNotAllowed,
    PayloadTooLarge,
    TidemillError,
)
from tidemill.http.answers import SECURITY, Header, Receive, Scope, Send, error_body, send_bytes, unexpected
from tidemill.http.body import Disconnected, refuse_body
from tidemill.http.gate import Gate
from tidemill.http.request import Request
from tidemill.serving import pages, tensors
from tidemill.serving.asked import Asked, check_charset, id_header
from tidemill.serving.config import ServingConfig
from tidemill.serving.fleet import Endpoint, Fleet
from tidemill.serving.forms import Payload
from tidemill.serving.limits import RETRY, Places, Rate, Tokens, client_of
from tidemill.serving.loaded import Loaded
from tidemill.serving.log import RequestLog
from tidemill.serving.results import Result
from tidemill.serving.tables import ARROW, encode_arrow, read_table
from tidemill.serving.traces import Tracer, open_tracer

Handler = Callable[["App", Asked, str, str], Awaitable[None]]
_BIG = 256 * 1024
"""Bodies beyond this many bytes are decoded in a thread, so that the loop goes on."""
_JSON = (b"content-type", b"application/json")
_ROUTES = 1024
_log = logging.getLogger("tidemill.serving")
_access = logging.getLogger("tidemill.access")


class App:
    """Answers for the endpoints of `fleet`. `log` is where requests are written down, None: nowhere."""

    def __init__(self, fleet: Fleet, config: ServingConfig, log: RequestLog | None = None) -> None:
        self.fleet, self.config, self.log = fleet, config, log
        self.tokens = Tokens(config.tokens, config.admin_tokens)
        self.places = Places(config.concurrency)
        self.stopping = False
        self._rate = Rate(config.rate)
        self._gate = Gate(config.host, config.allowed_hosts, config.allowed_origins)
        self._tracer: Tracer | None = open_tracer()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="tidemill-decode")
        self._shadows: set[asyncio.Task[None]] = set()
        self._routes: dict[tuple[str, str], tuple[Handler, str, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] != "http":
            await _other(scope, receive, send)
            return
        asked = Asked(scope, receive, send)
        try:
            handler, name, rest = self._route(scope["method"], scope["path"])
            if handler not in pages.OPEN and await self._refused(asked):
                return
            await handler(self, asked, name, rest)
        except Disconnected:
            return
        except PayloadTooLarge as error:
            await refuse_body(receive, send, error)
        except TidemillError as error:
            await self.send_error(asked, error)
        except Exception as error:
            await self.send_error(asked, unexpected(error, scope))

    async def _refused(self, asked: Asked) -> bool:
        """Whether the caller must not go on: answered already, or raised."""
        if self.tokens.needed:
            self.tokens.check(asked.authorization)
        else:
            # Without a token, a page in a browser on this machine could ask as its user does.
            request = Request(asked.scope, asked.receive, asked.send)
            request.read_headers(asked.scope["headers"])
            if await self._gate.refuses(request, self.config.host not in ("127.0.0.1", "localhost", "::1")):
                return True
        if self.config.rate:
            self._rate.check(client_of(asked.scope, asked.authorization))
        return False

    async def send_error(self, asked: Asked, error: TidemillError) -> None:
        """An error in MLflow's form, with a time to try again where that may help."""
        more: tuple[Header, ...] = RETRY if error.status in (429, 503) else ()
        if error.status == 401:
            more = ((b"www-authenticate", b"Bearer"),)
        headers = (_JSON, *SECURITY, id_header(asked), *more)
        await send_bytes(asked.send, error.status, headers, error_body(error))

    def _route(self, verb: str, path: str) -> tuple[Handler, str, str]:
        found = self._routes.get((verb, path))
        if found is None:
            found = self._find(verb, path)
            if len(self._routes) >= _ROUTES:
                self._routes.clear()
            self._routes[verb, path] = found
        return found

    def _find(self, verb: str, path: str) -> tuple[Handler, str, str]:
        """The handler, the model's name (empty: the only one) and the rest of the path."""
        parts = [unquote(one) for one in path.strip("/").split("/")]
        name = rest = ""
        if parts[0] == "models" and len(parts) > 1:
            name, rest = parts[1], "/".join(parts[2:])
            pattern = "/models/{name}" + (f"/{rest}" if rest else "")
        elif parts[:2] == ["v2", "models"] and len(parts) > 2:
            name, rest = parts[2], "/".join(parts[3:])
            pattern = "/v2/models/{name}"
        else:
            pattern = "/" + "/".join(parts)
        verbs = HANDLERS.get(pattern)
        if verbs is None:
            raise EndpointNotFound(f"There is nothing at {path[:200]}. /docs lists what there is.")
        handler = verbs.get("GET" if verb == "HEAD" else verb)
        if handler is None:
            raise MethodNotAllowed(f"{verb} is not allowed at {path[:200]}, which answers to {', '.join(verbs)}.")
        return handler, name, rest

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint that a path means."""
        return self.fleet.find(name) if name else self.fleet.only()

    async def invoke(self, asked: Asked, name: str, rest: str) -> None:
        """`/invocations`: MLflow's protocol, and Arrow, Parquet and CSV."""
        loaded = self.endpoint(name).pick(asked.key)
        kind = asked.media_type
        check_charset(asked)
        status, payload, result = 500, None, None
        try:
            with self.places:
                body = await asked.body(self.config.body_limit, self.config.body_seconds)
                loaded.batcher.refuse_if_full()  # before the work of decoding
                payload = await self._decode(len(body), lambda: _read(loaded, kind, body))
                result = await self.ask(asked, loaded, payload)
            answer, headers = _encode(asked, kind, result)
            status = 200
            await send_bytes(asked.send, 200, (*headers, *SECURITY, id_header(asked), version_header(loaded)), answer)
        except TidemillError as error:
            status = error.status
            raise
        finally:
            self.note(asked, loaded, status, payload, result)

    async def infer(self, asked: Asked, name: str, rest: str) -> None:
        """`/v2/models/{name}…`: the Open Inference Protocol."""
        await tensors.route(self, asked, name, rest)

    async def ask(self, asked: Asked, loaded: Loaded, payload: Payload) -> Result:
        """The model's answer. Raises BadRequest, in MLflow's words, where the model raised."""
        try:
            if self._tracer is not None:
                with self._tracer.span(asked.traceparent, loaded.name, loaded.version, payload.rows):
                    result = await loaded.ask(payload)
            else:
                result = await loaded.ask(payload)
        except TidemillError:
            raise
        except Exception as error:
            _log.warning("%s %s raised for request %s: %r", loaded.name, loaded.version, asked.id.decode(), error)
            raise BadRequest(
                "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe "
                f"is compatible with the model for inference. {type(error).__name__}: {error}"
            ) from None
        endpoint = self.fleet.endpoints.get(loaded.name)
        if endpoint is not None and endpoint.shadow is not None and loaded is endpoint.current:
            self._ask_shadow(endpoint.shadow, payload, result)
        return result

    def _ask_shadow(self, shadow: Loaded, payload: Payload, result: Result) -> None:
        if len(self._shadows) >= 64:
            return  # a shadow must not slow down what answers
        task = asyncio.get_running_loop().create_task(_compare(shadow, payload, result))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _decode(self, size: int, work: Callable[[], Payload]) -> Payload:
        if size <= _BIG:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def note(self, asked: Asked, loaded: Loaded, status: int, payload: Payload | None, result: Result | None) -> None:
        """Count a request and write it down."""
        seconds = time.perf_counter() - asked.started
        loaded.metrics.observe_answer(status, seconds)
        if self.log is not None:
            self.log.request(asked.id, loaded.name, loaded.version, status, seconds, payload, result)
        if self.config.access_log:
            _access.info(
                "%s %s %d %.1f ms %s version %s",
                asked.scope["method"], asked.scope["path"], status, seconds * 1e3, asked.id.decode(), loaded.version,
            )  # fmt: skip

    async def close(self) -> None:
        """Let go of everything, once no request comes any more."""
        await self.fleet.close()
        self._threads.shutdown(wait=False)
        if self.log is not None:
            await asyncio.to_thread(self.log.close)


def _read(loaded: Loaded, kind: bytes, body: bytes) -> Payload:
    if kind == b"application/json":
        return loaded.reader.read(body)
    return read_table(loaded.reader, kind, body)


def _encode(asked: Asked, kind: bytes, result: Result) -> tuple[bytes, tuple[Header, ...]]:
    if asked.accept == ARROW or (kind == ARROW and asked.accept in (None, b"*/*")):
        return encode_arrow(result), ((b"content-type", ARROW),)
    return result.json(), (_JSON,)


def version_header(loaded: Loaded) -> Header:
    """Which version answered."""
    return b"x-model-version", loaded.version.encode("ascii", "replace")


async def _compare(shadow: Loaded, payload: Payload, result: Result) -> None:
    try:
        theirs = await shadow.ask(payload)
        equal = theirs.plain == result.plain
    except Exception as error:
        _log.info("shadow %s %s: %r", shadow.name, shadow.version, error)
        equal = False
    if equal:
        shadow.metrics.shadow_equal += 1
    else:
        shadow.metrics.shadow_different += 1


async def _other(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})


HANDLERS: dict[str, dict[str, Handler]] = {
    "/invocations": {"POST": App.invoke},
    "/models/{name}/invocations": {"POST": App.invoke},
    "/v2": {"GET": App.infer},
    "/v2/models/{name}": {"GET": App.infer, "POST": App.infer},
    **pages.HANDLERS,
}
