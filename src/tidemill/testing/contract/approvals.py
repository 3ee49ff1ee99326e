"""The contract of approvals: policies, requests, checks, and what they keep from moving."""

from typing import Any

from tidemill.api import approvals, logged_models, model_versions, registered_models, runs
from tidemill.api.operation import Backend, Operation
from tidemill.errors import InvalidParameter, NotFound, PermissionDenied
from tidemill.testing.contract.refusals import refused
from tidemill.testing.factories import (
    get_registered_model,
    get_run,
    get_version,
    new_registered_model,
    new_run,
    new_version,
    pages,
)
from tidemill.types import approvals as t
from tidemill.types.logged_models import CreateLoggedModel
from tidemill.types.model_versions import DeleteModelVersion, TransitionStage
from tidemill.types.registered_models import DeleteAlias, DeleteRegisteredModel, SetAlias
from tidemill.types.runs import LogMetric


def scored(backend: Backend, name: str, **values: float) -> str:
    """A version whose run has these metrics."""
    return new_version(backend, name, run_id=new_run(backend, values=values))


def protect(backend: Backend, name: str, *checks: t.MetricCheck, **more: Any) -> t.Policy:
    """Protect the alias `champion` (or what `more` says)."""
    arg = t.SetPolicy(name, **{"alias": "champion", "metrics": list(checks), "user": "boss", **more})
    return backend.call(approvals.set_policy, arg).policy


def asked(backend: Backend, name: str, version: str, **more: Any) -> t.Approval:
    """A request of anna's for the alias `champion` (or what `more` says)."""
    arg = t.AskApproval(name, version, **{"alias": "champion", "user": "anna", "reason": "better", **more})
    return backend.call(approvals.ask, arg).approval


def decided(
    backend: Backend, op: Operation[t.DecideApproval, t.ApprovalAnswer], id_: str, user: str = "bob"
) -> t.Approval:
    """A request after a decision."""
    return backend.call(op, t.DecideApproval(id_, user, "looked at it")).approval


def champion(backend: Backend, name: str) -> str | None:
    """The version that the alias `champion` points at."""
    return {one.alias: one.version for one in get_registered_model(backend, name).aliases}.get("champion")


class TestProtection:
    """What a policy keeps from moving, and how it is read and deleted."""

    def test_policies(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        check = t.MetricCheck("accuracy", ">=", 0.9, "test")
        policy = protect(backend, name, check, signature=True, approvers=["bob"], own_requests=True)
        assert (policy.name, policy.alias, policy.stage, policy.metrics) == (name, "champion", "", [check])
        assert (policy.signature, policy.approvers, policy.own_requests, policy.set_by) == (True, ["bob"], True, "boss")
        stage = protect(backend, name, alias="", stage="production")
        assert stage.stage == "Production"
        assert backend.call(approvals.list_policies, t.ListPolicies(name)).policies == [policy, stage]
        again = protect(backend, name)
        assert again.metrics == []
        assert len(backend.call(approvals.list_policies, t.ListPolicies(name)).policies) == 2
        backend.call(approvals.delete_policy, t.DeletePolicy(name, "champion"))
        with refused(NotFound, f"'{name}' has no policy for 'champion'."):
            backend.call(approvals.delete_policy, t.DeletePolicy(name, "champion"))
        assert backend.call(approvals.list_policies, t.ListPolicies(name)).policies == [stage]

    def test_wrong_policies(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        with refused(InvalidParameter, "Name either an alias or a stage."):
            protect(backend, name, stage="Production")
        with refused(InvalidParameter, "Name either an alias or a stage."):
            protect(backend, name, alias="")
        with refused(InvalidParameter, starts="Stage None cannot be protected"):
            protect(backend, name, alias="", stage="None")
        with refused(InvalidParameter, "There is no comparison '='; use one of <, <=, > and >=."):
            protect(backend, name, t.MetricCheck("a", "="))
        with refused(InvalidParameter, holds="Invalid alias name"):
            protect(backend, name, alias="a b")
        with refused(NotFound):
            protect(backend, "nope")

    def test_a_protected_alias_stays(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for _ in range(2):
            new_version(backend, name)
        backend.call(registered_models.set_alias, SetAlias(name, "champion", "1"))
        protect(backend, name)
        text = f"The alias 'champion' of '{name}' is protected: it moves only by a granted request. Ask for one with "
        backend.call(registered_models.set_alias, SetAlias(name, "champion", "1"))  # changes nothing
        for op, arg in (
            (registered_models.set_alias, SetAlias(name, "champion", "2")),
            (registered_models.delete_alias, DeleteAlias(name, "champion")),
            (model_versions.delete, DeleteModelVersion(name, "1")),
        ):
            with refused(PermissionDenied, starts=text):
                backend.call(op, arg)  # type: ignore[misc]
        with refused(PermissionDenied, starts=f"'{name}' has protected aliases or stages."):
            backend.call(registered_models.delete, DeleteRegisteredModel(name))
        assert champion(backend, name) == "1"
        backend.call(registered_models.set_alias, SetAlias(name, "other", "2"))
        backend.call(model_versions.delete, DeleteModelVersion(name, "2"))
        backend.call(approvals.delete_policy, t.DeletePolicy(name, "champion"))
        backend.call(registered_models.delete_alias, DeleteAlias(name, "champion"))
        backend.call(registered_models.delete, DeleteRegisteredModel(name))

    def test_a_protected_stage_stays(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for _ in range(2):
            new_version(backend, name)
        backend.call(model_versions.transition_stage, TransitionStage(name, "1", "Production"))
        protect(backend, name, alias="", stage="Production")
        text = f"The stage 'Production' of '{name}' is protected"
        for version, stage in (("2", "production"), ("1", "Archived"), ("1", "None")):
            with refused(PermissionDenied, starts=text):
                backend.call(model_versions.transition_stage, TransitionStage(name, version, stage))
        with refused(PermissionDenied, starts=text):
            backend.call(model_versions.delete, DeleteModelVersion(name, "1"))
        backend.call(model_versions.transition_stage, TransitionStage(name, "2", "Staging"))
        one = asked(backend, name, "2", alias="", stage="Production", archive_existing_versions=True)
        decided(backend, approvals.grant, one.id)
        assert [get_version(backend, name, number).current_stage for number in "12"] == ["Archived", "Production"]


class TestRequests:
    """Asking, granting, refusing, withdrawing."""

    def test_granted(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        for _ in range(2):
            new_version(backend, name)
        protect(backend, name)
        one = asked(backend, name, "2")
        assert (one.name, one.version, one.alias, one.stage, one.state) == (name, "2", "champion", "", "ASKED")
        assert (one.asked_by, one.reason, one.decided, one.checks) == ("anna", "better", None, [])
        assert backend.call(approvals.get, t.GetApproval(one.id)).approval == one
        assert champion(backend, name) is None
        done = decided(backend, approvals.grant, one.id)
        assert (done.state, done.decided_by, done.decision) == ("GRANTED", "bob", "looked at it")
        assert done.decided is not None
        assert one.asked <= done.decided
        assert champion(backend, name) == "2"
        for op in (approvals.grant, approvals.refuse, approvals.withdraw):
            with refused(InvalidParameter, f"Request {one.id} is granted already."):
                decided(backend, op, one.id)

    def test_refused_and_withdrawn(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        protect(backend, name)
        first, second = asked(backend, name, "1"), asked(backend, name, "1")
        assert decided(backend, approvals.refuse, first.id).state == "REFUSED"
        with refused(PermissionDenied, f"Request {second.id} can be withdrawn by who asked for it: 'anna'."):
            decided(backend, approvals.withdraw, second.id)
        assert decided(backend, approvals.withdraw, second.id, "anna").state == "WITHDRAWN"
        assert champion(backend, name) is None

    def test_who_may_grant(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        protect(backend, name, approvers=["bob", "carl"])
        one = asked(backend, name, "1")
        with refused(PermissionDenied, f"Request {one.id} can be granted by bob, carl; 'eve' is not among them."):
            decided(backend, approvals.grant, one.id, "eve")
        with refused(PermissionDenied, f"Request {one.id} can be refused by bob, carl."):
            decided(backend, approvals.refuse, one.id, "eve")
        own = asked(backend, name, "1", user="bob")
        with refused(PermissionDenied, f"Request {own.id} must be granted by somebody else: 'bob' has asked for it."):
            decided(backend, approvals.grant, own.id)
        protect(backend, name, approvers=["bob"], own_requests=True)
        assert decided(backend, approvals.grant, own.id).state == "GRANTED"
        protect(backend, name)
        nobody = asked(backend, name, "1", user="")
        with refused(PermissionDenied, holds="neither request says who sends it"):
            decided(backend, approvals.grant, nobody.id, "")

    def test_removal(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        backend.call(registered_models.set_alias, SetAlias(name, "champion", "1"))
        protect(backend, name, t.MetricCheck("accuracy", ">=", 0.9))
        one = asked(backend, name, "")
        assert one.version == ""
        decided(backend, approvals.grant, one.id)
        assert champion(backend, name) is None

    def test_what_cannot_be_asked(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        with refused(NotFound, f"Model Version (name={name}, version=9) not found"):
            asked(backend, name, "9")
        with refused(InvalidParameter, "Name either an alias or a stage."):
            asked(backend, name, "1", stage="Staging")
        with refused(InvalidParameter, "Name the version that is to move to the stage."):
            asked(backend, name, "", alias="", stage="Staging")
        with refused(InvalidParameter, holds="can archive the versions"):
            asked(backend, name, "1", archive_existing_versions=True)
        with refused(NotFound, "There is no request with id 0."):
            backend.call(approvals.get, t.GetApproval("0"))
        with refused(NotFound, "There is no request with id x."):
            decided(backend, approvals.grant, "x")

    def test_a_version_that_is_gone(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        protect(backend, name, t.MetricCheck("accuracy", ">=", 0.9))
        one = asked(backend, name, "1")
        backend.call(model_versions.delete, DeleteModelVersion(name, "1"))
        with refused(NotFound, f"Model Version (name={name}, version=1) not found"):
            decided(backend, approvals.grant, one.id)
        assert backend.call(approvals.get, t.GetApproval(one.id)).approval.state == "ASKED"
        assert decided(backend, approvals.refuse, one.id).state == "REFUSED"

    def test_search(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        new_version(backend, name)
        made = [asked(backend, name, "1").id for _ in range(5)]
        decided(backend, approvals.refuse, made[1])
        arg = t.SearchApprovals(name, max_results=2)
        found = [[one.id for one in page] for page in pages(backend, approvals.search, arg, "approvals")]
        assert found == [[made[4], made[3]], [made[2], made[1]], [made[0]]]
        refused_ones = backend.call(approvals.search, t.SearchApprovals(name, t.ApprovalState.REFUSED)).approvals
        assert [one.id for one in refused_ones] == [made[1]]


class TestApprovalChecks:
    """Metrics and signatures that must be green when a request is granted."""

    def results(self, backend: Backend, name: str, version: str) -> list[tuple[str, bool, str]]:
        return [(one.check, one.green, one.found) for one in asked(backend, name, version).checks]

    def test_against_a_number(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        protect(backend, name, t.MetricCheck("accuracy", ">=", 0.9), t.MetricCheck("loss", "<", 0.5))
        scored(backend, name, accuracy=0.95, loss=0.2)
        scored(backend, name, accuracy=0.85, loss=0.2)
        scored(backend, name, loss=0.5)
        assert self.results(backend, name, "1") == [
            ("accuracy >= 0.9", True, "accuracy = 0.95"),
            ("loss < 0.5", True, "loss = 0.2"),
        ]
        assert self.results(backend, name, "3") == [
            ("accuracy >= 0.9", False, "version 3 has no such metric"),
            ("loss < 0.5", False, "loss = 0.5"),
        ]
        one = asked(backend, name, "2")
        text = f"Request {one.id} cannot be granted, since checks are red: accuracy >= 0.9 (accuracy = 0.85)."
        with refused(InvalidParameter, text):
            decided(backend, approvals.grant, one.id)
        assert champion(backend, name) is None
        run = get_version(backend, name, "2").run_id
        assert run
        backend.call(runs.log_metric, LogMetric(run, key="accuracy", value=0.97, timestamp=5, step=5))
        done = decided(backend, approvals.grant, one.id)
        assert [check.green for check in done.checks] == [True, True]
        assert champion(backend, name) == "2"

    def test_against_the_version_now(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        protect(backend, name, t.MetricCheck("accuracy", ">"))
        for value in (0.8, 0.8, 0.9):
            scored(backend, name, accuracy=value)
        first = asked(backend, name, "1")
        assert first.checks == [
            t.CheckResult("accuracy > current", True, "accuracy = 0.8; no other version holds the place")
        ]
        decided(backend, approvals.grant, first.id)
        assert self.results(backend, name, "2") == [("accuracy > current", False, "accuracy = 0.8, version 1 has 0.8")]
        assert self.results(backend, name, "3") == [("accuracy > current", True, "accuracy = 0.9, version 1 has 0.8")]

    def test_of_a_data_set(self, backend: Backend) -> None:
        name, run = new_registered_model(backend), new_run(backend)
        experiment = get_run(backend, run).info.experiment_id
        model = backend.call(
            logged_models.create, CreateLoggedModel(experiment, "m", source_run_id=run)
        ).model.info.model_id
        for value, dataset in ((0.9, "train"), (0.7, "test")):
            arg = LogMetric(
                run, key="accuracy", value=value, timestamp=1, model_id=model, dataset_name=dataset, dataset_digest="d"
            )
            backend.call(runs.log_metric, arg)
        new_version(backend, name, model_id=model)
        protect(backend, name, *(t.MetricCheck("accuracy", ">=", 0.8, one) for one in ("train", "test", "other")))
        assert self.results(backend, name, "1") == [
            ("accuracy on train >= 0.8", True, "accuracy = 0.9"),
            ("accuracy on test >= 0.8", False, "accuracy = 0.7"),
            ("accuracy on other >= 0.8", False, "version 1 has no such metric"),
        ]

    def test_nan_is_never_green(self, backend: Backend) -> None:
        name = new_registered_model(backend)
        scored(backend, name, accuracy=float("nan"))
        protect(backend, name, t.MetricCheck("accuracy", ">=", 0.0), t.MetricCheck("accuracy", "<", 0.0))
        assert [green for _, green, _ in self.results(backend, name, "1")] == [False, False]
        with refused(InvalidParameter, "The metric 'a' cannot be compared with NaN."):
            protect(backend, name, t.MetricCheck("a", "<", float("nan")))
