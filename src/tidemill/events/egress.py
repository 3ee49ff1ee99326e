"""The one way out: every call that a server makes because somebody told it to (webhooks, their tests, triggers).

Against requests forged through the server: only allowed schemes; every address that a name resolves to must be public,
unless private ones are allowed; the connection goes to one of the addresses that were just checked, not to the name, and
the peer of the connected socket is looked at once more; redirects are not followed; time and size have limits that hold.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tidemill import settings
from tidemill.errors import InvalidParameter, Unavailable
from tidemill.events.exchange import Broken, Reply, exchange, request_bytes

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses, as texts. Raises OSError where there is none."""

_MOST_IDLE = 16
_IDLE_S = 20.0
_PORTS = {"http": 80, "https": 443}
_HIDDEN = ipaddress.ip_network("64:ff9b::/96")  # addresses of IPv4 in IPv6, as NAT64 writes them


class Forbidden(InvalidParameter):
    """A call that this server must not make."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be called: schemes, private addresses or not; seconds for one call; bytes kept of an answer."""

    schemes: tuple[str, ...] = ("https",)
    private: bool = False
    timeout_s: float = 30.0
    most_body: int = 16_384


def rules_of_settings() -> Rules:
    """The rules that the environment sets."""
    return Rules(settings.webhook_schemes(), settings.webhook_private(), settings.webhook_timeout())


def system_resolver(host: str, port: int) -> list[str]:
    """The addresses of the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Egress:
    """Makes calls, by `rules`. Safe to use from many threads; connections are kept and used again."""

    def __init__(self, rules: Rules | None = None, *, resolve: Resolver = system_resolver) -> None:
        self.rules = rules_of_settings() if rules is None else rules
        self._resolve = resolve
        self._idle: dict[tuple[str, str, int], deque[tuple[float, socket.socket]]] = {}
        self._lock = threading.Lock()
        self._active: set[socket.socket] = set()
        self._tls: ssl.SSLContext | None = None

    def check(self, url: str, what: str = "Webhook URL") -> None:
        """Whether `url` may be called, as far as can be told now. Raises Forbidden, in MLflow's words."""
        _, host, port = self._parts(url, what)
        if not self.rules.private:
            self._addresses(host, port, what)

    def call(
        self,
        url: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        verb: str = "POST",
        what: str = "Webhook URL",
    ) -> Reply:
        """One request and its answer, of whatever status. Raises Forbidden, and Unavailable where there is no answer."""
        parts, host, port = self._parts(url, what)
        for name, value in (headers or {}).items():
            if "\r" in name + value or "\n" in name + value:
                raise Forbidden(f"The header {name!r} holds a line end.")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        shown = f"[{host}]" if ":" in host else host
        named = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
        request = request_bytes(verb, target, named, {"Accept": "*/*", **(headers or {})}, body)
        deadline = time.monotonic() + self.rules.timeout_s
        key = (parts.scheme, host, port)
        kept = self._take(key)
        if kept is not None:
            try:
                return self._on(kept, key, request, deadline)
            except Broken as error:
                if not error.unused:
                    raise
        return self._on(self._connect(*key, deadline, what), key, request, deadline)

    def close(self) -> None:
        """Break off calls under way, and close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, {}
            active = list(self._active)
        for connection in active:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for line in idle.values():
            for _, connection in line:
                connection.close()

    def _on(self, connection: socket.socket, key: tuple[str, str, int], request: bytes, deadline: float) -> Reply:
        again = False
        with self._lock:
            self._active.add(connection)
        try:
            reply, again = exchange(connection, request, deadline, self.rules.most_body)
            return reply
        finally:
            with self._lock:
                self._active.discard(connection)
            if again:
                with self._lock:
                    line = self._idle.setdefault(key, deque())
                    line.append((time.monotonic(), connection))
                    last = line.popleft()[1] if len(line) > _MOST_IDLE else None
                if last is not None:
                    last.close()
            else:
                connection.close()

    def _take(self, key: tuple[str, str, int]) -> socket.socket | None:
        """A connection that is still fresh; the newest, whose address was checked last."""
        while True:
            with self._lock:
                line = self._idle.get(key)
                if not line:
                    return None
                since, connection = line.pop()
            if time.monotonic() - since < _IDLE_S:
                return connection
            connection.close()

    def _parts(self, url: str, what: str) -> tuple[SplitResult, str, int]:
        if not url.strip():
            raise Forbidden(f"{what} cannot be empty or just whitespace: {url!r}")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise Forbidden(f"Invalid {_lower(what)} {url!r}: {error!r}") from None
        if parts.scheme not in self.rules.schemes or parts.scheme not in _PORTS:
            raise Forbidden(
                f"Invalid {_lower(what)} scheme: {parts.scheme!r}. Allowed schemes are: {', '.join(self.rules.schemes)}."
            )
        if not host:
            raise Forbidden(f"{what} must include a hostname: {url!r}")
        if parts.username is not None or parts.password is not None:
            raise Forbidden(f"{what} must not hold a login: everyone who may see it would see the password.")
        if not url.isascii() or any(ord(char) <= 32 or ord(char) == 127 for char in url):
            raise Forbidden(f"Invalid {_lower(what)} {url!r}: it holds a space or a sign that is not ASCII; escape it.")
        return parts, host, port or _PORTS[parts.scheme]

    def _addresses(self, host: str, port: int, what: str) -> list[str]:
        """All addresses of `host`, each allowed."""
        try:
            found = list(self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise Forbidden(f"Cannot resolve {what} hostname {host!r}: {error}") from None
        if not self.rules.private:
            for address in found:
                if not is_public(address):
                    raise Forbidden(
                        f"{what} must not resolve to a non-public IP address. {host!r} resolves to {address}."
                    )
        return found

    def _connect(self, scheme: str, host: str, port: int, deadline: float, what: str) -> socket.socket:
        problem: OSError | None = None
        for address in self._addresses(host, port, what):
            try:
                connection = socket.create_connection((address, port), max(deadline - time.monotonic(), 0.001))
            except OSError as error:
                problem = error
                continue
            try:
                return self._secured(connection, scheme, host, what)
            except BaseException:
                connection.close()
                raise
        raise Unavailable(f"{host}:{port} cannot be reached: {problem or 'it has no address'}.")

    def _secured(self, connection: socket.socket, scheme: str, host: str, what: str) -> socket.socket:
        """`connection` with its peer looked at, and with TLS where asked for."""
        peer: Any = connection.getpeername()
        if not self.rules.private and not is_public(str(peer[0])):
            raise Forbidden(f"{what} must not resolve to a non-public IP address. {host!r} leads to {peer[0]}.")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scheme == "http":
            return connection
        if self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            return self._tls.wrap_socket(connection, server_hostname=host)
        except OSError as error:
            raise Unavailable(f"No TLS connection with {host}: {error}.") from None


def is_public(address: str) -> bool:
    """Whether an IP address lies in the open internet; what hides an IPv4 address counts as that one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _HIDDEN:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and not found.is_reserved


def _lower(what: str) -> str:
    return what[0].lower() + what[1:]
