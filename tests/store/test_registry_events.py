"""What the registry tells: kinds, subjects and data of its events, and that a refused change tells nothing."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tidemill.api import approvals, events, model_records, model_versions, registered_models
from tidemill.errors import TidemillError
from tidemill.store.backend import SqlBackend
from tidemill.testing.databases import embedded
from tidemill.testing.factories import as_tags, new_registered_model, new_version, unique
from tidemill.types import approvals as a
from tidemill.types import model_versions as v
from tidemill.types import registered_models as t
from tidemill.types.events import Event, ListEvents
from tidemill.types.model_records import GetModelHistory

PROMPT = {"mlflow.prompt.is_prompt": "true"}


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlBackend]:
    """A store on each database."""
    folder: Path = tmp_path_factory.mktemp("store")
    address = request.getfixturevalue("postgres_address") if request.param == "postgresql" else str(folder / "t.db")
    with embedded(address, folder / "artifacts") as found:
        assert isinstance(found, SqlBackend)
        yield found


@pytest.fixture
def told(store: SqlBackend) -> Callable[[], list[Event]]:
    """Asks for the events since it was asked before."""
    cursor = store.call(events.list_events, ListEvents(newest=True, max_results=1)).cursor

    def ask() -> list[Event]:
        nonlocal cursor
        page = store.call(events.list_events, ListEvents(cursor, max_results=1000))
        cursor = page.cursor
        return page.events

    return ask


def data(found: list[Event]) -> list[tuple[str, dict[str, Any]]]:
    """Kinds and data."""
    return [(one.kind, one.data) for one in found]


def test_models(store: SqlBackend, told: Callable[[], list[Event]]) -> None:
    name = unique("wine")
    store.call(registered_models.create, t.CreateRegisteredModel(name, as_tags({"k": "v"})))
    found = told()
    assert {one.subject for one in found} == {f"registered_model/{name}"}
    assert data(found) == [("registered_model.created", {"name": name, "tags": {"k": "v"}, "description": ""})]
    arg = v.CreateModelVersion(name, "s3://b/m", tags=as_tags({"a": "b"}))
    store.call(model_versions.create, arg)
    store.call(model_versions.create, v.CreateModelVersion(name, "s3://b/m", "run", description="d"))
    plain = {"name": name, "source": "s3://b/m"}
    assert data(told()) == [
        ("model_version.created", {**plain, "version": "1", "run_id": None, "tags": {"a": "b"}, "description": None}),
        ("model_version.created", {**plain, "version": "2", "run_id": "run", "tags": {}, "description": "d"}),
    ]
    one = {"name": name, "version": "1"}
    store.call(model_versions.set_tag, v.SetModelVersionTag(name, "1", "k", "v"))
    store.call(model_versions.delete_tag, v.DeleteModelVersionTag(name, "1", "k"))
    store.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "k", "w"))
    store.call(registered_models.delete_tag, t.DeleteRegisteredModelTag(name, "k"))
    store.call(model_versions.update, v.UpdateModelVersion(name, "1", "x"))
    assert data(told()) == [
        ("model_version_tag.set", {**one, "key": "k", "value": "v"}),
        ("model_version_tag.deleted", {**one, "key": "k"}),
        ("registered_model_tag.set", {"name": name, "key": "k", "value": "w"}),
        ("registered_model_tag.deleted", {"name": name, "key": "k"}),
        ("model_version.updated", {**one, "description": "x"}),
    ]


def test_moves(store: SqlBackend, told: Callable[[], list[Event]]) -> None:
    name = new_registered_model(store)
    for _ in range(2):
        new_version(store, name)
    told()
    for version in ("1", "1", "2"):
        store.call(registered_models.set_alias, t.SetAlias(name, "champion", version, "anna", "why"))
    who = {"user": "anna", "reason": "why"}
    first, second = ({"name": name, "alias": "champion", "version": version} for version in "12")
    assert data(told()) == [
        ("model_version_alias.created", first),
        ("model_version_alias.moved", {**first, "previous_version": None, **who}),
        ("model_version_alias.created", first),
        ("model_version_alias.created", second),
        ("model_version_alias.moved", {**second, "previous_version": "1", **who}),
    ]
    store.call(model_versions.transition_stage, v.TransitionStage(name, "1", "Production"))
    store.call(model_versions.transition_stage, v.TransitionStage(name, "1", "Production"))
    store.call(model_versions.transition_stage, v.TransitionStage(name, "2", "Production", True))
    assert [(one.kind, one.data["version"], one.data["stage"]) for one in told()] == [
        ("model_version.stage_changed", "1", "Production"),
        ("model_version.stage_changed", "1", "Archived"),
        ("model_version.stage_changed", "2", "Production"),
    ]
    store.call(model_versions.delete, v.DeleteModelVersion(name, "2", "bob"))
    store.call(registered_models.rename, t.RenameRegisteredModel(name, f"{name}-new"))
    store.call(registered_models.delete, t.DeleteRegisteredModel(f"{name}-new"))
    found = told()
    assert [one.kind for one in found] == [
        "model_version_alias.deleted", "model_version.deleted", "registered_model.renamed", "registered_model.deleted",
    ]  # fmt: skip
    assert found[2].data == {"name": name, "new_name": f"{name}-new", "user": ""}


def test_prompts_tell_of_prompts(store: SqlBackend, told: Callable[[], list[Event]]) -> None:
    name = unique("greeting")
    tags = as_tags({**PROMPT, "_mlflow_prompt_type": "text", "team": "x"})
    store.call(registered_models.create, t.CreateRegisteredModel(name, tags, "about"))
    tags = as_tags({**PROMPT, "mlflow.prompt.text": "Hello {{name}}", "k": "v"})
    store.call(model_versions.create, v.CreateModelVersion(name, "dummy-source", tags=tags))
    store.call(registered_models.set_tag, t.SetRegisteredModelTag(name, "k", "v"))
    store.call(registered_models.set_alias, t.SetAlias(name, "live", "1"))
    store.call(model_versions.set_tag, v.SetModelVersionTag(name, "1", "k", "w"))
    found = told()
    assert data(found)[:4] == [
        ("prompt.created", {"name": name, "tags": {"team": "x"}, "description": "about"}),
        (
            "prompt_version.created",
            {"name": name, "version": "1", "template": "Hello {{name}}", "tags": {"k": "v"}, "description": None},
        ),
        ("prompt_tag.set", {"name": name, "key": "k", "value": "v"}),
        ("prompt_alias.created", {"name": name, "alias": "live", "version": "1"}),
    ]
    assert [one.kind for one in found[4:]] == ["prompt_alias.moved", "prompt_version_tag.set"]


def test_approvals(store: SqlBackend, told: Callable[[], list[Event]]) -> None:
    name = new_registered_model(store)
    new_version(store, name)
    told()
    store.call(approvals.set_policy, a.SetPolicy(name, "champion", metrics=[a.MetricCheck("x", ">=", 1.0)]))
    red = store.call(approvals.ask, a.AskApproval(name, "1", "champion", user="anna")).approval.id
    with pytest.raises(TidemillError):
        store.call(approvals.grant, a.DecideApproval(red, "bob"))
    with pytest.raises(TidemillError):
        store.call(registered_models.set_alias, t.SetAlias(name, "champion", "1"))
    store.call(approvals.set_policy, a.SetPolicy(name, "champion"))
    store.call(approvals.grant, a.DecideApproval(red, "bob", "ok"))
    store.call(
        approvals.withdraw, a.DecideApproval(store.call(approvals.ask, a.AskApproval(name, alias="x")).approval.id)
    )
    store.call(approvals.delete_policy, a.DeletePolicy(name, "champion"))
    found = told()
    assert [one.kind for one in found] == [
        "approval_policy.set", "approval.asked", "approval_policy.set", "model_version_alias.created",
        "model_version_alias.moved", "approval.granted", "approval.asked", "approval.withdrawn", "approval_policy.deleted",
    ]  # fmt: skip
    assert {one.subject for one in found} == {f"registered_model/{name}"}
    granted = found[5].data
    assert granted == {
        "id": red, "name": name, "version": "1", "alias": "champion", "asked_by": "anna", "user": "bob", "reason": "ok",
    }  # fmt: skip


def test_many_at_once_get_numbers_of_their_own(store: SqlBackend) -> None:
    name = new_registered_model(store)
    numbers: list[str] = []

    def add() -> None:
        for _ in range(5):
            numbers.append(new_version(store, name))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, numbers)) == list(range(1, 31))


def test_two_grants_at_once_do_not_both_win(store: SqlBackend) -> None:
    name = new_registered_model(store)
    new_version(store, name)
    one = store.call(approvals.ask, a.AskApproval(name, "1", "champion", user="anna")).approval.id
    found: list[str] = []

    def decide(user: str) -> None:
        try:
            found.append(store.call(approvals.grant, a.DecideApproval(one, user)).approval.state)
        except TidemillError as error:
            found.append(type(error).__name__)

    threads = [threading.Thread(target=decide, args=(f"user-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["GRANTED", *["InvalidParameter"] * 5]


def test_moves_at_once_leave_one_chain(store: SqlBackend) -> None:
    name = new_registered_model(store)
    for _ in range(6):
        new_version(store, name)

    def move(version: str) -> None:
        for _ in range(5):
            store.call(registered_models.set_alias, t.SetAlias(name, "champion", version))

    threads = [threading.Thread(target=move, args=(str(number),)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holds = store.call(model_records.history, GetModelHistory(name, "champion", max_results=1000)).holds
    assert [hold.until is None for hold in holds] == [True] + [False] * (len(holds) - 1)
    assert all(left.version != right.version for left, right in itertools.pairwise(holds))
    found = store.call(registered_models.get_by_alias, t.GetVersionByAlias(name, "champion")).model_version
    assert found.version == holds[0].version
