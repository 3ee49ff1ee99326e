"""What servers answer, in our terms: bodies to outputs, statuses and foreign pages to errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from tidemill.api.codec import decode_answer
from tidemill.api.operation import Operation
from tidemill.errors import (
    EndpointNotFound,
    InternalError,
    InvalidParameter,
    PermissionDenied,
    TidemillError,
    Unavailable,
    from_wire,
)

In = TypeVar("In")
Out = TypeVar("Out")

_SHOWN = 200
_BUSY = (408, 429, 502, 503, 504)


@dataclass(frozen=True)
class Reply:
    """A whole answer: status, headers as they came, body without its encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """The wire's error code; empty where there is none."""
        code = self.fields.get("error_code")
        return code if isinstance(code, str) else ""

    @property
    def retry_after(self) -> float | None:
        """The seconds after which the server wants to be asked again, where it says so as a number."""
        asked = next((value for name, value in self.headers.items() if name.lower() == "retry-after"), "")
        return float(asked) if asked.isascii() and asked.isdigit() else None


def output_of(op: Operation[In, Out], reply: Reply, base: str) -> Out:
    """The answer of `op`. Raises the error that the reply stands for."""
    if not 200 <= reply.status < 300:
        raise error_of(reply, base)
    try:
        return decode_answer(op, reply.body)
    except (ValueError, msgspec.MsgspecError, InvalidParameter, RecursionError):
        raise InternalError(
            f"The answer of {base} to {op.name} is not what this version understands: {_excerpt(reply.body)}"
        ) from None


def error_of(reply: Reply, base: str) -> TidemillError:
    """The error that an answer of status 300 and above stands for."""
    message = reply.fields.get("message")
    if reply.code and isinstance(message, str):
        return _known(reply.status, reply.code, message)
    return _foreign(reply, base)


def _known(status: int, code: str, message: str) -> TidemillError:
    error = from_wire(status, code, message)
    if type(error) is InternalError and status in (401, 403):
        return PermissionDenied(message)
    if type(error) is InternalError and status in _BUSY:
        return Unavailable(message)
    return error


def _foreign(reply: Reply, base: str) -> TidemillError:
    """The error for an answer that is not in the wire's form: a proxy's page, another program's."""
    status, shown = reply.status, _excerpt(reply.body)
    if status == 401:
        return PermissionDenied(
            f"The server at {base} does not accept these credentials. Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    if status == 403:
        return PermissionDenied(f"The server at {base} refuses: {shown}")
    if status == 404:
        return EndpointNotFound(f"{base} does not know this operation (404). Is that the address of a tracking server?")
    if status in _BUSY:
        return Unavailable(f"The server at {base} is busy or cannot be reached through its proxy ({status}).")
    return from_wire(status, "", f"answer of {base}: {shown}")


def _excerpt(body: bytes) -> str:
    text = " ".join(body[: 4 * _SHOWN].decode("utf-8", "replace").split())
    return (text[:_SHOWN] + "..." if len(text) > _SHOWN else text) or "(empty)"


def redirect_error(base: str, verb: str, where: str) -> TidemillError:
    """The error for a redirect that is not followed."""
    return InvalidParameter(
        f"The server at {base} sends {verb} requests on to {where.partition('?')[0]}. "
        "If that is the right place, use it as the server's address."
    )
