"""Approvals: requests to move an alias or a stage, the policies that ask for them, and the checks that must be green."""

import enum

from tidemill.types.page import Entity, Int64, Request


class ApprovalState(enum.StrEnum):
    """How a request stands."""

    ASKED = "ASKED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class Operator(enum.StrEnum):
    """How a metric is compared."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


class MetricCheck(Request, frozen=True):
    """`metric` of the version, compared by `operator` (`<`, `<=`, `>`, `>=`) with `value`.

    Without `value` it is compared with the version that holds the alias or stage now; where none does, or that one has
    no such metric, the check is green. `dataset` takes values that were logged for that data set alone.
    """

    metric: str
    operator: str = ">="
    value: float | None = None
    dataset: str = ""


class Policy(Entity, frozen=True, kw_only=True):
    """An alias or stage that moves only by a granted request, and what a grant takes.

    `signature`: the version must accept and answer whatever the one it replaces does. `approvers`: user names; empty:
    anybody. `own_requests`: who asked may also grant.
    """

    name: str
    alias: str = ""
    stage: str = ""
    metrics: list[MetricCheck] = []
    signature: bool = False
    approvers: list[str] = []
    own_requests: bool = False
    updated: int
    set_by: str = ""


class SetPolicy(Request, frozen=True):
    """Protect an alias or a stage of a registered model, replacing an older policy for it."""

    name: str = ""
    alias: str = ""
    stage: str = ""
    metrics: list[MetricCheck] = []
    signature: bool = False
    approvers: list[str] = []
    own_requests: bool = False
    user: str = ""


class PolicyAnswer(Entity, frozen=True):
    """One policy."""

    policy: Policy


class DeletePolicy(Request, frozen=True):
    """Protect an alias or a stage no more."""

    name: str = ""
    alias: str = ""
    stage: str = ""
    user: str = ""


class ListPolicies(Request, frozen=True):
    """The policies of a registered model."""

    name: str = ""


class Policies(Entity, frozen=True):
    """The policies of a registered model."""

    policies: list[Policy] = []


class CheckResult(Entity, frozen=True, omit_defaults=False):
    """One check in words, whether it is green, and what was found."""

    check: str
    green: bool
    found: str


class Approval(Entity, frozen=True, kw_only=True):
    """A request to move an alias or a stage to a version (`version` absent: to delete the alias). Times are ms."""

    id: str
    name: str
    version: str = ""
    alias: str = ""
    stage: str = ""
    archive_existing_versions: bool = False
    state: ApprovalState
    asked: int
    asked_by: str = ""
    reason: str = ""
    decided: int | None = None
    decided_by: str = ""
    decision: str = ""
    checks: list[CheckResult] = []


class AskApproval(Request, frozen=True):
    """Ask to move an alias or a stage to a version; an alias without a version: to delete it."""

    name: str = ""
    version: str = ""
    alias: str = ""
    stage: str = ""
    archive_existing_versions: bool = False
    user: str = ""
    reason: str = ""


class ApprovalAnswer(Entity, frozen=True):
    """One request, with its checks: those of this moment while it is open, those of the decision afterwards."""

    approval: Approval


class GetApproval(Request, frozen=True):
    """Read one request."""

    id: str = ""


class DecideApproval(Request, frozen=True):
    """Grant, refuse or withdraw a request."""

    id: str = ""
    user: str = ""
    reason: str = ""


class SearchApprovals(Request, frozen=True):
    """Find requests: of one registered model, in one state, or all."""

    name: str = ""
    state: ApprovalState | None = None
    max_results: Int64 = 100
    page_token: str = ""


class ApprovalPage(Entity, frozen=True):
    """One page of requests, the latest first, without checks while open; `next_page_token` exactly when there are more."""

    approvals: list[Approval] = []
    next_page_token: str | None = None
