"""Where a command's operations go: the `--uri` option, before or after the command's name."""

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from tidemill.api import experiments
from tidemill.api.operation import Operation
from tidemill.errors import NotFound
from tidemill.tracking import resolve
from tidemill.tracking.embedded import EmbeddedBackend
from tidemill.types.experiments import Experiment, SearchExperiments
from tidemill.types.page import ViewType

In = TypeVar("In")
Out = TypeVar("Out")

_PAGE = 1000


class Store:
    """The store that a command talks to. `uri`: as `--uri` has it; None: the environment's, else `./.tidemill`.

    `is_named`: by `--uri`, which other commands need too to come here.
    """

    def __init__(self, uri: str | None) -> None:
        # Somebody is waiting at a prompt: a server that is not there should show soon, not after a minute.
        os.environ.setdefault("TIDEMILL_HTTP_PATIENCE", "3")
        self.is_named = bool(uri)
        self.address = resolve.address_of(uri) if uri else resolve.current_address()
        self.backend = resolve.store(self.address)

    @property
    def shown(self) -> str:
        """The address for people: without a password, short where it lies below this folder."""
        path = self.address.removeprefix("sqlite:///")
        if not os.path.isabs(path):
            return resolve.shown(self.address)
        inside = os.path.relpath(path)
        return path if inside.startswith("..") else f"./{inside}"

    @property
    def is_missing(self) -> bool:
        """Whether nothing was ever written there."""
        backend = self.backend
        return isinstance(backend, EmbeddedBackend) and backend.file is not None and not os.path.exists(backend.file)

    def require(self) -> None:
        """Refuse to go on where nothing was ever written. Raises NotFound."""
        if self.is_missing:
            raise NotFound(f"There is no store at {self.shown}. {ELSEWHERE}")

    def call(self, op: Operation[In, Out], arg: In) -> Out:
        """Carry out one operation."""
        return self.backend.call(op, arg)

    def experiments(self, view: ViewType = ViewType.ALL) -> Iterator[Experiment]:
        """Every experiment, by pages."""
        token: str | None = ""
        while token is not None:
            page = self.call(experiments.search, SearchExperiments(max_results=_PAGE, view_type=view, page_token=token))
            yield from page.experiments
            token = page.next_page_token or None


ELSEWHERE = "Log a run there, try 'tidemill demo', or name another place with --uri."


def with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--uri` and, as first argument, the Store it names."""

    @click.option("--uri", metavar="ADDRESS", help="Where to read and write; see 'tidemill --help'.")
    @functools.wraps(command)
    def run(uri: str | None, **arguments: Any) -> Any:
        return command(Store(uri or chosen_uri()), **arguments)

    return run


def chosen_uri() -> str | None:
    """What `--uri` before the command's name says."""
    context = click.get_current_context(silent=True)
    given: str | None = context.find_root().params.get("uri") if context is not None else None
    return given
