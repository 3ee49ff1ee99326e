"""The routes that are no operations: health, version, and the interface's own description."""

from functools import cache

import msgspec

from tidemill import __version__
from tidemill.api.openapi import document
from tidemill.http.answers import SECURITY, send_bytes, send_json, send_text
from tidemill.http.request import Request
from tidemill.server.docs_page import render
from tidemill.server.routes import RouteTable

API_LEVEL = "3.11.1"
"""What `/version` answers: the MLflow release whose REST interface this server speaks.

MLflow's client reads it as a version of MLflow's own and changes its behaviour below 3.4; our own version is in the
header `X-Tidemill-Version` instead.
"""


def add_pages(routes: RouteTable, prefix: str) -> frozenset[str]:
    """Add the pages. Answers the paths that need no known Host, because probes and balancers ask them by address."""
    # Probes are often configured without the prefix.
    for start in {"", prefix}:
        routes.add_page(start + "/health", health)
        routes.add_page(start + "/version", version)

    async def openapi(request: Request, params: dict[str, str]) -> None:
        """`/openapi.json`: the whole interface, for programs."""
        await send_json(request.send, _openapi(prefix))

    async def docs(request: Request, params: dict[str, str]) -> None:
        """`/docs`: the whole interface, for people."""
        html, policy = _docs(prefix)
        headers = ((b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", policy), *SECURITY)
        await send_bytes(request.send, 200, headers, html)

    routes.add_page(prefix + "/openapi.json", openapi)
    routes.add_page(prefix + "/docs", docs)
    return frozenset(("/health", "/version", prefix + "/health", prefix + "/version"))


async def health(request: Request, params: dict[str, str]) -> None:
    """`/health`: 200 and `OK` as long as the process answers at all."""
    await send_text(request.send, "OK")


async def version(request: Request, params: dict[str, str]) -> None:
    """`/version`: the MLflow interface level as bare text, our own version in a header."""
    await send_text(request.send, API_LEVEL, more=((b"x-tidemill-version", __version__.encode()),))


@cache
def _openapi(prefix: str) -> bytes:
    return msgspec.json.encode(document(prefix))


@cache
def _docs(prefix: str) -> tuple[bytes, bytes]:
    return render(document(prefix))
