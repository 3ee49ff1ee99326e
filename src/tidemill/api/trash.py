"""Operations on what was deleted. Tidemill's own: MLflow has only a command on the server's machine."""

from tidemill.api.operation import Operation
from tidemill.types.trash import EmptiedTrash, EmptyTrash

empty = Operation(
    "trash.empty", EmptyTrash, EmptiedTrash,
    "POST", "/api/tidemill/1/trash/empty", allow="server:manage", writes=True, emits=("trash.emptied",),
)  # fmt: skip

OPERATIONS = (empty,)
