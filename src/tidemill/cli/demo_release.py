"""What `tidemill demo` releases: two versions of a model, judged on data, approved, and moved to its alias.

Needs scikit-learn and skops, which are imported where they are used.
"""

from dataclasses import dataclass
from typing import Any

from tidemill.errors import NotFound, TidemillError
from tidemill.evaluation.evaluate import evaluate
from tidemill.tracking.client import Client
from tidemill.tracking.models import log_model
from tidemill.tracking.start import client as chosen_client
from tidemill.tracking.start import set_experiment, start_run

RELEASED = "wine"
"""The data set whose model is released."""
MODEL = "demo-wine"
ALIAS = "champion"
CHECKS = ("accuracy_score >= 0.9", "accuracy_score > current")
_STRENGTHS = (0.001, 1.0)
_SEED = 7


@dataclass(frozen=True, slots=True)
class Released:
    """What happened: the model's versions with their accuracy, and the events, oldest first, as lines."""

    name: str
    versions: dict[str, float]
    holder: str
    story: list[str]


def release() -> Released:
    """Train, log, evaluate and register two versions, protect the alias, ask, and grant what its checks allow."""
    client = chosen_client()
    before = client.last_event()
    set_experiment("demo-release")
    versions = {}
    for strength in _STRENGTHS:
        version, accuracy = _version(strength)
        versions[version] = accuracy
        if len(versions) == 1:
            _protect(client)
        request = client.ask_approval(MODEL, version, alias=ALIAS, reason=f"C={strength:g}")
        try:
            client.grant_approval(request.id, "its checks are green")
        except TidemillError:
            client.refuse_approval(request.id, "its checks are red")
    kinds = ("model_version.created", "approval.*", "model_version_alias.created")
    story = [_line(one.kind, one.data) for one in client.events(kinds, after=before)]
    return Released(MODEL, versions, _holder(client), story)


def _version(strength: float) -> tuple[str, float]:
    """One more version of the model, and how good it is on rows that it has not seen."""
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    wines, growers = load_wine(return_X_y=True, as_frame=True)
    x_train, x_test, y_train, y_test = train_test_split(wines, growers, random_state=_SEED, stratify=growers)
    pipeline: Any = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500)).fit(x_train, y_train)
    with start_run(run_name=f"logistic C={strength:g}"):
        logged = log_model(
            "sklearn",
            pipeline,
            "wine",
            input_example=x_test.head(3),
            params={"C": strength},
            registered_model_name=MODEL,
        )
        judged = evaluate(
            logged.model_uri, x_test.assign(grower=y_test), targets="grower", model_type="classifier", slices=["grower"]
        )
    return str(logged.registered_model_version), float(judged.metrics["accuracy_score"])


def _protect(client: Client) -> None:
    """The alias moves only by a granted request; alone at home one grants one's own."""
    client.protect(MODEL, alias=ALIAS, checks=CHECKS, signature=True, own_requests=True)


def _holder(client: Client) -> str:
    try:
        return client.get_model_version_by_alias(MODEL, ALIAS).version
    except NotFound:
        return ""


def _line(kind: str, data: dict[str, Any]) -> str:
    version = f"version {data.get('version')}"
    if kind == "model_version.created":
        return f"{version} registered"
    if kind == "model_version_alias.created":
        return f"@{data.get('alias')} is {version}"
    return f"{kind.replace('.', ' ')}: @{ALIAS} to {version}"
