"""Files through the proxy, in chunks."""

import pytest

from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.transport.session import Session
from tidemill.transport.stream import PROXY_PATH, ProxyFiles
from tidemill.types.artifacts import FileInfo


@pytest.fixture
def files(script):
    session = Session(script.url, patience=2, timeout=1, env={})
    yield ProxyFiles(session)
    session.close()


def test_a_file_of_known_length_is_sent_as_such(files, script):
    files.put_file("1/run/a b.txt", iter([b"one", b"two"]), 6)
    (seen,) = script.seen
    assert (seen.verb, seen.path) == ("PUT", PROXY_PATH + "/1/run/a%20b.txt")
    assert (seen.body, seen.headers["content-length"]) == (b"onetwo", "6")
    assert "transfer-encoding" not in seen.headers


def test_a_file_of_unknown_length_is_sent_in_http_chunks(files, script):
    files.put_file("a.txt", iter([b"one", b"", b"two"]))
    (seen,) = script.seen
    assert (seen.body, seen.headers["transfer-encoding"]) == (b"onetwo", "chunked")


def test_an_empty_file(files, script):
    files.put_file("a.txt", iter([]), 0)
    assert (script.seen[0].body, script.seen[0].headers["content-length"]) == (b"", "0")


@pytest.mark.parametrize("chunks", [[b"one"], [b"onetwo", b"three"]])
def test_a_file_that_changes_while_it_is_sent_is_an_error(files, chunks):
    with pytest.raises(InvalidParameter, match="changed while it was being sent"):
        files.put_file("a.txt", iter(chunks), 6)


def test_a_file_is_read_in_chunks(files, script):
    script.answers = [(200, b"x" * 3_000_000)]
    chunks = list(files.get_file("a.txt"))
    assert len(chunks) >= 3
    assert b"".join(chunks) == b"x" * 3_000_000


def test_reading_from_an_offset(files, script):
    script.answers = [(206, b"cdef", {"Content-Range": "bytes 2-5/6"})]
    assert b"".join(files.get_file("a.txt", 2)) == b"cdef"
    assert script.seen[0].headers["range"] == "bytes=2-"


def test_reading_from_an_offset_where_the_server_knows_none(files, script):
    script.answers = [(200, b"abcdef"), (200, b"x" * 2_500_000 + b"end")]
    assert b"".join(files.get_file("a.txt", 2)) == b"cdef"
    assert b"".join(files.get_file("a.txt", 2_500_000)) == b"end"


def test_reading_from_the_end(files, script):
    script.answers = [(416, b"")]
    assert list(files.get_file("a.txt", 6)) == []


def test_a_file_that_is_cut_short_is_an_error(files, script):
    script.answers = ["cut"]
    with pytest.raises(Unavailable, match=r"broke while 'a\.txt' was being read"):
        list(files.get_file("a.txt"))


def test_errors(files, script):
    gone = (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No such artifact: 'a.txt'"})
    script.answers = [gone, gone, (503, b"proxy is off"), "drop"]
    with pytest.raises(NotFound, match="No such artifact"):
        list(files.get_file("a.txt"))
    files.delete("a.txt")
    with pytest.raises(Unavailable):
        files.put_file("a.txt", iter([b"x"]), 1)
    with pytest.raises(Unavailable):
        files.delete("a.txt")


def test_lists(files, script):
    listed = {"files": [{"path": "b", "is_dir": True}, {"path": "c.txt", "is_dir": False, "file_size": 3}]}
    script.answers = [(200, listed), (200, {}), (200, listed)]
    assert files.list("1/a") == [FileInfo("1/a/b", True), FileInfo("1/a/c.txt", False, 3)]
    assert script.seen[0].path == PROXY_PATH + "?path=1%2Fa"
    assert files.list("none") == []
    assert files.list() == [FileInfo("b", True), FileInfo("c.txt", False, 3)]
    assert script.seen[2].path == PROXY_PATH


def test_connections_are_kept(files, script):
    script.answers = [(200, b"x" * 10), (200, {}), (200, {}), (200, {})]
    assert b"".join(files.get_file("a")) == b"x" * 10
    files.put_file("a", iter([b"x"]), 1)
    files.delete("a")
    files.list()
    assert script.connections == 1


@pytest.mark.parametrize("path", ["", "../a", "a//b", "/a"])
def test_paths_that_lead_elsewhere_are_refused(files, script, path):
    with pytest.raises(InvalidParameter):
        files.put_file(path, iter([b"x"]), 1)
    with pytest.raises(InvalidParameter):
        files.delete(path)
    assert not script.seen
