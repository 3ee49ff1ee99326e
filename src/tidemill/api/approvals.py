"""Operations on approvals: requests to move an alias or a stage, and the policies that ask for them."""

from tidemill.api.operation import Operation
from tidemill.types.approvals import (
    ApprovalAnswer,
    ApprovalPage,
    AskApproval,
    DecideApproval,
    DeletePolicy,
    GetApproval,
    ListPolicies,
    Policies,
    PolicyAnswer,
    SearchApprovals,
    SetPolicy,
)
from tidemill.types.page import Nothing

_PATH = "/api/tidemill/1/approvals"
_POLICIES = "/api/tidemill/1/approval-policies"
_MOVES = (
    "model_version_alias.created", "model_version_alias.moved", "model_version_alias.deleted",
    "model_version.stage_changed", "prompt_alias.created", "prompt_alias.moved", "prompt_alias.deleted",
    "prompt_version.stage_changed",
)  # fmt: skip

set_policy = Operation(
    "approvals.set_policy", SetPolicy, PolicyAnswer,
    "POST", _POLICIES, allow="registered_model:manage", writes=True, required=("name",), signed=True,
    emits=("approval_policy.set",),
)  # fmt: skip
delete_policy = Operation(
    "approvals.delete_policy", DeletePolicy, Nothing,
    "DELETE", _POLICIES, allow="registered_model:manage", writes=True, required=("name",), signed=True,
    emits=("approval_policy.deleted",),
)  # fmt: skip
list_policies = Operation(
    "approvals.list_policies", ListPolicies, Policies,
    "GET", _POLICIES, allow="registered_model:read", required=("name",),
)  # fmt: skip
ask = Operation(
    "approvals.ask", AskApproval, ApprovalAnswer,
    "POST", _PATH, allow="registered_model:edit", writes=True, required=("name",), signed=True,
    emits=("approval.asked",),
)  # fmt: skip
search = Operation(
    "approvals.search", SearchApprovals, ApprovalPage,
    "GET", _PATH, allow="registered_model:read",
)  # fmt: skip
get = Operation(
    "approvals.get", GetApproval, ApprovalAnswer,
    "GET", _PATH + "/{id}", allow="registered_model:read", required=("id",),
)  # fmt: skip
grant = Operation(
    "approvals.grant", DecideApproval, ApprovalAnswer,
    "POST", _PATH + "/{id}/grant", allow="registered_model:manage", writes=True, required=("id",), signed=True,
    emits=("approval.granted", *_MOVES),
)  # fmt: skip
refuse = Operation(
    "approvals.refuse", DecideApproval, ApprovalAnswer,
    "POST", _PATH + "/{id}/refuse", allow="registered_model:manage", writes=True, required=("id",), signed=True,
    emits=("approval.refused",),
)  # fmt: skip
withdraw = Operation(
    "approvals.withdraw", DecideApproval, ApprovalAnswer,
    "POST", _PATH + "/{id}/withdraw", allow="registered_model:edit", writes=True, required=("id",), signed=True,
    emits=("approval.withdrawn",),
)  # fmt: skip

OPERATIONS = (set_policy, delete_policy, list_policies, ask, search, get, grant, refuse, withdraw)
