"""Requests to one server: kept connections, patience, redirects, and errors in words.

A request that fails in passing is sent again, with pauses that grow and vary, until `patience` is used up. Whether it
*may* be sent again depends on how far it came: what surely did not reach the application always may, anything else
only where doing it twice does no harm.
"""

import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin
from urllib.request import getproxies, proxy_bypass

from tidemill import __version__, settings
from tidemill.errors import Unavailable
from tidemill.retry import jitter
from tidemill.transport.address import Address, Query, origin_of, parse_address
from tidemill.transport.replies import Reply, redirect_error

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_CONNECT_SECONDS = 10.0
_KEPT = 16
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 8.0
_MOST_REDIRECTS = 5
_REFUSED = (408, 429)
"""Answers of a server, or of a proxy before it, that surely did not carry the request out."""
_PASSING = (*_REFUSED, 502, 503, 504)


class _Failure(Exception):
    """A request that did not bring an answer. `reached`: the server may have acted on it. `passing`: try again."""

    def __init__(self, error: Unavailable, *, reached: bool, passing: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.reached = reached
        self.passing = passing


class Session:
    """Talks to the server at `uri`. Safe to use from many threads and after a fork.

    `timeout` (seconds for one answer) and `patience` (seconds of trying again, 0: never) default to the settings.
    Raises InvalidParameter for a wrong `uri`.
    """

    def __init__(
        self,
        uri: str,
        *,
        timeout: float | None = None,
        patience: float | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.address: Address = parse_address(uri, env)
        self._timeout = settings.http_timeout(env) if timeout is None else timeout
        self._patience = settings.http_patience(env) if patience is None else patience
        self._insecure = settings.http_insecure_tls(env)
        self._authorities, self._certificate = settings.http_certificates(env)
        self._lock = threading.Lock()
        self._pool: PoolManager | None = None
        self._process = 0
        self._headers = {"User-Agent": f"tidemill/{__version__}", "Accept-Encoding": "gzip, deflate"}
        if self.address.authorization is not None:
            self._headers["Authorization"] = self.address.authorization

    def __repr__(self) -> str:
        return f"Session({self.address.base!r})"

    def send(
        self,
        verb: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool,
    ) -> Reply:
        """Send a request and read the whole answer, whatever its status.

        `path` is quoted already. `repeatable`: carrying it out twice does no harm.
        Raises Unavailable when the server cannot be reached or stays busy.
        """
        url = self.address.base + path + (f"?{urlencode(query)}" if query else "")
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            outcome = self._try(verb, url, body, headers or {})
            if isinstance(outcome, _Failure):
                again = outcome.passing and (repeatable or not outcome.reached)
            else:
                again = self._worth_repeating(outcome, repeatable)
            pause = _pause(attempt, outcome)
            if not again or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
            attempt += 1
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome

    def _try(self, verb: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply | _Failure:
        try:
            response = self._one(verb, url, body, headers, stream=False)
        except _Failure as failure:
            return failure
        return Reply(response.status, dict(response.headers), response.data)

    def stream(
        self,
        verb: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "BaseHTTPResponse":
        """Send a request once, with a body that may come in chunks, and answer before the answer's body is read.

        The caller reads or closes it. Raises Unavailable; trying again is left to the caller.
        """
        url = self.address.base + path + (f"?{urlencode(query)}" if query else "")
        try:
            return self._one(verb, url, body, headers or {}, stream=True)
        except _Failure as failure:
            raise failure.error from None

    def close(self) -> None:
        """Close the kept connections. The session may be used again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._process == os.getpid():
            pool.clear()

    def _worth_repeating(self, reply: Reply, repeatable: bool) -> bool:
        if reply.status not in _PASSING:
            return False
        # Our own 503 says that nothing was written; a proxy's leaves that open.
        return repeatable or reply.status in _REFUSED or reply.code == Unavailable.code

    def _one(
        self, verb: str, url: str, body: bytes | Iterable[bytes] | None, headers: Mapping[str, str], *, stream: bool
    ) -> "BaseHTTPResponse":
        """One request and those its redirects lead to, as long as they stay on the host."""
        for _ in range(_MOST_REDIRECTS):
            response = self._raw(verb, url, body, {**self._headers, **headers}, stream)
            target = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308) or target is None:
                return response
            where = urljoin(url, target)
            if not self._may_follow(verb, response.status, body, url, where):
                response.close()
                raise redirect_error(self.address.base, verb, where)
            response.drain_conn()
            url = where
        raise redirect_error(self.address.base, verb, url)

    def _may_follow(self, verb: str, status: int, body: object, url: str, where: str) -> bool:
        here, there = origin_of(url), origin_of(where)
        # To the same origin, or from plain to encrypted on the same host; never where a password could leak.
        safe = here == there or (here[:2] == ("http", there[1]) and there[0] == "https")
        same_verb = verb in ("GET", "HEAD") or status in (307, 308)
        return safe and same_verb and (body is None or isinstance(body, bytes))

    def _raw(self, verb: str, url: str, body: Any, headers: dict[str, str], stream: bool) -> "BaseHTTPResponse":
        from urllib3 import exceptions as x

        base = self.address.base
        try:
            return self._connections().urlopen(
                verb, url, body=body, headers=headers, redirect=False, retries=False, preload_content=not stream
            )
        except (x.NewConnectionError, x.ConnectTimeoutError, x.ProxyError) as error:
            raise _Failure(
                Unavailable(f"Cannot reach the server at {base}: {_reason(error)}."), reached=False
            ) from None
        except x.SSLError as error:
            raise _Failure(
                Unavailable(
                    f"No secure connection to {base}: {_reason(error)}. Name the authority's certificate in "
                    "MLFLOW_TRACKING_SERVER_CERT_PATH."
                ),
                reached=False,
                passing=False,
            ) from None
        except x.ReadTimeoutError:
            raise _Failure(
                Unavailable(f"The server at {base} did not answer within {self._timeout:g} s."), reached=True
            ) from None
        except (x.HTTPError, OSError) as error:
            raise _Failure(
                Unavailable(f"The connection to the server at {base} broke: {_reason(error)}."), reached=True
            ) from None

    def _connections(self) -> "PoolManager":
        pool = self._pool
        if pool is None or self._process != os.getpid():
            with self._lock:
                if self._pool is None or self._process != os.getpid():
                    # A forked child must not write into its parent's connections.
                    self._pool, self._process = self._open_pool(), os.getpid()
                pool = self._pool
        return pool

    def _open_pool(self) -> "PoolManager":
        import urllib3

        options: dict[str, Any] = {
            "num_pools": 4,
            "maxsize": _KEPT,
            "timeout": urllib3.Timeout(connect=min(_CONNECT_SECONDS, self._timeout), read=self._timeout),
        }
        if self._insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            options["cert_reqs"] = "CERT_NONE"
        elif self._authorities:
            options["ca_cert_dir" if os.path.isdir(self._authorities) else "ca_certs"] = self._authorities
        if self._certificate:
            options["cert_file"] = self._certificate
        scheme, host, _ = self.address.origin
        proxy = getproxies().get(scheme)
        if proxy and not proxy_bypass(host):
            return urllib3.ProxyManager(proxy, **options)
        return urllib3.PoolManager(**options)


def _pause(attempt: int, outcome: Reply | _Failure) -> float:
    """Seconds until the next attempt: what the server asks for, else growing and varied."""
    if isinstance(outcome, Reply) and outcome.retry_after is not None:
        return outcome.retry_after
    top = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
    return top * jitter()


def _reason(error: BaseException) -> str:
    """The innermost cause in its own words, without object addresses and class names."""
    inner: BaseException = error
    for _ in range(10):
        deeper = inner.__cause__ or getattr(inner, "reason", None) or inner.__context__
        if not isinstance(deeper, BaseException) and inner.args and isinstance(inner.args[-1], BaseException):
            deeper = inner.args[-1]
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return str(text).rstrip(".")
