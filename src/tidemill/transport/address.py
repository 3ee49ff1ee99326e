"""Where a server is and how to show who is asking."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from tidemill import settings
from tidemill.errors import InvalidParameter

Query = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base URL, without credentials, and the `Authorization` header to send there (never shown)."""

    base: str
    authorization: str | None = field(default=None, repr=False)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return origin_of(self.base)


def parse_address(uri: str, env: Mapping[str, str] = os.environ) -> Address:
    """The address `uri` names, with credentials from it (`https://user:password@host`) or from the environment.

    Raises InvalidParameter where it is no http(s) URL.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidParameter("The address of a server must look like http://host:port or https://host.")
    if parts.query or parts.fragment:
        raise InvalidParameter("The address of a server cannot have a query (?) or a fragment (#).")
    name = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    return Address(base, _authorization(parts.username, parts.password, env))


def _authorization(user: str | None, password: str | None, env: Mapping[str, str]) -> str | None:
    env_user, env_password, token = settings.http_login(env)
    if user is not None:
        return _basic(unquote(user), unquote(password or ""))
    if env_user and env_password:
        return _basic(env_user, env_password)
    return f"Bearer {token}" if token else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def quote_segment(text: str) -> str:
    """`text` as one path segment. `.` and `..` are escaped too, because HTTP clients would walk them."""
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def quote_path(path: str) -> str:
    """A relative path of several segments. Raises InvalidParameter where it is empty in places or walks upwards."""
    segments = path.split("/")
    if any(one in ("", ".", "..") for one in segments):
        raise InvalidParameter(f"'{path}' is not a path below a folder. Use names separated by single slashes.")
    return "/".join(quote(one, safe="") for one in segments)
