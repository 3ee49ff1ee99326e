"""Addresses are cut and joined without loss; paths and locations of callers are judged, never rewritten."""

import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.artifacts.uri import ArtifactUri, check_artifact_location, safe_path
from tidemill.errors import InvalidParameter


class TestSafePath:
    def test_escapes_are_refused(self, escape: str) -> None:
        with pytest.raises(InvalidParameter) as caught:
            safe_path(escape)
        assert str(caught.value) == "Invalid path"

    def test_names_are_kept_byte_for_byte(self, name: str) -> None:
        assert safe_path(f"dir/{name}") == f"dir/{name}"
        if not name.startswith("a:"):  # alone it could be a Windows drive
            assert safe_path(name) == name

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("", ""), (".", ""), ("./", ""), ("a//b", "a/b"), ("a/./b/", "a/b"), ("./%41", "%41"), ("a\nb", "a\nb")],
    )
    def test_only_empty_and_dot_segments_are_dropped(self, text: str, expected: str) -> None:
        assert safe_path(text) == expected

    def test_a_long_chain_of_encodings_is_refused_quickly(self) -> None:
        with pytest.raises(InvalidParameter):
            safe_path("%" + "25" * 500_000 + "2e")

    @given(st.lists(st.sampled_from(["..", ".", "/", "%2e", "%2f", "%25", "25", "2e", "\\", ";", "?", "#", "a", "%"])))
    def test_what_is_accepted_stays_inside_however_often_it_is_decoded(self, pieces: list[str]) -> None:
        try:
            path = safe_path("".join(pieces))
        except InvalidParameter:
            return
        for _ in range(10):
            cut = path.replace(";", "/").replace("?", "/").lstrip("/")  # as a reader would that cuts segments there
            for view in (path, path.replace("\\", "/"), cut):
                landed = posixpath.normpath(posixpath.join("/root/below", view))
                assert landed == "/root/below" or landed.startswith("/root/below/")
            path = unquote(path)

    @given(st.text())
    def test_any_text_is_kept_or_refused(self, text: str) -> None:
        try:
            kept = safe_path(text)
        except InvalidParameter:
            return
        assert kept == "/".join(part for part in text.split("/") if part not in ("", "."))
        assert safe_path(kept) == kept


class TestArtifactUri:
    @pytest.mark.parametrize(
        "text",
        [
            "s3://bucket/a/b?x=1#f",
            "s3://bucket",
            "mlflow-artifacts:/0/run/artifacts",
            "mlflow-artifacts://host:5000/0",
            "file:///tmp/a%20b",
            "file:relative",
            "wasbs://container@account.blob.core.windows.net/x",
            "sftp://user:pw@host:22/x",
            "/data/what?#now",
            "relative/path",
            "C:\\data\\x",
            "",
            "s3://b?",
            "s3://b#",
        ],
    )
    def test_text_survives(self, text: str) -> None:
        assert str(ArtifactUri.parse(text)) == text

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("s3://b/p", "s3://b/p/run/artifacts"),
            ("s3://b/p/", "s3://b/p/run/artifacts"),
            ("s3://b", "s3://b/run/artifacts"),
            ("s3://b/p?x=1", "s3://b/p/run/artifacts?x=1"),
            ("s3://b/p?x=1#f", "s3://b/p/run/artifacts?x=1#f"),
            ("mlflow-artifacts:/", "mlflow-artifacts:/run/artifacts"),
            ("mlflow-artifacts:/0", "mlflow-artifacts:/0/run/artifacts"),
            ("file:///data/x", "file:///data/x/run/artifacts"),
            ("/data/x", "/data/x/run/artifacts"),
            ("/", "/run/artifacts"),
            ("relative", "relative/run/artifacts"),
            ("/data/what?#now", "/data/what?#now/run/artifacts"),
        ],
    )
    def test_join_adds_to_the_path(self, text: str, expected: str) -> None:
        assert str(ArtifactUri.parse(text).join("run", "artifacts")) == expected
        assert str(ArtifactUri.parse(text).join("run/artifacts", "")) == expected

    @pytest.mark.parametrize("query", ["../x", "a=..", "a=%2e%2e", "%252e%252e"])
    def test_join_refuses_a_climbing_query(self, query: str) -> None:
        with pytest.raises(InvalidParameter, match=r"^Invalid query string$"):
            ArtifactUri.parse(f"s3://b/p?{query}").join("run")

    def test_join_refuses_escapes(self, escape: str) -> None:
        with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
            ArtifactUri.parse("s3://b/p").join("run", escape)

    def test_a_question_mark_never_becomes_a_query(self) -> None:
        with pytest.raises(InvalidParameter):
            ArtifactUri.parse("s3://b/p").join("what?.txt")
        assert ArtifactUri.parse("/data").join("what?.txt").path == "/data/what?.txt"

    def test_join_below_a_file_address_comes_back_as_the_same_name(self) -> None:
        joined = ArtifactUri.parse("file:///data").join("step%20?.png")
        assert ArtifactUri.parse(str(joined)).local_path() == "/data/step%20?.png"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("/data/a%20b", "/data/a%20b"),
            ("file:///data/a%20b", "/data/a b"),
            ("file://localhost/data", "/data"),
            ("file:/data", "/data"),
            ("relative", "relative"),
        ],
    )
    def test_local_path(self, text: str, expected: str) -> None:
        assert ArtifactUri.parse(text).local_path() == expected

    def test_another_machines_files_are_refused(self) -> None:
        with pytest.raises(InvalidParameter, match=r"^file://host/x is not a valid remote uri\. For remote access"):
            ArtifactUri.parse("file://host/x").local_path()
        with pytest.raises(InvalidParameter, match="not the address of a local folder"):
            ArtifactUri.parse("s3://b/x").local_path()


class TestArtifactLocation:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("my_location", "/cwd/my_location"),
            ("./my/location/", "/cwd/my/location"),
            ("../beside", "/beside"),
            ("/absolute/", "/absolute"),
            ("file:rel", "file:///cwd/rel"),
            ("file:rel/./x", "file:///cwd/rel/x"),
            ("file:///abs/a%20b", "file:///abs/a%20b"),
            ("s3://b/p?x=1", "s3://b/p?x=1"),
            ("mlflow-artifacts:/0", "mlflow-artifacts:/0"),
            ("abfss://c@a.dfs.core.windows.net/x", "abfss://c@a.dfs.core.windows.net/x"),
            ("", ""),
        ],
    )
    def test_accepted(self, text: str, expected: str) -> None:
        assert check_artifact_location(text, "/cwd") == expected

    @pytest.mark.parametrize(
        "text",
        [
            "s3://b/p#frag",
            "/data/x#/../../etc",
            "s3://b/p%23frag",
            "s3://b/p%2523frag",
            "file:///x;params",
            "/x;../../etc",
            "s3://b/x%3b..",
        ],
    )
    def test_fragments_and_params_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidParameter) as caught:
            check_artifact_location(text, "/cwd")
        assert str(caught.value) == "'artifact_location' URL can't include fragments or params."

    @pytest.mark.parametrize("text", ["s3://b?../x", "file:///x?a=../y", "/x?/../y", "s3://b?%252e%252e"])
    def test_climbing_queries_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidParameter) as caught:
            check_artifact_location(text, "/cwd")
        assert str(caught.value) == "Invalid query string"

    @pytest.mark.parametrize(
        "text",
        ["s3://b/../c", "file:///a/../../etc", "mlflow-artifacts:/%2e%2e/x", "gs://b/%252e%252e/x", "s3://b/a\\..\\b"],
    )
    def test_climbing_paths_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidParameter, match=r"^Invalid path$"):
            check_artifact_location(text, "/cwd")

    @pytest.mark.parametrize("text", ["dbfs:/x", "DBFS:/x", "hdfs://x/y", "models:/m/1", "javascript://x", "ldap://x"])
    def test_other_schemes_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidParameter, match="unknown scheme"):
            check_artifact_location(text, "/cwd")

    def test_runs_addresses_are_refused(self) -> None:
        with pytest.raises(InvalidParameter) as caught:
            check_artifact_location("runs:/abc/x", "/cwd")
        assert str(caught.value) == "Artifact location cannot be a runs:/ URI. Given: 'runs:/abc/x'"

    def test_too_long(self) -> None:
        assert check_artifact_location("s3://b/" + "x" * 2041, "/cwd")
        with pytest.raises(
            InvalidParameter,
            match=r"^Invalid artifact path length\. The length of the artifact path cannot be greater than 2048 char",
        ):
            check_artifact_location("s3://b/" + "x" * 2042, "/cwd")
