from pathlib import Path
from typing import Any

import pytest


def test_list_shows_the_newest_first(cli: Any, filled: Path) -> None:
    result = cli("experiments", "list", COLUMNS="80").works()
    assert result.lines[0].split() == ["ID", "NAME", "CREATED", "CHANGED", "ARTIFACTS"]
    names = [line.split()[1] for line in result.lines[1:]]
    assert set(names) == {"Default", "fruit", "vegetables"}
    assert all(len(line) <= 80 for line in result.lines)


def test_list_as_json(cli: Any, filled: Path) -> None:
    found = {one["name"]: one for one in cli("experiments", "list", "--json").works().json}
    fruit = found["fruit"]
    assert fruit["tags"] == {"team": "orchard"}
    assert fruit["lifecycle_stage"] == "active"
    assert fruit["creation_time"] > 1_600_000_000_000


def test_limit_and_order(cli: Any, filled: Path) -> None:
    result = cli("experiments", "list", "--order-by", "name", "--limit", "2", "--json").works()
    assert [one["name"] for one in result.json] == ["Default", "fruit"]
    assert "There are more" in cli("experiments", "list", "--limit", "2").works().err


def test_search(cli: Any, filled: Path) -> None:
    found = cli("experiments", "search", "--filter", "tags.team = 'orchard'", "--json").works().json
    assert [one["name"] for one in found] == ["fruit"]
    nothing = cli("experiments", "search", "--filter", "name = 'x'").works()
    assert (nothing.out, nothing.err) == ("", "No experiment matches.\n")
    cli("experiments", "search", "--filter", "name ==== 'x'").fails(1, "at character")
    cli("experiments", "list", "--order-by", "nonsense up").fails(1, "nonsense")


def test_create_prints_the_id(cli: Any) -> None:
    created = cli("experiments", "create", "new one", "--tag", "a=b=c").works()
    assert created.lines == ["1"]
    shown = cli("experiments", "show", "new one", "--json").works().json
    assert (shown["experiment_id"], shown["tags"]) == ("1", {"a": "b=c"})
    assert cli("experiments", "create", "second", "--json").works().json == {"experiment_id": "2"}
    cli("experiments", "create", "second").fails(1, "already exists")
    cli("experiments", "create", "").fails(1)


def test_show_by_id_and_by_name(cli: Any, filled: Path) -> None:
    by_name = cli("experiments", "show", "fruit").works()
    assert "orchard" in by_name.out
    assert cli("experiments", "show", "1").works().out == by_name.out
    cli("experiments", "show", "nuts").fails(1, "no experiment 'nuts'")
    cli("experiments", "show", "99").fails(1, "no experiment '99'")


def test_a_name_made_of_digits_is_found_too(cli: Any) -> None:
    cli("experiments", "create", "2024").works()
    assert "2024" in cli("experiments", "show", "2024").works().out


def test_rename_delete_restore(cli: Any, filled: Path) -> None:
    assert cli("experiments", "rename", "fruit", "obst").works().out == ""
    cli("experiments", "rename", "obst", "vegetables").fails(1, "vegetables")
    deleted = cli("experiments", "delete", "obst").works()
    assert "experiments restore 1" in deleted.err
    cli("experiments", "delete", "obst").fails(1, "deleted already")
    cli("experiments", "rename", "obst", "x").fails(1, "restore it first")
    assert "obst" not in cli("experiments", "list").works().out
    assert "deleted" in cli("experiments", "list", "--all").works().out
    only = cli("experiments", "list", "--deleted", "--json").works().json
    assert [one["name"] for one in only] == ["obst"]
    cli("experiments", "restore", "obst").works()
    assert "obst" in cli("experiments", "list").works().out


@pytest.mark.parametrize("command", ["show", "delete", "restore"])
def test_an_unknown_experiment(cli: Any, filled: Path, command: str) -> None:
    cli("experiments", command, "nuts").fails(1, "no experiment 'nuts'")
