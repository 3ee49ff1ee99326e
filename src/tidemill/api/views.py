"""Operations on saved views."""

from tidemill.api.operation import Operation
from tidemill.types.page import Nothing
from tidemill.types.views import DeleteView, ListViews, SaveView, View, Views

_PATH = "/api/tidemill/1/views/"

save = Operation(
    "views.save", SaveView, View,
    "POST", _PATH + "save", allow="experiment:edit", writes=True, required=("experiment_id", "name"),
)  # fmt: skip
list_all = Operation(
    "views.list_all", ListViews, Views, "GET", _PATH + "list", allow="experiment:read", required=("experiment_id",)
)
delete = Operation(
    "views.delete", DeleteView, Nothing,
    "POST", _PATH + "delete", allow="experiment:edit", writes=True, required=("experiment_id", "name"),
)  # fmt: skip

OPERATIONS = (save, list_all, delete)
