"""Every error Tidemill raises on purpose, as one tree.

    TidemillError
    ├── InvalidParameter           400 INVALID_PARAMETER_VALUE
    │   └── FilterError            400 INVALID_PARAMETER_VALUE, knows where in the text
    ├── BadRequest                 400 BAD_REQUEST
    ├── AlreadyExists              400 RESOURCE_ALREADY_EXISTS
    ├── PermissionDenied           403 PERMISSION_DENIED
    │   ├── Unauthenticated        401 UNAUTHENTICATED
    │   └── Untrusted              403 PERMISSION_DENIED, a model would run code of its own
    ├── NotFound                   404 RESOURCE_DOES_NOT_EXIST
    ├── EndpointNotFound           404 ENDPOINT_NOT_FOUND
    ├── MethodNotAllowed           405 BAD_REQUEST
    ├── PayloadTooLarge            413 BAD_REQUEST
    ├── InvalidState               500 INVALID_STATE
    │   └── ChecksFailed           500 INVALID_STATE, an evaluation did not reach what it must; knows which checks
    ├── InternalError              500 INTERNAL_ERROR
    ├── NotSupported               501 NOT_IMPLEMENTED
    ├── Unavailable                503 TEMPORARILY_UNAVAILABLE
    │   ├── RequestLimitExceeded   429 REQUEST_LIMIT_EXCEEDED
    │   └── DeadlineExceeded       504 DEADLINE_EXCEEDED
    └── MissingDependency          500 INTERNAL_ERROR, names the extra to install

The HTTP status and the wire code are those of the MLflow REST API, whose clients decide on the code.
"""

from collections.abc import Sequence
from typing import ClassVar


class TidemillError(Exception):
    """Base of all errors raised on purpose; `str(error)` is one sentence for a person."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def error_code(self) -> str:
        """The wire code, by the name that MLflow's exceptions have for it."""
        return self.code


class InvalidParameter(TidemillError):
    """A value that the caller sent is wrong."""

    status = 400
    code = "INVALID_PARAMETER_VALUE"


class FilterError(InvalidParameter):
    """A search text cannot be understood. `position` is the 0-based offset in `text`, or None for the whole."""

    def __init__(self, message: str, text: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


class BadRequest(TidemillError):
    """The request as a whole cannot be served."""

    status = 400
    code = "BAD_REQUEST"


class AlreadyExists(TidemillError):
    """The name is taken."""

    status = 400
    code = "RESOURCE_ALREADY_EXISTS"


class PermissionDenied(TidemillError):
    """The caller may not do this."""

    status = 403
    code = "PERMISSION_DENIED"


class Unauthenticated(PermissionDenied):
    """Nobody is known by these credentials, or there are none."""

    status = 401
    code = "UNAUTHENTICATED"


class Untrusted(PermissionDenied):
    """A model would run code of its own, and nobody has allowed that."""


class NotFound(TidemillError):
    """The thing asked for does not exist."""

    status = 404
    code = "RESOURCE_DOES_NOT_EXIST"


class EndpointNotFound(TidemillError):
    """No operation lives at this path."""

    status = 404
    code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(TidemillError):
    """The path exists, but not with this verb."""

    status = 405
    code = "BAD_REQUEST"


class PayloadTooLarge(TidemillError):
    """The body is larger than the server takes."""

    status = 413
    code = "BAD_REQUEST"


class InvalidState(TidemillError):
    """The thing is not in a state that allows this. (500 on the wire, as in MLflow.)"""

    status = 500
    code = "INVALID_STATE"


class ChecksFailed(InvalidState):
    """A model did not reach what it must. `checks` are those that failed, of `tidemill.evaluation.checks`."""

    def __init__(self, message: str, checks: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.checks = list(checks)


class InternalError(TidemillError):
    """Something failed on our side."""


class NotSupported(TidemillError):
    """This server, store or file type cannot do that."""

    status = 501
    code = "NOT_IMPLEMENTED"


class Unavailable(TidemillError):
    """The database, store or server cannot be reached now; trying again later may help."""

    status = 503
    code = "TEMPORARILY_UNAVAILABLE"


class RequestLimitExceeded(Unavailable):
    """The caller asks more often than it may."""

    status = 429
    code = "REQUEST_LIMIT_EXCEEDED"


class DeadlineExceeded(Unavailable):
    """The answer took longer than it may take."""

    status = 504
    code = "DEADLINE_EXCEEDED"


class MissingDependency(TidemillError, ImportError):
    """An optional package is needed. `str(error)` says which extra brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package '{package}'. Install it with: pip install 'tidemill[{extra}]'")


def _leaves(cls: type[TidemillError]) -> list[type[TidemillError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _leaves(child))]


def from_wire(status: int, code: str, message: str) -> TidemillError:
    """The error that a server's answer stands for: by its code first, by its status where the code is unknown."""
    special = (TidemillError, FilterError, MissingDependency)
    classes = [cls for cls in _leaves(TidemillError) if cls not in special and cls.__module__ == __name__]
    for cls in classes:
        if cls.code == code and cls.status == status:
            return cls(message)
    for cls in classes:
        if cls.code == code:
            return cls(message)
    for cls in classes:
        if cls.status == status != InternalError.status:
            return cls(message)
    return InternalError(f"{code or f'HTTP {status}'}: {message}")
