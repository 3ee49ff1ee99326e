"""Trash: what was marked deleted, until it is removed for good."""

from tidemill.types.page import Entity, Int64, Request


class EmptyTrash(Request, frozen=True):
    """Remove for good what was deleted at least `older_than_ms` ago, with its artifacts.

    One call removes at most `limit` things (1 to 1000), so that long work can show progress: call again while
    `remaining` is not 0. With `dry_run` nothing is removed and the answer says what would be.
    """

    older_than_ms: Int64 = 0
    dry_run: bool = False
    limit: Int64 = 100


class TrashItem(Entity, frozen=True):
    """One removed thing: `kind` is `run`, `logged_model` or `experiment`; `deleted_time` in ms since the epoch."""

    kind: str
    id: str
    name: str
    deleted_time: int
    artifact_uri: str


class EmptiedTrash(Entity, frozen=True):
    """What was removed by this call, and how many things are still to go."""

    items: list[TrashItem]
    remaining: int
