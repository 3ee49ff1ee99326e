"""Operations on triggers. Tidemill's own. What they do is written in a file on the server, never sent here."""

from tidemill.api.operation import Operation
from tidemill.types.page import Nothing
from tidemill.types.triggers import ListTriggerRuns, ListTriggers, RunTriggerAgain, TriggerList
from tidemill.types.webhooks import DeliveryPage

_PATH = "/api/tidemill/1/triggers"
_RUNS = _PATH + "/{name}/runs"

list_triggers = Operation("triggers.list_triggers", ListTriggers, TriggerList, "GET", _PATH, allow="server:manage")
list_runs = Operation(
    "triggers.list_runs", ListTriggerRuns, DeliveryPage,
    "GET", _RUNS, allow="server:manage", required=("name",),
)  # fmt: skip
run_again = Operation(
    "triggers.run_again", RunTriggerAgain, Nothing,
    "POST", _RUNS + "/{delivery_id}/again", allow="server:manage", writes=True, required=("name", "delivery_id"),
)  # fmt: skip

OPERATIONS = (list_triggers, list_runs, run_again)
