"""What every backend must do, as pytest classes: the rules, limits and error texts of the tracking operations.

To check a backend of your own, write a test file such as::

    import pytest
    from tidemill.testing.contract import *

    @pytest.fixture(scope="module")
    def backend():
        yield MyBackend(...)

The tests make their own experiments and runs, so one backend may serve them all, and need not be empty.
"""

import pytest

for _noun in (
    "approvals",
    "batches",
    "deployments",
    "curves",
    "events",
    "experiment_search",
    "experiments",
    "ingest",
    "inputs",
    "jobs",
    "logged_model_search",
    "logged_models",
    "metrics",
    "model_records",
    "model_versions",
    "registered_models",
    "run_filters",
    "run_pages",
    "run_tables",
    "runs",
    "texts",
    "refusals",
):
    pytest.register_assert_rewrite(f"{__name__}.{_noun}")

from tidemill.testing.contract.approvals import (  # noqa: E402
    TestApprovalChecks,
    TestProtection,
    TestRequests,
)
from tidemill.testing.contract.batches import TestBatch, TestBatchRefusals  # noqa: E402
from tidemill.testing.contract.curves import TestCurves, TestViews  # noqa: E402
from tidemill.testing.contract.deployments import TestDeployments  # noqa: E402
from tidemill.testing.contract.events import TestEvents, TestTriggers, TestWebhooks  # noqa: E402
from tidemill.testing.contract.experiment_search import TestExperimentSearch  # noqa: E402
from tidemill.testing.contract.experiments import (  # noqa: E402
    TestArtifactLocation,
    TestExperimentLife,
    TestExperimentTags,
)
from tidemill.testing.contract.ingest import TestIngest, TestIngestRefusals  # noqa: E402
from tidemill.testing.contract.inputs import (  # noqa: E402
    TestDatasets,
    TestListedArtifacts,
    TestModelLinks,
    TestSearchDatasets,
)
from tidemill.testing.contract.jobs import TestJobs  # noqa: E402
from tidemill.testing.contract.logged_model_search import (  # noqa: E402
    TestLoggedModelPages,
    TestLoggedModelSearch,
)
from tidemill.testing.contract.logged_models import (  # noqa: E402
    TestLoggedModelArtifacts,
    TestLoggedModelLife,
    TestLoggedModelMetrics,
    TestLoggedModelTexts,
)
from tidemill.testing.contract.metrics import (  # noqa: E402
    TestBulkHistory,
    TestHistory,
    TestIntervalHistory,
    TestLatest,
    TestMetrics,
)
from tidemill.testing.contract.model_records import (  # noqa: E402
    TestLineage,
    TestModelHistory,
    TestVersionComparison,
)
from tidemill.testing.contract.model_versions import (  # noqa: E402
    TestModelVersionLife,
    TestModelVersionSearch,
    TestStages,
    TestVersionSources,
)
from tidemill.testing.contract.registered_models import (  # noqa: E402
    TestAliases,
    TestLatestVersions,
    TestRegisteredModelLife,
    TestRegisteredModelSearch,
    TestRegisteredModelTags,
)
from tidemill.testing.contract.run_filters import TestRunFilterRefusals, TestRunFilters  # noqa: E402
from tidemill.testing.contract.run_pages import TestRunOrder, TestRunPages, TestRunParts  # noqa: E402
from tidemill.testing.contract.run_tables import TestExperimentKeys, TestRunGroups, TestRunTable  # noqa: E402
from tidemill.testing.contract.runs import TestRunChanges, TestRunCreation  # noqa: E402
from tidemill.testing.contract.texts import TestLegacyModels, TestParams, TestTags  # noqa: E402

__all__ = [
    "TestAliases",
    "TestApprovalChecks",
    "TestArtifactLocation",
    "TestBatch",
    "TestBatchRefusals",
    "TestBulkHistory",
    "TestCurves",
    "TestDatasets",
    "TestDeployments",
    "TestEvents",
    "TestExperimentKeys",
    "TestExperimentLife",
    "TestExperimentSearch",
    "TestExperimentTags",
    "TestHistory",
    "TestIngest",
    "TestIngestRefusals",
    "TestIntervalHistory",
    "TestJobs",
    "TestLatest",
    "TestLatestVersions",
    "TestLegacyModels",
    "TestLineage",
    "TestListedArtifacts",
    "TestLoggedModelArtifacts",
    "TestLoggedModelLife",
    "TestLoggedModelMetrics",
    "TestLoggedModelPages",
    "TestLoggedModelSearch",
    "TestLoggedModelTexts",
    "TestMetrics",
    "TestModelHistory",
    "TestModelLinks",
    "TestModelVersionLife",
    "TestModelVersionSearch",
    "TestParams",
    "TestProtection",
    "TestRegisteredModelLife",
    "TestRegisteredModelSearch",
    "TestRegisteredModelTags",
    "TestRequests",
    "TestRunChanges",
    "TestRunCreation",
    "TestRunFilterRefusals",
    "TestRunFilters",
    "TestRunGroups",
    "TestRunOrder",
    "TestRunPages",
    "TestRunParts",
    "TestRunTable",
    "TestSearchDatasets",
    "TestStages",
    "TestTags",
    "TestTriggers",
    "TestVersionComparison",
    "TestVersionSources",
    "TestViews",
    "TestWebhooks",
]
