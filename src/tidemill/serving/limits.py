"""Who may ask, how often, and how much at a time."""

import hashlib
import hmac
import time
from collections import OrderedDict

from tidemill.errors import PermissionDenied, RequestLimitExceeded, Unauthenticated, Unavailable
from tidemill.http.answers import Header, Scope

_CLIENTS = 4096
_BURST_SECONDS = 1.0


class Tokens:
    """Bearer tokens, compared in constant time. `tokens` may ask for predictions, `admin` for everything."""

    def __init__(self, tokens: tuple[str, ...], admin: tuple[str, ...]) -> None:
        self._asking = tuple(_digest(one.encode()) for one in (*tokens, *admin) if one)
        self._admin = tuple(_digest(one.encode()) for one in admin if one)
        self.needed = bool(self._asking)
        self._known: dict[bytes, bool] = {}

    def check(self, authorization: bytes | None) -> None:
        """Raises Unauthenticated where a token is needed and this is none."""
        if not self.needed:
            return
        known = self._known.get(authorization or b"")
        if known is None:
            known = _is_one_of(authorization, self._asking)
            if known and authorization:
                # Only right ones are kept: there are few, and a look-up tells nothing about the others.
                self._known[authorization] = True
        if not known:
            raise Unauthenticated("This server wants a token: send the header 'Authorization: Bearer <token>'.")

    def check_admin(self, authorization: bytes | None) -> None:
        """Raises PermissionDenied where this is no token of an admin's."""
        if not self._admin:
            raise PermissionDenied("This server was started without an admin token (--admin-token-file).")
        if not _is_one_of(authorization, self._admin):
            raise PermissionDenied("This needs an admin's token: send the header 'Authorization: Bearer <token>'.")


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _is_one_of(authorization: bytes | None, digests: tuple[bytes, ...]) -> bool:
    if not authorization or authorization[:7].lower() != b"bearer ":
        return False
    found = _digest(authorization[7:].strip())
    return True in [hmac.compare_digest(found, one) for one in digests]


class Rate:
    """So many requests a second of each client, with bursts of up to a second's worth."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * _BURST_SECONDS)
        self._buckets: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def check(self, client: object) -> None:
        """Count one request. Raises RequestLimitExceeded."""
        if not self._rate:
            return
        now = time.monotonic()
        left, at = self._buckets.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        self._buckets[client] = (max(0.0, left - 1), now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise RequestLimitExceeded(f"More than {self._rate:g} requests a second. Ask less often.")


class Places:
    """How many requests are worked at. A request beyond `most` is refused at once instead of queueing for ever."""

    def __init__(self, most: int) -> None:
        self.taken = 0
        self._most = most

    def __enter__(self) -> None:
        if self.taken >= self._most:
            raise Unavailable(f"{self.taken} requests are under way already. Try again in a moment.")
        self.taken += 1

    def __exit__(self, *about: object) -> None:
        self.taken -= 1


RETRY: tuple[Header, ...] = ((b"retry-after", b"1"),)
"""Sent with every 429 and 503."""


def client_of(scope: Scope, authorization: bytes | None) -> object:
    """Who asks: the token, else the peer's address."""
    if authorization:
        return authorization
    peer = scope.get("client")
    return peer[0] if peer else None
