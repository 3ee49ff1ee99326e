"""Approvals and a model's records, as the client has them. These are Tidemill's own: a server of MLflow's has none."""

import re
from collections.abc import Sequence

from tidemill.api import approvals as ops
from tidemill.api import model_records as records
from tidemill.errors import InvalidParameter
from tidemill.tracking.context import user_name
from tidemill.tracking.entities import PagedList
from tidemill.tracking.model_versions import ModelVersionCalls
from tidemill.types.approvals import (
    Approval,
    ApprovalState,
    AskApproval,
    DecideApproval,
    DeletePolicy,
    GetApproval,
    ListPolicies,
    MetricCheck,
    Policy,
    SearchApprovals,
    SetPolicy,
)
from tidemill.types.model_records import (
    CompareVersions,
    GetLineage,
    GetModelHistory,
    Hold,
    Lineage,
    VersionComparison,
)

_CHECK = re.compile(r"\s*(.+?)(?:\s+on\s+(.+?))?\s*(<=|>=|<|>)\s*(\S+)\s*")


def metric_check(text: str) -> MetricCheck:
    """A check from words: `accuracy >= 0.9`, `accuracy on test >= 0.9`, `loss < current` (the version that holds now)."""
    found = _CHECK.fullmatch(text)
    if found is not None:
        metric, dataset, operator, value = found.groups()
        if value == "current":
            return MetricCheck(metric, operator, None, dataset or "")
        try:
            return MetricCheck(metric, operator, float(value), dataset or "")
        except ValueError:
            pass
    raise InvalidParameter(
        f"'{text}' is no check; write 'accuracy >= 0.9', 'accuracy on test >= 0.9' or 'loss < current'."
    )


class ApprovalCalls(ModelVersionCalls):
    """The client's methods about approvals, history, lineage and comparison of registered models."""

    def protect(
        self,
        name: str,
        *,
        alias: str = "",
        stage: str = "",
        checks: Sequence[str | MetricCheck] = (),
        signature: bool = False,
        approvers: Sequence[str] = (),
        own_requests: bool = False,
    ) -> Policy:
        """Let an alias or a stage move only by a granted request; `checks` as in `metric_check`.

        `signature`: the version must accept and answer whatever the one it replaces does. `approvers`: who may grant, by
        default anybody but who asked; with `own_requests` that one too. See docs/reference/approvals.md.
        """
        metrics = [metric_check(one) if isinstance(one, str) else one for one in checks]
        arg = SetPolicy(name, alias, stage, metrics, signature, list(approvers), own_requests, user_name())
        return self.call(ops.set_policy, arg).policy

    def unprotect(self, name: str, *, alias: str = "", stage: str = "") -> None:
        """Let an alias or a stage move freely again. Raises NotFound."""
        self.call(ops.delete_policy, DeletePolicy(name, alias, stage, user_name()))

    def list_policies(self, name: str) -> list[Policy]:
        """What is protected of a registered model."""
        return self.call(ops.list_policies, ListPolicies(name)).policies

    def ask_approval(
        self,
        name: str,
        version: str | int | None,
        *,
        alias: str = "",
        stage: str = "",
        archive_existing_versions: bool = False,
        reason: str = "",
    ) -> Approval:
        """Ask to move an alias or a stage to a version; version None: to delete the alias."""
        number = "" if version is None else str(version)
        arg = AskApproval(name, number, alias, stage, archive_existing_versions, user_name(), reason)
        return self.call(ops.ask, arg).approval

    def get_approval(self, id: str | int) -> Approval:
        """One request with its checks. Raises NotFound."""
        return self.call(ops.get, GetApproval(str(id))).approval

    def search_approvals(
        self,
        name: str = "",
        state: ApprovalState | str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[Approval]:
        """One page of requests, the latest first: of one registered model or of all, in one state or in any."""
        chosen = None if state is None else ApprovalState(str(state).upper())
        page = self.call(ops.search, SearchApprovals(name, chosen, max_results, page_token or ""))
        return PagedList(page.approvals, page.next_page_token)

    def grant_approval(self, id: str | int, reason: str = "") -> Approval:
        """Grant a request: the alias or stage moves. Raises PermissionDenied, and InvalidParameter where checks are red."""
        return self.call(ops.grant, DecideApproval(str(id), user_name(), reason)).approval

    def refuse_approval(self, id: str | int, reason: str = "") -> Approval:
        """Refuse a request."""
        return self.call(ops.refuse, DecideApproval(str(id), user_name(), reason)).approval

    def withdraw_approval(self, id: str | int, reason: str = "") -> Approval:
        """Take one's own request back."""
        return self.call(ops.withdraw, DecideApproval(str(id), user_name(), reason)).approval

    def get_model_history(
        self,
        name: str,
        *,
        alias: str = "",
        stage: str = "",
        version: str | int = "",
        at: int = 0,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> PagedList[Hold]:
        """One page of who held which alias or stage when, the latest first; `at` (ms since the epoch): at that moment."""
        arg = GetModelHistory(name, alias, stage, str(version), at, max_results, page_token or "")
        page = self.call(records.history, arg)
        return PagedList(page.holds, page.next_page_token)

    def get_lineage(self, name: str, version: str | int) -> Lineage:
        """Where a version comes from: logged model, run, data sets, code, environment; and where it serves."""
        return self.call(records.lineage, GetLineage(name, str(version)))

    def compare_model_versions(
        self, name: str, version: str | int, other_version: str | int, other_name: str = ""
    ) -> VersionComparison:
        """Two versions beside each other: params, metrics, schema, size, environment."""
        return self.call(records.compare, CompareVersions(name, str(version), other_name, str(other_version)))
