"""`tidemill registry`: a model's way from a run to an approved alias, at the prompt."""

from pathlib import Path
from typing import Any

import pytest

ADA, BOB = {"LOGNAME": "ada"}, {"LOGNAME": "bob"}


@pytest.fixture
def runs(cli: Any, filled: Path) -> dict[str, str]:
    """The ids of the runs of the experiment `fruit`, by their names."""
    found = cli("runs", "list", "-e", "fruit", "--json").works().json
    return {one["run_name"]: one["run_id"] for one in found}


@pytest.fixture
def wine(cli: Any, runs: dict[str, str]) -> str:
    """A registered model with two versions: of the runs `apple` (accuracy 0.9) and `banana` (0.95)."""
    for number, run in enumerate(("apple", "banana"), 1):
        made = cli("registry", "register", f"runs:/{runs[run]}/model", "wine", "--description", f"of {run}", **ADA)
        assert made.works().lines == [str(number)]
    return "wine"


def test_lists_and_details(cli: Any, wine: str, runs: dict[str, str]) -> None:
    cli("registry", "alias", wine, "champion", "1", "--reason", "first").works()
    cli("registry", "stage", wine, "2", "production").works()
    listed = cli("registry", "ls").works()
    assert listed.lines[0].split() == ["NAME", "NEWEST", "ALIASES", "STAGES", "CHANGED", "ABOUT"]
    assert listed.lines[1].split()[:7] == ["wine", "2", "champion", "→", "1", "Production", "2"]
    assert [one["name"] for one in cli("registry", "ls", "--filter", "name LIKE 'w%'", "--json").works().json] == [wine]
    assert cli("registry", "ls", "--filter", "name = 'x'").works().err == "No registered model matches.\n"
    shown = cli("registry", "show", wine).works().out
    assert "champion → 1" in shown
    assert "Latest versions" in shown
    one = cli("registry", "show", wine, "1").works().out
    for text in (f"runs:/{runs['apple']}/model", "champion", "by ada", "of apple"):
        assert text in one
    assert cli("registry", "show", wine, "2", "--json").works().json["current_stage"] == "Production"
    versions = cli("registry", "versions", wine).works()
    assert [line.split()[0] for line in versions.lines] == ["VERSION", "2", "1"]
    assert len(cli("registry", "versions", wine, "--limit", "1", "--json").works().json) == 1
    cli("registry", "show", "nobody").fails(1, "Registered Model with name=nobody not found")
    cli("registry", "show", wine, "9").fails(1, "not found")


def test_nothing_there(cli: Any, tmp_path: Path) -> None:
    cli("registry", "ls").fails(1, "There is no store")
    assert not list(tmp_path.rglob(".tidemill"))


def test_moves_and_their_history(cli: Any, wine: str) -> None:
    for version, reason in (("1", "first"), ("2", "better")):
        cli("registry", "alias", wine, "champion", version, "--reason", reason, **ADA).works()
    cli("registry", "stage", wine, "1", "staging", **BOB).works()
    cli("registry", "stage", wine, "2", "staging", "--archive", **BOB).works()
    done = cli("registry", "alias", wine, "champion", "--delete", **BOB).works()
    assert done.err == "'wine' has no alias 'champion' any more.\n"
    cli("registry", "alias", wine, "champion").fails(2, "Name a version")
    history = cli("registry", "history", wine).works()
    assert history.lines[0].split() == ["HELD", "VERSION", "SINCE", "BY", "WHY", "UNTIL", "ENDED", "BY", "WHY"]
    assert [line.split()[:2] for line in history.lines[1:]] == [
        ["Staging", "2"], ["Archived", "1"], ["Staging", "1"], ["@champion", "2"], ["@champion", "1"],
    ]  # fmt: skip
    (second, first) = cli("registry", "history", wine, "--alias", "champion", "--json").works().json
    assert (first["set_by"], first["set_reason"], first["ended_by"]) == ("ada", "first", "ada")
    assert (second["set_reason"], second["ended_by"]) == ("better", "bob")
    assert cli("registry", "history", wine, "--stage", "production").works().out == ""
    assert len(cli("registry", "history", wine, "--version", "1", "--json").works().json) == 3


def test_approval(cli: Any, wine: str) -> None:
    protected = cli(
        "registry", "protect", wine, "--alias", "champion", "--check", "accuracy >= 0.92", "--check", "loss < current",
        "--approver", "bob", **ADA,
    )  # fmt: skip
    assert "moves by a granted request only" in protected.works().err
    assert "accuracy >= 0.92, loss < current  bob" in cli("registry", "policies", wine).works().out
    cli("registry", "alias", wine, "champion", "1").fails(1, "protected", "tidemill registry ask wine")
    red = cli("registry", "ask", wine, "1", "--alias", "champion", **ADA).works()
    assert red.lines == ["1"]
    assert "red: accuracy >= 0.92 (accuracy = 0.9)" in red.err
    cli("registry", "approve", "1", **BOB).fails(1, "checks are red")
    cli("registry", "withdraw", "1", **ADA).works()
    assert cli("registry", "ask", wine, "2", "--alias", "champion", "--reason", "spring", **ADA).works().lines == ["2"]
    cli("registry", "approve", "2", **ADA).fails(1, "can be granted by bob")
    shown = cli("registry", "request", "2").works().out
    for text in ("@champion of wine to version 2", "by ada", "spring", "✓", "accuracy = 0.95"):
        assert text in shown
    granted = cli("registry", "approve", "2", "--reason", "fine", **BOB).works()
    assert granted.err == "Request 2 is granted: @champion of 'wine', version 2.\n"
    assert cli("registry", "ask", wine, "--alias", "champion", **ADA).works().lines == ["3"]
    cli("registry", "refuse", "3", "--reason", "no", **BOB).works()
    listed = cli("registry", "requests", wine).works()
    assert [line.split()[:2] for line in listed.lines[1:]] == [["3", "refused"], ["2", "granted"], ["1", "withdrawn"]]
    assert [one["id"] for one in cli("registry", "requests", "--state", "granted", "--json").works().json] == ["2"]
    assert cli("registry", "show", wine, "2", "--json").works().json["aliases"] == ["champion"]
    cli("registry", "unprotect", wine, "--alias", "champion").works()
    cli("registry", "alias", wine, "champion", "1").works()
    cli("registry", "protect", wine, "--alias", "champion", "--check", "nonsense").fails(1, "is no check")


def test_surroundings(cli: Any, wine: str, runs: dict[str, str]) -> None:
    lineage = cli("registry", "lineage", wine, "1").works().out
    for text in (f"{runs['apple']} (apple)", "trees", "abc123", "training"):
        assert text in lineage
    assert cli("registry", "lineage", wine, "1", "--json").works().json["run"]["run_name"] == "apple"
    compared = cli("registry", "compare", wine, "1", "2").works()
    assert "+0.05" in compared.out
    assert "linear" in compared.out
    assert "unknown: the left one has no signature" in compared.out
    found = cli("registry", "compare", wine, "1", "2", "--json").works().json
    assert [one["key"] for one in found["params"]] == ["lr", "model"]
    card = cli("registry", "card", wine, "1").works().out
    assert card.startswith("# wine, version 1\n\nof apple\n")
    assert "| trees | abc123 |" in card
    cli("registry", "card", wine, "9").fails(1, "not found")


def test_deletion(cli: Any, wine: str) -> None:
    cli("registry", "delete", wine, "1", "--reason", "old").works()
    assert [one["version"] for one in cli("registry", "versions", wine, "--json").works().json] == ["2"]
    cli("registry", "delete", wine).works()
    cli("registry", "versions", wine).fails(1, "not found")


def test_over_http(cli: Any, served: str) -> None:
    made = cli("registry", "register", "s3://bucket/model", "wine", "--uri", served, **ADA).works()
    assert made.lines == ["1"]
    cli("registry", "alias", "wine", "champion", "1", "--uri", served, **ADA).works()
    (hold,) = cli("registry", "history", "wine", "--uri", served, "--json").works().json
    assert (hold["alias"], hold["set_by"]) == ("champion", "ada")
    assert cli("registry", "card", "wine", "1", "--uri", served).works().out.startswith("# wine, version 1")
