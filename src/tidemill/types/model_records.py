"""What the registry knows of a model's past and its surroundings: history, lineage, comparison."""

from tidemill.types.deployments import Deployment
from tidemill.types.inputs import DatasetInput
from tidemill.types.logged_models import LoggedModelInfo
from tidemill.types.model_versions import ModelVersion
from tidemill.types.page import Entity, Int64, Request
from tidemill.types.runs import RunInfo


class GetModelHistory(Request, frozen=True):
    """Ask which versions held aliases and stages of a registered model: one alias, one stage, one version, or all.

    `at` (ms since the epoch) asks for what was held at that moment; 0: ever.
    """

    name: str = ""
    alias: str = ""
    stage: str = ""
    version: str = ""
    at: Int64 = 0
    max_results: Int64 = 100
    page_token: str = ""


class Hold(Entity, frozen=True, kw_only=True):
    """One version held one alias or stage: since when, set by whom and why; until when, ended by whom and why.

    Users and reasons are what callers said. Without `until` it holds still. Times are ms since the epoch.
    """

    alias: str = ""
    stage: str = ""
    version: str
    since: int
    set_by: str = ""
    set_reason: str = ""
    until: int | None = None
    ended_by: str = ""
    ended_reason: str = ""


class ModelHistory(Entity, frozen=True):
    """One page of holds, the latest first; `next_page_token` exactly when there are more."""

    holds: list[Hold] = []
    next_page_token: str | None = None


class GetLineage(Request, frozen=True):
    """Ask where a version comes from, and what came of it."""

    name: str = ""
    version: str = ""


class Code(Entity, frozen=True):
    """The code of a run: entry point, git commit, branch, remote, and whether there were changes beside the commit."""

    source: str = ""
    commit: str = ""
    branch: str = ""
    repository: str = ""
    changed: bool = False


class Environment(Entity, frozen=True):
    """What a model needs, as its folder says (`requirements`), and what its run was made with."""

    python: str = ""
    platform: str = ""
    requirements: list[str] = []


class VersionName(Entity, frozen=True):
    """A version of some registered model."""

    name: str
    version: str


class Lineage(Entity, frozen=True, kw_only=True):
    """Version → logged model → run → data sets, code, environment; and who read it, copied it, serves it.

    What is not known, or was deleted, is absent. `readers` are ids of runs that read the logged model.
    `deployments` are those that serve it, also as canary or shadow.
    """

    model_version: ModelVersion
    artifact_uri: str
    logged_model: LoggedModelInfo | None = None
    run: RunInfo | None = None
    datasets: list[DatasetInput] = []
    code: Code | None = None
    environment: Environment | None = None
    readers: list[str] = []
    siblings: list[VersionName] = []
    deployments: list[Deployment] = []


class CompareVersions(Request, frozen=True):
    """Compare two versions, of one registered model or of two (`other_name`, by default `name`)."""

    name: str = ""
    version: str = ""
    other_name: str = ""
    other_version: str = ""


class Difference(Entity, frozen=True):
    """One thing by its key, on both sides; absent where a side does not have it."""

    key: str
    left: str | None = None
    right: str | None = None


class MetricDifference(Entity, frozen=True):
    """The latest value of a metric on both sides; absent where a side does not have it."""

    key: str
    left: float | None = None
    right: float | None = None


class SizeDifference(Entity, frozen=True):
    """Bytes of all files of each side; absent where they cannot be listed."""

    left: int | None = None
    right: int | None = None


class VersionComparison(Entity, frozen=True, kw_only=True):
    """Two versions beside each other. Metrics are shown all; of the rest only what differs.

    `compatible`: whether whatever the left one accepts and answers holds for the right one too; `breaks` says why not.
    """

    left: VersionName
    right: VersionName
    params: list[Difference] = []
    metrics: list[MetricDifference] = []
    schema: list[Difference] = []
    environment: list[Difference] = []
    size: SizeDifference = SizeDifference()
    compatible: bool | None = None
    breaks: list[str] = []
    notes: list[str] = []
