"""Who may ask at all: the guard against DNS rebinding and cross-site requests that a browser could be tricked into.

A page on the internet can make a browser send requests to a server on the user's own machine. Such a request carries
either a foreign `Origin`, or, after the page's name was re-bound to a local address, a foreign `Host`. Both are
refused before anything else is looked at.
"""

import ipaddress
import logging
from collections.abc import Iterable
from fnmatch import fnmatchcase

from tidemill.http.answers import Header, send_text
from tidemill.http.request import Request

INVALID_HOST = "Invalid Host header - possible DNS rebinding attack detected"
CROSS_ORIGIN = "Cross-origin request blocked"

_SAFE_VERBS = frozenset(("GET", "HEAD", "OPTIONS"))
_PRIVATE = tuple(
    ipaddress.ip_network(net)
    for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
_REMEMBERED = 1024
_VERBS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

_log = logging.getLogger("tidemill.http")


class Gate:
    """Decides by Host and Origin. `hosts` and `origins` add to what is always fine; `*` allows any.

    A host is `name`, `name:port` or with wildcards `*.example.org`; an origin `https://name` or `https://name:port`.
    """

    def __init__(self, bind_host: str = "", hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = tuple(host.strip().lower() for host in hosts if host.strip())
        self._origins = frozenset(origin.strip().lower().rstrip("/") for origin in origins if origin.strip())
        self._bind = bind_host.strip("[]").lower()
        self._known: dict[bytes, bool] = {}

    async def refuses(self, request: Request, exempt: bool) -> bool:
        """Check `request`, and answer it where it is refused. `exempt`: no Host of ours is needed (health probes)."""
        if not exempt and not self.allows_host(request):
            await send_text(request.send, INVALID_HOST, 403)
            return True
        if request.origin is not None and not self.allows_origin(request):
            await send_text(request.send, CROSS_ORIGIN, 403)
            return True
        return False

    def allows_host(self, request: Request) -> bool:
        """Whether the Host header is one this server is known by."""
        host = request.host
        if host is None or request.hosts != 1:
            return False
        known = self._known.get(host)
        if known is None:
            known = self._judge(host)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[host] = known
            if not known:
                _log.warning("refused Host %r; if it is yours, name it in --allowed-hosts", host[:200])
        return known

    def _judge(self, host: bytes) -> bool:
        try:
            text = host.decode("ascii").lower()
        except UnicodeDecodeError:
            return False
        name = _without_port(text)
        if name is None:
            return False
        if name == "localhost" or (self._bind and name == self._bind) or _is_private(name):
            return True
        return any(
            known in (text, name, f"[{name}]") or fnmatchcase(text, known) or fnmatchcase(name, known)
            for known in self._hosts
        )

    def allows_origin(self, request: Request) -> bool:
        """Whether a page of this origin may do that. Reading is left to the browser's own rules."""
        return request.verb in _SAFE_VERBS or self.trusts(request)

    def trusts(self, request: Request) -> bool:
        """Whether the request comes from no page, from our own pages, from this machine's, or from a configured one."""
        if request.origin is None:
            return True
        origin = request.origin.decode("latin-1").lower()
        if "*" in self._origins or origin in self._origins:
            return True
        scheme, mark, authority = origin.partition("://")
        if not mark or scheme not in ("http", "https"):
            return False
        name = _without_port(authority)
        if name in ("localhost", "127.0.0.1", "::1"):
            return True
        return request.host is not None and authority == request.host.decode("latin-1").lower()


def _without_port(authority: str) -> str | None:
    """The name in `name:port`, IPv6 without its brackets; None where it is not of that form."""
    if authority.startswith("["):
        name, mark, rest = authority[1:].partition("]")
        if not mark or (rest and not (rest[0] == ":" and rest[1:].isdigit())):
            return None
        return name
    name, mark, port = authority.partition(":")
    if (mark and not port.isdigit()) or not name:
        return None
    return name


def _is_private(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in net for net in _PRIVATE if net.version == address.version)


def cross_origin_headers(origin: bytes, preflight: bool) -> tuple[Header, ...]:
    """What lets a browser hand our answer to a page of a trusted `origin`. Never with cookies."""
    headers: tuple[Header, ...] = ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))
    if preflight:
        headers += (
            (b"access-control-allow-methods", _VERBS),
            (b"access-control-allow-headers", b"Authorization, Content-Type, Content-Encoding"),
            (b"access-control-max-age", b"600"),
        )
    return headers
