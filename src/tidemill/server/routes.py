"""Which path leads where: made in a loop from the operation table, no code per operation."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from tidemill.api.operation import AnyOperation
from tidemill.http.request import Request

Page = Callable[[Request, dict[str, str]], Awaitable[None]]
"""Answers one request on its own; the last argument holds the path's parameters."""

_PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a (verb, path) leads: to an operation or to a page.

    `by_query`: fields come from the query string. `checked`: the body must be declared as JSON. `queued`: a small
    write that may wait for the writer's next transaction.
    """

    op: AnyOperation | None = None
    page: Page | None = None
    by_query: bool = False
    checked: bool = False
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the parameters its path held."""

    route: Route
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Template:
    verb: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    route: Route


class RouteTable:
    """All routes. Plain paths are one dictionary look-up in `exact`; paths with parameters are tried in turn."""

    def __init__(self, operations: Iterable[AnyOperation] = (), *, prefix: str = "") -> None:
        self.exact: dict[tuple[str, str], Route] = {}
        self._templates: list[_Template] = []
        self._prefix = prefix
        self._api = tuple(prefix + start for start in ("/api/", "/ajax-api/"))
        for op in operations:
            self._add_operation(op)

    def _add_operation(self, op: AnyOperation) -> None:
        if not op.allow:
            raise ValueError(f"operation {op.name} names no permission")
        for verb, path in op.routes:
            route = Route(
                op=op,
                by_query=verb == "GET",
                checked=verb in ("POST", "PUT"),
                queued=op.writes and op.replay and "{" not in path,
            )
            self.add(verb, self._prefix + path, route)

    def add(self, verb: str, path: str, route: Route) -> None:
        """Serve `route` at `path`, in which `{name}` is one segment and `{name:path}` the rest, slashes included."""
        if "{" in path:
            self._templates.append(_template(verb, path, route))
        elif self.exact.setdefault((verb, path), route) is not route:
            raise ValueError(f"two routes at {verb} {path}")

    def add_page(self, path: str, page: Page, verbs: Iterable[str] = ("GET",)) -> None:
        """Serve `page` at `path`."""
        for verb in verbs:
            self.add(verb, path, Route(page=page))

    def find(self, verb: str, path: str, raw_path: str) -> Match | None:
        """The route for a request. HEAD asks as GET does."""
        if verb == "HEAD":
            verb = "GET"
        route = self.exact.get((verb, path))
        if route is not None:
            return Match(route, {})
        for one in self._templates:
            if one.verb == verb and (hit := one.pattern.fullmatch(raw_path)):
                return Match(one.route, {name: _decode(raw) for name, raw in zip(one.names, hit.groups(), strict=True)})
        return None

    def verbs(self, path: str, raw_path: str) -> list[str]:
        """The verbs that `path` answers to, sorted; empty where it does not exist."""
        found = {verb for verb, known in self.exact if known == path}
        found |= {one.verb for one in self._templates if one.pattern.fullmatch(raw_path)}
        if "GET" in found:
            found.add("HEAD")
        if found or self.is_api(path):
            found.add("OPTIONS")
        return sorted(found) if found - {"OPTIONS"} else []

    def is_api(self, path: str) -> bool:
        """Whether `path` lies under one of the API prefixes."""
        return path.startswith(self._api)


def _template(verb: str, path: str, route: Route) -> _Template:
    names: list[str] = []
    pattern = ""
    end = 0
    for found in _PARAMETER.finditer(path):
        names.append(found[1])
        # A tag's key may hold slashes, and arrives with or without their being escaped.
        long = found[2] or found[1] == "tag_key"
        pattern += re.escape(path[end : found.start()]) + ("(.+)" if long else "([^/]+)")
        end = found.end()
    return _Template(verb, re.compile(pattern + re.escape(path[end:]), re.DOTALL), tuple(names), route)


def _decode(raw: str) -> str:
    """One round of percent-decoding, on the path as it was sent, so that %2F stays inside its segment.

    What is not UTF-8 is replaced, as MLflow's server does: its client sends the `%ab` in a file's name as it stands, and
    does the same replacement when it reads a list of files.
    """
    return unquote_to_bytes(raw).decode("utf-8", "replace")
