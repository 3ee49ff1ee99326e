"""Inputs and outputs of runs: data sets and models."""

from tidemill.types.page import Entity, Int64, Request, Tag


class Dataset(Request, frozen=True):
    """A data set, identified within an experiment by name and digest."""

    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Request, frozen=True, kw_only=True):
    """A data set as used by a run; the tag `mlflow.data.context` says for what."""

    tags: list[Tag] = []
    dataset: Dataset


class ModelInput(Request, frozen=True):
    """A logged model that a run read."""

    model_id: str


class ModelOutput(Request, frozen=True, omit_defaults=False):
    """A logged model that a run made, at a step."""

    model_id: str
    step: Int64 = 0


class RunInputs(Entity, frozen=True):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class RunOutputs(Entity, frozen=True):
    """What a run made."""

    model_outputs: list[ModelOutput] = []


class LogInputs(Request, frozen=True):
    """Link data sets and models to a run; a data set already linked is left as it is."""

    run_id: str = ""
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class LogOutputs(Request, frozen=True):
    """Link models that the run made."""

    run_id: str = ""
    models: list[ModelOutput] = []


class SearchDatasets(Request, frozen=True):
    """The data sets used in 1 to 20 experiments."""

    experiment_ids: list[str] = []


class DatasetSummary(Entity, frozen=True):
    """A data set and the context it was used in, None where the run gave none."""

    experiment_id: str
    name: str
    digest: str
    context: str | None = None


class DatasetSummaries(Entity, frozen=True):
    """Distinct rows, at most 1000."""

    dataset_summaries: list[DatasetSummary] = []
