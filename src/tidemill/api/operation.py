"""An operation is data, declared once; store, client, server, permissions and docs read it."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Operation(Generic[In, Out]):
    """One thing that can be asked of Tidemill.

    `name` is `<noun>.<verb>` and names the function in `store/`. `verb` and `path` are the HTTP side; a path below
    `/api/` is also served below `/ajax-api/`. `allow` is the permission it needs. `writes`: it changes data.
    `replay`: it may be kept in a local journal and sent later. `required` lists the fields that must be there, in the
    order in which they are checked. `also` holds further (verb, path) pairs that mean the same. A body of the content
    type `raw_type` is not JSON but the field `raw_field`, byte for byte; the other fields are in the path then. `emits`
    lists the kinds of the events that it may write into the outbox. `signed`: its input has a field `user`, and maybe
    `reason`, which a server fills in from the request's headers where they are absent.
    """

    name: str
    input: type[In]
    output: type[Out]
    verb: str
    path: str
    allow: str
    writes: bool = False
    replay: bool = False
    required: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()
    raw_type: str = ""
    raw_field: str = ""
    emits: tuple[str, ...] = ()
    signed: bool = False

    @property
    def noun(self) -> str:
        """The part of the name before the dot: the file that holds it on every floor."""
        return self.name.partition(".")[0]

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """Every (verb, path) it answers to, both prefixes."""
        pairs = ((self.verb, self.path), *self.also)
        twins = tuple(
            (verb, "/ajax-api" + path.removeprefix("/api")) for verb, path in pairs if path.startswith("/api/")
        )
        return pairs + twins


@dataclass(frozen=True, slots=True)
class Transfer:
    """A route whose request or answer is the bytes of a file instead of a struct; `server/files.py` carries it out.

    `name` names the function there; the other fields are as in Operation.
    """

    name: str
    verb: str
    path: str
    allow: str
    summary: str

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """Every (verb, path) it answers to, both prefixes."""
        if not self.path.startswith("/api/"):
            return ((self.verb, self.path),)
        return (self.verb, self.path), (self.verb, "/ajax-api" + self.path.removeprefix("/api"))


class Backend(Protocol):
    """Whoever can carry out operations: the embedded store, a remote server, a journal in front of either.

    Safe to call from many threads. When `call` returns from an operation that writes, the change is durable: it
    survives the death of this process and of the server. When it raises, nothing of it was written.
    """

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out `op` and answer its output. Raises an error of `tidemill.errors`."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


AnyOperation = Operation[Any, Any]
