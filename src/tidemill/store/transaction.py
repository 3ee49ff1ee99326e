"""A transaction as the store's functions see it, and what they need around it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidemill.clock import now_ms
from tidemill.store.dialects import Dialect
from tidemill.store.names import Names
from tidemill.store.run_cache import RunCache
from tidemill.store.secrets import Keyring
from tidemill.types.artifacts import FileInfo, PresignedUpload
from tidemill.types.deliveries import Target
from tidemill.types.triggers import Trigger
from tidemill.types.webhooks import MetricRule, WebhookTestResult

Row = tuple[Any, ...]
Listener = Callable[[set[int], int], None]


class Files(Protocol):
    """The bytes' side of the house, as far as operations ask for it."""

    def list(self, uri: str, path: str) -> list[FileInfo]:
        """The files of folder `path` below `uri`, sorted, with paths relative to `uri`."""
        ...

    def read(self, uri: str, path: str, most: int) -> bytes | None:
        """The file `path` below `uri`, None where there is none. Raises InvalidParameter over `most` bytes."""
        ...

    def signed_upload(self, uri: str, path: str, expires_s: int) -> PresignedUpload:
        """An address to PUT one file to. Raises NotSupported or InvalidParameter."""
        ...

    def check_location(self, uri: str) -> str:
        """An experiment's artifact location as it will be stored. Raises InvalidParameter."""
        ...

    def check_source(self, source: str) -> bool:
        """Whether a model version's source is a place on this machine. Raises InvalidParameter for a wrong form."""
        ...

    def contains(self, root: str, source: str) -> bool:
        """Whether the local place `source` lies in the local place `root`, links followed."""
        ...

    def delete(self, uri: str) -> None:
        """Remove everything below `uri`; nothing there is fine."""
        ...

    def join(self, uri: str, *segments: str) -> str:
        """`uri` with segments appended to its path."""
        ...


class Outgoing(Protocol):
    """The way out to receivers of webhooks, as far as operations ask for it; calls take time and fail."""

    def check(self, url: str) -> None:
        """Whether `url` may be called. Raises InvalidParameter."""
        ...

    def test(self, target: Target, kind: str, rules: Sequence[MetricRule]) -> WebhookTestResult:
        """Send an example of an event of this kind, and say how it was taken."""
        ...

    def close(self) -> None:
        """Close the connections that are kept."""
        ...


@dataclass
class Site:
    """What belongs to a store beside its database: where new artifacts go, what is kept in memory."""

    artifact_root: str
    files: Files
    runs: RunCache = field(default_factory=RunCache)
    pending: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Rows and points that this process put into the metric log of each run (by pk) since its last compaction."""
    opened_at: int = field(default_factory=now_ms)
    """Since when this process looks after the store, in ms since the epoch."""
    due: set[int] = field(default_factory=set)
    """Pks of the runs whose log has grown long."""
    keyring: Keyring = field(default_factory=lambda: Keyring(None))
    """What secrets in the database are encrypted with."""
    outgoing: Outgoing | None = None
    """How receivers of webhooks are reached; None where this store never calls anybody."""
    rules: dict[int, dict[int, list[tuple[int, str, MetricRule]]]] = field(default_factory=dict)
    """Thresholds by experiment and number of the metric's name; see `metric_rules.py`."""
    triggers: Sequence[Trigger] = ()
    """The triggers of this server, to be shown."""
    listeners: list[Listener] = field(default_factory=list)
    """Told after each commit of this process: the pks of the runs that changed, and how many events were written."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event on its way into the outbox: time in ms since the epoch, kind, subject, its data as JSON."""

    at: int
    kind: str
    subject: str
    data: str


class Tx(Protocol):
    """One transaction. Placeholders are `?` in every database."""

    dialect: Dialect
    names: Names
    site: Site
    writes: bool
    """Whether it may change something."""
    fresh_names: dict[str, int]
    """Names that this writing transaction has made or met, which may not be committed yet."""
    touched: set[int]
    """Pks of the runs that were changed; their `rev` moves before the commit."""
    emitted: list[Emitted]
    """Events of this transaction, in order; see `outbox.py`."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        ...

    def row(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        ...

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Carry out a statement and answer how many rows it changed."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement once for each row."""
        ...


def marks(count: int) -> str:
    """`?, ?, …` for `count` parameters."""
    return ", ".join("?" * count)
