"""Code from git addresses and archives: what is fetched, what is refused, what is left behind."""

import io
import json
import os
import stat
import tarfile
import zipfile

import pytest

from tidemill.errors import InvalidParameter, NotFound
from tidemill.projects.address import Address, parse_address
from tidemill.projects.archive import unpack


@pytest.mark.parametrize(
    "text, kind, location, subfolder, ref",
    [
        ("https://example.org/a/b.git", "git", "https://example.org/a/b.git", "", None),
        ("https://example.org/a/b.git@v1", "git", "https://example.org/a/b.git", "", "v1"),
        ("https://example.org/a/b.git@feature/x", "git", "https://example.org/a/b.git", "", "feature/x"),
        ("https://me:pw@example.org/a/b#sub/dir@main", "git", "https://me:pw@example.org/a/b", "sub/dir", "main"),
        ("https://me@example.org/a/b", "git", "https://me@example.org/a/b", "", None),
        ("git@example.org:a/b.git", "git", "git@example.org:a/b.git", "", None),
        ("git@example.org:a/b.git#sub@v1", "git", "git@example.org:a/b.git", "sub", "v1"),
        ("git@example.org:a/b.git@v1", "git", "git@example.org:a/b.git", "", "v1"),
        ("ssh://git@example.org/a@v1", "git", "ssh://git@example.org/a", "", "v1"),
        ("git+ssh://git@example.org/a", "git", "ssh://git@example.org/a", "", None),
        ("https://example.org/a/b.zip#x", "archive", "https://example.org/a/b.zip", "x", None),
        ("s3://bucket/a.tar.gz", "archive", "s3://bucket/a.tar.gz", "", None),
    ],
)
def test_addresses(text, kind, location, subfolder, ref):
    assert parse_address(text) == Address(kind, location, subfolder, ref)


@pytest.mark.parametrize(
    "text",
    [
        "", "-x", "--upload-pack=touch owned", "ext::sh -c 'touch owned'", "https://h/a.git@--upload-pack=x",
        "https://h/a.git@a b", "https://h/a.git@..", "https://h/a#../b", "fd::17", "ftp://h/a.git", "./nothing-here",
        "https://h/a.git@a\nb", "git+ext::sh -c x", "https://h/a.zip@v1", "http://h/a#b\\..\\c",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(text):
    with pytest.raises(InvalidParameter):
        parse_address(text)


@pytest.fixture
def repository(tmp_path, kit):
    """Three commits: on main, tagged v1, and on a branch; the project is in a subfolder, too."""
    folder = tmp_path / "repository"
    kit.project(folder, {"version.py": "print('one')\n", "inner/deep/version.py": "print('inner one')\n"})
    first = kit.commit(folder)
    kit.git(folder, "tag", "v1")
    kit.project(folder, {"version.py": "print('two')\n"})
    second = kit.commit(folder)
    kit.git(folder, "switch", "-qc", "feature/x")
    kit.project(folder, {"version.py": "print('feature')\n", "inner/deep/version.py": "print('inner feature')\n"})
    third = kit.commit(folder)
    kit.git(folder, "switch", "-q", "main")
    return folder, first, second, third


def only_run(client):
    (run,) = client.search_runs(["0"])
    return run


@pytest.mark.parametrize(
    "ref, prints, place",
    [("", "two", 1), ("@v1", "one", 0), ("@feature/x", "feature", 2), ("@{first}", "one", 0), ("@{short}", "one", 0),
     ("#inner/deep@feature/x", "inner feature", 2), ("#inner/deep", "inner one", 1)],
)  # fmt: skip
def test_a_git_address_runs_at_any_ref(cli, client, repository, ref, prints, place):
    folder, *commits = repository
    ref = ref.format(first=commits[0], short=commits[0][:9])
    done = cli("run", f"file://{folder}/.git{ref}", "-e", "version.py").works()
    assert done.out == prints + "\n"
    tags = only_run(client).data.tags
    assert tags["mlflow.source.git.commit"] == commits[place]
    assert tags["mlflow.source.git.repoURL"] == f"{folder}/.git"
    assert tags.get("mlflow.source.git.branch") == {"two": "main", "inner one": "main"}.get(
        prints, "feature/x" if "feature" in prints else None
    )


def test_a_local_repository_runs_at_a_version(cli, client, repository):
    folder, first, *_ = repository
    assert cli("run", str(folder), "--version", "v1", "-e", "version.py").works().out == "one\n"
    assert only_run(client).data.tags["mlflow.source.git.commit"] == first
    assert cli("run", str(folder), "-e", "version.py").works().out == "two\n"


@pytest.mark.parametrize("ref", ["@none", "@" + "0" * 40, "@abcdef123"])
def test_an_unknown_ref_is_a_sentence(cli, repository, ref):
    cli("run", f"file://{repository[0]}/.git{ref}", "-e", "version.py").fails(1, "has no", ref[1:])


def test_a_missing_repository_and_subfolder_are_sentences(cli, repository, tmp_path):
    cli("run", f"file://{tmp_path}/none/.git", "-e", "x.py").fails(1, "There is no project")
    cli("run", f"file://{repository[0]}/.git#none", "-e", "x.py").fails(1, "no subfolder 'none'")


def test_nothing_of_a_fetched_project_is_left(cli, repository, tmp_path, kit):
    folder = repository[0]
    kit.project(folder, {"where.py": "import os; open('made', 'w').write('x'); print(os.getcwd())\n"})
    kit.commit(folder)
    place = cli("run", f"file://{folder}/.git", "-e", "where.py", TMPDIR=str(tmp_path / "home")).works().out.strip()
    assert not os.path.exists(place)
    assert os.listdir(tmp_path / "home") == []


def test_hooks_submodules_and_links_of_a_repository_do_no_harm(cli, repository, tmp_path, kit, environment):
    folder = repository[0]
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
        (hooks / name).chmod(0o755)
    (folder / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch {tmp_path}/owned"\n')
    (folder / "out").symlink_to(tmp_path)
    kit.commit(folder)
    address = f"file://{folder}/.git"
    assert cli("run", address, "-e", "version.py", GIT_TEMPLATE_DIR=str(tmp_path / "template")).works().out == "two\n"
    assert not (tmp_path / "owned").exists()
    kit.project(tmp_path, {"outside.py": "print('outside')\n"})
    cli("run", f"{address}#out", "-e", "outside.py").fails(1, "leads out")
    cli("run", address, "-e", "out/outside.py").fails(1, "no entry point")


def test_archives_run_from_their_only_folder(cli, client, tmp_path, kit):
    kit.project(tmp_path / "made" / "project-1.0", {"MLproject": "entry_points: {main: {command: 'python show.py'}}",
                                                    "show.py": kit.show})  # fmt: skip
    with tarfile.open(tmp_path / "project.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "made" / "project-1.0", "project-1.0")
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as file:
        for name in ("MLproject", "show.py"):
            file.write(tmp_path / "made" / "project-1.0" / name, f"sub/{name}")
        file.writestr("other", "x")
    for address in ("project.tar.gz", "flat.zip#sub"):
        assert json.loads(cli("run", address).works().out)["argv"] == []
    record = json.loads(client.files_of(client.search_runs(["0"])[0].info.run_id).read("project/project.json"))
    assert len(record["code"]["digest"]) == 64


def tar_of(path, *members):
    with tarfile.open(path, "w") as tar:
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            if kind == "file":
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
                continue
            entry.type = {"sym": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}[kind]
            entry.linkname = content
            tar.addfile(entry)
    return path


@pytest.mark.parametrize(
    "members",
    [
        [("../out", "file", b"x")],
        [("/tmp/out", "file", b"x")],
        [("a/../../out", "file", b"x")],
        [("a\\..\\..\\out", "file", b"x")],
        [("C:/out", "file", b"x")],
        [("link", "sym", "/etc")],
        [("link", "sym", "../..")],
        [("link", "sym", ".."), ("link/out", "file", b"x")],
        [("link", "sym", "/tmp"), ("link/out", "file", b"x")],
        [("a/b/link", "sym", "../../.."), ("x", "file", b"")],
        [("one", "sym", "a/.."), ("a", "sym", "..")],
        [("hard", "hard", "/etc/passwd")],
        [("hard", "hard", "x"), ("x", "file", b"")],
        [("pipe", "fifo", "")],
        [("twice", "file", b"a"), ("twice", "file", b"b")],
        [("twice", "file", b"a"), ("twice", "sym", "x")],
    ],
)
def test_archives_that_lead_out_are_refused_whole(tmp_path, members):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    before = sorted(os.listdir(tmp_path / "a"))
    archive = tar_of(tmp_path / "x.tar", ("fine", "file", b"x"), *members)
    with pytest.raises(InvalidParameter):
        unpack(str(archive), str(folder))
    assert os.listdir(folder) == []
    assert sorted(os.listdir(tmp_path / "a")) == before


def test_links_inside_are_kept(tmp_path):
    (tmp_path / "to").mkdir()
    unpack(
        str(tar_of(tmp_path / "x.tar", ("a/link", "sym", "../b/file"), ("b/file", "file", b"x"))), str(tmp_path / "to")
    )
    assert (tmp_path / "to" / "a" / "link").read_bytes() == b"x"


def test_zip_links_that_lead_out_are_refused(tmp_path):
    (tmp_path / "to").mkdir()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc")
        file.writestr("link/passwd", "x")
    with pytest.raises(InvalidParameter):
        unpack(str(tmp_path / "x.zip"), str(tmp_path / "to"))
    assert os.listdir(tmp_path / "to") == []


def test_archives_without_end_are_refused(tmp_path):
    (tmp_path / "to").mkdir()
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", b"\0" * 20_000_000)
    with pytest.raises(InvalidParameter, match="larger than"):
        unpack(str(tmp_path / "bomb.zip"), str(tmp_path / "to"), most_bytes=1_000_000)
    many = tar_of(tmp_path / "many.tar", *((str(number), "file", b"") for number in range(100)))
    with pytest.raises(InvalidParameter, match="more than"):
        unpack(str(many), str(tmp_path / "to"), most_entries=50)
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 not really")
    with pytest.raises(InvalidParameter, match="cannot be read"):
        unpack(str(tmp_path / "broken.zip"), str(tmp_path / "to"))
    assert os.listdir(tmp_path / "to") == []


def test_a_missing_archive_is_a_sentence(tmp_path):
    from tidemill.projects.code import bring

    with pytest.raises((NotFound, InvalidParameter)):
        bring(parse_address(str(tmp_path / "none.zip")))
