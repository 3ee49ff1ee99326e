"""Data sets and models that runs read and make, as the client has them."""

from collections.abc import Sequence

from tidemill.api import inputs as ops
from tidemill.tracking.connection import Connection
from tidemill.tracking.entities import DatasetInput, LoggedModelInput, LoggedModelOutput
from tidemill.types.inputs import LogInputs, LogOutputs


class InputCalls(Connection):
    """The client's methods about inputs and outputs of runs."""

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Link data sets and logged models that a run read; a data set already linked is left as it is."""
        self.call(ops.log, LogInputs(run_id, list(datasets or ()), list(models or ())))

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Link logged models that a run made."""
        self.call(ops.log_outputs, LogOutputs(run_id, list(models)))
