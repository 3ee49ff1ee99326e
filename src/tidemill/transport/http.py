"""The remote backend: operations carried out by a server over HTTP."""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from tidemill.api import codec
from tidemill.api.operation import AnyOperation, Operation
from tidemill.errors import InvalidParameter
from tidemill.transport.address import Query, quote_segment
from tidemill.transport.replies import output_of
from tidemill.transport.session import Session

In = TypeVar("In")
Out = TypeVar("Out")

_JSON = {"Content-Type": "application/json"}
_OWN_ID = {"runs.create": "run_id", "logged_models.create": "model_id"}
"""Creations that may be sent twice, if the caller chose this field: the second finds what the first made."""


class HttpBackend:
    """A Backend on the server at `uri`, any that speaks the MLflow REST interface. See `api/operation.py`.

    Calls that fail in passing are repeated for `patience` seconds; see `transport/session.py` for which and when.
    Credentials come from `uri` or the environment. Raises InvalidParameter for a wrong `uri`.
    """

    def __init__(
        self,
        uri: str,
        *,
        timeout: float | None = None,
        patience: float | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.session = Session(uri, timeout=timeout, patience=patience, env=env)

    def __repr__(self) -> str:
        return f"HttpBackend({self.session.address.base!r})"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, so that bytes cost nothing and compressing them does."""
        host = self.session.address.origin[1]
        return host in ("localhost", "::1") or host.startswith("127.")

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out `op`. Raises what the server answers, and Unavailable where it does not."""
        try:
            path, query, body = request_of(op, arg)
            reply = self.session.send(
                op.verb,
                path,
                query=query,
                body=body,
                headers=None if body is None else {"Content-Type": op.raw_type} if op.raw_type else _JSON,
                repeatable=is_repeatable(op, arg),
            )
        except UnicodeEncodeError:
            raise InvalidParameter("A text is not valid Unicode.") from None
        return output_of(op, reply, self.session.address.base)

    def close(self) -> None:
        """Close the kept connections."""
        self.session.close()


def request_of(op: AnyOperation, arg: Any) -> tuple[str, Query | None, bytes | None]:
    """Path, query and body of a call. Fields in the path stay in the body as well, as MLflow's server wants them."""
    path = op.path
    if "{" in path:
        for name in _path_fields(path):
            path = path.replace("{" + name + "}", quote_segment(str(getattr(arg, name))))
    if op.raw_field:
        return path, None, getattr(arg, op.raw_field)
    if op.verb != "GET":
        return path, None, codec.encode(arg)
    fields = msgspec.to_builtins(arg)
    inside = _path_fields(op.path)
    return path, [pair for name, value in fields.items() if name not in inside for pair in _pairs(name, value)], None


def is_repeatable(op: AnyOperation, arg: Any) -> bool:
    """Whether carrying it out twice does what doing it once does."""
    if not op.writes:
        return True
    own_id = _OWN_ID.get(op.name)
    return op.replay and (own_id is None or bool(getattr(arg, own_id)))


def _path_fields(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _pairs(name: str, value: Any) -> Query:
    if isinstance(value, list):
        return [pair for one in value for pair in _pairs(name, one)]
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    return [] if value is None else [(name, str(value))]
