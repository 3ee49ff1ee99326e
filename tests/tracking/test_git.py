import os
import subprocess
from pathlib import Path

import pytest

from tidemill.tracking import git

ENV = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **ENV}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "trunk")
    (folder / "a.py").write_text("1")
    run(folder, "add", ".")
    run(folder, "commit", "-qm", "first")
    git._known.clear()
    return folder


def found(folder: Path) -> git.Repository:
    repository = git.find(str(folder))
    assert repository is not None
    return repository


def test_commit_and_branch(tree: Path) -> None:
    (tree / "deep" / "er").mkdir(parents=True)
    repository = found(tree / "deep" / "er")
    assert repository.root == str(tree)
    assert repository.commit == run(tree, "rev-parse", "HEAD")
    assert repository.branch == "trunk"
    assert repository.url is None
    assert repository.is_dirty() is False


def test_packed_refs_detached_heads_and_work_trees(tree: Path, tmp_path: Path) -> None:
    commit = run(tree, "rev-parse", "HEAD")
    run(tree, "pack-refs", "--all")
    assert found(tree).commit == commit
    run(tree, "worktree", "add", "-q", "-b", "feature/x", str(tmp_path / "linked"))
    linked = found(tmp_path / "linked")
    assert (linked.commit, linked.branch, linked.is_dirty()) == (commit, "feature/x", False)
    run(tree, "checkout", "-q", "--detach")
    assert (found(tree).commit, found(tree).branch) == (commit, None)


def test_changes_are_noticed_and_untracked_files_are_not(tree: Path) -> None:
    (tree / "untracked").write_text("x")
    assert found(tree).is_dirty() is False
    (tree / "a.py").write_text("22")
    assert found(tree).is_dirty() is False  # the answer of a moment ago
    git._known.clear()
    assert found(tree).is_dirty() is True


def test_asking_starts_nothing_that_the_repository_names(tree: Path, tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    run(tree, "config", "core.fsmonitor", str(hook))
    run(tree, "status")
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    assert found(tree).is_dirty() is False
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "url, shown",
    [
        ("https://user:token@example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://token@example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://example.com/a@b", "https://example.com/a@b"),
        ("ssh://git@example.com/a.git", "ssh://git@example.com/a.git"),
        ("ssh://git:secret@example.com/a.git", "ssh://git@example.com/a.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_addresses_lose_their_credentials(tree: Path, url: str, shown: str) -> None:
    run(tree, "remote", "add", "upstream", "https://example.com/other.git")
    run(tree, "remote", "add", "origin", url)
    assert found(tree).url == shown


def test_no_repository_no_commit_no_git(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git.find("/") is None
    (tmp_path / "fresh").mkdir()
    run(tmp_path / "fresh", "init", "-q", "-b", "trunk")
    assert (found(tmp_path / "fresh").commit, found(tmp_path / "fresh").branch) == (None, "trunk")
    monkeypatch.setenv("PATH", "")
    assert found(tree).is_dirty() is None


def test_a_damaged_repository_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(b"ref: refs/heads/\xff\xfe")
    (tmp_path / ".git" / "config").write_text('[remote "origin"\nurl\n')
    repository = found(tmp_path)
    assert (repository.commit, repository.url) == (None, None)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".git").write_text("nonsense")
    assert found(tmp_path / "linked").commit is None
