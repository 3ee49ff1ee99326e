"""Deliveries as the parts of a server hand them around; `types/webhooks.py` has them as the wire shows them."""

from dataclasses import dataclass, field

from tidemill.types.webhooks import Attempt, DeliveryState


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook as its sender needs it: the secrets are plain here, and shown nowhere.

    `previous_secret` is the one before while it still counts. `problem` says why nothing can be signed.
    """

    webhook_id: str
    url: str
    kinds: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)
    previous_secret: str | None = field(default=None, repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sink:
    """Somebody who is told of events: `webhook/<id>` with its target, or `trigger/<name>`.

    One that is not `active` gets nothing, and misses what happens meanwhile.
    """

    name: str
    active: bool = True
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be made now. `created` is in ms since the epoch; `log` holds the last attempts, oldest first."""

    pk: int
    delivery_id: str
    sink: str
    event_id: int
    kind: str
    subject: str
    body: str
    created: int
    tries: int
    log: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of trying: the state it has now, and for a pending one when to try again (ms since the epoch)."""

    due: Due
    state: DeliveryState
    due_at: int
    attempt: Attempt


def matches(kinds: tuple[str, ...], kind: str) -> bool:
    """Whether `kind` is one of `kinds`, which may end with a star."""
    return any(kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in kinds)
